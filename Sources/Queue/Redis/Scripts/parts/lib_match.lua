-- Which pools fit a selector, and how well. Must equal `Selector.rank(of:)` in Swift; a test holds them together.

local PROTOCOLS = { playwright = true, cdp = true, bidi = true, raw = true, lease = true }

-- Label, browser, version and protocol.
local function parts(text)
    local first = string.find(text, '|', 1, true)
    local second = string.find(text, '|', first + 1, true)
    local third = string.find(text, '|', second + 1, true)
    return string.sub(text, 1, first - 1), string.sub(text, first + 1, second - 1),
        string.sub(text, second + 1, third - 1), string.sub(text, third + 1)
end

-- 1–8 names joined by `:`; in a pattern `*` stands for any one.
local function is_label(text, pattern)
    local count = 0
    for segment in string.gmatch(text .. ':', '([^:]*):') do
        count = count + 1
        if not is_name(segment) and not (pattern and segment == '*') then
            return false
        end
    end
    return count <= 8
end

local function is_kind(text, pattern)
    local label, browser, version, protocol = string.match(text or '', '^([^|]*)|([^|]*)|([^|]*)|([^|]*)$')
    return label ~= nil and (is_label(label, pattern) or (pattern and label == ''))
        and (browser == '' or is_name(browser)) and (version == '' or is_name(version))
        and (PROTOCOLS[protocol] or (pattern and protocol == '')) or false
end

--@seldom
local function is_selector(text)
    return is_kind(text, true)
end

--@seldom
local function is_pool(text)
    return is_kind(text, false)
end

local function segments(label)
    local out = {}
    for segment in string.gmatch(label, '[^:]+') do
        out[#out + 1] = segment
    end
    return out
end

-- Rank, best first: 0 exact, 1–7 trailing fallback, 10.. prefix expansion, 20.. any label; nil where it does not fit.
local function match(selector, pool, ignore_version)
    local pattern, browser, version, protocol = parts(selector)
    local label, pool_browser, pool_version, pool_protocol = parts(pool)
    if (browser ~= '' and browser ~= pool_browser) or (protocol ~= '' and protocol ~= pool_protocol) then
        return nil
    end
    if not ignore_version and version ~= '' and version ~= pool_version then
        return nil
    end
    local have = segments(label)
    if pattern == '' then
        return 20 + #have
    end
    local want = segments(pattern)
    for i = 1, math.min(#want, #have) do
        if want[i] ~= '*' and want[i] ~= have[i] then
            return nil
        end
    end
    if #have == #want then
        return 0
    end
    if #have > #want then
        return 10 + #have - #want
    end
    if #have >= 2 then
        return #want - #have
    end
    return nil
end

-- A call asks for the same selector many times.
local known_pools, known_heads = {}, {}

-- The pools that a selector fits, best first.
local function pools_of(selector)
    local known = known_pools[selector]
    if not known then
        known = read('ZRANGE', key('selector', selector, 'pools'), '0', '-1')
        known_pools[selector] = known
    end
    return known
end

-- The head of a selector: its first eligible tenant, with the tenant's effective score, as a number and as the text that Redis
-- writes. `behind` is the next tenant, if this call knows it. Nil if no tenant is eligible.
local function head_of(selector)
    local known = known_heads[selector]
    if known == nil then
        local top = read('ZRANGE', key('selector', selector, 'eligible'), '0', '1', 'WITHSCORES')
        local behind = top[3] and { tenant = top[3], score = top[4] + 0, text = top[4] }
        known = top[1] and { tenant = top[1], score = top[2] + 0, text = top[2], behind = behind }
        known_heads[selector] = known or false
    end
    return known or nil
end

-- Each change of a selector's eligible tenants. Without a score the tenant is not eligible.
local function set_eligible(selector, tenant, score)
    local head, text = known_heads[selector], score and int(score)
    if score then
        write('ZADD', key('selector', selector, 'eligible'), text, tenant)
    else
        write('ZREM', key('selector', selector, 'eligible'), tenant)
    end
    -- If the head itself moves, the next head is this tenant or the one behind. If both scores are equal, only Redis knows
    -- the order.
    local behind = head and head.tenant == tenant and head.behind
    if head and head.tenant ~= tenant and (not score or score > head.score) then
        known_heads[selector] = { tenant = head.tenant, score = head.score, text = head.text }
    elseif not behind or score == behind.score then
        known_heads[selector] = nil
    elseif score and score < behind.score then
        known_heads[selector] = { tenant = tenant, score = score, text = text, behind = behind }
    else
        known_heads[selector] = behind
    end
end

local function link(selector, pool)
    local rank = match(selector, pool)
    if rank then
        known_pools[selector] = nil
        write('ZADD', key('selector', selector, 'pools'), rank, pool)
        write('SADD', key('pool', pool, 'selectors'), selector)
        local head = head_of(selector)
        if head then
            write('ZADD', key('pool', pool, 'heads'), head.text, selector)
        end
    end
end

-- Links a selector that appears for the first time to the pools there are (≤ 256).
--@seldom
local function link_selector(selector)
    write('SADD', key('selectors'), selector)
    for _, pool in ipairs(read('HKEYS', key('pools'))) do
        link(selector, pool)
    end
end

-- Links a pool that appears for the first time to the selectors there are (≤ 1,024).
local function link_pool(pool)
    for _, selector in ipairs(read('SMEMBERS', key('selectors'))) do
        link(selector, pool)
    end
end

--@seldom
local function unlink_selector(selector)
    for _, pool in ipairs(pools_of(selector)) do
        write('SREM', key('pool', pool, 'selectors'), selector)
        write('ZREM', key('pool', pool, 'heads'), selector)
    end
    known_pools[selector] = nil
    write('DEL', key('selector', selector, 'pools'))
    write('SREM', key('selectors'), selector)
    write('ZREM', key('idle'), selector)
end

local function unlink_pool(pool)
    for _, selector in ipairs(read('SMEMBERS', key('pool', pool, 'selectors'))) do
        known_pools[selector] = nil
        write('ZREM', key('selector', selector, 'pools'), pool)
    end
    write('DEL', key('pool', pool, 'selectors'), key('pool', pool, 'heads'), key('pool', pool, 'rate'))
    write('HDEL', key('pools'), pool)
end
