-- Leases: how they end, and what becomes of slot, tenant and waiter.

local function lease_row(id)
    local row = read('HMGET', key('lease', id), 'waiter', 'tenant', 'gateway', 'worker', 'slot', 'pool', 'epoch',
        'number', 'state', 'ending', 'attach', 'back', 'deadline', 'keep', 'run', 'since')
    if not row[1] then
        return nil
    end
    local ending, attach, back, deadline, keep, run, since = unpack(row, 10)
    return { id = id, waiter = row[1], tenant = row[2], gateway = row[3], worker = row[4], slot = row[5],
        pool = row[6], epoch = tonumber(row[7]), number = tonumber(row[8]), state = row[9],
        ending = ending or nil, attach = tonumber(attach or 1), back = back or '', deadline = tonumber(deadline or 0),
        keep = tonumber(keep or 0), run = run or '', since = since or nil }
end

-- A lease that must end is ended by its worker, which is told at once, and at each renew until the lease is gone.
-- `reason` is one word.
local function mark_ending(lease, reason)
    lease.ending = lease.ending or reason
    write('HSET', key('lease', lease.id), 'ending', lease.ending)
    read('PUBLISH', key('control', lease.worker), table.concat({ 'close', lease.id, lease.ending }, ' '))
end

-- A call that dies midway may leave neither lease nor slot to find its waiter and tenant by.
local function note_lease(waiter, tenant)
    note(table.concat({ 'mend', waiter, tenant }, ':'))
end

-- Ends a lease: the tenant's place is free at once, the slot goes to `slot_state` (free or recycling).
local function end_lease(lease, how, slot_state)
    note_lease(lease.waiter, lease.tenant)
    remove_held(lease.tenant, lease.id)
    write('ZREM', key('pending'), lease.id)
    if lease.gateway ~= '' then
        write('ZREM', key('gateway', lease.gateway, 'mail'), lease.id)
    end
    if lease.run ~= '' then
        write('ZREM', key('tenant', lease.tenant, 'run', lease.run), lease.id)
    end
    write('DEL', key('lease', lease.id))
    write('SREM', key('worker', lease.worker, 'leases'), lease.id)
    local s = slot_row(lease.worker, lease.slot)
    if s and s.lease == lease.id then
        move_slot(s, slot_state, '-', how)
    end
    local worker = worker_row(lease.worker)
    if worker and worker.trial == lease.id then
        change_worker('HSET', lease.worker, 'trial', '')
    end
    index_worker(lease.worker)
    index_tenant(lease.tenant)
    forget_tenant(lease.tenant)
    wanted_tenants[lease.tenant] = true
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
-- dropped, `attaching` while a gateway dials for the next one. Each has a deadline in `pending`.
local function hold(lease, state, deadline)
    lease.state, lease.deadline = state, deadline
    write('HSET', key('lease', lease.id), 'state', state, 'back', state, 'deadline', int(deadline))
    write('ZADD', key('pending'), int(deadline), lease.id)
end

local function keep_lease(lease)
    hold(lease, 'kept', NOW + lease.keep * 1000)
end

-- A dial for a held lease came to nothing: it waits for the next one, at least as long as a dial may take.
local function detach(lease)
    write('HSET', key('lease', lease.id), 'state', lease.back)
    write('ZADD', key('pending'), int(math.max(lease.deadline, NOW + ACCEPT_DEADLINE_MS)), lease.id)
end

-- A borrowed lease that nobody came for, or that never will be served.
local function end_reserved(lease, how)
    tell_recycle(end_lease(lease, how, 'recycling'))
    forget_waiter(lease)
end

-- A kept lease is its worker's to end, by whatever word.
local function end_kept(lease, why)
    write('HSET', key('lease', lease.id), 'state', 'accepted')
    write('ZREM', key('pending'), lease.id)
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
    note_lease(string.match(id, '^%x+'), tenant)
    -- After a lost grant the same lease may stand at another slot.
    local twin = lease_row(id)
    if twin then
        tell_recycle(end_lease(twin, 'verdict', 'recycling'))
    end
    local waiter = waiter_row(string.match(id, '^(%x+)%.'))
    local gateway = ''
    if waiter then
        gateway = waiter.gateway
        if waiter.state == 'granted' and waiter.lease ~= id then
            local other = lease_row(waiter.lease)
            if other then
                tell_recycle(end_lease(other, 'verdict', 'recycling'))
            end
        else
            leave_line(waiter)
        end
        set_waiter(waiter, 'accepted', id)
        write('ZREM', key('gateway', gateway, 'waiters'), waiter.id)
    end
    local over = below_cap(tenant) and '0' or '1'
    s.epoch, s.number = epoch, number
    if over == '1' and not holding_off() and read('HGET', key('worker', worker), 'caps') == 'strict' then
        move_slot(s, 'recycling', '-', 'verdict')
        if waiter then
            end_waiter(waiter)
        end
        return table.concat({ 'close', id, 'cap' }, ' ')
    end
    move_slot(s, 'leased', id)
    write('HSET', key('lease', id), 'waiter', string.match(id, '^(%x+)%.'), 'tenant', tenant, 'gateway', gateway,
        'worker', worker, 'slot', s.slot, 'pool', s.pool, 'epoch', int(epoch), 'number', int(number), 'state',
        'accepted', 'over', over, 'cap', int(limits_of(tenant).cap), 'attach', extra.attach, 'keep', extra.keep,
        'since', extra.since)
    if waiter and waiter.why then
        write('HSET', key('lease', id), 'ending', waiter.why)
    end
    if extra.run ~= '' and not waiter then
        -- Its arrival is forgotten: a run's end covers it whenever that is asked.
        write('HSET', key('lease', id), 'run', extra.run)
        write('ZADD', key('tenant', tenant, 'run', extra.run), 0, id)
    end
    add_held(tenant, id)
    write('SADD', key('worker', worker, 'leases'), id)
    index_worker(worker)
    index_tenant(tenant)
end

-- The worker has it: nothing is pending any more. A session begins with its first accept, at `since` if its worker says
-- so, else now.
local function accept_lease(lease, since)
    write('HSET', key('lease', lease.id), 'state', 'accepted', 'since', lease.since or since or int(NOW))
    write('ZREM', key('pending'), lease.id)
    if lease.gateway ~= '' then
        write('ZREM', key('gateway', lease.gateway, 'mail'), lease.id)
        write('ZREM', key('gateway', lease.gateway, 'waiters'), lease.waiter)
    end
    local waiter = waiter_row(lease.waiter)
    if waiter then
        set_waiter(waiter, 'accepted', waiter.lease)
    end
    local worker = worker_row(lease.worker)
    if worker.state == 'trial' then
        change_worker('HSET', lease.worker, 'state', 'ok', 'trial', '', 'backoff', '0')
    end
    if worker.lifetime > 0 then
        change_worker('HINCRBY', lease.worker, 'served', 1)
    end
    if worker.state == 'trial' or worker.lifetime > 0 then
        index_worker(lease.worker)
    end
end
