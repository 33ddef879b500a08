#!lua flags=allow-oom
-- sweep: what time alone decides, and what a bounded call left in `todo`. Run by whoever finds it due.
-- KEYS  state
-- ARGV  caller header (5), kind
-- Reply ok <what was past its deadline: granted, attaching, reserved or kept of a lease, gateway or worker> ... | unknown | old
-- Cost  at most 32 dispatches, 128 ends, 128 set aside; call again while a flag says `more to do` or `sweep due`.

local stop = begin(ARGV[6])
if stop then
    return stop
end

if holding_off() and NOW >= meta.holdOff then
    meta.holdOff = 0
    for _, pool in ipairs(read('HKEYS', key('pools'))) do
        later('pool:' .. pool)
    end
end

local swept = {}

-- Does what was found due, one by one; most sweeps find nothing. `set` is where it was found.
--@seldom
local function work_off(set, found)
    -- The set can be wrong. Decide by the row of the slot. The row of a borrowed or kept slot has the deadline too.
    local function due(place)
        ends_left = ends_left - 1
        local lease = lease_at(place)
        if not lease or lease.state == 'accepted' then
            write('ZREM', key('due'), place)
            return
        elseif lease.state == lease.back and lease.deadline > NOW then
            write('ZADD', key('due'), int(lease.deadline), place)
            return
        end
        swept[#swept + 1] = lease.state
        if lease.state == 'granted' then
            tell_recycle(end_lease(lease, 'time', 'recycling'))
            mark(lease.gateway, 'deadline')
            requeue(lease)
        elseif lease.state == 'attaching' then
            mark(lease.gateway, 'deadline')
            if not lease.ending then
                detach(lease)
            elseif lease.back == 'kept' then
                end_kept(lease, lease.ending)
            else
                end_reserved(lease, 'verdict')
            end
        elseif lease.state == 'reserved' then
            end_reserved(lease, 'time')
        else
            end_kept(lease, 'keep')
        end
    end

    -- The ticket of an alias whose waiter ended with its gateway, and did not come back.
    local function orphan_gone(name)
        local tenant, alias = string.match(name, '^([^:]+):(.*)$')
        write('ZREM', key('orphans'), name)
        write('HDEL', key('tenant', tenant, 'aliases'), alias)
    end

    local function gateway_gone(id)
        swept[#swept + 1] = 'gateway'
        end_gateway(id)
    end

    local function worker_gone(id)
        swept[#swept + 1] = 'worker'
        end_worker(id)
    end

    local work = { due = due, orphans = orphan_gone, gateways = gateway_gone, workers = worker_gone,
        idle = unlink_selector, todo = continue }
    for _, one in ipairs(found) do
        work[set](one)
    end
end

-- Whose time is over, as many as this call may end; where that are not all, the next sweep is due at once.
local function finish_overdue(set, most)
    local found = read('ZRANGE', key(set), '-inf', int(NOW), 'BYSCORE', 'LIMIT', 0, most)
    if #found == most then
        meta.nextSweep = NOW
    end
    if #found > 0 then
        work_off(set, found)
    end
end

-- After a clock that stepped back, a deadline further off than its full span counts from now. `least` is the shortest
-- span in the set, `span_of` an entry's own. The slice moves on with time: some stand further off by right, and would
-- hide others behind them.
local function pull_in(set, least, span_of)
    local beyond = '(' .. int(NOW + least)
    local count = read('ZCOUNT', key(set), beyond, '+inf')
    local first = count > DEADLINES_A_CALL and math.floor(NOW / SWEEP_MS) * DEADLINES_A_CALL % count or 0
    local late = read('ZRANGE', key(set), beyond, '+inf', 'BYSCORE', 'LIMIT', first, DEADLINES_A_CALL, 'WITHSCORES')
    for i = 1, #late, 2 do
        local span = span_of and span_of(late[i]) or least
        if tonumber(late[i + 1]) > NOW + span then
            write('ZADD', key(set), int(NOW + span), late[i])
        end
    end
end

local function span_of_due(place)
    local lease = lease_at(place)
    if not lease or lease.state ~= lease.back then
        return nil
    end
    local span = lease.state == 'reserved' and RESERVE_MS or lease.keep * 1000
    if lease.deadline > NOW + span then
        lease.deadline = NOW + span
        change_lease(lease)
    end
    return span
end

-- A claim is checked and a newcomer probed at once; those in quarantine wait out their backoff.
local function span_of_probe(id)
    local worker = worker_row(id)
    return worker and math.max(worker.backoff, PROBE_LOAN_MS)
end

local is_due = NOW >= meta.nextSweep
if is_due then
    meta.nextSweep = NOW + SWEEP_MS
    if not holding_off() and not repair_keys() then
        changed_rows = {}
        meta.more = 1
        return finish('ok')
    end
    pull_in('due', ACCEPT_DEADLINE_MS, span_of_due)
    pull_in('orphans', ORPHAN_MS)
    pull_in('workers', PROCESS_TTL_MS)
    pull_in('gateways', PROCESS_TTL_MS)
    pull_in('probes', PROBE_LOAN_MS, span_of_probe)
end
if is_due and not holding_off() then
    if NOW >= meta.grace then
        finish_overdue('due', ends_left)
        finish_overdue('orphans', ORPHANS_A_CALL)
        finish_overdue('gateways', PROCESSES_A_CALL)
        finish_overdue('workers', PROCESSES_A_CALL)
        forget_usage()
    end
    retire_settings()
    forget_settings()
    local unused = int(NOW - SELECTOR_IDLE_MS)
    local idle = read('ZRANGE', key('idle'), '-inf', unused, 'BYSCORE', 'LIMIT', 0, SELECTORS_A_CALL)
    if #idle > 0 then
        work_off('idle', idle)
    end
end

-- If a sweep died, the items that it had taken are done once more.
local function take_over()
    for _, item in ipairs(read('SMEMBERS', key('doing'))) do
        if string.sub(item, 1, 6) ~= 'again:' then
            later('again:' .. item)
        end
        write('SREM', key('doing'), item)
    end
end

if not holding_off() then
    take_over()
    local items = read('SRANDMEMBER', key('todo'), ITEMS_A_CALL)
    if #items > 0 then
        write('SADD', key('doing'), unpack(items))
        write('SREM', key('todo'), unpack(items))
        work_off('todo', items)
        write('DEL', key('doing'))
    end
    settle()
end
-- `more` is a hint. Each sweep sets it anew from `todo`.
meta.more = read('EXISTS', key('todo'))
return finish('ok', unpack(swept))
