#!lua
-- settings: what files declare and operators order: limits of tenants, policy and bound of the fleet, pauses, pools
-- that may have no worker.
-- KEYS  state
-- ARGV  caller header (5), kind, verb (declare: a file's rows, set: an operator's, resend: what a gateway remembers),
--       when the declaration began (0: with this call), 1 where nothing of it follows, then a name and a text per row:
--       words, `-` to take an order back; resend: the row itself
-- Reply ok <when the declaration began> | bad <name> | too_many | unknown_pool <label> | unknown | old
-- Cost  O(rows), at most 256; 64 tenants are indexed anew at once, the others and new defaults a slice a sweep.

local kind, verb, began, last = ARGV[6], ARGV[7], natural(ARGV[8]), ARGV[9] == '1'
local FIRST_ROW = 10
local stop = begin(kind)
if stop then
    return stop
end

local function refuse(status, word)
    return header(status, 0, word)
end

local function is_limits(words)
    for number in string.gmatch(words, '[^,]+') do
        if not natural(number) then
            return false
        end
    end
    return string.find(words, LIMITS) ~= nil
end

local function good_words(name, words)
    local what, rest = string.match(name, '^(%a+):?(.*)$')
    if what == 'tenant' and (rest == '*' or is_name(rest)) then
        return words == '-' or is_limits(words)
    elseif name == 'policy' then
        return words == '-' or words == 'fifo' or words == 'fair'
    elseif name == 'queue' then
        return words == '-' or (natural(words) and tonumber(words) <= WAITERS_MAX)
    elseif what == 'pause' then
        return (is_label(rest) or is_pool(rest)) and (words == '-' or words == '1')
    elseif what == 'zero' then
        local label, browser = string.match(rest, '^([^|]+)|?(.*)$')
        return label and is_label(label) and (browser == '' or is_name(browser)) and (words == '-' or words == '1')
    end
    return false
end

local function good_row(name, text)
    if verb ~= 'resend' then
        return good_words(name, text) and (verb == 'set' or text ~= '-')
    end
    local w = split(text)
    return #w == 4 and natural(w[2]) and natural(w[4]) and good_words(name, w[1]) and good_words(name, w[3])
end

local function known_pool(name)
    for _, pool in ipairs(read('HKEYS', key('pools'))) do
        if same_pool(pool, name) then
            return true
        end
    end
    return read('HEXISTS', key('settings'), 'pause:' .. name) == 1
end

local owner = verb == 'set' or ((verb == 'declare' or verb == 'resend') and kind == 'gateway')
if not owner or not began or not ARGV[9] or #ARGV % 2 ~= 1 or #ARGV >= FIRST_ROW + 2 * SETTINGS_BATCH then
    return refuse('bad')
end
local fresh, zeros = 0, read('SCARD', key('zeros'))
for i = FIRST_ROW, #ARGV, 2 do
    local name = ARGV[i]
    if not good_row(name, ARGV[i + 1]) then
        return refuse('bad', name)
    end
    fresh = fresh + 1 - read('HEXISTS', key('settings'), name)
    local what, rest = string.match(name, '^(%a+):?(.*)$')
    zeros = zeros + (what == 'zero' and 1 - read('SISMEMBER', key('zeros'), rest) or 0)
    if verb == 'set' and what == 'pause' and not known_pool(rest) then
        return refuse('unknown_pool', rest)
    end
end
if read('HLEN', key('settings')) + fresh > SETTINGS_MAX or zeros > ZEROS_MAX then
    return refuse('too_many')
end

local version = math.max(NOW_US - 1, highest_version())
local function next_version()
    version = version + 1
    return version
end

local settle_row = {}

-- What a file declared before changes nothing: an operator's order outlives a restart with the old file. A changed
-- file is a newer word than an order.
function settle_row.declare(name, words)
    local row = setting(name)
    if row.declared ~= words then
        local now = next_version()
        if row.declared ~= '-' then
            row.ordered, row.orderedAt = '-', now
        end
        row.declared, row.declaredAt = words, now
        save_setting(name, row)
    end
    write('ZADD', key('declared'), int(NOW_US), name)
end

function settle_row.set(name, words)
    local row = setting(name)
    if row.ordered ~= words then
        row.ordered, row.orderedAt = words, next_version()
        save_setting(name, row)
    end
end

function settle_row.resend(name, text)
    local row, theirs = setting(name), read_setting(text)
    local newer_file, newer_order = theirs.declaredAt > row.declaredAt, theirs.orderedAt > row.orderedAt
    if newer_file then
        row.declared, row.declaredAt = theirs.declared, theirs.declaredAt
    end
    if newer_order then
        row.ordered, row.orderedAt = theirs.ordered, theirs.orderedAt
    end
    if newer_file or newer_order then
        save_setting(name, row)
    end
    if row.declared ~= '-' then
        write('ZADD', key('declared'), 'NX', int(NOW_US), name)
    end
end

if verb == 'declare' and began == 0 then
    began = NOW_US
end
for i = FIRST_ROW, #ARGV, 2 do
    settle_row[verb](ARGV[i], ARGV[i + 1])
end
if last and began > 0 and verb ~= 'set' then
    write('ZADD', key('declarers'), int(began), caller.id)
end
settle()
return finish('ok', int(began))
