import CLua

/// What Redis adds to Lua's own libraries, and what it takes away.
enum Prelude {
    static func run(_ state: OpaquePointer) {
        let failed = source.withCString { luaL_loadstring(state, $0) != 0 || lua_pcall(state, 0, 0, 0) != 0 }
        precondition(!failed, "the prelude fails: \(lua_tolstring(state, -1, nil).map { String(cString: $0) } ?? "")")
    }

    /// `math.random` is not there: Redis starts it anew in each script, so that nothing is random about it.
    private static let source = #"""
        for _, name in ipairs({ 'print', 'load', 'loadfile', 'loadstring', 'dofile', 'getfenv', 'setfenv', 'newproxy',
            'gcinfo', 'collectgarbage', 'module', 'require' }) do
            _G[name] = nil
        end
        math.random, math.randomseed = nil, nil

        -- An error of a command is a table; who catches it sees its words.
        local pcall_as_ever = pcall
        local function told(fine, what, ...)
            if not fine and type(what) == 'table' and type(what.err) == 'string' then
                return false, what.err
            end
            return fine, what, ...
        end
        function pcall(...)
            return told(pcall_as_ever(...))
        end

        local escapes = { ['"'] = '\\"', ['\\'] = '\\\\', ['/'] = '\\/', ['\b'] = '\\b', ['\f'] = '\\f',
            ['\n'] = '\\n', ['\r'] = '\\r', ['\t'] = '\\t', ['\127'] = '\\u007f' }
        local function quoted(text)
            return '"' .. string.gsub(text, '[%c"\\/\127]', function(sign)
                return escapes[sign] or string.format('\\u%04x', string.byte(sign))
            end) .. '"'
        end

        -- The number of elements where all keys are whole numbers from 1, else nil.
        local function elements(value)
            local most, count = 0, 0
            for name in pairs(value) do
                if type(name) ~= 'number' or name < 1 or name ~= math.floor(name) then
                    return nil
                end
                most, count = math.max(most, name), count + 1
            end
            if most > 10 and most > 2 * count then
                error('Cannot serialise table: excessively sparse array', 0)
            end
            return count > 0 and most or nil
        end

        local encode
        local encoders = {
            string = quoted,
            number = function(number)
                if number ~= number or number == math.huge or number == -math.huge then
                    error('Cannot serialise number: must not be NaN or Inf', 0)
                end
                return string.format('%.14g', number)
            end,
            boolean = tostring,
            ['nil'] = function() return 'null' end,
            table = function(value, depth)
                if depth > 1000 then
                    error('Cannot serialise, excessive depth (1001)', 0)
                end
                local out, count = {}, elements(value)
                for i = 1, count or 0 do
                    out[i] = encode(value[i], depth + 1)
                end
                if count then
                    return '[' .. table.concat(out, ',') .. ']'
                end
                for name, item in pairs(value) do
                    local spelled = type(name) == 'number' and encoders.number(name) or name
                    out[#out + 1] = quoted(spelled) .. ':' .. encode(item, depth + 1)
                end
                return '{' .. table.concat(out, ',') .. '}'
            end,
        }
        function encode(value, depth)
            local encoder = encoders[type(value)]
            if not encoder then
                error('Cannot serialise ' .. type(value) .. ': type not supported', 0)
            end
            return encoder(value, depth)
        end
        cjson = { encode = function(value) return encode(value, 1) end }
        """#
}
