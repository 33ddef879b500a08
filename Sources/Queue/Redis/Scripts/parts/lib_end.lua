-- How processes end, in slices, and how the rest of a bounded call goes on.

local function forget_worker(worker)
    local id = worker.id
    for pool in string.gmatch(worker.pools, '%S+') do
        write('ZREM', key('pool', pool, 'free'), id)
        write('SREM', key('pool', pool, 'workers'), id)
        write('HSET', key('pools'), pool, int(NOW))
    end
    write('ZREM', key('probes'), id)
    local node = string.match(id, '^(.*)%.%x+$')
    if read('HGET', key('nodes'), node) == id then
        write('HDEL', key('nodes'), node)
    end
    for slot = 0, worker.slots - 1 do
        local s = slot_row(id, int(slot))
        if s then
            delete_row(s)
        end
    end
    delete_row(worker)
    forget_process('worker', id, key('worker', id, 'more'))
end

-- Stops the grants of a worker: its free slots drain now, each other slot when it becomes free.
local function drain_worker(worker)
    if worker.draining then
        return
    end
    worker.draining = true
    change_row(worker)
    for slot = 0, worker.slots - 1 do
        local s = slot_row(worker.id, int(slot))
        if s and s.state == 'free' then
            move_slot(s, 'draining')
        end
    end
    index_worker(worker.id)
end

-- Ends a worker: no more grants at once; its leases end by time, at most what this call may still do.
local function end_worker(id)
    write('ZREM', key('workers'), id)
    local worker = worker_row(id)
    if not worker then
        return forget_process('worker', id, key('worker', id, 'more'))
    end
    later('worker:' .. id)
    note_ended('worker', id)
    worker.draining = true
    change_row(worker)
    index_worker(id)
    for slot = 0, worker.slots - 1 do
        local s = slot_row(id, int(slot))
        if s and s.lease then
            if ends_left <= 0 then
                return
            end
            ends_left = ends_left - 1
            drop_lease(s.lease)
        end
    end
    forget_worker(worker)
    write('SREM', key('todo'), 'worker:' .. id)
end

-- The ticket of a waiter with an alias outlives its gateway for a while: whoever comes with the alias gets it back.
--@seldom
local function orphan(waiter, deadline)
    local aliases = key('tenant', waiter.tenant, 'aliases')
    if read('HGET', aliases, waiter.alias) == waiter.id then
        write('ZADD', key('orphans'), deadline, waiter.tenant .. ':' .. waiter.alias)
        write('HSET', aliases, waiter.alias, '-' .. int(waiter.ticket))
    end
end

-- Ends a gateway: passed over at once; its waiters leave, at most what this call may still do.
local function end_gateway(id)
    local known = known_process('gateway', id)
    if known then
        later('gateway:' .. id)
        note_ended('gateway', id)
        write('HSET', key('gateway', id), 'mark', 'ended')
    end
    write('ZREM', key('gateways'), id)
    write('ZREM', key('declarers'), id)
    if not known then
        return
    end
    while ends_left > 0 do
        local waiter_id = read('ZRANGE', key('gateway', id, 'waiters'), '0', '0')[1]
        if not waiter_id then
            forget_process('gateway', id, key('gateway', id, 'waiters'), key('gateway', id, 'mail'),
                key('gateway', id, 'aside'))
            write('SREM', key('todo'), 'gateway:' .. id)
            return
        end
        ends_left = ends_left - 1
        local waiter = waiter_row(waiter_id)
        local lease = waiter and waiter.state == 'granted' and lease_row(waiter.lease)
        if lease then
            tell_recycle(end_lease(lease, 'time', 'recycling'))
        end
        if waiter then
            if waiter.alias ~= '' and waiter.state ~= 'ended' then
                orphan(waiter, int(NOW + ORPHAN_MS))
            end
            end_waiter(waiter)
        else
            write('ZREM', key('gateway', id, 'waiters'), waiter_id)
        end
    end
end

-- Default limits or the policy changed: tenants waiting in a selector are indexed anew, a slice a call.
local function reindex_slice(cursor, selector)
    local slice = read('SSCAN', key('selector', selector, 'tenants'), cursor, 'COUNT', TENANTS_A_SLICE)
    for _, tenant in ipairs(slice[2]) do
        index_tenant(tenant)
        wanted_tenants[tenant] = true
    end
    if slice[1] ~= '0' then
        later('limits:' .. slice[1] .. ':' .. selector)
    end
end

-- What ends by somebody else's word, neither its gateway's nor its worker's.
local outside = {}

-- Ends a lease; true where it was not ending yet. One that no worker serves ends here and now.
function outside.lease(lease, why)
    if lease.ending then
        return false
    end
    if lease.state == 'reserved' then
        end_reserved(lease, 'verdict')
    elseif lease.state == 'kept' then
        end_kept(lease, why)
    else
        mark_ending(lease, why)
    end
    return true
end

