-- Waiters and their index: who waits, in which queue, and which tenants are eligible.
-- A tenant's use is the size of its set of leases, never a counter.

-- What a commit has made possible; `settle` (lib_dispatch) looks at each before the script ends.
local wanted_pools, wanted_tenants, wanted_selectors = {}, {}, {}

-- What is added to the scores of a tenant's waiters: with it one number tells who goes first. Nil at its cap.
local function handicap(tenant)
    local limits, held = limits_of(tenant), call('SCARD', key('tenant', tenant, 'held'))
    if held >= limits.cap then
        return nil
    end
    local added = limits.fair and math.floor(held * FAIR_AGEING_US / math.max(limits.weight, 1)) or 0
    return held < limits.guarantee and added - GUARANTEE_US or added
end

-- A tenant with nothing held and nothing waiting leaves no key behind.
local function forget_tenant(tenant)
    if call('EXISTS', key('tenant', tenant, 'held'), key('tenant', tenant, 'selectors')) == 0 then
        call('DEL', key('tenant', tenant, 'rate'))
    end
end

local function below_cap(tenant)
    return handicap(tenant) ~= nil
end

-- Pools among whose heads one moved; `settle` looks at them again.
local moved_pools = {}

-- Each pool that a selector fits has its head: a dispatch looks at one number a pool, however many selectors there are.
local function show_head(selector, head)
    for _, pool in ipairs(call('ZRANGE', key('selector', selector, 'pools'), 0, -1)) do
        moved_pools[pool] = true
        if head then
            call('ZADD', key('pool', pool, 'heads'), head.text, selector)
        else
            call('ZREM', key('pool', pool, 'heads'), selector)
        end
    end
end

-- Puts (selector, tenant) into the eligible index as its queue and its handicap say.
local function index(selector, tenant, added)
    local before = head_of(selector)
    local head = call('ZRANGE', key('queue', selector, tenant), 0, 0, 'WITHSCORES')
    if #head == 0 then
        call('ZREM', key('selector', selector, 'eligible'), tenant)
        call('SREM', key('tenant', tenant, 'selectors'), selector)
        call('SREM', key('selector', selector, 'tenants'), tenant)
        forget_tenant(tenant)
        if call('EXISTS', key('selector', selector, 'tenants')) == 0 then
            call('ZADD', key('idle'), int(NOW), selector)
        end
    elseif added then
        call('ZADD', key('selector', selector, 'eligible'), int(tonumber(head[2]) + added), tenant)
    else
        call('ZREM', key('selector', selector, 'eligible'), tenant)
    end
    local after = head_of(selector)
    if (before and before.text) ~= (after and after.text) then
        show_head(selector, after)
    end
end

local function index_tenant(tenant)
    local added = handicap(tenant)
    for _, selector in ipairs(call('SMEMBERS', key('tenant', tenant, 'selectors'))) do
        index(selector, tenant, added)
    end
end

-- After a grant: only where what a tenant holds counts for its place.
local function index_holder(tenant)
    local limits = limits_of(tenant)
    if limits.fair or limits.guarantee > 0 or not below_cap(tenant) then
        index_tenant(tenant)
    end
end

local function waiter_row(id)
    local row = call('HMGET', key('waiter', id), 'tenant', 'selector', 'gateway', 'ticket', 'score', 'state', 'lease',
        'attempt', 'run', 'alias', 'keep', 'why')
    if not row[1] then
        return nil
    end
    local run, alias, keep, why = unpack(row, 9)
    return { id = id, tenant = row[1], selector = row[2], gateway = row[3], ticket = row[4], score = row[5] or row[4],
        state = row[6], lease = row[7] or '', attempt = tonumber(row[8] or 0), run = run or '', alias = alias or '',
        keep = tonumber(keep or 0), why = why or nil }
end

-- Into line and queue, at its score.
local function put(waiter)
    if call('SISMEMBER', key('selectors'), waiter.selector) == 0 then
        link_selector(waiter.selector)
    end
    call('ZREM', key('idle'), waiter.selector)
    call('ZADD', key('queue', waiter.selector, waiter.tenant), waiter.score, waiter.id)
    call('ZADD', key('line'), waiter.score, waiter.id)
    call('SADD', key('selector', waiter.selector, 'tenants'), waiter.tenant)
    call('SADD', key('tenant', waiter.tenant, 'selectors'), waiter.selector)
    if waiter.lease ~= '' or waiter.state ~= 'queued' then
        call('HSET', key('waiter', waiter.id), 'state', 'queued', 'lease', '')
        waiter.state, waiter.lease = 'queued', ''
    end
    index(waiter.selector, waiter.tenant, handicap(waiter.tenant))
    wanted_selectors[waiter.selector] = true
