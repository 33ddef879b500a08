#!lua
-- enqueue: a waiter joins the queue, and is granted at once where a fitting slot is free.
-- KEYS  meta
-- ARGV  caller header (5), waiter, tenant, selector, head start seconds, run, wait (1, or 0: refuse instead of
--       queueing), old ticket ('' for a new one), attempts so far
-- Reply queued <ticket> | granted <ticket> <payload> | refused <code> [detail ...] | unknown | old
-- Cost  O(log n) and one look at each fitting pool; never grows with waiters.

local id, tenant, selector, head_start = ARGV[6], ARGV[7], ARGV[8], natural(ARGV[9])
local run, may_wait, old_ticket, attempt = ARGV[10], ARGV[11] == '1', ARGV[12], natural(ARGV[13])

local stop = begin('gateway')
if stop then
    return stop
end
if not string.find(id or '', '^[0-9a-f]+$') or #id ~= 32 or not is_name(tenant) or not is_selector(selector)
    or not head_start or #run > RUN_BYTES_MAX or not attempt or (old_ticket ~= '' and not natural(old_ticket)) then
    return header('bad')
end

local function answer()
    local waiter = waiter_row(id)
    if waiter.state == 'granted' or waiter.state == 'accepted' then
        local lease = lease_row(waiter.lease)
        local address = call('HGET', key('worker', lease.worker), 'address')
        return finish('granted', waiter.ticket, grant_payload(lease, address))
    end
    return finish('queued', waiter.ticket)
end

if call('EXISTS', key('waiter', id)) == 1 then
    return answer()
end

-- Pools that fit and were served in the last 10 minutes; a label that was ever declared may wait.
local function refusal()
    for _, pool in ipairs(call('ZRANGE', key('selector', selector, 'pools'), 0, -1)) do
        if call('EXISTS', key('pool', pool, 'workers')) == 1 then
            return nil
        end
    end
    local fitting, fresh, versions, other = 0, 0, {}, 0
    local pools = call('HGETALL', key('pools'))
    for i = 1, #pools, 2 do
        local recent = NOW - tonumber(pools[i + 1]) < VERSION_MEMORY_MS
        if match(selector, pools[i]) then
            fitting = fitting + 1
            fresh = fresh + (recent and 1 or 0)
        elseif recent and match(selector, pools[i], true) then
            local _, _, version = parts(pools[i])
            if not versions[version] then
                other = other + 1
                versions[version] = true
            end
        end
    end
    if fitting > 0 and (fresh > 0 or other == 0) then
        return nil
    end
    local names = {}
    for version in pairs(versions) do
        names[#names + 1] = version
    end
    if #names == 0 then
        return { 'unknown_pool' }
    end
    table.sort(names)
    return { 'version_mismatch', table.concat(names, ' ') }
end

local known = call('SISMEMBER', key('selectors'), selector) == 1
-- A selector that nobody waits in makes room for a new one before its ten seconds are over.
local crowded = not known and call('SCARD', key('selectors')) >= SELECTORS_MAX
local unused = crowded and call('ZRANGE', key('idle'), 0, 0)[1]
local limits = limits_of(tenant)
local returning, full = old_ticket ~= '', false
if not holding_off() and not returning then
    local why = refusal()
    if why then
        return finish('refused', unpack(why))
    end
    local waiting = 0
    for _, other in ipairs(call('SMEMBERS', key('tenant', tenant, 'selectors'))) do
        waiting = waiting + call('ZCARD', key('queue', other, tenant))
    end
    full = waiting >= limits.queueMax
    if may_wait and full and not below_cap(tenant) then
        return finish('refused', 'tenant_queue_full', int(limits.queueMax))
    end
    if call('ZCARD', key('line')) >= WAITERS_MAX then
        return finish('refused', 'queue_full')
    end
end
if call('SISMEMBER', key('tenant', tenant, 'selectors'), selector) == 0
    and (call('SCARD', key('tenant', tenant, 'selectors')) >= SELECTORS_PER_TENANT_MAX
        or (crowded and not unused)) then
    return finish('refused', 'too_many_selectors')
end

if unused then
    unlink_selector(unused)
end
local ticket = tonumber(old_ticket) or math.max(NOW_US, meta.lastTicket + 1)
meta.lastTicket = math.max(meta.lastTicket, ticket)
local score = ticket - math.min(math.max(head_start, 0), limits.priorityMax) * 1000000
local waiter = { id = id, tenant = tenant, selector = selector, gateway = caller.id, ticket = int(ticket),
    score = int(score), state = 'queued', lease = '', attempt = attempt }
call('HSET', key('waiter', id), 'tenant', tenant, 'selector', selector, 'gateway', caller.id, 'ticket', waiter.ticket,
    'score', waiter.score, 'state', 'queued', 'lease', '', 'attempt', attempt, 'run', run)
call('ZADD', key('gateway', caller.id, 'waiters'), 0, id)
own_waiter = id
put(waiter)
settle()
waiter = waiter_row(id)
if (full or not may_wait) and (waiter.state == 'queued' or waiter.state == 'aside') then
    end_waiter(waiter)
    if may_wait then
        return finish('refused', 'tenant_queue_full', int(limits.queueMax))
    end
    return finish('refused', 'would_wait')
end
return answer()
