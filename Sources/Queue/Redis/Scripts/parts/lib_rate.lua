-- How fast waiters are served: grants per pool, and per tenant that is at its cap, decaying over a minute.
-- A rate is three packed numbers: grants to those who had waited, the milliseconds in which somebody waited for them, both
-- decayed, and when. Grants to arrivals that found a slot free tell how many come, not how many can be served: they do
-- not count, and neither does time in which nobody waited.

local RATE = '<ddd'

local function rate_row(text)
    if not text then
        return { grants = 0, exposure = 0, at = 0 }
    end
    local grants, exposure, at = struct.unpack(RATE, text)
    return { grants = grants, exposure = exposure, at = at }
end

-- The same rate as it stands now, after `waited` milliseconds more in which somebody waited.
local function rate_now(rate, waited)
    local since = math.max(NOW - rate.at, 0)
    local kept = math.exp(-since / RATE_MEMORY_MS)
    local fresh = RATE_MEMORY_MS * (1 - math.exp(-math.min(waited, since) / RATE_MEMORY_MS))
    return { grants = rate.grants * kept, exposure = rate.exposure * kept + fresh, at = NOW }
end

local function rate_text(rate)
    return struct.pack(RATE, rate.grants, rate.exposure, rate.at)
end

-- A waiter was granted. `at_once`: it had just come, and found a slot free.
local function note_grant(pool, waiter, at_once)
    if at_once then
        return
    end
    local waited = math.max(NOW - math.floor(waiter.ticket / 1000), 0)
    local function counted(text)
        local rate = rate_now(rate_row(text), waited)
        rate.grants = rate.grants + 1
        return rate_text(rate)
    end
    write('HSET', key('rates'), pool, counted(read('HGET', key('rates'), pool)))
    if not below_cap(waiter.tenant) then
        local own = key('tenant', waiter.tenant, 'rate')
        write('SET', own, counted(read('GET', own)))
    end
end
