-- Settings: rows that files declare and operators order (protocol: Healing, Limits and pauses).
-- A row is `declared version ordered version`: what a file said last and what an operator ordered, `-` for nothing, each
-- with the version it has had since. An order holds; without one the file's word does. Each half heals by itself: the
-- higher version wins, so that a process that declares its file to an emptied Redis hides no order others bring back.
-- Names: `tenant:<t>` (`*`: tenants without their own), `policy`, `queue` (most that wait in the fleet),
-- `pause:<label or pool>`, `zero:<label>[|<browser>]`.

-- A tenant's words: cap, queueMax, waitMax (ms), priorityMax (s), weight, guarantee.
local DEFAULT_LIMITS = '1000000,10000,300000,0,1,0'
local LIMITS = '^(%d+),(%d+),(%d+),(%d+),(%d+),(%d+)$'

local function read_setting(text)
    local w = split(text or '- 0 - 0')
    return { declared = w[1], declaredAt = tonumber(w[2]), ordered = w[3], orderedAt = tonumber(w[4]) }
end

-- The words that hold, nil for none.
local function in_force(row)
    local words = row.ordered ~= '-' and row.ordered or row.declared
    return words ~= '-' and words or nil
end

-- The same of a row's text, or of one that is not there.
local function words_of(text)
    if text then
        local declared, ordered = string.match(text, '^(%S+) %S+ (%S+)')
        local words = ordered ~= '-' and ordered or declared
        return words ~= '-' and words or nil
    end
end

local function setting(name)
    return read_setting(read('HGET', key('settings'), name))
end

local limits_cache = {}

-- What a tenant may hold; `fair` and `lineMax` tell the policy and the bound of the fleet along with it.
local function limits_of(tenant)
    local limits = limits_cache[tenant]
    if not limits then
        local rows = read('HMGET', key('settings'), 'tenant:' .. tenant, 'tenant:*', 'policy', 'queue')
        local cap, queue_max, _, priority_max, weight, guarantee =
            string.match(words_of(rows[1]) or words_of(rows[2]) or DEFAULT_LIMITS, LIMITS)
        limits = { cap = tonumber(cap), queueMax = tonumber(queue_max), priorityMax = tonumber(priority_max),
            weight = tonumber(weight), guarantee = tonumber(guarantee),
            fair = words_of(rows[3]) == 'fair', lineMax = tonumber(words_of(rows[4]) or WAITERS_MAX) }
        limits_cache[tenant] = limits
    end
    return limits
end

-- A pause names one pool, or a label and with it all pools of that label.
local function paused(pool)
    local rows = read('HMGET', key('settings'), 'pause:' .. pool, 'pause:' .. parts(pool))
    return words_of(rows[1]) or words_of(rows[2])
end

-- Pools that need not have had a worker yet, as pools without a version; a label alone fits every browser.
local function zero_pools()
    local out = read('SMEMBERS', key('zeros'))
    for i, name in ipairs(out) do
        out[i] = string.find(name, '|', 1, true) and name .. '||' or name .. '|||'
    end
    table.sort(out)
    return out
end

-- The first of those that a selector fits, nil for none.
local function fits_zero(selector)
    local pattern, browser = parts(selector)
    for _, pool in ipairs(zero_pools()) do
        local label, only = parts(pool)
        if (only == '' or browser == '' or browser == only) and match(pattern .. '|||', label .. '|||') then
            return pool
        end
    end
end

local function highest_version()
    return tonumber(read('ZRANGE', key('versions'), '0', '0', 'REV', 'WITHSCORES')[2] or 0)
end

-- Rows newer than a gateway's, oldest first: name, row, name, row. It asks again while it is given a full batch.
local function newer_settings(version)
    local out = {}
    for _, name in ipairs(read('ZRANGE', key('versions'), '(' .. int(version), '+inf', 'BYSCORE', 'LIMIT', 0,
        SETTINGS_BATCH)) do
        out[#out + 1] = name
        out[#out + 1] = read('HGET', key('settings'), name)
    end
    return out
end
