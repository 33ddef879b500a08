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

-- Limits as a session reads them, so that it need not parse settings. `limits:<t>` has a tenant's six numbers. `limits:*` has
-- those of tenants without their own, then 1 if the policy is `fair`, the most waiters of the fleet, and the number of pauses.
-- A call that changes a setting writes its row too.
local TERMS = '<ddddddddd'

local function pack_limits(words, fair, line_max, pauses)
    local cap, queue_max, wait_max, priority_max, weight, guarantee = string.match(words or DEFAULT_LIMITS, LIMITS)
    return struct.pack(TERMS, cap, queue_max, wait_max, priority_max, weight, guarantee, fair, line_max, pauses)
end

-- The row in `limits:…` that a setting belongs to, and the row's key. The row is false if there must be none. Returns nothing
-- for a setting without such a row.
--@seldom
local function limits_row(name)
    local kind, rest = string.match(name, '^(%a+):?(.*)$')
    if kind == 'tenant' and rest ~= '*' then
        local words = in_force(setting(name))
        return words and pack_limits(words, 0, 0, 0) or false, key('limits', rest)
    elseif kind == 'tenant' or kind == 'policy' or kind == 'queue' or kind == 'pause' then
        local fair = in_force(setting('policy')) == 'fair' and 1 or 0
        local line_max = tonumber(in_force(setting('queue')) or WAITERS_MAX)
        return pack_limits(in_force(setting('tenant:*')), fair, line_max, read('SCARD', key('pauses'))), key('limits', '*')
    end
end

-- The set by which settings of one kind are found: pools that need no worker, pauses in force.
local SET_OF = { zero = 'zeros', pause = 'pauses' }

-- Writes what is derived from a setting, where it differs.
local function derive_setting(name, words)
    local kind, rest = string.match(name, '^(%a+):?(.*)$')
    if SET_OF[kind] then
        write(words and 'SADD' or 'SREM', key(SET_OF[kind]), rest)
    end
    local row, at = limits_row(name)
    if row and read('GET', at) ~= row then
        write('SET', at, row)
    elseif at and not row then
        write('DEL', at)
    end
end

local limits_cache = {}

local function read_limits(text)
    local cap, queue_max, _, priority_max, weight, guarantee, fair, line_max, pauses = struct.unpack(TERMS, text)
    return { cap = cap, queueMax = queue_max, priorityMax = priority_max, weight = weight, guarantee = guarantee,
        fair = fair == 1, lineMax = line_max, pauses = pauses }
end

--@seldom
local function default_limits()
    return pack_limits(nil, 0, WAITERS_MAX, 0)
end

local function fleet_limits()
    local known = limits_cache['*']
    if not known then
        known = read_limits(row_text(key('limits', '*')) or default_limits())
        limits_cache['*'] = known
    end
    return known
end

-- The limits of a tenant, with the fleet's policy (`fair`) and bound of the line (`lineMax`).
local function limits_of(tenant)
    local limits = limits_cache[tenant]
    if not limits then
        local fleet, text = fleet_limits(), row_text(key('limits', tenant))
        limits = text and read_limits(text) or fleet
        limits.fair, limits.lineMax = fleet.fair, fleet.lineMax
        limits_cache[tenant] = limits
    end
    return limits
end

-- A pause names one pool, or a label and with it all pools of that label.
--@seldom
local function has_pause(pool)
    return in_force(setting('pause:' .. pool)) or in_force(setting('pause:' .. parts(pool)))
end

local function paused(pool)
    return fleet_limits().pauses > 0 and has_pause(pool)
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
