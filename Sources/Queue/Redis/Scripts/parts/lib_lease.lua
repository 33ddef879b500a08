-- Leases: how they end, and what becomes of slot, tenant and waiter. A lease is its slot's row.

-- The lease with that id, if the caller's slot has it.
local function own_lease(id, slot)
    local s = slot and slot_row(caller.id, slot)
    return s and s.lease and s.lease.id == id and s.lease or nil
end

-- The lease of a slot, by the slot's name; nil if it has none.
local function lease_at(place)
    local worker, slot = string.match(place, '^(.*)/(%d+)$')
    local s = worker and slot_row(worker, slot)
    return s and s.lease
end

-- The lease with that id. Its waiter's record names the slot.
local function lease_row(id)
    local waiter = waiter_row(string.sub(id, 1, 32))
    local lease = waiter and lease_at(waiter.place)
    return lease and lease.id == id and lease or nil
end

local function change_lease(lease)
    change_row(lease.at)
end

-- A lease that must end is ended by its worker, which is told at once, and at each renew until the lease is gone.
-- `reason` is one word.
local function mark_ending(lease, reason)
    lease.ending = lease.ending or reason
    change_lease(lease)
    read('PUBLISH', key('control', lease.worker), table.concat({ 'close', lease.id, lease.ending }, ' '))
end

-- Gives a slot to a lease, and adds the slot to what its tenant holds.
local function occupy(s, lease)
    lease.at, lease.worker, lease.slot, lease.pool = s, s.worker, s.slot, s.pool
    lease.epoch, lease.number = s.epoch, s.number
    s.state, s.lease = 'leased', lease
    change_row(s)
    map_changed(s)
    add_held(lease.tenant, place_of(s))
end

-- Ends a lease: the tenant's place is free at once, the slot goes to `slot_state` (free or recycling).
local function end_lease(lease, how, slot_state)
    local s, tenant = lease.at, lease.tenant
    local limits, held = limits_of(tenant), held_by(tenant)
    remove_held(tenant, place_of(s))
    if lease.state ~= 'accepted' then
        write('ZREM', key('due'), place_of(s))
        if lease.gateway ~= '' then
            write('ZREM', key('gateway', lease.gateway, 'mail'), letter_of(lease))
        end
    end
    move_slot(s, slot_state, how)
    local worker = worker_row(lease.worker)
    if worker and worker.trial == lease.id then
        worker.trial = ''
        change_row(worker)
    end
    if s.state == 'free' then
        offer(s.worker)
    elseif worker and has_free(worker) then
        index_worker(s.worker)
    end
    -- If the tenant was below its cap, and the number of its leases is no part of its score, its place in the index stays.
    if held >= limits.cap or limits.fair or limits.guarantee > 0 then
        index_tenant(tenant)
        wanted_tenants[tenant] = true
    end
    if held_by(tenant) == 0 then
        forget_tenant(tenant)
    end
    return s
end

--@seldom
local function let_go(waiter, why)
    if why then
        dismiss(waiter, why)
    else
        end_waiter(waiter)
    end
end

-- A waiter whose lease came to nothing goes back to its place, unless its gateway is gone or it was to end.
local function requeue(lease)
    local waiter = waiter_row(lease.waiter)
    if not waiter or waiter.lease ~= lease.id then
        return waiter
    end
    if lease.ending or not alive(waiter.gateway) then
        let_go(waiter, lease.ending)
        return nil
    end
    write('ZADD', key('gateway', waiter.gateway, 'waiters'), 0, waiter.id)
    put(waiter)
    return waiter
end

-- The waiter of a lease that was, or may have been, a session: nobody waits for it any more.
local function forget_waiter(lease)
    local waiter = waiter_row(lease.waiter)
    if waiter and (waiter.lease == lease.id or waiter.state == 'accepted') then
        end_waiter(waiter)
    end
end

-- Nobody is connected to it and its slot stays its own: `reserved` before its first client, `kept` after one that
-- dropped, `attaching` while a gateway dials for the next one. Each has a deadline in `due`.
local function hold(lease, state, deadline)
    lease.state, lease.back, lease.deadline = state, state, deadline
    change_lease(lease)
    write('ZADD', key('due'), int(deadline), place_of(lease))
end

local function keep_lease(lease)
    hold(lease, 'kept', NOW + lease.keep * 1000)
end

-- A dial for a held lease came to nothing: it waits for the next one, at least as long as a dial may take.
local function detach(lease)
    lease.state = lease.back
    change_lease(lease)
    write('ZADD', key('due'), int(math.max(lease.deadline, NOW + ACCEPT_DEADLINE_MS)), place_of(lease))
