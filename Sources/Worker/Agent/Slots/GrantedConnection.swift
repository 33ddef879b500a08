import EventLoop
import QueueCore
import WorkerCore

/// A gateway's connection with a grant whose mac, fleet and worker are right.
package struct GrantedConnection {
    let grant: Wire.GrantRequest
    /// The secret that signed the grant.
    let secret: SigningKey
    /// The client's.
    let head: SidecarHead
    let gateway: Stream
    /// From the session's proof to the first byte of its sidecar.
    let firstByteMilliseconds: UInt64
    /// The number of the grant's slot within its pool.
    let place: Int
    /// The session's protocol log; nil for none.
    var log: SessionLog?

    /// Finds out early that the gateway's machine is gone, because a slot is held for it.
    func watch(_ delegate: any StreamDelegate) {
        gateway.keepAlive(KeepAlive(idleSeconds: 3, intervalSeconds: 2, count: 3))
        gateway.delegate = delegate
        gateway.startReading()
    }

    func prove() { gateway.write(Answers.proof(grant, secret: secret)) }

    func reject(_ reason: RejectReason) {
        Answers.send(Answers.reject(grant, reason, secret: secret), andClose: gateway)
    }
}
