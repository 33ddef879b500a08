-- Repair, key by key: each sweep looks at the next keys of the fleet. So it also finds keys that no process owns and no index
-- names.
-- A record whose owner is gone is deleted, and a name of something that is not there is deleted from the set that has it.

local repair_key_of = {}

-- If a member is not to be kept, deletes it from the key with this command. Returns where the next call goes on.
local function strike_out(scan, command, name, inner, keeps)
    return walk(scan, name, inner, function(member)
        looks_left = looks_left - 1
        if not keeps(member) then
            write(command, name, member)
        end
    end)
end

local function in_state(id, state)
    local waiter = waiter_row(id)
    return waiter and waiter.state == state and waiter
end

local function has_gateway(id)
    return read('EXISTS', key('gateway', id)) == 1
end

function repair_key_of.waiter(id)
    local waiter = waiter_row(id)
    if waiter then
        repair_waiter(waiter)
    end
end

function repair_key_of.slot(id)
    local worker, slot = string.match(id, '^(.*)/(%d+)$')
    local s = worker and slot_row(worker, slot)
    if s and not worker_row(worker) then
        local lease = s.lease
        if lease then
            drop_lease(lease)
        end
        delete_row(s)
    end
end

-- A key of a process. If Redis is ending the process, the end goes on. If Redis does not know the process, deletes the key.
-- Else the process needs a time at which it counts as dead.
local function repair_process(kind, id, name, has_record)
    local process_id = string.match(id, '^[^:]+')
    local known, ended = known_process(kind, process_id)
    local row = known_workers[process_id]
    if known and has_record(process_id) then
        if ended then
            later(kind .. ':' .. process_id)
        else
            write('ZADD', key(kind .. 's'), 'NX', int(NOW + PROCESS_TTL_MS), process_id)
        end
    elseif row and row.stored == name then
        delete_row(row)
    else
        write('DEL', name)
    end
end

function repair_key_of.worker(id, name)
    repair_process('worker', id, name, worker_row)
end

function repair_key_of.gateway(id, name, inner)
    repair_process('gateway', id, name, function(process_id)
        return read('HEXISTS', key('gateway', process_id), 'mark') == 1
    end)
    local gateway, what = string.match(id, '^([^:]+):(%a+)$')
    if what == 'waiters' or what == 'aside' then
        return strike_out('ZSCAN', 'ZREM', name, inner, function(waiter_id)
            local waiter = waiter_row(waiter_id)
            return waiter and waiter.gateway == gateway and (what == 'waiters' or waiter.state == 'aside')
        end)
    end
end

function repair_key_of.limits(tenant)
    derive_setting('tenant:' .. tenant)
end

function repair_key_of.usage(day)
    write('ZADD', key('usage'), day, day)
end

function repair_key_of.queue(id, name, inner)
    local selector, tenant = string.match(id, '^(.*):([^:]+)$')
    local rest = strike_out('ZSCAN', 'ZREM', name, inner, function(waiter_id)
        local waiter = in_state(waiter_id, 'queued')
        return waiter and waiter.selector == selector and waiter.tenant == tenant
    end)
    index(selector, tenant, handicap(tenant))
    return rest
end

-- The keys of a tenant: how to walk through one, how to delete a member, and which members stay.
local of_tenant = {
    held = { 'SSCAN', 'SREM', function(place, tenant)
        local lease = lease_at(place)
        return lease and lease.tenant == tenant
    end },
    selectors = { 'SSCAN', 'SREM', function(selector, tenant)
        index(selector, tenant, handicap(tenant))
        return true
    end },
    aside = { 'ZSCAN', 'ZREM', function(id, tenant)
        local waiter = in_state(id, 'aside')
        return waiter and waiter.tenant == tenant
    end },
    run = { 'ZSCAN', 'ZREM', function(id, tenant, run)
        local waiter = waiter_row(id)
        return waiter and waiter.state ~= 'ended' and waiter.tenant == tenant and waiter.run == run
    end },
    aliases = { 'HSCAN', 'HDEL', function(alias, tenant)
        local owner = read('HGET', key('tenant', tenant, 'aliases'), alias)
        local waiter = owner and waiter_row(owner)
        return owner and (read('ZSCORE', key('orphans'), tenant .. ':' .. alias)
            or (waiter and waiter.state ~= 'ended' and waiter.tenant == tenant and waiter.alias == alias))
    end },
}

function repair_key_of.tenant(id, name, inner)
    local tenant, what, run = string.match(id, '^([^:]+):(%a+):?(.*)$')
    local scan, command, keeps, rest = unpack(of_tenant[what] or {})
    if scan then
        rest = strike_out(scan, command, name, inner, function(member)
            return keeps(member, tenant, run)
        end)
    end
    known_held = {}
    index_tenant(tenant)
    forget_tenant(tenant)
    wanted_tenants[tenant] = true
    return rest
end

-- A selector that the fleet does not know, but that has tenants, is linked again.
function repair_key_of.selector(id, name, inner)
    local selector, what = string.match(id, '^(.*|[^:]*):(%a+)$')
    if read('SISMEMBER', key('selectors'), selector) == 0 and read('EXISTS', key('selector', selector, 'tenants')) == 0 then
        write('DEL', name)
        return
    end
    local rest
    if what == 'tenants' or what == 'eligible' then
        rest = walk(what == 'tenants' and 'SSCAN' or 'ZSCAN', name, inner, function(tenant)
            looks_left = looks_left - 1
            index(selector, tenant, handicap(tenant))
        end)
    elseif what == 'pools' then
        rest = strike_out('ZSCAN', 'ZREM', name, inner, function(pool)
            return read('HEXISTS', key('pools'), pool) == 1 and match(selector, pool)
        end)
        known_pools[selector] = nil
    end
    link_selector(selector)
    show_head(selector, head_of(selector))
    return rest
