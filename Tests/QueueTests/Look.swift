import SimulatedRedis

/// All that is visible of a fleet, read by the test's own eyes, and what its keys have wrong among themselves.
///
/// Works from a full key scan, so that it also sees what `audit` cannot reach: records, sets and indexes nobody names.
struct Look: Equatable {
    struct Slot: Equatable {
        var state: String
        var epoch: Int
        var number: Int
        var lease: String
        var pool: String
    }
    struct Waiter: Equatable {
        var tenant: String
        var selector: String
        var gateway: String
        var score: Int
        var state: String
        var lease: String
    }

    var slots: [String: [Slot]] = [:]
    var waiters: [String: Waiter] = [:]
    var held: [String: Set<String>] = [:]
    /// Suspended gateways and why.
    var marks: [String: String] = [:]
    var workerStates: [String: String] = [:]
    /// When each worker started, and when each session began, milliseconds since 1970.
    var workerStarts: [String: Int] = [:]
    var sessionBegins: [String: Int] = [:]
    var line: [String] = []
    var todo: [String] = []
    var findings: [String] = []

    init(_ lines: [String]) {
        for line in lines {
            let w = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
            switch w[0] {
            case "slot":
                // HGETALL order is not slot order.
                let index = Int(w[2])!
                var all = slots[w[1]] ?? []
                while all.count <= index { all.append(Slot(state: "", epoch: 0, number: 0, lease: "-", pool: "")) }
                all[index] = Slot(
                    state: w[3], epoch: Int(w[4])!, number: Int(w[5])!, lease: w[6], pool: w[7])
                slots[w[1]] = all
            case "waiter" where w[2] != "false":
                waiters[w[1]] = Waiter(
                    tenant: w[2], selector: w[3], gateway: w[4], score: Int(w[5]) ?? 0, state: w[6], lease: w[7])
            case "held": held[w[1], default: []].insert(w[2])
            case "gateway": if w[2] != "" { marks[w[1]] = w[2] }
            case "worker":
                workerStates[w[1]] = w[2]
                workerStarts[w[1]] = Int(w[3])
            case "lease": sessionBegins[w[1]] = Int(w[2])
            case "line": self.line.append(w[1])
            case "todo": todo.append(w[1])
            default: findings.append(line)
            }
        }
        todo.sort()
    }

