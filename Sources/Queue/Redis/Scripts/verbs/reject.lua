#!lua flags=allow-oom
-- reject: before the worker's proof either side ends a lease; the waiter goes back to its place.
-- KEYS  state
-- ARGV  caller header (5), kind (gateway|worker), lease, reason, flag (gateway: 1 when three distinct workers failed
--       it; worker: 1 when the slot is free there), slot, epoch and number the worker has for the slot (gateway: ''),
--       number of the connection (1 where left out)
-- Reply requeued | nobody_else (the waiter has ended) | detached (a borrowed or kept lease waits for its next
--       connection) | gone <why> (ended from outside) | ended | unknown | old
-- Cost  O(log n) and one dispatch; with the gateway's flag a look at the workers of the fitting pools (≤ 256).

local REASONS = { unreachable = true, occupied = true, stale = true, gone = true, failed = true, ['local'] = true }
local kind, id, reason, flag = ARGV[6], ARGV[7], ARGV[8], ARGV[9] == '1'
local stop = begin(process(kind))
if stop then
    return stop
end
if not id or not REASONS[reason] or (kind == 'worker' and not natural(ARGV[12])) then
    return header('bad')
end

local function another_gateway()
    for _, gateway in ipairs(read('ZRANGE', key('gateways'), 0, PROCESSES_A_CALL - 1)) do
        if gateway ~= caller.id and not marked(gateway) then
            return gateway
        end
    end
end

-- One gateway's claim: another one checks it, else the worker waits out its backoff. A gateway that blames a second
-- worker while its first claim stands is suspended at once, and blames nobody while it is: cut off from all, it must
-- not take them from the rest.
--@seldom
local function unreachable(worker)
    local doubted = worker.state == 'suspect' and worker.claimant ~= caller.id
    if (worker.state ~= 'ok' and worker.state ~= 'trial' and not doubted)
        or read('HGET', caller.record, 'mark') == 'claim' then
        return
    end
    local checker = another_gateway()
    local due = NOW
    if checker and worker.state == 'ok' then
        local before = worker_row(read('HGET', caller.record, 'claiming') or '')
        if before and before.state == 'suspect' and before.claimant == caller.id then
            return mark(caller.id, 'claim', worker.id)
        end
        write('HSET', caller.record, 'claiming', worker.id)
        set_worker(worker, 'suspect', caller.id)
    else
        worker.backoff = next_backoff(worker)
        due = NOW + worker.backoff
        set_worker(worker, 'quarantined')
    end
    write('ZADD', key('probes'), int(due), worker.id)
    index_worker(worker.id)
    if checker then
        read('PUBLISH', key('wake', checker), 'collect')
    end
end

-- What the reason says of the other side.
local function blame(lease)
    local worker = reason == 'unreachable' and worker_row(lease.worker)
    if worker then
        unreachable(worker)
    elseif reason == 'gone' and kind == 'worker' then
        mark(lease.gateway, 'gone')
    end
end

local function anybody_fits(selector)
    local looked = 0
    for _, pool in ipairs(pools_of(selector)) do
        for _, worker_id in ipairs(read('SMEMBERS', key('pool', pool, 'workers'))) do
            local other = worker_row(worker_id)
            looked = looked + 1
            local failed = not other or other.draining or other.state == 'quarantined'
                or (other.state == 'suspect' and other.claimant == caller.id)
            if not failed or looked == WORKERS_LOOKED_AT_MAX then
                return true
            end
        end
    end
    return false
end

if kind == 'worker' and reason == 'stale' then
    raise_seq(natural(ARGV[12]))
end
local lease = lease_row(id)

--@seldom
local function wait_for_next_dial()
    if lease.state ~= lease.back and lease.attach == (natural(ARGV[13]) or 1) then
        if lease.ending or (kind == 'worker' and reason == 'stale') then
            end_reserved(lease, 'verdict')
        else
            detach(lease)
        end
        blame(lease)
        settle()
    end
    return finish(lease_row(id) and 'detached' or 'ended')
end

local function standing()
    local waiter = waiter_row(string.match(id, '^(%x+)%.') or '')
    if waiter and waiter.why then
        return finish('gone', waiter.why)
    end
    return finish(waiter and 'requeued' or 'ended')
end
if not lease or (kind == 'gateway' and lease.gateway or lease.worker) ~= caller.id then
    return standing()
end
if lease.back ~= '' then
    return wait_for_next_dial()
end

local to_free = (kind == 'gateway' and reason == 'local') or (kind == 'worker' and reason == 'stale' and flag)
local s = end_lease(lease, 'verdict', to_free and 'free' or 'recycling')
if kind == 'gateway' and not to_free then
    tell_recycle(s)
end
blame(lease)

local waiter = kind == 'gateway' and flag and waiter_row(lease.waiter)
if waiter and not anybody_fits(waiter.selector) then
    waiter.state = 'ended'
    let_go(waiter)
    settle()
    return finish('nobody_else')
end
requeue(lease)
settle()
return standing()
