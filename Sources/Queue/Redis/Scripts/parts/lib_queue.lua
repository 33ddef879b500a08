-- Waiters and their index: who waits, in which queue, and which tenants are eligible.
-- A tenant's use is the size of its set of leased slots, never a counter.

-- What a commit has made possible; `settle` (lib_dispatch) looks at each before the script ends.
local wanted_pools, wanted_tenants, wanted_selectors = {}, {}, {}

-- How many leases each tenant holds, as far as this call has asked.
local known_held = {}

local function held_by(tenant)
    local known = known_held[tenant]
    if not known then
        known = read('SCARD', key('tenant', tenant, 'held'))
        known_held[tenant] = known
    end
    return known
end

local function add_held(tenant, place)
    local known = known_held[tenant]
    local added = write('SADD', key('tenant', tenant, 'held'), place)
    known_held[tenant] = known and known + added
end

local function remove_held(tenant, place)
    local known = known_held[tenant]
    local removed = write('SREM', key('tenant', tenant, 'held'), place)
    known_held[tenant] = known and known - removed
end

-- What is added to the scores of a tenant's waiters: with it one number tells who goes first. Nil at its cap.
local function handicap(tenant)
    local limits, held = limits_of(tenant), held_by(tenant)
    if held >= limits.cap then
        return nil
    end
    local added = limits.fair and math.floor(held * FAIR_AGEING_US / math.max(limits.weight, 1)) or 0
    return held < limits.guarantee and added - GUARANTEE_US or added
end

-- A tenant with nothing held and nothing waiting leaves no key behind.
local function forget_tenant(tenant)
    if read('EXISTS', key('tenant', tenant, 'held'), key('tenant', tenant, 'selectors')) == 0 then
        write('DEL', key('tenant', tenant, 'rate'))
    end
end

local function below_cap(tenant)
    return handicap(tenant) ~= nil
end

-- Pools among whose heads one moved; `settle` looks at them again.
local moved_pools = {}

-- Each pool that a selector fits has its head: a dispatch looks at one number a pool, however many selectors there are.
local function show_head(selector, head)
    for _, pool in ipairs(pools_of(selector)) do
        moved_pools[pool] = true
        if head then
            write('ZADD', key('pool', pool, 'heads'), head.text, selector)
        else
            write('ZREM', key('pool', pool, 'heads'), selector)
        end
    end
end

-- The first two waiters of each queue that this call has asked for: id, score, id, score. A table with one waiter does not
-- tell whether another one is behind.
local known_fronts = {}

-- The first waiter of a queue, and its score as Redis writes it; nil if nobody waits.
local function front_of(selector, tenant)
    local name = key('queue', selector, tenant)
    local front = known_fronts[name]
    if not front then
        front = read('ZRANGE', name, '0', '1', 'WITHSCORES')
        known_fronts[name] = front
    end
    return front[1], front[2]
end

-- Puts (selector, tenant) into the eligible index as its queue and its handicap say.
local function index(selector, tenant, added)
    local before = head_of(selector)
    local id, score = front_of(selector, tenant)
    set_eligible(selector, tenant, id and added and score + added)
    if not id then
        write('SREM', key('tenant', tenant, 'selectors'), selector)
        write('SREM', key('selector', selector, 'tenants'), tenant)
        forget_tenant(tenant)
        if read('EXISTS', key('selector', selector, 'tenants')) == 0 then
            write('ZADD', key('idle'), int(NOW), selector)
        end
    end
    local after = head_of(selector)
    if (before and before.text) ~= (after and after.text) then
        show_head(selector, after)
    end
end

--@seldom
local function index_tenant(tenant)
    local added = handicap(tenant)
    for _, selector in ipairs(read('SMEMBERS', key('tenant', tenant, 'selectors'))) do
        index(selector, tenant, added)
    end
end

-- A waiter, packed: the ticket and the score, how often it was granted, for how many seconds its slot is kept after a dropped
-- socket, then the lease that it has and that lease's slot, what it asks for, its names, its state (queued, aside, granted,
-- reserved, accepted, ended), and why others ended it, '' for none. The third and fourth are texts, because a small number is
-- shorter as a text than as a double.
local WAITER = '<ddsssssssssss'