end

-- The sets of a pool, in the same form.
local of_pool = {
    workers = { 'SSCAN', 'SREM', function(id, pool)
        local worker = worker_row(id)
        return worker and pool_number(worker, pool)
    end },
    free = { 'ZSCAN', 'ZREM', function(id, pool)
        local worker = worker_row(id)
        index_worker(id)
        return worker and pool_number(worker, pool)
    end },
    selectors = { 'SSCAN', 'SREM', function(selector, pool)
        return read('SISMEMBER', key('selectors'), selector) == 1 and match(selector, pool)
    end },
    heads = { 'ZSCAN', 'ZREM', function(selector, pool)
        show_head(selector, head_of(selector))
        return match(selector, pool) and head_of(selector)
    end },
}

function repair_key_of.pool(id, name, inner)
    local pool, what = string.match(id, '^(.*|[^:]*):(%a+)$')
    if read('HEXISTS', key('pools'), pool) == 0 and read('EXISTS', key('pool', pool, 'workers')) == 0 then
        write('DEL', name)
    elseif of_pool[what] then
        local scan, command, keeps = unpack(of_pool[what])
        wanted_pools[pool] = true
        return strike_out(scan, command, name, inner, function(member)
            return keeps(member, pool)
        end)
    end
end

local function has_setting(name)
    return read('HEXISTS', key('settings'), name) == 1
end

local function repair_setting(name)
    local row = setting(name)
    local words = in_force(row)
    write('ZADD', key('versions'), int(math.max(row.declaredAt, row.orderedAt)), name)
    if words then
        write('ZREM', key('withdrawn'), name)
    else
        write('ZADD', key('withdrawn'), 'NX', int(NOW), name)
    end
    if row.declared == '-' then
        write('ZREM', key('declared'), name)
    end
    derive_setting(name, words)
    return true
end

-- The keys of the fleet, in the same form.
local of_fleet = {
    line = { 'ZSCAN', 'ZREM', function(id)
        return in_state(id, 'queued')
    end },
    due = { 'ZSCAN', 'ZREM', function(place)
        local lease = lease_at(place)
        return lease and lease.state ~= 'accepted'
    end },
    settings = { 'HSCAN', 'HDEL', repair_setting },
    versions = { 'ZSCAN', 'ZREM', has_setting },
    declared = { 'ZSCAN', 'ZREM', has_setting },
    withdrawn = { 'ZSCAN', 'ZREM', has_setting },
    zeros = { 'SSCAN', 'SREM', function(name)
        return in_force(setting('zero:' .. name))
    end },
    pauses = { 'SSCAN', 'SREM', function(name)
        return in_force(setting('pause:' .. name))
    end },
    orphans = { 'ZSCAN', 'ZREM', function(name)
        local tenant, alias = string.match(name, '^([^:]+):(.*)$')
        return string.sub(tenant and read('HGET', key('tenant', tenant, 'aliases'), alias) or '', 1, 1) == '-'
    end },
    selectors = { 'SSCAN', 'SREM', function(selector)
        if read('EXISTS', key('selector', selector, 'tenants')) == 0 then
            write('ZADD', key('idle'), 'NX', int(NOW), selector)
        else
            write('ZREM', key('idle'), selector)
        end
        link_selector(selector)
        return true
    end },
    idle = { 'ZSCAN', 'ZREM', function(selector)
        return read('SISMEMBER', key('selectors'), selector) == 1
    end },
    nodes = { 'HSCAN', 'HDEL', function(node)
        return worker_row(read('HGET', key('nodes'), node) or '')
    end },
    probes = { 'ZSCAN', 'ZREM', worker_row },
    workers = { 'ZSCAN', 'ZREM', worker_row },
    gateways = { 'ZSCAN', 'ZREM', has_gateway },
    declarers = { 'ZSCAN', 'ZREM', has_gateway },
}

local function repair_key(name, inner)
    -- The functions above delete members by the name of their key, so this call may have read them before.
    known_pools, known_heads, known_fronts, known_held = {}, {}, {}, {}
    looks_left = looks_left - 1
    local rest = string.sub(name, #PREFIX + 1)
    local kind, id = string.match(rest, '^(%a+):(.*)$')
    if kind and repair_key_of[kind] then
        return repair_key_of[kind](id, name, inner)
    elseif of_fleet[rest] then
        local scan, command, keeps = unpack(of_fleet[rest])
        return strike_out(scan, command, name, inner, keeps)
    end
end

-- Repairs the next keys. `repair` has the cursor. Returns false if a key of another type made a command fail. Then rows
-- that this call has changed may be half done, and the call must write none of them. The next slice begins behind the key.
--@seldom
local function repair_keys()
    local good = true
    local cursor = walk('SCAN', nil, read('GET', key('repair')) or '', function(name, inner)
        local done, rest = pcall(repair_key, name, inner)
        if done then
            return rest
        end
        good, looks_left = false, 0
    end)
    write('SET', key('repair'), cursor or '')
    return good
end