end

-- A borrowed lease that nobody came for, or that never will be served.
local function end_reserved(lease, how)
    tell_recycle(end_lease(lease, how, 'recycling'))
    forget_waiter(lease)
end

-- A kept lease is its worker's to end, by whatever word.
local function end_kept(lease, why)
    lease.state = 'accepted'
    write('ZREM', key('due'), place_of(lease))
    mark_ending(lease, why)
end

-- A lease that its worker does not hold, or whose worker is gone. One that was accepted may have been served: its
-- waiter ends, unless the worker itself says so (`back`): then only a lost verdict or release left it here, and a
-- waiter too many is answered by its gateway's cancel, while one too few would wait for ever. Nobody waits for one that
-- was borrowed or kept.
local function drop_lease(lease, back)
    end_lease(lease, 'time', 'recycling')
    if lease.state == 'granted' or (back and lease.state == 'accepted' and lease.back == '') then
        requeue(lease)
    else
        forget_waiter(lease)
    end
end

-- A lease that a worker holds and Redis lacks, has pending, or ended by time: it becomes accepted, over the cap if
-- need be (then marked `over`), and its waiter leaves the queue and any other pending lease. A strict worker is told to
-- close it instead, but in a hold-off: what Redis lost was within the cap when it was granted.
local function adopt(worker, s, id, tenant, epoch, number, extra)
    local waiter_id = string.sub(id, 1, 32)
    -- After a lost grant the same lease may stand at another slot.
    local twin = lease_row(id)
    if twin then
        tell_recycle(end_lease(twin, 'verdict', 'recycling'))
    end
    local waiter = waiter_row(waiter_id)
    if waiter then
        if waiter.state == 'granted' and waiter.lease ~= id then
            local other = lease_row(waiter.lease)
            if other then
                tell_recycle(end_lease(other, 'verdict', 'recycling'))
            end
        else
            leave_line(waiter)
        end
        set_waiter(waiter, 'accepted', id, place_of(s))
        write('ZREM', key('gateway', waiter.gateway, 'waiters'), waiter.id)
    end
    local over = below_cap(tenant) and 0 or 1
    s.epoch, s.number = epoch, number
    if over == 1 and not holding_off() and read('HGET', key('worker', worker, 'more'), 'caps') == 'strict' then
        move_slot(s, 'recycling', 'verdict')
        if waiter then
            end_waiter(waiter)
        end
        return table.concat({ 'close', id, 'cap' }, ' ')
    end
    if not waiter then
        -- The lease is found by this record. The ticket is lost. With ticket 0, a later end of its run or tenant includes it.
        waiter = new_waiter({ id = waiter_id, tenant = tenant, selector = '', gateway = '', ticket = 0, score = 0,
            attempt = tonumber(string.match(id, '%.(%d+)$')), keep = extra.keep, run = extra.run, alias = '' })
        set_waiter(waiter, 'accepted', id, place_of(s))
        if extra.run ~= '' then
            write('ZADD', key('tenant', tenant, 'run', extra.run), 0, waiter_id)
        end
    end
    occupy(s, { id = id, waiter = waiter_id, tenant = tenant, gateway = waiter.gateway, state = 'accepted', over = over,
        cap = limits_of(tenant).cap, attach = extra.attach, keep = extra.keep, deadline = 0, since = extra.since, back = '',
        ending = waiter.why, attachment = '' })
    index_worker(worker)
    index_tenant(tenant)
end

-- Counts a session of a worker that ends after so many sessions, and ends a worker's trial.
--@seldom
local function note_service(worker)
    if worker.state == 'trial' then
        worker.backoff = 0
        set_worker(worker, 'ok')
    end
    if worker.lifetime > 0 then
        worker.served = worker.served + 1
        change_row(worker)
    end
    index_worker(worker.id)
end

-- The worker has it: nothing is pending any more. A session begins with its first accept, at `since` if its worker says
-- so, else now.
local function accept_lease(lease, since)
    lease.state = 'accepted'
    lease.since = lease.since > 0 and lease.since or since or NOW
    change_lease(lease)
    write('ZREM', key('due'), place_of(lease))
    if lease.gateway ~= '' then
        write('ZREM', key('gateway', lease.gateway, 'mail'), letter_of(lease))
        write('ZREM', key('gateway', lease.gateway, 'waiters'), lease.waiter)
    end
    local waiter = waiter_row(lease.waiter)
    if waiter then
        set_waiter(waiter, 'accepted', waiter.lease, waiter.place)
    end
    local worker = worker_row(lease.worker)
    if worker.state == 'trial' or worker.lifetime > 0 then
        note_service(worker)
    end
end
