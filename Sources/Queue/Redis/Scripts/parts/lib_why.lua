-- Why a waiter waits, for `place` and for `cancel` at the end of a wait.

-- Any living worker that takes clients, among the first looked at; where there are more, one is supposed to.
local function has_worker(pool)
    local slice = read('SSCAN', key('pool', pool, 'workers'), '0', 'COUNT', PROCESSES_A_CALL)
    for _, id in ipairs(slice[2]) do
        local worker = worker_row(id)
        if worker and not worker.draining and worker.state ~= 'quarantined' then
            return true
        end
    end
    return slice[1] ~= '0'
end

-- The pools that fit a waiter. Nobody waits for the selector of a new one, so the index may not have it.
--@seldom
local function fitting_pools(waiter)
    if waiter.state ~= 'new' then
        return pools_of(waiter.selector)
    end
    local pools = {}
    for _, pool in ipairs(read('HKEYS', key('pools'))) do
        if match(waiter.selector, pool) then
            pools[#pools + 1] = pool
        end
    end
    return pools
end

-- The first reason that applies to a waiter that was granted nothing.
--@seldom
local function why_waits(waiter)
    if holding_off() then
        return 'recovering'
    elseif not below_cap(waiter.tenant) then
        return 'tenant_cap'
    end
    local reason = 'no_worker'
    for _, pool in ipairs(fitting_pools(waiter)) do
        if paused(pool) then
            reason = 'paused'
        elseif has_worker(pool) then
            return 'capacity'
        end
    end
    return reason
end
