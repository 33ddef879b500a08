-- The last part of mending: each key by itself, for what no index leads to any more. A record without what it belongs to
-- goes; a name of something that is not there goes from where it stands.

local mend_key_of = {}

function mend_key_of.waiter(id)
    mend.waiter(id)
end

function mend_key_of.slot(id)
    local worker, slot = string.match(id, '^(.*)/(%d+)$')
    local s = worker and slot_row(worker, slot)
    if s and not worker_row(worker) then
        local lease = s.lease
        if lease then
            end_lease(lease, 'time', 'recycling')
            mend.waiter(lease.waiter)
        end
        delete_row(s)
    end
end

-- A process that nothing makes end by time, or what it left.
local function mend_process(kind, id, name, has_record)
    local process_id = string.match(id, '^[^:]+')
    local known, ended = known_process(kind, process_id)
    local row = known_workers[process_id]
    if not known or not has_record(process_id) then
        if row and row.stored == name then
            return delete_row(row)
        end
        write('DEL', name)
    elseif ended then
        later(kind .. ':' .. process_id)
    else
        write('ZADD', key(kind .. 's'), 'NX', int(NOW + PROCESS_TTL_MS), process_id)
    end
end

function mend_key_of.gateway(id, name)
    mend_process('gateway', id, name, function(process_id)
        return read('HEXISTS', key('gateway', process_id), 'mark') == 1
    end)
end

function mend_key_of.worker(id, name)
    mend_process('worker', id, name, worker_row)
end

local function in_state(id, state)
    local waiter = waiter_row(id)
    return waiter and waiter.state == state and waiter
end

-- Strikes out the names that are not to be kept, a slice a call.
local function strike_out(scan, command, name, inner, keeps)
    return walk(scan, name, inner, function(member)
        looks_left = looks_left - 1
        if not keeps(member) then
            write(command, name, member)
        end
    end)
end

function mend_key_of.limits(tenant, name)
    if tenant ~= '*' and not in_force(setting('tenant:' .. tenant)) then
        write('DEL', name)
    end
end

function mend_key_of.queue(id, name, inner)
    local selector, tenant = string.match(id, '^(.*):([^:]+)$')
    local rest = strike_out('ZSCAN', 'ZREM', name, inner, function(waiter)
        return in_state(waiter, 'queued')
    end)
    index(selector, tenant, handicap(tenant))
    return rest
end

-- What a tenant's keys name, each with the command that walks them and the one that strikes a name out.
local of_tenant = {
    held = { 'SSCAN', 'SREM', function(place, tenant)
        local lease = lease_at(place)
        return lease and lease.tenant == tenant
    end },
    aside = { 'ZSCAN', 'ZREM', function(id)
        return in_state(id, 'aside')
    end },
    run = { 'ZSCAN', 'ZREM', function(id)
        return not in_state(id, 'ended') and waiter_row(id)
    end },
    aliases = { 'HSCAN', 'HDEL', function(alias, tenant)
        local owner = read('HGET', key('tenant', tenant, 'aliases'), alias)
        return owner and (read('ZSCORE', key('orphans'), tenant .. ':' .. alias)
            or (waiter_row(owner) and not in_state(owner, 'ended')))
    end },
}

function mend_key_of.tenant(id, name, inner)
    local tenant, what = string.match(id, '^([^:]+):(%a+)')
    local scan, command, keeps, rest = unpack(of_tenant[what] or {})
    if scan then
        rest = strike_out(scan, command, name, inner, function(member)
            return keeps(member, tenant)
        end)
    end
    index_tenant(tenant)
    forget_tenant(tenant)
    wanted_tenants[tenant] = true
    return rest
end

function mend_key_of.selector(id, name)
    local selector = string.match(id, '^(.*|[^:]*):%a+$')
    if selector and read('SISMEMBER', key('selectors'), selector) == 0 then
        write('DEL', name)
    end
end

function mend_key_of.pool(id, name)
    local pool = string.match(id, '^(.*|[^:]*):%a+$')
    if pool and read('HEXISTS', key('pools'), pool) == 0 then
        write('DEL', name)
    end
end

-- Keys that name processes or waiters of any kind.
local of_fleet = {
    line = { 'ZSCAN', 'ZREM', function(id)
        return in_state(id, 'queued')
    end },
    nodes = { 'HSCAN', 'HDEL', function(node)
        return worker_row(read('HGET', key('nodes'), node) or '')
    end },
    declarers = { 'ZSCAN', 'ZREM', function(id)
        return read('EXISTS', key('gateway', id)) == 1
    end },
    probes = { 'ZSCAN', 'ZREM', function(id)
        return worker_row(id)
    end },
}

-- Here members are struck out by the name of their key: what this call knows already may be of before.
local function forget_known()
    known_pools, known_heads, known_held = {}, {}, {}
end

local function mend_key(name, inner)
    forget_known()
    looks_left = looks_left - 1
    local rest = string.sub(name, #PREFIX + 1)
    local kind, id = string.match(rest, '^(%a+):(.*)$')
    if kind and mend_key_of[kind] then
        return mend_key_of[kind](id, name, inner)
    elseif of_fleet[rest] then
        local scan, command, keeps = unpack(of_fleet[rest])
        return strike_out(scan, command, name, inner, keeps)
    end
end

-- Goes on where the last call stopped; `meta.mend` is the section's number and its cursor, `keys` and a cursor in the end,
-- '' when all is mended.
function mend.slice()
    local number, cursor = string.match(meta.mend, '^(%w+) ?(.*)$')
    local section = ORDER[tonumber(number)]
    if number == 'keys' then
        note('mending:keys')
        cursor = walk('SCAN', nil, cursor, mend_key)
        meta.mend = cursor and 'keys ' .. cursor or ''
    elseif section then
        note('mending:' .. number)
        local command, name = unpack(section)
        cursor = walk(command, key(name), cursor, sections[name])
        meta.mend = cursor and number .. ' ' .. cursor or int(number + 1)
    else
        meta.mend = 'keys'
        for _, pool in ipairs(read('HKEYS', key('pools'))) do
            wanted_pools[pool] = true
        end
    end
end
