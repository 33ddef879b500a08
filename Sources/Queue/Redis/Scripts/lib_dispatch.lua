-- Dispatch: pairs free slots with eligible waiters, smallest score first, and never forgets one.

-- The waiter this call itself enqueues: it reads its grant in the reply and needs no wake-up.
local own_waiter = nil

local function grant_payload(lease, address)
    return table.concat({ lease.id, lease.worker, lease.slot, int(lease.epoch), int(lease.number), address, lease.pool },
        ' ')
end

local function grant(worker_id, pool, waiter)
    local worker = worker_row(worker_id)
    local slot = call('ZRANGE', key('worker', worker_id, 'free', pool), 0, 0)[1]
    local number = call('INCR', key('seq'))
    local attempt = waiter.attempt + 1
    local lease = { id = waiter.id .. '.' .. attempt, waiter = waiter.id, tenant = waiter.tenant,
        gateway = waiter.gateway, worker = worker_id, slot = slot, pool = pool, epoch = meta.epoch, number = number }
    local s = slot_row(worker_id, slot)
    s.epoch, s.number = lease.epoch, number
    move_slot(s, 'leased', lease.id)
    call('HSET', key('lease', lease.id), 'waiter', waiter.id, 'tenant', waiter.tenant, 'gateway', waiter.gateway,
        'worker', worker_id, 'slot', slot, 'pool', pool, 'epoch', int(lease.epoch), 'number', int(number), 'state',
        'granted')
    call('SADD', key('tenant', waiter.tenant, 'held'), lease.id)
    call('SADD', key('worker', worker_id, 'leases'), lease.id)
    call('ZADD', key('pending'), int(NOW + ACCEPT_MS), lease.id)
    call('ZADD', key('gateway', waiter.gateway, 'mail'), int(NOW), lease.id)
    call('HSET', key('waiter', waiter.id), 'state', 'granted', 'lease', lease.id, 'attempt', attempt)
    if worker.state == 'trial' then
        call('HSET', key('worker', worker_id), 'trial', lease.id)
    end
    index_worker(worker_id)
    take(waiter)
    if not below_cap(waiter.tenant) then
        index_tenant(waiter.tenant)
    end
    if waiter.id ~= own_waiter
        and call('PUBLISH', key('wake', waiter.gateway), grant_payload(lease, worker.address)) == 0 then
        mark(waiter.gateway, 'silent')
    end
end

local function later(item)
    call('SADD', key('todo'), item)
end

-- The eligible head with the smallest score of all selectors that fit a pool.
local function best_head(selectors)
    local best, best_selector
    for _, selector in ipairs(selectors) do
        local head = call('ZRANGE', key('selector', selector, 'eligible'), 0, 0, 'WITHSCORES')
        local score = tonumber(head[2])
        if score and (not best or score < best.score) then
            best, best_selector = { tenant = head[1], score = score }, selector
        end
    end
    if best then
        return call('ZRANGE', key('queue', best_selector, best.tenant), 0, 0)[1]
    end
end

local function dispatch_pool(pool)
    local selectors = nil
    while true do
        local worker = call('ZRANGE', key('pool', pool, 'free'), 0, 0)[1]
        if not worker then
            return
        end
        selectors = selectors or call('SMEMBERS', key('pool', pool, 'selectors'))
        local head = best_head(selectors)
        if not head then
            return
        end
        if grants_left == 0 or asides_left == 0 then
            return later('pool:' .. pool)
        end
        local waiter = waiter_row(head)
        if marked(waiter.gateway) then
            asides_left = asides_left - 1
            set_aside(waiter)
        else
            grants_left = grants_left - 1
            grant(worker, pool, waiter)
        end
    end
end

-- Best-fitting pools first, so that a waiter that finds several free takes the one it would choose.
local function dispatch_selector(selector)
    if call('EXISTS', key('selector', selector, 'eligible')) == 0 then
        return
    end
    for _, pool in ipairs(call('ZRANGE', key('selector', selector, 'pools'), 0, -1)) do
        dispatch_pool(pool)
    end
end

-- Looks at everything this call made possible. The one place dispatch starts from.
local function settle()
    if holding_off() then
        return
    end
    for tenant in pairs(wanted_tenants) do
        if below_cap(tenant) then
            for _, selector in ipairs(call('SMEMBERS', key('tenant', tenant, 'selectors'))) do
                wanted_selectors[selector] = true
            end
        end
    end
    for selector in pairs(wanted_selectors) do
        dispatch_selector(selector)
    end
    -- index_worker notes pools while grants are made; a copy keeps the walk defined.
    local pools = {}
    for pool in pairs(wanted_pools) do
        pools[#pools + 1] = pool
    end
    for _, pool in ipairs(pools) do
        dispatch_pool(pool)
    end
end