end

-- Out of line and queue; the record stays.
local function take(waiter)
    call('ZREM', key('queue', waiter.selector, waiter.tenant), waiter.id)
    call('ZREM', key('line'), waiter.id)
    index(waiter.selector, waiter.tenant, handicap(waiter.tenant))
end

-- Passed over while its gateway is suspended.
local function set_aside(waiter)
    take(waiter)
    call('ZADD', key('gateway', waiter.gateway, 'aside'), waiter.score, waiter.id)
    call('ZADD', key('tenant', waiter.tenant, 'aside'), waiter.ticket, waiter.id)
    call('HSET', key('waiter', waiter.id), 'state', 'aside')
end

local function leave_aside(waiter)
    call('ZREM', key('gateway', waiter.gateway, 'aside'), waiter.id)
    call('ZREM', key('tenant', waiter.tenant, 'aside'), waiter.id)
end

-- Puts back what was set aside, at most what this call may still do.
local function put_back(gateway)
    local asides = key('gateway', gateway, 'aside')
    local ids = asides_left > 0 and call('ZRANGE', asides, 0, asides_left - 1) or {}
    for _, id in ipairs(ids) do
        asides_left = asides_left - 1
        call('ZREM', asides, id)
        local waiter = waiter_row(id)
        if waiter then
            leave_aside(waiter)
            put(waiter)
        end
    end
    if call('EXISTS', asides) == 1 then
        call('SADD', key('todo'), 'back:' .. gateway)
    end
end

-- The names by which others find a waiter, besides its id: its run's index and its alias.
local function unname(waiter)
    if waiter.run ~= '' then
        call('ZREM', key('tenant', waiter.tenant, 'run', waiter.run), waiter.id)
    end
    local aliases = key('tenant', waiter.tenant, 'aliases')
    if waiter.alias ~= '' and call('HGET', aliases, waiter.alias) == waiter.id then
        call('HDEL', aliases, waiter.alias)
    end
end

local function leave_line(waiter)
    if waiter.state == 'queued' then
        take(waiter)
    elseif waiter.state == 'aside' then
        leave_aside(waiter)
    end
end

local function end_waiter(waiter)
    leave_line(waiter)
    unname(waiter)
    if waiter.why then
        call('ZREM', key('gateway', waiter.gateway, 'mail'), table.concat({ 'ended', waiter.id, waiter.why }, ':'))
    end
    -- The record goes before what names it: whatever a call that dies leaves is found.
    call('DEL', key('waiter', waiter.id))
    call('ZREM', key('gateway', waiter.gateway, 'waiters'), waiter.id)
end

-- Suspends a gateway: its heads are set aside until it collects (`claim`: until its own probe passes).
-- `claimed` is the worker it could not reach.
local function mark(gateway, why, claimed)
    local record = key('gateway', gateway)
    local before = call('HGET', record, 'mark')
    if not before or before == 'ended' or (before == 'claim' and why ~= 'claim') then
        return
    end
    call('HSET', record, 'mark', why, 'claimed', claimed or '')
end

local function marked(gateway)
    local why = call('HGET', key('gateway', gateway), 'mark')
    return why and why ~= ''
end

-- A gateway that Redis knows and has not begun to end.
local function alive(gateway)
    local row = call('HMGET', key('gateway', gateway), 'connection', 'ended')
    return row[1] and row[2] ~= '1'
end

-- Tells a gateway, by mail and at once, that somebody else ended its waiter. `why` is one word.
local function tell_ended(waiter, why)
    call('ZADD', key('gateway', waiter.gateway, 'mail'), int(NOW), table.concat({ 'ended', waiter.id, why }, ':'))
    call('PUBLISH', key('wake', waiter.gateway), table.concat({ 'ended', waiter.id, why }, ' '))
end

-- Ends a waiter by somebody else's word. Its record stays until its gateway acknowledged it: an enqueue whose reply
-- was lost is asked again, and must not bring it back.
local function dismiss(waiter, why)
    leave_line(waiter)
    waiter.state = 'ended'
    if not alive(waiter.gateway) then
        return end_waiter(waiter)
    end
    unname(waiter)
    call('HSET', key('waiter', waiter.id), 'state', 'ended', 'lease', '', 'why', why)
    call('ZADD', key('gateway', waiter.gateway, 'waiters'), 0, waiter.id)
    tell_ended(waiter, why)
end
