-- Repair: what is derived from rows is compared with them all the time, and written again where it differs. A worker's renew
-- does so for its slots, a gateway's renew for a slice of its waiters, and each sweep for the next keys of the fleet (lib_keys).
-- So a difference heals, whatever its cause: a call that died midway, half of a call that Redis executes at a later restart
-- (Valkey's pull request 4342), a key that a person changed. Rows themselves are written by one command at the end of a call.

-- The names by which others find a waiter. Those of a waiter that is to end were deleted.
local function name_again(waiter)
    if waiter.run ~= '' then
        write('ZADD', key('tenant', waiter.tenant, 'run', waiter.run), int(waiter.ticket), waiter.id)
    end
    if waiter.alias ~= '' then
        write('HSETNX', key('tenant', waiter.tenant, 'aliases'), waiter.alias, waiter.id)
    end
end

-- A waiter with a lease is in no queue. Its gateway has it while the worker has not accepted it.
local function repair_granted(waiter, lease)
    if read('ZSCORE', key('queue', waiter.selector, waiter.tenant), waiter.id) then
        take(waiter)
    end
    write('ZREM', key('line'), waiter.id)
    leave_aside(waiter)
    if lease.state == 'granted' then
        write('ZADD', key('gateway', waiter.gateway, 'waiters'), 0, waiter.id)
        write('ZADD', key('gateway', waiter.gateway, 'mail'), 'NX', int(NOW), letter_of(lease))
    elseif waiter.gateway ~= '' then
        write('ZREM', key('gateway', waiter.gateway, 'waiters'), waiter.id)
        write('ZREM', key('gateway', waiter.gateway, 'mail'), letter_of(lease))
    end
    if not lease.ending then
        name_again(waiter)
    end
end

-- Puts a waiter where its row says that it is.
--@seldom
local function repair_waiter(waiter)
    local known, ended = known_process('gateway', waiter.gateway)
    local lease = waiter.lease ~= '' and lease_row(waiter.lease)
    if ended then
        -- An item of `todo` ends the gateway, and its waiters with it.
        return
    elseif lease then
        return repair_granted(waiter, lease)
    elseif not known then
        waiter.state = 'queued'
        leave_aside(waiter)
        end_waiter(waiter)
        return
    end
    write('ZADD', key('gateway', waiter.gateway, 'waiters'), 0, waiter.id)
    if waiter.state == 'ended' then
        take(waiter)
        leave_aside(waiter)
        if not read('ZSCORE', key('gateway', waiter.gateway, 'mail'), table.concat({ 'ended', waiter.id, waiter.why }, ':')) then
            dismiss(waiter, waiter.why)
        end
    elseif waiter.state == 'aside' and marked(waiter.gateway) then
        name_again(waiter)
        set_aside(waiter)
    else
        name_again(waiter)
        leave_aside(waiter)
        put(waiter)
    end
end

-- A set of held slots may name one that is not the tenant's. Then the tenant could have one client more. Looks at some of
-- the set, drawn, because a call is bounded.
--@seldom
local function strike_ghosts(tenant)
    local places, names = read('SRANDMEMBER', key('tenant', tenant, 'held'), ITEMS_A_CALL), {}
    for i, place in ipairs(places) do
        names[i] = key('slot', place)
    end
    if #names > 0 then
        fetch(names)
    end
    for _, place in ipairs(places) do
        local lease = lease_at(place)
        if not lease or lease.tenant ~= tenant then
            remove_held(tenant, place)
            index_tenant(tenant)
            wanted_tenants[tenant] = true
        end
    end
end

-- Compares the index entries of waiters of one tenant in one selector. `ids` are in the order of `waiters`. `is_listed` tells
-- whether the selector has the tenant, and `eligible` is the tenant's score there, or false.
local function repair_group(group, is_listed, eligible)
    local selector, tenant = group.selector, group.tenant
    local scores = read('ZMSCORE', key('queue', selector, tenant), unpack(group.ids))
    local is_good = is_listed and read('SISMEMBER', key('tenant', tenant, 'selectors'), selector) == 1
    for i, waiter in ipairs(group.waiters) do
        if not is_good or not scores[i] or scores[i] + 0 ~= waiter.score then
            repair_waiter(waiter)
            is_good = true
        elseif waiter.run ~= '' or waiter.alias ~= '' then
            name_again(waiter)
        end
    end
    if held_by(tenant) > 0 and not below_cap(tenant) then
        strike_ghosts(tenant)
    end
    local added, id, score = handicap(tenant), front_of(selector, tenant)
    if tonumber(eligible or nil) ~= (id and added and score + added or nil) then
        index(selector, tenant, added)
    end
end

-- Compares groups of one selector. `is_known` tells whether the fleet has the selector.
local function repair_groups(selector, groups, is_known)
    local tenants = {}
    for i, group in ipairs(groups) do
        tenants[i] = group.tenant
    end
    local listed = read('SMISMEMBER', key('selector', selector, 'tenants'), unpack(tenants))
    local eligible = read('ZMSCORE', key('selector', selector, 'eligible'), unpack(tenants))
    for i, group in ipairs(groups) do
        repair_group(group, is_known and listed[i] == 1, eligible[i])
    end
end

-- Compares the next waiters of the calling gateway. The next renew goes on behind the last one that this call compared.
local function repair_waiters()
    local all, last = key('gateway', caller.id, 'waiters'), read('HGET', caller.record, 'repaired') or ''
    local ids = read('ZRANGE', all, last == '' and '-' or '(' .. last, '+', 'BYLEX', 'LIMIT', 0, WAITERS_A_RENEW)
    if #ids == 0 then
        write('HDEL', caller.record, 'repaired')
        return
    end
    local reached = #ids == WAITERS_A_RENEW and ids[#ids] or ''
    local names, limits, known, selectors, of_selector, groups = {}, {}, {}, {}, {}, 0
    for i, id in ipairs(ids) do
        names[i] = key('waiter', id)
    end
    fetch(names)
    local line = read('ZMSCORE', key('line'), unpack(ids))
    local aside = read('ZMSCORE', key('gateway', caller.id, 'aside'), unpack(ids))
    for i, id in ipairs(ids) do
        local waiter = waiter_row(id)
        local state = waiter and waiter.state
        if not waiter or waiter.gateway ~= caller.id then
            write('ZREM', all, id)
        elseif state == 'queued' and line[i] and line[i] + 0 == waiter.score and not aside[i] then
            local name = key('queue', waiter.selector, waiter.tenant)
            local group = known[name]
            if not group and groups == PAIRS_A_RENEW then
                reached = ids[i - 1]
                break
            elseif not group then
                group = { selector = waiter.selector, tenant = waiter.tenant, waiters = {}, ids = {} }
                known[name], groups = group, groups + 1
                if not of_selector[waiter.selector] then
                    of_selector[waiter.selector] = {}
                    selectors[#selectors + 1] = waiter.selector
                end
                table.insert(of_selector[waiter.selector], group)
                limits[groups] = key('limits', waiter.tenant)
            end
            group.waiters[#group.waiters + 1], group.ids[#group.ids + 1] = waiter, id
        elseif line[i] or (state == 'aside' and not aside[i]) or (state ~= 'aside' and (aside[i] or state ~= 'granted')) then
            repair_waiter(waiter)
        end
    end
    if reached ~= last then
        write('HSET', caller.record, 'repaired', reached)
    end
    if groups > 0 then
        fetch(limits)
        for i, is_known in ipairs(read('SMISMEMBER', key('selectors'), unpack(selectors))) do
            repair_groups(selectors[i], of_selector[selectors[i]], is_known == 1)
        end
    end
end

-- A lease counts for its tenant again. If others took its place meanwhile, the lease is above the cap.
local function repair_held(lease)
    add_held(lease.tenant, place_of(lease))
    if held_by(lease.tenant) > limits_of(lease.tenant).cap then
        lease.over = 1
        change_lease(lease)
    end
    index_tenant(lease.tenant)
end

-- Compares what the leases of one worker's slots say with the sets of their tenants and with their waiters.
local function repair_leases(leases)
    local names, places, of_tenant = {}, {}, {}
    for i, lease in ipairs(leases) do
        names[i] = key('waiter', lease.waiter)
        places[lease.tenant] = places[lease.tenant] or {}
        of_tenant[lease.tenant] = of_tenant[lease.tenant] or {}
        table.insert(places[lease.tenant], place_of(lease))
        table.insert(of_tenant[lease.tenant], lease)
    end
    fetch(names)
    for tenant, its in pairs(of_tenant) do
        for i, is_held in ipairs(read('SMISMEMBER', key('tenant', tenant, 'held'), unpack(places[tenant]))) do
            if is_held == 0 then
                repair_held(its[i])
            end
        end
    end
    for _, lease in ipairs(leases) do
        local waiter = waiter_row(lease.waiter)
        if not waiter or waiter.lease ~= lease.id then
            -- If the worker serves it, its row adopts it again.
            tell_recycle(end_lease(lease, 'time', 'recycling'))
        elseif not lease.ending and (waiter.run ~= '' or waiter.alias ~= '') then
            name_again(waiter)
        end
    end
end

-- Compares the next slots of a worker. `number` is that of its renew.
local function repair_slots(worker, number)
    local from = number % math.ceil(worker.slots / SLOTS_A_RENEW) * SLOTS_A_RENEW
    local names, places, slots, leases = {}, {}, {}, {}
    for slot = from, math.min(from + SLOTS_A_RENEW, worker.slots) - 1 do
        places[#places + 1] = worker.id .. '/' .. int(slot)
        names[#names + 1] = key('slot', places[#places])
    end
    fetch(names)
    local due = read('ZMSCORE', key('due'), unpack(places))
    for i, place in ipairs(places) do
        local s = slot_row(worker.id, int(from + i - 1))
        local lease = s and s.lease
        local waits = lease and lease.state ~= 'accepted'
        if waits and not due[i] then
            write('ZADD', key('due'), int(math.max(lease.deadline, NOW + ACCEPT_DEADLINE_MS)), place)
        elseif due[i] and not waits then
            write('ZREM', key('due'), place)
        end
        leases[#leases + 1] = lease or nil
        if s then
            raise_seq(s.number)
            map_changed(s)
        end
    end
    if #leases > 0 then
        repair_leases(leases)
    end
end

-- Compares what is derived from a worker's own row.
local function repair_worker(worker)
    local id = worker.id
    if worker.trial ~= '' and not lease_row(worker.trial) then
        worker.trial = ''
        change_row(worker)
    end
    if worker.state == 'ok' or worker.state == 'trial' then
        write('ZREM', key('probes'), id)
    else
        write('ZADD', key('probes'), 'NX', int(NOW), id)
    end
    for pool in string.gmatch(worker.pools, '%S+') do
        write('SADD', key('pool', pool, 'workers'), id)
        if write('HSET', key('pools'), pool, int(NOW)) == 1 then
            link_pool(pool)
        end
    end
    write('HSETNX', key('nodes'), string.match(id, '^(.*)%.%x+$'), id)
end
