-- How fast waiters are served: grants per pool, and per tenant that is at its cap, decaying over a minute.
-- A rate is a row of three numbers: grants to those who had waited, the milliseconds in which somebody waited for them, both
-- decayed, and when. Grants to arrivals that found a slot free tell how many come, not how many can be served: they do
-- not count, and neither does time in which nobody waited.

local RATE = '<ddd'

local function pack_rate(rate)
    return struct.pack(RATE, rate.grants, rate.exposure, rate.at)
end

local known_rates = {}

local function rate_row(name)
    local rate = known_rates[name]
    if not rate then
        rate = { grants = 0, exposure = 0, at = 0, stored = name, packed = pack_rate }
        local text = row_text(name)
        if text then
            rate.grants, rate.exposure, rate.at = struct.unpack(RATE, text)
        end
        known_rates[name] = rate
    end
    return rate
end

-- The grants and the time of a rate as they count now, after `waited` milliseconds more in which somebody waited.
local function rate_now(rate, waited)
    local since = math.max(NOW - rate.at, 0)
    local kept = math.exp(-since / RATE_MEMORY_MS)
    local fresh = RATE_MEMORY_MS * (1 - math.exp(-math.min(waited, since) / RATE_MEMORY_MS))
    return rate.grants * kept, rate.exposure * kept + fresh
end

local function count_grant(rate, waiter)
    local grants, exposure = rate_now(rate, math.max(NOW - math.floor(waiter.ticket / 1000), 0))
    rate.grants, rate.exposure, rate.at = grants + 1, exposure, NOW
    change_row(rate)
end

-- A waiter was granted. `at_once`: it had just come, and found a slot free.
local function note_grant(pool, waiter, at_once)
    if at_once then
        return
    end
    count_grant(rate_row(key('pool', pool, 'rate')), waiter)
    if not below_cap(waiter.tenant) then
        count_grant(rate_row(key('tenant', waiter.tenant, 'rate')), waiter)
    end
end