local function pack_waiter(w)
    return struct.pack(WAITER, w.ticket, w.score, w.attempt, w.keep, w.lease, w.place, w.tenant, w.selector, w.gateway, w.run,
        w.alias, w.state, w.why or '')
end

local known_waiters = {}

local function waiter_row(id)
    local known = known_waiters[id]
    if known == nil then
        local name = key('waiter', id)
        local text = row_text(name)
        if text then
            local ticket, score, attempt, keep, lease, place, tenant, selector, gateway, run, alias, state, why =
                struct.unpack(WAITER, text)
            known = { id = id, ticket = ticket, score = score, attempt = attempt, keep = keep, tenant = tenant,
                selector = selector, gateway = gateway, run = run, alias = alias, state = state, lease = lease,
                place = place, why = why ~= '' and why or nil, stored = name, packed = pack_waiter }
        end
        known_waiters[id] = known or false
    end
    return known and not known.isDeleted and known or nil
end

local function new_waiter(waiter)
    waiter.state, waiter.lease, waiter.place = 'queued', '', ''
    waiter.stored, waiter.packed = key('waiter', waiter.id), pack_waiter
    known_waiters[waiter.id] = waiter
    change_row(waiter)
    return waiter
end

-- Changes a waiter's state. Without `lease` and `place` the waiter has no lease.
local function set_waiter(waiter, state, lease, place)
    waiter.state, waiter.lease, waiter.place = state, lease or '', place or ''
    change_row(waiter)
end

-- A waiter of the tenant, by its id or its alias.
--@seldom
local function named_waiter(tenant, name)
    local waiter = waiter_row(name)
    if waiter and waiter.tenant == tenant then
        return waiter
    end
    local id = read('HGET', key('tenant', tenant, 'aliases'), name)
    return id and waiter_row(id)
end

-- Adds a waiter to the line and to its queue.
local function stand(waiter)
    local score, name = int(waiter.score), key('queue', waiter.selector, waiter.tenant)
    known_fronts[name] = nil
    write('ZADD', name, score, waiter.id)
    write('ZADD', key('line'), score, waiter.id)
end

-- The same, and updates the indexes of its selector and tenant.
--@seldom
local function put(waiter)
    if read('SISMEMBER', key('selectors'), waiter.selector) == 0 then
        link_selector(waiter.selector)
    end
    write('ZREM', key('idle'), waiter.selector)
    stand(waiter)
    write('SADD', key('selector', waiter.selector, 'tenants'), waiter.tenant)
    write('SADD', key('tenant', waiter.tenant, 'selectors'), waiter.selector)
    if waiter.lease ~= '' or waiter.state ~= 'queued' then
        set_waiter(waiter, 'queued')
    end
    index(waiter.selector, waiter.tenant, handicap(waiter.tenant))
    wanted_selectors[waiter.selector] = true
end

local function strike(waiter)
    local id, name = waiter.id, key('queue', waiter.selector, waiter.tenant)
    local front = known_fronts[name]
    known_fronts[name] = front and front[1] == id and front[3] and { front[3], front[4] } or nil
    write('ZREM', name, id)
    write('ZREM', key('line'), id)
end

-- Out of line and queue; the record stays.
local function take(waiter)
    strike(waiter)
    index(waiter.selector, waiter.tenant, handicap(waiter.tenant))
end

-- The same after a grant. Where what a tenant holds counts for its place, all its selectors are indexed anew.
local function take_granted(waiter)
    local tenant = waiter.tenant
    local limits = limits_of(tenant)
    strike(waiter)
    if limits.fair or limits.guarantee > 0 or not below_cap(tenant) then
        index_tenant(tenant)
    else
        index(waiter.selector, tenant, handicap(tenant))
    end
end