-- The same for a waiter. Who was granted is still its gateway's: only that knows whether the worker was called.
function outside.waiter(waiter, why)
    if waiter.state == 'queued' or waiter.state == 'aside' then
        dismiss(waiter, why)
        return true
    end
    local lease = waiter.lease ~= '' and lease_row(waiter.lease)
    if not lease then
        return false
    end
    local ended = outside.lease(lease, why)
    unname(waiter)
    if ended and lease.state == 'granted' then
        tell_ended(waiter, why)
    end
    return ended
end

function outside.held(lease, why)
    local waiter = waiter_row(lease.waiter)
    if waiter and waiter.lease == lease.id then
        return outside.waiter(waiter, why)
    end
    return outside.lease(lease, why)
end

-- Ends a run's waiters and sessions that came until `cut`, as many as this call may; returns how many.
function outside.run(cut, why, tenant, run)
    local members, count = key('tenant', tenant, 'run', run), 0
    local ids = ends_left > 0 and read('ZRANGE', members, '-inf', int(cut), 'BYSCORE', 'LIMIT', 0, ends_left) or {}
    for _, id in ipairs(ids) do
        ends_left = ends_left - 1
        write('ZREM', members, id)
        local waiter = waiter_row(id)
        if waiter and outside.waiter(waiter, why) then
            count = count + 1
        end
    end
    if read('ZCOUNT', members, '-inf', int(cut)) > 0 then
        later(table.concat({ 'run', int(cut), why, tenant, run }, ':'))
    end
    return count
end

-- Ends what a tenant holds, a slice a call.
function outside.holdings(cursor, cut, why, tenant)
    local count = 0
    if ends_left < TENANTS_A_SLICE then
        later(table.concat({ 'held', cursor, int(cut), why, tenant }, ':'))
        return count
    end
    ends_left = ends_left - TENANTS_A_SLICE
    local slice = read('SSCAN', key('tenant', tenant, 'held'), cursor, 'COUNT', TENANTS_A_SLICE)
    for _, place in ipairs(slice[2]) do
        local lease = lease_at(place)
        local holder = lease and waiter_row(lease.waiter)
        if lease and lease.tenant == tenant and (holder and holder.ticket or 0) <= cut and outside.held(lease, why) then
            count = count + 1
        end
    end
    if slice[1] ~= '0' then
        later(table.concat({ 'held', slice[1], int(cut), why, tenant }, ':'))
    end
    return count
end

-- Ends a tenant's waiters and sessions that came until `cut`: first who waits, so that nobody is granted what ends.
function outside.tenant(cut, why, tenant)
    local count = 0
    local function finish_all(set, first)
        while ends_left > 0 do
            local ids = read('ZRANGE', set, '-inf', int(cut), 'BYSCORE', 'LIMIT', first, ends_left)
            if #ids == 0 then
                return
            end
            for _, id in ipairs(ids) do
                ends_left = ends_left - 1
                local waiter = waiter_row(id)
                if waiter and waiter.ticket <= cut then
                    dismiss(waiter, why)
                    count = count + 1
                else
                    -- One that came later, with a head start.
                    first = first + 1
                end
            end
        end
    end
    for _, selector in ipairs(read('SMEMBERS', key('tenant', tenant, 'selectors'))) do
        finish_all(key('queue', selector, tenant), 0)
    end
    finish_all(key('tenant', tenant, 'aside'), 0)
    if ends_left == 0 then
        later(table.concat({ 'tenant', int(cut), why, tenant }, ':'))
        return count
    end
    return count + outside.holdings('0', cut, why, tenant)
end

-- One that registered anew since is not ended a second time.
local function is_ending(kind, id)
    local _, ended = known_process(kind, id)
    return ended
end

-- Works on an item of `todo`. If a sweep that died had taken the item, the item begins with `again:`.
local function continue(item)
    local kind, rest = string.match(string.gsub(item, '^again:', ''), '^(%a+):(.*)$')
    if kind == 'pool' then
        wanted_pools[rest] = true
    elseif kind == 'back' then
        if alive(rest) and not marked(rest) then
            put_back(rest)
        end
    elseif kind == 'gateway' and is_ending(kind, rest) then
        end_gateway(rest)
    elseif kind == 'worker' and is_ending(kind, rest) then
        end_worker(rest)
    elseif kind == 'index' then
        index_tenant(rest)
        wanted_tenants[rest] = true
    elseif kind == 'limits' then
        if ends_left < TENANTS_A_SLICE then
            return later(item)
        end
        ends_left = ends_left - TENANTS_A_SLICE
        local cursor, selector = string.match(rest, '^(%d+):(.*)$')
        reindex_slice(cursor, selector)
    elseif kind == 'run' then
        local cut, why, tenant, run = string.match(rest, '^(%d+):([^:]+):([^:]+):(.*)$')
        outside.run(tonumber(cut), why, tenant, run)
    elseif kind == 'tenant' then
        local cut, why, tenant = string.match(rest, '^(%d+):([^:]+):(.*)$')
        outside.tenant(tonumber(cut), why, tenant)
    elseif kind == 'held' then
        local cursor, cut, why, tenant = string.match(rest, '^(%d+):(%d+):([^:]+):(.*)$')
        outside.holdings(cursor, tonumber(cut), why, tenant)
    end
end
