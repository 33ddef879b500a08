import HTTPCore

/// Why a request to the admin listener is not answered, in words for its sender.
package struct AdminRefusal: Error, Hashable, Sendable {
    package enum Code: String, Sendable, CaseIterable {
        case badRequest = "bad_request"
        case unauthorized
        case forbidden
        case notFound = "not_found"
        case storeUnavailable = "store_unavailable"

        var status: Int {
            switch self {
            case .badRequest: 400
            case .unauthorized: 401
            case .forbidden: 403
            case .notFound: 404
            case .storeUnavailable: 503
            }
        }
    }

    package let code: Code
    package let status: Int
    package let message: String
    let headers: [String]

    package init(_ code: Code, status: Int? = nil, _ message: String, headers: [String] = []) {
        self.code = code
        self.status = status ?? code.status
        self.message = message
        self.headers = headers
    }

    package var response: [UInt8] {
        let error: JSONValue = ["code": .text(code.rawValue), "message": .text(message)]
        let body: JSONValue = ["error": error]
        return httpResponse(status: status, headers: headers, body: body.text)
    }
}

extension AdminRefusal {
    package init(_ fault: HTTPFault) {
        self.init(.badRequest, status: fault.status, fault.message)
    }
}
