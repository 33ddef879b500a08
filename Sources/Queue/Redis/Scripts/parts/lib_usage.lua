-- The usage of tenants, by UTC day. Processes count it and send it with their renews, in numbered batches (UsageMeter in Swift).
-- A row is `<held ms> <waited ms> <sessions> <refusals>`. A batch is a number, then `<tenant> <row>` of each tenant, separated
-- by commas. The tenant `*` stands for all that are not told apart.

local OTHERS = '*'

local function today()
    return math.floor(NOW_US / DAY_US)
end

-- The four numbers of a row; nil if it is not one.
local function usage_of(text)
    local numbers = {}
    for word in string.gmatch(text, '[^ ]+') do
        local number = natural(word)
        if not number or number > USAGE_NUMBER_MAX then
            return nil
        end
        numbers[#numbers + 1] = number
    end
    return #numbers == 4 and numbers or nil
end

-- A batch as its number and its rows, false if there is none, nil if the text is not one. Call it before the first write.
local function usage_batch(text)
    if (text or '') == '' then
        return false
    end
    local number, list = string.match(text, '^(%d+) (.*)$')
    local batch = { number = natural(number) }
    for words in string.gmatch(list or '', '[^,]+') do
        local tenant, row = string.match(words, '^(%S+) (.*)$')
        local use = row and usage_of(row)
        if not use or not (tenant == OTHERS or is_name(tenant)) or #batch == USAGE_BATCH then
            return nil
        end
        batch[#batch + 1] = { tenant = tenant, use = use }
    end
    return batch.number and #batch > 0 and batch or nil
end

-- The new rows of a day, as arguments of HSET. If the day has too many tenants, a new one counts among the others.
local function usage_rows(name, batch)
    local asked = { OTHERS }
    for _, one in ipairs(batch) do
        asked[#asked + 1] = one.tenant
    end
    local old, sums, fields = read('HMGET', name, unpack(asked)), {}, {}
    local room = USAGE_TENANTS_MAX - read('HLEN', name)
    for i, one in ipairs(batch) do
        local tenant, known = one.tenant, old[i + 1]
        if not known and not sums[tenant] and tenant ~= OTHERS then
            tenant = room > 0 and tenant or OTHERS
            room = room - 1
        end
        if tenant == OTHERS then
            known = old[1]
        end
        sums[tenant] = sums[tenant] or usage_of(known or '') or { 0, 0, 0, 0 }
        for at, number in ipairs(one.use) do
            sums[tenant][at] = math.min(sums[tenant][at] + number, USAGE_NUMBER_MAX)
        end
    end
    for tenant, sum in pairs(sums) do
        fields[#fields + 1] = tenant
        fields[#fields + 1] = string.format('%d %d %d %d', unpack(sum))
    end
    return fields
end

-- Adds a batch once: the number of the last one stands in the caller's record. The number is written first, so a call that
-- dies midway loses use and never doubles it.
local function add_usage(batch)
    if not batch or batch.number <= tonumber(read('HGET', caller.record, 'usage') or 0) then
        return
    end
    local day = int(today())
    local fields = usage_rows(key('usage', day), batch)
    write('HSET', caller.record, 'usage', int(batch.number))
    -- The index comes before the day, because a day without its entry would stay for ever.
    write('ZADD', key('usage'), day, day)
    write('HSET', key('usage', day), unpack(fields))
end

-- Deletes one day that is too old.
local function forget_usage()
    local last = int(today() - USAGE_DAYS)
    for _, day in ipairs(read('ZRANGE', key('usage'), '-inf', last, 'BYSCORE', 'LIMIT', 0, 1)) do
        write('DEL', key('usage', day))
        write('ZREM', key('usage'), day)
    end
end
