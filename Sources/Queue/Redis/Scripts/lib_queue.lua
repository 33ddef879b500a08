-- Waiters and their index: who waits, in which queue, and which tenants are eligible.
-- A tenant's use is the size of its set of leases, never a counter.

-- What a commit has made possible; `settle` (lib_dispatch) looks at each before the script ends.
local wanted_pools, wanted_tenants, wanted_selectors = {}, {}, {}

local DEFAULT_LIMITS = { cap = 1000000, queueMax = 10000, waitMax = 300000, priorityMax = 0, weight = 1 }
local limits_cache = {}

-- Limits are stored as `cap queueMax waitMax priorityMax weight`; `*` is for tenants without their own.
local function limits_of(tenant)
    if not limits_cache[tenant] then
        local row = call('HMGET', key('tenants'), tenant, '*')
        local words = row[1] or row[2]
        if words then
            words = split(words)
            limits_cache[tenant] = { cap = tonumber(words[1]), queueMax = tonumber(words[2]),
                waitMax = tonumber(words[3]), priorityMax = tonumber(words[4]), weight = tonumber(words[5]) }
        else
            limits_cache[tenant] = DEFAULT_LIMITS
        end
    end
    return limits_cache[tenant]
end

-- A tenant with nothing held and nothing waiting leaves no key behind.
local function forget_tenant(tenant)
    if call('EXISTS', key('tenant', tenant, 'held'), key('tenant', tenant, 'selectors')) == 0 then
        call('DEL', key('tenant', tenant, 'rate'))
    end
end

local function below_cap(tenant)
    return call('SCARD', key('tenant', tenant, 'held')) < limits_of(tenant).cap
end

-- Puts (selector, tenant) into the eligible index as its queue and cap say.
local function index(selector, tenant, below)
    local head = call('ZRANGE', key('queue', selector, tenant), 0, 0, 'WITHSCORES')
    if #head == 0 then
        call('ZREM', key('selector', selector, 'eligible'), tenant)
        call('SREM', key('tenant', tenant, 'selectors'), selector)
        call('SREM', key('selector', selector, 'tenants'), tenant)
        forget_tenant(tenant)
        if call('EXISTS', key('selector', selector, 'tenants')) == 0 then
            call('ZADD', key('idle'), int(NOW), selector)
        end
    elseif below then
        call('ZADD', key('selector', selector, 'eligible'), int(tonumber(head[2])), tenant)
    else
        call('ZREM', key('selector', selector, 'eligible'), tenant)
    end
end

local function index_tenant(tenant)
    local below = below_cap(tenant)
    for _, selector in ipairs(call('SMEMBERS', key('tenant', tenant, 'selectors'))) do
        index(selector, tenant, below)
    end
    return below
end

local function waiter_row(id)
    local row = call('HMGET', key('waiter', id), 'tenant', 'selector', 'gateway', 'ticket', 'score', 'state', 'lease',
        'attempt', 'run', 'alias', 'keep', 'why')
    if not row[1] then
        return nil
    end
    local run, alias, keep, why = unpack(row, 9)
    return { id = id, tenant = row[1], selector = row[2], gateway = row[3], ticket = row[4], score = row[5],
        state = row[6], lease = row[7], attempt = tonumber(row[8]), run = run or '', alias = alias or '',
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
    call('HSET', key('waiter', waiter.id), 'state', 'queued', 'lease', '')
    waiter.state = 'queued'
    index(waiter.selector, waiter.tenant, below_cap(waiter.tenant))
    wanted_selectors[waiter.selector] = true
end

-- Out of line and queue; the record stays.
local function take(waiter)
    call('ZREM', key('queue', waiter.selector, waiter.tenant), waiter.id)
    call('ZREM', key('line'), waiter.id)
    index(waiter.selector, waiter.tenant, below_cap(waiter.tenant))
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
    call('ZREM', key('gateway', waiter.gateway, 'waiters'), waiter.id)
    call('DEL', key('waiter', waiter.id))
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
