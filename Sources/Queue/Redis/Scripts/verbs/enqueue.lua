#!lua
-- enqueue: a waiter joins the queue, and is granted at once where a fitting slot is free.
-- KEYS  state
-- ARGV  caller header (5), waiter, tenant, selector, head start seconds, run, wait (1, or 0: refuse instead of
--       queueing), old ticket ('' for a new one), attempts so far, alias ('' or left out: none), seconds that its slot
--       is kept after a dropped socket (0 where left out)
-- Reply queued <ticket> | granted <ticket> <payload> | gone <why> (ended from outside) | refused <code> [detail ...]
--       | unknown | old
-- Cost  O(log n) and one look at each fitting pool; never grows with waiters.

local id, tenant, selector, head_start = ARGV[6], ARGV[7], ARGV[8], natural(ARGV[9])
local run, may_wait, old_ticket, attempt = ARGV[10], ARGV[11] == '1', ARGV[12], natural(ARGV[13])
local alias, keep = ARGV[14] or '', natural(ARGV[15] or '0')

local stop = begin('gateway', nil, key('waiter', id or ''), key('limits', tenant or ''), key('limits', '*'))
if stop then
    return stop
end
if not string.find(id or '', '^[0-9a-f]+$') or #id ~= 32 or not is_name(tenant) or not selector
    or not head_start or not is_run(run) or not attempt or (old_ticket ~= '' and not natural(old_ticket))
    or (alias ~= '' and not is_name(alias)) or not keep or keep > KEEP_SECONDS_MAX then
    return header('bad')
end

--@seldom
local function granted_to(waiter)
    local lease = lease_row(waiter.lease)
    local worker = lease and worker_row(lease.worker)
    return worker and grant_payload(lease, worker.address)
end

local function answer(waiter)
    if waiter.why then
        return finish('gone', waiter.why)
    end
    local payload = (waiter.state == 'granted' or waiter.state == 'accepted') and granted_to(waiter)
    if payload then
        return finish('granted', int(waiter.ticket), payload)
    end
    return finish('queued', int(waiter.ticket))
end

-- A gateway asks again after a lost reply, or because Redis does not list the waiter.
local here = waiter_row(id)
if here then
    own_waiter = id
    repair_waiter(here)
    settle()
    return answer(here)
end

-- Nobody serves it: pools that fit and were served in the last 10 minutes; a label that was ever declared may wait, and
-- one that scales from zero.
--@seldom
local function refusal()
    local fitting, fresh, versions, other = 0, 0, {}, 0
    local pools = read('HGETALL', key('pools'))
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
    if (fitting > 0 and (fresh > 0 or other == 0)) or fits_zero(selector) then
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

local function is_served()
    for _, pool in ipairs(pools_of(selector)) do
        if read('EXISTS', key('pool', pool, 'workers')) == 1 then
            return true
        end
    end
    return false
end

-- Nobody hears the gateway's wake channel. In a cluster it is listened to at the node of these keys.
local function deaf(gateway)
    return read('PUBLISH', key('wake', gateway), 'collect') == 0
end

-- Whoever has the alias keeps it while it lives. A ticket whose waiter ended with its gateway, or waits at one that is
-- gone but for the word of its TTL, goes to whoever comes with the alias. Returns false where it is taken, else that
-- ticket, and the waiter that must go.
local aliases = key('tenant', tenant, 'aliases')
--@seldom
local function claim_alias()
    local taken = read('HGET', aliases, alias)
    local orphaned = taken and string.match(taken, '^%-(%d+)$') or nil
    local elder = taken and not orphaned and waiter_row(taken)
    if not elder then
        return orphaned
    end
    local waits = elder.state == 'queued' or elder.state == 'aside' or elder.state == 'granted'
    if not waits or (alive(elder.gateway) and not deaf(elder.gateway)) then
        return false
    end
    return elder.ticket, elder
end
local inherited, elder, kept
if alias ~= '' then
    inherited, elder = claim_alias()
    kept = inherited and read('ZSCORE', key('orphans'), tenant .. ':' .. alias) or int(NOW + ORPHAN_MS)
end
if inherited == false then
    return finish('refused', 'alias_taken')
elseif inherited and old_ticket == '' then
    old_ticket, attempt = inherited, 0
end

local limits = limits_of(tenant)
local waits_in, waiting, is_new = read('SMEMBERS', key('tenant', tenant, 'selectors')), 0, true
for _, other in ipairs(waits_in) do
    waiting = waiting + read('ZCARD', key('queue', other, tenant))
    is_new = is_new and other ~= selector
end
-- A selector in which the tenant waits was checked before.
if is_new and not is_selector(selector) then
    return header('bad')
end
-- A selector that nobody waits in makes room for a new one before its ten seconds are over.
local crowded = is_new and read('SISMEMBER', key('selectors'), selector) == 0 and read('SCARD', key('selectors')) >= SELECTORS_MAX
local unused = crowded and read('ZRANGE', key('idle'), '0', '0')[1]
local returning, full = old_ticket ~= '', nil
if not holding_off() and not returning then
    local why = not is_served() and refusal()
    if why then
        return finish('refused', unpack(why))
    end
    if waiting >= limits.queueMax then
        full = { 'tenant_queue_full', int(limits.queueMax) }
    elseif read('ZCARD', key('line')) >= limits.lineMax then
        full = { 'queue_full', int(limits.lineMax) }
    end
    if may_wait and full and not below_cap(tenant) then
        return finish('refused', unpack(full))
    end
end
if is_new and (#waits_in >= SELECTORS_PER_TENANT_MAX or (crowded and not unused)) then
    return finish('refused', 'too_many_selectors')
end

if unused then
    unlink_selector(unused)
end
--@seldom
local function displace()
    local lease = elder.lease ~= '' and lease_row(elder.lease)
    if lease then
        tell_recycle(end_lease(lease, 'verdict', 'recycling'))
    end
    dismiss(elder, 'alias')
end
if elder then
    displace()
end
local ticket = tonumber(old_ticket) or math.max(NOW_US, meta.lastTicket + 1)
meta.lastTicket = math.max(meta.lastTicket, ticket)
local score = ticket - math.min(math.max(head_start, 0), limits.priorityMax) * 1000000
local waiter = new_waiter({ id = id, tenant = tenant, selector = selector, gateway = caller.id, ticket = ticket,
    score = score, attempt = attempt, run = run, alias = alias, keep = keep })
write('ZADD', key('gateway', caller.id, 'waiters'), 0, id)
if alias ~= '' then
    write('HSET', aliases, alias, id)
    write('ZREM', key('orphans'), tenant .. ':' .. alias)
end
if run ~= '' then
    write('ZADD', key('tenant', tenant, 'run', run), int(ticket), id)
end
-- If an older waiter of this tenant and selector waits, no index changes and there is nothing to grant, because any slot
-- that fits would go to the older waiter.
local head = not is_new and may_wait and not full and read('ZRANGE', key('queue', selector, tenant), '0', '0', 'WITHSCORES')
if head and head[1] and tonumber(head[2]) < score then
    stand(waiter)
    return answer(waiter)
end
own_waiter = id
put(waiter)
settle()
if (full or not may_wait) and (waiter.state == 'queued' or waiter.state == 'aside') then
    if inherited then
        -- Whoever will not wait leaves the ticket as it was.
        orphan(waiter, kept)
    end
    let_go(waiter)
    if may_wait then
        return finish('refused', unpack(full))
    end
    return finish('refused', 'would_wait')
end
return answer(waiter)
