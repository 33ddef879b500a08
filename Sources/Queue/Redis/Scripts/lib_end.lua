-- How processes end, in slices, and how the rest of a bounded call goes on.

local function forget_worker(worker)
    for _, pool in ipairs(worker.pools) do
        call('ZREM', key('pool', pool, 'free'), worker.id)
        call('SREM', key('pool', pool, 'workers'), worker.id)
        call('DEL', key('worker', worker.id, 'free', pool))
        call('HSET', key('pools'), pool, int(NOW))
    end
    call('ZREM', key('probes'), worker.id)
    local node = string.match(worker.id, '^(.*)%.%x+$')
    if call('HGET', key('nodes'), node) == worker.id then
        call('HDEL', key('nodes'), node)
    end
    call('DEL', key('worker', worker.id), key('worker', worker.id, 'slots'), key('worker', worker.id, 'leases'))
end

-- Ends a worker: no more grants at once; its leases end by time, at most what this call may still do.
local function end_worker(id)
    call('ZREM', key('workers'), id)
    local worker = worker_row(id)
    if not worker then
        return
    end
    call('HSET', key('worker', id), 'ended', '1', 'draining', '1')
    index_worker(id)
    while ends_left > 0 do
        local lease_id = call('SRANDMEMBER', key('worker', id, 'leases'))
        if not lease_id then
            return forget_worker(worker)
        end
        ends_left = ends_left - 1
        call('SREM', key('worker', id, 'leases'), lease_id)
        local lease = lease_row(lease_id)
        if lease then
            drop_lease(lease)
        end
    end
    later('worker:' .. id)
end

-- Ends a gateway: passed over at once; its waiters leave, at most what this call may still do.
local function end_gateway(id)
    call('ZREM', key('gateways'), id)
    if call('EXISTS', key('gateway', id)) == 0 then
        return
    end
    call('HSET', key('gateway', id), 'ended', '1', 'mark', 'ended')
    while ends_left > 0 do
        local waiter_id = call('ZRANGE', key('gateway', id, 'waiters'), 0, 0)[1]
        if not waiter_id then
            call('DEL', key('gateway', id), key('gateway', id, 'waiters'), key('gateway', id, 'mail'),
                key('gateway', id, 'aside'))
            return
        end
        ends_left = ends_left - 1
        local waiter = waiter_row(waiter_id)
        local lease = waiter and waiter.state == 'granted' and lease_row(waiter.lease)
        if lease then
            tell_recycle(end_lease(lease, 'time', 'recycling'))
        end
        if waiter then
            end_waiter(waiter)
        else
            call('ZREM', key('gateway', id, 'waiters'), waiter_id)
        end
    end
    later('gateway:' .. id)
end

-- Default limits changed: tenants waiting in a selector are indexed anew, a slice a call.
local function reindex_slice(cursor, selector)
    local slice = call('SSCAN', key('selector', selector, 'tenants'), cursor, 'COUNT', TENANTS_A_SLICE)
    for _, tenant in ipairs(slice[2]) do
        index_tenant(tenant)
        wanted_tenants[tenant] = true
    end
    if slice[1] ~= '0' then
        later('limits:' .. slice[1] .. ':' .. selector)
    end
end

-- One that registered anew since is not ended a second time.
local function ending(kind, id)
    return call('HGET', key(kind, id), 'ended') == '1'
end

local function continue(item)
    local kind, rest = string.match(item, '^(%a+):(.*)$')
    if kind == 'pool' then
        wanted_pools[rest] = true
    elseif kind == 'back' then
        if alive(rest) and not marked(rest) then
            put_back(rest)
        end
    elseif kind == 'gateway' and ending(kind, rest) then
        end_gateway(rest)
    elseif kind == 'worker' and ending(kind, rest) then
        end_worker(rest)
    elseif kind == 'limits' then
        if ends_left < TENANTS_A_SLICE then
            return later(item)
        end
        ends_left = ends_left - TENANTS_A_SLICE
        local cursor, selector = string.match(rest, '^(%d+):(.*)$')
        reindex_slice(cursor, selector)
    end
end
