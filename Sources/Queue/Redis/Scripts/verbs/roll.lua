#!lua flags=allow-oom
-- roll: a gateway lives; it shows how many waiters it has, and what Redis lost of them is found. Its renew.
-- KEYS  state
-- ARGV  caller header (5), if it likes the count of its waiters in each 1/64 of the ids (comma-separated), the places to
--       list from in any case, the highest version of settings it knows, and a batch of what tenants used or ''
-- Reply ok [listings, each from, last or `end`, [ids]] [highest version of settings] [newer rows: name, row] [pools]
--       | unknown | old
-- Cost  9 counts, 8 more where one of them differs, a listing of 64 ids and 4 of 128, each O(log n); 256 rows of
--       settings, 256 pools; O(tenants) of the batch, at most 128. The index entries of 32 waiters are compared, of at most
--       16 pairs of tenant and selector.

local stop = begin('gateway')
if stop then
    return stop
end

-- The first two digits of a slice's ids, of which it spans four; the ZSET bound of its end.
local SPAN = 4
local function starts(slice)
    return slice < ROLL_SLICES and string.format('%02x', slice * SPAN) or nil
end
local function ends(slice)
    local next_one = starts(slice + 1)
    return next_one and '(' .. next_one or '+'
end

local function listing(waiters, from, most)
    local slice = math.floor(tonumber('0x' .. string.sub(from, 1, 2)) / SPAN)
    local ids = read('ZRANGE', waiters, '[' .. from, ends(slice), 'BYLEX', 'LIMIT', 0, most)
    local last = #ids == most and ids[#ids] or 'end'
    return { from, last, ids }, slice
end

-- Slices that are counted at once, for most agree: 64 counts were most of what a renew took.
local GROUP = 8

-- Whether Redis has another number of waiters in the slices before `past`.
local function differs(waiters, counts, slice, past)
    local told = 0
    for i = slice + 1, past do
        told = told + counts[i]
    end
    return read('ZLEXCOUNT', waiters, '[' .. starts(slice), ends(past - 1)) ~= told
end

-- This gateway's waiters as Redis has them, where the counts differ; the places wished for come first. Which of the
-- differing slices are listed goes round, for a busy gateway's counts differ all the time. Groups go round with it: what
-- is lost in one slice and too much in another does not stay hidden in their sum.
local function roll(counts, wishes)
    local waiters, out, listed, first = key('gateway', caller.id, 'waiters'), {}, {}, 0
    for i, from in ipairs(wishes) do
        local slice
        out[i], slice = listing(waiters, from, i == 1 and ROLL_ROTATION_IDS_MAX or ROLL_IDS_MAX)
        listed[slice] = true
        first = i == 1 and slice or first
    end
    local group_differs
    for i = 0, ROLL_SLICES - 1 do
        local slice = (first + i) % ROLL_SLICES
        if #out == ROLL_LISTINGS_MAX then
            return out
        elseif i % GROUP == 0 or slice == 0 then
            group_differs = differs(waiters, counts, slice, math.min(slice + GROUP - i % GROUP, ROLL_SLICES))
        end
        if group_differs and not listed[slice] and differs(waiters, counts, slice, slice + 1) then
            out[#out + 1] = listing(waiters, starts(slice), ROLL_IDS_MAX)
        end
    end
    return out
end

local counts, wishes = {}, {}
local version = natural(ARGV[8])
if ARGV[6] and ARGV[6] ~= '' then
    -- One look at all: each renew has 64 of them.
    local good = ARGV[7] and not string.find(ARGV[6], '[^%d,]')
    for word in string.gmatch(good and ARGV[6] or '', '[^,]+') do
        counts[#counts + 1] = tonumber(word)
    end
    good = good and #counts == ROLL_SLICES
    for word in string.gmatch(ARGV[7] or '', '[^,]+') do
        good = good and #word >= 2 and #word <= 32 and string.find(word, '^[0-9a-f]+$')
        wishes[#wishes + 1] = word
    end
    if not good or #wishes > ROLL_LISTINGS_MAX then
        return header('bad')
    end
end

local used = usage_batch(ARGV[9])
if used == nil then
    return header('bad')
end
write('ZADD', key('gateways'), int(NOW + PROCESS_TTL_MS), caller.id)
add_usage(used)
repair_waiters()
settle()
local highest = highest_version()
return finish('ok', #counts > 0 and roll(counts, wishes) or {}, int(highest),
    version and version < highest and newer_settings(version) or {}, read('HKEYS', key('pools')))