-- Passed over while its gateway is suspended.
--@seldom
local function set_aside(waiter)
    take(waiter)
    write('ZADD', key('gateway', waiter.gateway, 'aside'), int(waiter.score), waiter.id)
    write('ZADD', key('tenant', waiter.tenant, 'aside'), int(waiter.ticket), waiter.id)
    set_waiter(waiter, 'aside')
end

local function leave_aside(waiter)
    write('ZREM', key('gateway', waiter.gateway, 'aside'), waiter.id)
    write('ZREM', key('tenant', waiter.tenant, 'aside'), waiter.id)
end

-- Puts back what was set aside, at most what this call may still do.
--@seldom
local function put_back(gateway)
    local asides = key('gateway', gateway, 'aside')
    local ids = asides_left > 0 and read('ZRANGE', asides, 0, asides_left - 1) or {}
    for _, id in ipairs(ids) do
        asides_left = asides_left - 1
        write('ZREM', asides, id)
        local waiter = waiter_row(id)
        if waiter then
            leave_aside(waiter)
            put(waiter)
        end
    end
    if read('EXISTS', asides) == 1 then
        later('back:' .. gateway)
    end
end

-- The names by which others find a waiter, besides its id: its run's index and its alias.
local function unname(waiter)
    if waiter.run ~= '' then
        write('ZREM', key('tenant', waiter.tenant, 'run', waiter.run), waiter.id)
    end
    local aliases = key('tenant', waiter.tenant, 'aliases')
    if waiter.alias ~= '' and read('HGET', aliases, waiter.alias) == waiter.id then
        write('HDEL', aliases, waiter.alias)
    end
end

--@seldom
local function leave_line(waiter)
    if waiter.state == 'queued' then
        take(waiter)
    elseif waiter.state == 'aside' then
        leave_aside(waiter)
    end
end

local function end_waiter(waiter)
    -- `accept` has removed the waiter from its gateway's set already.
    local was_accepted = waiter.state == 'accepted'
    if waiter.state == 'queued' or waiter.state == 'aside' then
        leave_line(waiter)
    end
    unname(waiter)
    if waiter.why then
        write('ZREM', key('gateway', waiter.gateway, 'mail'), table.concat({ 'ended', waiter.id, waiter.why }, ':'))
    end
    delete_row(waiter)
    if waiter.gateway ~= '' and not was_accepted then
        write('ZREM', key('gateway', waiter.gateway, 'waiters'), waiter.id)
    end
end

-- Suspends a gateway: its heads are set aside until it collects (`claim`: until its own probe passes).
-- `claimed` is the worker it could not reach.
--@seldom
local function mark(gateway, why, claimed)
    local record = key('gateway', gateway)
    local before = read('HGET', record, 'mark')
    if not before or before == 'ended' or (before == 'claim' and why ~= 'claim') then
        return
    end
    write('HSET', record, 'mark', why, 'claimed', claimed or '')
end

local function marked(gateway)
    local why = read('HGET', key('gateway', gateway), 'mark')
    return why and why ~= ''
end

-- A gateway that Redis knows and has not begun to end.
local function alive(gateway)
    local known, ended = known_process('gateway', gateway)
    return known and not ended
end

-- Tells a gateway, by mail and at once, that somebody else ended its waiter. `why` is one word.
local function tell_ended(waiter, why)
    write('ZADD', key('gateway', waiter.gateway, 'mail'), int(NOW), table.concat({ 'ended', waiter.id, why }, ':'))
    read('PUBLISH', key('wake', waiter.gateway), table.concat({ 'ended', waiter.id, why }, ' '))
end

-- Ends a waiter by somebody else's word. Its record stays until its gateway acknowledged it: an enqueue whose reply
-- was lost is asked again, and must not bring it back.
local function dismiss(waiter, why)
    leave_line(waiter)
    set_waiter(waiter, 'ended')
    if not alive(waiter.gateway) then
        return end_waiter(waiter)
    end
    unname(waiter)
    waiter.why = why
    write('ZADD', key('gateway', waiter.gateway, 'waiters'), 0, waiter.id)
    tell_ended(waiter, why)
end
