#!lua flags=no-writes
-- place: where one waiter stands, or a new one would, why it waits, and about how long yet. For its own tenant only.
-- KEYS  state
-- ARGV  caller header (5), waiter or its alias ('' for a new one), tenant, selector of a new one
-- Reply found <state> <most ahead> <of its own tenant> <ms the first of the line waits> <ms it waits> <why> <ms yet>
--       <waiter> <lease> | not_found. Why and the rest are '' for one that no longer waits, the last is '' where nothing tells.
-- Cost  O(log n), and O(log n) for each tenant that competes, of which at most 256 are looked at.

load_meta()
local waiter
if ARGV[6] ~= '' then
    waiter = named_waiter(ARGV[7], ARGV[6])
elseif is_selector(ARGV[8]) then
    local ticket = math.max(NOW_US, meta.lastTicket + 1)
    waiter = { id = '', state = 'new', tenant = ARGV[7], selector = ARGV[8], score = ticket, ticket = ticket, lease = '' }
end
if not waiter then
    return { 'not_found' }
end
if waiter.state ~= 'queued' and waiter.state ~= 'aside' and waiter.state ~= 'new' then
    return { 'found', waiter.state, 0, 0, '', '', '', '', waiter.id, waiter.lease }
end

local before = '(' .. int(waiter.score)
local function ahead_of(selector, tenant)
    return read('ZCOUNT', key('queue', selector, tenant), '-inf', before)
end

local function age(ticket)
    return math.max(NOW - math.floor(ticket / 1000), 0)
end

local fitting = fitting_pools(waiter)
local capped = not below_cap(waiter.tenant)

-- Grants a millisecond while somebody waited; nil where too few were made of late to tell.
local function speed(rates)
    local grants, sum = 0, 0
    for _, rate in ipairs(rates) do
        if NOW - rate.at < 2 * RATE_MEMORY_MS then
            local its_grants, exposure = rate_now(rate, age(waiter.ticket))
            grants = grants + its_grants
            if exposure > 0 then
                sum = sum + its_grants / exposure
            end
        end
    end
    return grants >= RATE_GRANTS_MIN and sum > 0 and sum or nil
end

local function tenant_rate(tenant)
    return rate_row(key('tenant', tenant, 'rate'))
end

-- Those ahead that compete for the same pools: of tenants below their cap all, of those at it as many as it lets through.
-- `line` where they are too many to be told apart.
local function competing(line)
    local seen, ahead, at_cap, looks = {}, {}, {}, PLACE_LOOKS_MAX
    for _, pool in ipairs(fitting) do
        for _, selector in ipairs(read('SMEMBERS', key('pool', pool, 'selectors'))) do
            if not seen[selector] then
                seen[selector] = true
                looks = looks - read('SCARD', key('selector', selector, 'tenants'))
                if looks < 0 then
                    return line, {}
                end
                for _, tenant in ipairs(read('SMEMBERS', key('selector', selector, 'tenants'))) do
                    ahead[tenant] = (ahead[tenant] or 0) + ahead_of(selector, tenant)
                end
            end
        end
    end
    local free = 0
    for tenant, count in pairs(ahead) do
        if tenant == waiter.tenant or below_cap(tenant) then
            free = free + count
        elseif count > 0 then
            at_cap[#at_cap + 1] = { count = count, speed = speed({ tenant_rate(tenant) }) or 0 }
        end
    end
    return free, at_cap
end

local function is_free()
    for _, pool in ipairs(fitting) do
        if not paused(pool) and read('ZCARD', key('pool', pool, 'free')) > 0 then
            return true
        end
    end
    return false
end

local function wait_of(line, own)
    if not capped and is_free() then
        return 0
    end
    if capped then
        local its = speed({ tenant_rate(waiter.tenant) })
        return its and (own + 1) / its
    end
    local rates = {}
    for _, pool in ipairs(fitting) do
        rates[#rates + 1] = rate_row(key('pool', pool, 'rate'))
    end
    local all = speed(rates)
    if not all then
        return nil
    end
    -- From the longest it can be downwards: a tenant at its cap takes no more than its own ends give it meanwhile.
    local free, at_cap = competing(line)
    local wait = (line + 1) / all
    for _ = 1, PLACE_ROUNDS do
        local taken = free + 1
        for _, other in ipairs(at_cap) do
            taken = taken + math.min(other.count, other.speed * wait)
        end
        wait = math.min(wait, taken / all)
    end
    return wait
end

local line = waiter.state == 'queued' and read('ZRANK', key('line'), waiter.id)
    or read('ZCOUNT', key('line'), '-inf', before)
local own = 0
for _, selector in ipairs(read('SMEMBERS', key('tenant', waiter.tenant, 'selectors'))) do
    own = own + ahead_of(selector, waiter.tenant)
end
local head = read('ZRANGE', key('line'), '0', '0')[1]
local first = head and waiter_row(head) or waiter
local reason = why_waits(waiter)
local wait = (reason == 'capacity' or reason == 'tenant_cap') and wait_of(line, own)
return { 'found', waiter.state, int(line), int(own), int(first and age(first.ticket) or 0), int(age(waiter.ticket)),
    reason, wait and int(math.floor(wait)) or '', waiter.id, waiter.lease }
