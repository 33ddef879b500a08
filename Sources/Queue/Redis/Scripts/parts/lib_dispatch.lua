-- Dispatch: pairs free slots with eligible waiters, smallest score first, and never forgets one.

-- What this call's own reply carries needs no wake-up: the grant of the waiter it enqueues, the mail it collects.
local own_waiter, own_mail = nil, nil

local function grant_payload(lease, address)
    return string.format('%s %s %s %d %d %s %s', lease.id, lease.worker, lease.slot, lease.epoch, lease.number, address,
        lease.pool)
end

local function grant(worker_id, pool, waiter)
    local worker = worker_row(worker_id)
    local number = worker and pool_number(worker, pool)
    local first = number and first_free(worker, number)
    local s = first and slot_row(worker_id, int(first - 1))
    if not s or s.state ~= 'free' then
        -- Index and row differ. Correct the index, because every later dispatch would fail here too.
        if first then
            map_slot(worker, first, s)
        end
        write('ZREM', key('pool', pool, 'free'), worker_id)
        return index_worker(worker_id)
    end
    -- Take a number above the slot's last token too.
    meta.seq = math.max(meta.seq, s.number) + 1
    s.epoch, s.number = meta.epoch, meta.seq
    waiter.attempt = waiter.attempt + 1
    local lease = { id = waiter.id .. '.' .. waiter.attempt, waiter = waiter.id, tenant = waiter.tenant,
        gateway = waiter.gateway, state = 'granted', cap = limits_of(waiter.tenant).cap, over = 0, attach = 1,
        keep = waiter.keep + 0, deadline = 0, since = 0, back = '', attachment = '' }
    occupy(s, lease)
    write('ZADD', key('due'), int(NOW + ACCEPT_DEADLINE_MS), place_of(s))
    write('ZADD', key('gateway', waiter.gateway, 'mail'), int(NOW), letter_of(lease))
    set_waiter(waiter, 'granted', lease.id, place_of(s))
    if worker.state == 'trial' then
        worker.trial = lease.id
        change_row(worker)
    end
    if unlisted[pool] ~= worker then
        index_worker(worker_id)
    elseif not grantable(worker) or not first_free(worker, number) then
        unlisted[pool] = nil
    end
    take_granted(waiter)
    note_grant(pool, waiter, waiter.id == own_waiter)
    if waiter.id ~= own_waiter and waiter.gateway ~= own_mail
        and read('PUBLISH', key('wake', waiter.gateway), grant_payload(lease, worker.address)) == 0 then
        mark(waiter.gateway, 'silent')
    end
end

-- Pools this call may fill: those it was told of, and those its eligible selectors fit, where a slot is free and
-- nobody paused them.
local function open_pools()
    for tenant in pairs(wanted_tenants) do
        if below_cap(tenant) then
            for _, selector in ipairs(read('SMEMBERS', key('tenant', tenant, 'selectors'))) do
                wanted_selectors[selector] = true
            end
        end
    end
    for selector in pairs(wanted_selectors) do
        if head_of(selector) then
            for _, pool in ipairs(pools_of(selector)) do
                wanted_pools[pool] = true
            end
        end
    end
    local open = {}
    for pool in pairs(wanted_pools) do
        if (unlisted[pool] or read('EXISTS', key('pool', pool, 'free')) == 1) and not paused(pool) then
            open[pool] = true
        end
    end
    return open
end

-- The best-fitting open pool of a selector.
local function best_pool(selector, open)
    for _, pool in ipairs(pools_of(selector)) do
        if open[pool] then
            return pool
        end
    end
end

-- The first head among open pools; looks again at those pools whose heads moved.
local function first_head(open, tops)
    local best
    for pool in pairs(open) do
        if moved_pools[pool] or not tops[pool] then
            local top = read('ZRANGE', key('pool', pool, 'heads'), '0', '0', 'WITHSCORES')
            tops[pool] = { selector = top[1], score = tonumber(top[2]) }
        end
        local top = tops[pool]
        if top.selector and (not best or top.score < best.score
            or (top.score == best.score and top.selector < best.selector)) then
            best = top
        end
    end
    moved_pools = {}
    return best
end

-- Corrects the indexes of a head that is wrong, because every later dispatch would find it too.
--@seldom
local function correct_head(selector, head, id, waiter)
    if head then
        local name = key('queue', selector, head.tenant)
        known_fronts[name] = nil
        write('ZREM', name, id or '')
        if not waiter or waiter.state ~= 'queued' then
            write('ZREM', key('line'), id or '')
        end
        index(selector, head.tenant, handicap(head.tenant))
    end
    show_head(selector, head_of(selector))
end

-- The one place where slots are granted: among all eligible heads that fit an open pool the smallest effective score goes
-- first, whatever pool or selector made the call look.
--@seldom
local function serve(open)
    local tops = {}
    while next(open) do
        local best = first_head(open, tops)
        if not best then
            break
        end
        local pool = best_pool(best.selector, open)
        local offered = unlisted[pool or '']
        local worker = pool and (offered and offered.id or read('ZRANGE', key('pool', pool, 'free'), '0', '0')[1])
        if not pool then
            -- The pools list this selector, but the selector has no link to them. Remove it from their heads.
            for other in pairs(open) do
                moved_pools[other] = true
                write('ZREM', key('pool', other, 'heads'), best.selector)
            end
        elseif not worker then
            open[pool] = nil
        elseif grants_left == 0 or asides_left == 0 then
            for rest in pairs(open) do
                later('pool:' .. rest)
            end
            break
        else
            local head = head_of(best.selector)
            local tenant = head and head.tenant
            local id, score
            if head then
                id, score = front_of(best.selector, tenant)
            end
            -- The rows of a grant that this call has not read yet.
            if id and known_waiters[id] == nil then
                fetch({ key('waiter', id), key('limits', tenant), key('pool', pool, 'rate') })
            end
            local waiter, added = id and waiter_row(id), tenant and handicap(tenant)
            if not waiter or waiter.state ~= 'queued' or waiter.selector ~= best.selector or waiter.tenant ~= tenant then
                asides_left = asides_left - 1
                correct_head(best.selector, head, id, waiter)
            elseif not added or score + added ~= best.score then
                -- A change of defaults or policy reaches the index a slice at a time; nobody is granted by the old ones.
                asides_left = asides_left - 1
                index_tenant(tenant)
            elseif marked(waiter.gateway) then
                asides_left = asides_left - 1
                set_aside(waiter)
            else
                grants_left = grants_left - 1
                grant(worker, pool, waiter)
                if offered and not unlisted[pool] and not listed_pools[pool] then
                    open[pool] = nil
                end
            end
        end
    end
end

--@seldom
local function dispatch()
    local open = open_pools()
    if next(open) then
        serve(open)
    end
    wanted_pools, wanted_tenants, wanted_selectors = {}, {}, {}
end

-- Looks at everything this call made possible.
local function settle()
    if not holding_off() and (next(wanted_pools) or next(wanted_tenants) or next(wanted_selectors)) then
        dispatch()
    end
    for _, worker in pairs(unlisted) do
        index_worker(worker.id)
    end
end