    static let source =
        """
        #!lua flags=no-writes
        \(PackedRow.lua)
        local prefix, out = ARGV[1], {}
        local call = redis.call
        local function say(...) out[#out + 1] = table.concat({ ... }, '\\t') end
        local function key(...) return prefix .. table.concat({ ... }, ':') end
        local function waiter(id) return row('waiter', call('GET', key('waiter', id))) end
        local function at(place)
            local worker, index = string.match(place or '', '^(.*)/(%d+)$')
            local s = worker and row('slot', call('GET', key('slot', worker .. '/' .. index)))
            return s and s.lease ~= '' and s
        end
        local function wrong(...) say('finding', ...) end
        local known = { state = 1, meta = 1, repair = 1, doing = 1, settings = 1, versions = 1, declared = 1, declarers = 1, withdrawn = 1,
            zeros = 1, pauses = 1, nodes = 1, pools = 1, probes = 1, idle = 1, selectors = 1, line = 1, todo = 1, due = 1,
            gateways = 1, workers = 1, orphans = 1, drains = 1, usage = 1 }
        for _, name in ipairs(redis.call('KEYS', prefix .. '*')) do
            local rest = string.sub(name, #prefix + 1)
            local kind, id = string.match(rest, '^(%a+):(.*)$')
            if not kind then
                if not known[rest] then wrong('unknown key', rest) end
            elseif redis.call('TTL', name) ~= -1 then
                wrong('TTL on', rest)
            elseif kind == 'waiter' then
                local w = row('waiter', call('GET', name))
                local r = { w.tenant, w.selector, w.gateway, w.score, w.state, w.lease }
                say('waiter', id, unpack(r))
                if r[5] == 'accepted' or r[5] == 'reserved' then
                    if (at(w.place) or {}).lease ~= w.lease then wrong('accepted waiter without lease', id) end
                elseif not call('ZSCORE', key('gateway', r[3], 'waiters'), id) then
                    wrong('waiter unknown to its gateway', id)
                end
                if r[5] == 'queued' and not call('ZSCORE', key('queue', r[2], r[1]), id) then wrong('not in its queue', id) end
            elseif kind == 'slot' then
                local worker, index = string.match(id, '^(.*)/(%d+)$')
                local s, place = row('slot', call('GET', name)), worker .. '/' .. index
                local state = s.lease == '' and s.state or 'leased'
                say('slot', worker, index, state, s.epoch, s.number, s.lease == '' and '-' or s.lease, s.pool)
                if call('EXISTS', key('worker', worker)) == 0 then wrong('worker gone but', rest) end
                local due = call('ZSCORE', key('due'), place) ~= false
                if due ~= (s.lease ~= '' and s.state ~= 'accepted') then wrong('due disagrees', place, s.state) end
                if s.lease ~= '' then
                    say('lease', s.lease, s.since == '0' and '' or s.since)
                    local held = call('SISMEMBER', key('tenant', s.tenant, 'held'), place)
                    if held == 0 then wrong('lease not held', s.lease) end
                    local w = waiter(string.sub(s.lease, 1, 32))
                    if not w or w.lease ~= s.lease or w.place ~= place then wrong(s.state, 'lease without its waiter', s.lease) end
                end
            elseif kind == 'limits' then
                local setting = call('HGET', key('settings'), 'tenant:' .. id)
                if id ~= '*' and not setting then wrong('limits of nobody', id) end
            elseif kind == 'usage' then
                if not call('ZSCORE', key('usage'), id) then wrong('day that nothing deletes', rest) end
            elseif kind == 'tenant' then
                local tenant, what, run = string.match(id, '^([^:]+):(%a+):?(.*)$')
                local sets = what == 'held' or what == 'selectors'
                if what == 'run' then
                    for _, member in ipairs(call('ZRANGE', name, 0, -1)) do
                        local r = waiter(member) or {}
                        if r.tenant ~= tenant or r.run ~= run or r.state == 'ended' then wrong('run has a ghost', rest, member) end
                    end
                elseif what == 'aside' then
                    for _, member in ipairs(call('ZRANGE', name, 0, -1)) do
                        local r = waiter(member) or {}
                        if r.tenant ~= tenant or r.state ~= 'aside' then wrong('aside ghost', rest, member) end
                    end
                elseif what == 'aliases' then
                    local all = call('HGETALL', name)
                    for i = 1, #all, 2 do
                        local orphan = string.sub(all[i + 1], 1, 1) == '-'
                        local expiry = call('ZSCORE', key('orphans'), tenant .. ':' .. all[i])
                        if orphan ~= (expiry ~= false) then wrong('orphan', rest, all[i], all[i + 1]) end
                        local r = waiter(all[i + 1]) or {}
                        if not orphan and (r.alias ~= all[i] or r.tenant ~= tenant or r.state == 'ended') then
                            wrong('alias of a ghost', rest, all[i])
                        end
                    end
                elseif what == 'rate' then
                    if call('EXISTS', key('tenant', tenant, 'held'), key('tenant', tenant, 'selectors')) == 0 then
                        wrong('a rate of nobody', tenant)
                    end
                elseif not sets then wrong('unknown key', rest) end
                for _, member in ipairs(sets and call('SMEMBERS', name) or {}) do
                    if what == 'held' then
                        local s = at(member) or {}
                        say('held', tenant, s.lease or member)
                        if s.tenant ~= tenant then wrong('holds a ghost', tenant, member) end
                    elseif call('EXISTS', key('queue', member, tenant)) == 0 then
                        wrong('waits nowhere', tenant, member)
                    end
                end
            elseif kind == 'queue' then
                for _, member in ipairs(call('ZRANGE', name, 0, -1)) do
                    if (waiter(member) or {}).state ~= 'queued' then wrong('queue holds a ghost', member) end
                end
            elseif kind == 'gateway' then
                local gateway, what = string.match(id, '^([^:]+):(%a+)$')
                if gateway then
                    if call('EXISTS', key('gateway', gateway)) == 0 then wrong('gateway gone but', rest) end
                    if what == 'call' then
                    elseif what == 'mail' then
                        for _, letter in ipairs(call('ZRANGE', name, 0, -1)) do
                            local ended = string.sub(letter, 1, 6) == 'ended:'
                            local id, place = string.match(letter, '^(%S+) (.*)$')
                            local s = place and at(place) or {}
                            if not ended and (s.lease ~= id or s.gateway ~= gateway) then wrong('dead mail', letter) end
                        end
                    elseif what == 'aside' or what == 'waiters' then
                        for _, member in ipairs(call('ZRANGE', name, 0, -1)) do
                            local r = waiter(member) or {}
                            if what == 'aside' and not call('ZSCORE', key('tenant', r.tenant or '', 'aside'), member) then
                                wrong('not among its tenant\\'s asides', member)
                            end
                            if r.gateway ~= gateway or (what == 'aside' and r.state ~= 'aside') then wrong(what, 'holds a ghost', member) end
                        end
                    else wrong('unknown key', rest) end
                else
                    local r, made = call('HMGET', name, 'mark'), row('call', call('GET', name .. ':call'))
                    say('gateway', id, r[1] or '')
                    if not r[1] or not made then wrong('half a gateway', id) end
                    if made and made.ended ~= '1' and not call('ZSCORE', key('gateways'), id) then wrong('gateway without expiry', id) end
                end
            elseif kind == 'worker' then
                local worker, what = string.match(id, '^([^:]+):(%a+)')
                if not worker then
                    local w, made = row('worker', call('GET', name)), row('call', call('GET', name .. ':call'))
                    say('worker', id, w.state, call('HGET', name .. ':more', 'started') or '')
                    if not made then wrong('half a worker', id) end
                    if made and made.ended ~= '1' and not call('ZSCORE', key('workers'), id) then wrong('worker without expiry', id) end
                    for index = 0, w.slots - 1 do
                        if call('EXISTS', key('slot', id .. '/' .. index)) == 0 then wrong('no slot', id, index) end
                    end
                elseif call('EXISTS', key('worker', worker)) == 0 then wrong('worker gone but', rest)
                end
            elseif kind == 'selector' then
                local selector, what = string.match(id, '^(.*|):(%a+)$')
                if not selector then selector, what = string.match(id, '^(.*|[^:]*):(%a+)$') end
                if call('SISMEMBER', key('selectors'), selector) == 0 then wrong('selector gone but', rest) end
            elseif kind == 'pool' then
                local pool, what = string.match(id, '^(.*|[^:]*):(%a+)$')
                if call('HEXISTS', key('pools'), pool) == 0 then wrong('pool gone but', rest) end
                if what == 'workers' then
                    for _, worker in ipairs(call('SMEMBERS', name)) do
                        if call('EXISTS', key('worker', worker)) == 0 then wrong('pool lists a ghost', rest, worker) end
                    end
                end
            else
                wrong('unknown key', rest)
            end
        end
        for _, id in ipairs(call('ZRANGE', key('line'), 0, -1)) do say('line', id) end
        for _, item in ipairs(call('SMEMBERS', key('todo'))) do say('todo', item) end
        for _, name in ipairs(call('ZRANGE', key('orphans'), 0, -1)) do
            local tenant, alias = string.match(name, '^([^:]+):(.*)$')
            local value = call('HGET', key('tenant', tenant, 'aliases'), alias)
            if not value or string.sub(value, 1, 1) ~= '-' then wrong('orphan without ticket', name) end
        end
        for _, id in ipairs(call('ZRANGE', key('declarers'), 0, -1)) do
            if not call('ZSCORE', key('gateways'), id) then wrong('declared by a ghost', id) end
        end
        for _, name in ipairs(call('ZRANGE', key('declared'), 0, -1)) do
            if call('HEXISTS', key('settings'), name) == 0 then wrong('declared and no setting', name) end
        end
        for _, name in ipairs(call('SMEMBERS', key('zeros'))) do
            if call('HEXISTS', key('settings'), 'zero:' .. name) == 0 then wrong('scales from zero unsaid', name) end
        end
        for _, id in ipairs(call('ZRANGE', key('probes'), 0, -1)) do
            if call('EXISTS', key('worker', id)) == 0 then wrong('probe of a ghost', id) end
        end
        return out
        """
}
