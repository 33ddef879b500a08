#!lua flags=allow-oom
-- wanted: how many slots of each pool the fleet could use now. Counted a slice a call, kept for a second.
-- Held and granted slots, and those who wait: each tenant up to its cap, each waiter for the pool it would choose first,
-- those of suspended gateways first. What scales from zero is a pool of its own (`label|||`, `label|browser||`) for those
-- whom no worker fits yet. What changes while it is counted may be counted as it was, or as it is.
-- KEYS  meta
-- ARGV  caller header (5)
-- Reply ok <ms of the count> <pool> <number> ... | more (ask again) | schema
-- Cost  O(slice): 32 slots, waiters of suspended gateways or tenants with their selectors, and once a pass the pools.

local stop = begin('operator')
if stop then
    return stop
end
-- Counts only: where this dies nothing is to be mended.
write = redis.call
local result, pass, aside = key('wanted'), key('wanted', 'next'), key('wanted', 'aside')
local function fresh()
    local at = tonumber(read('HGET', result, 'at') or 0)
    return at > NOW - WANTED_FRESH_MS and at <= NOW
end

local function answer()
    local reply = { 'ok' }
    local rows = read('HGETALL', result)
    for i = 1, #rows, 2 do
        if rows[i] == 'at' then
            table.insert(reply, 2, rows[i + 1])
        end
    end
    for i = 1, #rows, 2 do
        if rows[i] ~= 'at' then
            reply[#reply + 1] = rows[i]
            reply[#reply + 1] = rows[i + 1]
        end
    end
    return reply
end

if fresh() then
    return answer()
end

local counts = {}
local function count(pool, number)
    counts[pool] = (counts[pool] or 0) + number
end

-- Whom a selector would choose first; where no worker ever came, what scales from zero.
local function first_pool(selector)
    return pools_of(selector)[1] or fits_zero(selector)
end

local function room(tenant)
    return limits_of(tenant).cap - held_by(tenant)
        - tonumber(read('HGET', aside, tenant) or 0)
end

-- Leased slots, from `inner` on.
local function worker_slots(id, inner)
    local worker = worker_row(id)
    local slot = tonumber(inner) or 0
    while worker and slot < worker.slots do
        if looks_left <= 0 then
            return int(slot)
        end
        looks_left = looks_left - 1
        local s = slot_row(id, int(slot))
        if s and s.state == 'leased' then
            count(s.pool, 1)
        end
        slot = slot + 1
    end
end

local function set_aside_waiters(gateway, inner)
    return walk('ZSCAN', key('gateway', gateway, 'aside'), inner, function(id)
        looks_left = looks_left - 1
        local waiter = waiter_row(id)
        local pool = waiter and first_pool(waiter.selector)
        if pool and room(waiter.tenant) > 0 then
            write('HINCRBY', aside, waiter.tenant, 1)
            count(pool, 1)
        end
    end)
end

-- A tenant counts where its first selector stands, with all of them.
local function tenant_waiters(selector, tenant)
    local its = read('SMEMBERS', key('tenant', tenant, 'selectors'))
    table.sort(its)
    if its[1] ~= selector then
        return
    end
    looks_left = looks_left - #its
    local queues = {}
    for _, other in ipairs(its) do
        local head = read('ZRANGE', key('queue', other, tenant), '0', '0', 'WITHSCORES')
        if head[2] then
            queues[#queues + 1] = { selector = other, score = tonumber(head[2]) }
        end
    end
    table.sort(queues, function(a, b)
        return a.score < b.score or (a.score == b.score and a.selector < b.selector)
    end)
    local left = room(tenant)
    for _, queue in ipairs(queues) do
        local number = math.max(math.min(read('ZCARD', key('queue', queue.selector, tenant)), left), 0)
        local pool = first_pool(queue.selector)
        if pool then
            count(pool, number)
            left = left - number
        end
    end
end

local function selector_tenants(selector, inner)
    return walk('SSCAN', key('selector', selector, 'tenants'), inner, function(tenant)
        looks_left = looks_left - 1
        tenant_waiters(selector, tenant)
    end)
end

local STAGES = {
    { 'ZSCAN', 'workers', worker_slots }, { 'ZSCAN', 'gateways', set_aside_waiters },
    { 'SSCAN', 'selectors', selector_tenants },
}
local row = read('HMGET', pass, 'since', 'stage', 'cursor')
local since, stage, cursor = tonumber(row[1] or 0), tonumber(row[2] or 1), row[3] or ''
-- A pass that nobody went on with is too old to go on with.
if since < NOW - WANTED_PASS_MS or since > NOW then
    since, stage, cursor = NOW, 1, ''
    write('DEL', pass, aside)
end
while stage <= #STAGES and looks_left > 0 do
    local command, container, visit = unpack(STAGES[stage])
    cursor = walk(command, key(container), cursor, visit)
    if not cursor then
        stage, cursor = stage + 1, ''
    end
end
for pool, number in pairs(counts) do
    write('HINCRBY', pass, 'pool:' .. pool, number)
end
if stage <= #STAGES then
    write('HSET', pass, 'since', int(since), 'stage', stage, 'cursor', cursor)
    return { 'more' }
end
local totals, pools = {}, zero_pools()
for _, pool in ipairs(read('HKEYS', key('pools'))) do
    pools[#pools + 1] = pool
end
for _, pool in ipairs(pools) do
    totals[#totals + 1] = pool
    totals[#totals + 1] = int(tonumber(read('HGET', pass, 'pool:' .. pool) or 0))
end
write('DEL', result, pass, aside)
write('HSET', result, 'at', int(NOW), unpack(totals))
return answer()
