-- Shared by every script: key prefix, one reading of the clock, exact numbers.
-- KEYS[1] is always `<prefix>state`; all other keys carry the same hash tag and are spelled in `Keys.swift` and here.

local PREFIX = string.sub(KEYS[1], 1, -6)

-- Written out, for every command spells a key: a table for each takes longer than the joining.
local function key(kind, id, what, of)
    if not id then
        return PREFIX .. kind
    elseif not what then
        return PREFIX .. kind .. ':' .. id
    elseif not of then
        return PREFIX .. kind .. ':' .. id .. ':' .. what
    end
    return PREFIX .. kind .. ':' .. id .. ':' .. what .. ':' .. of
end

-- `read` is for commands that change no key, `write` for the others. Pass constant numbers as text: Redis formats a Lua
-- number with 17 digits before it parses the number again.
local read, write = redis.call, redis.call

-- `..`, tostring and Redis' own conversion round above 10^14.
local function int(number)
    return string.format('%d', number)
end

local clock = read('TIME')
local NOW_US = clock[1] * 1000000 + clock[2]
local NOW = math.floor(NOW_US / 1000)

-- Limits. docs/reference/limits.md has a row for each; where Swift knows one too, a test holds them together.
local SCHEMA = 9
-- The oldest layout that this program reads.
local SCHEMA_MIN = 9
local POOLS_MAX = 256
-- Pools of one worker. The worker's map has one byte for each slot, so it can number only so many pools.
local WORKER_POOLS_MAX = 250
local SELECTORS_PER_TENANT_MAX = 16
local SELECTORS_MAX = 1024
local WAITERS_MAX = 1000000
local SLOTS_PER_WORKER_MAX = 1024
local RUN_BYTES_MAX = 128
local ADDRESS_BYTES_MAX = 300
local TROUBLE_BYTES_MAX = 512
local COLLECT_BATCH = 256
local ACCEPT_DEADLINE_MS = 5000
local PROCESS_TTL_MS = 10000
-- A borrowed slot whose client has not come is given back after that long.
local RESERVE_MS = 30000
local KEEP_SECONDS_MAX = 3600
-- The ticket of an alias whose gateway ended is kept so long.
local ORPHAN_MS = 30000
local HOLD_OFF_MS = 12000
local GRACE_MS = 10000
-- Found older than this, the clock of the last commit means an outage or a step.
local SILENCE_MS = 4000
-- Less than the second between two polls of a gateway: else it finds the next sweep not due by what a call takes, and
-- a fleet with one gateway is swept every other second.
local SWEEP_MS = 900
local BACKOFF_MIN_MS = 1000
local BACKOFF_MAX_MS = 30000
-- A probe is lent to one gateway so long; one that is due for longer than that goes to whoever asks.
local PROBE_LOAN_MS = 3000
local PROBE_OVERDUE_MS = 2000
local VERSION_MEMORY_MS = 600000
local SELECTOR_IDLE_MS = 10000
-- Processes, probes and items of `todo` that one call looks at.
local PROCESSES_A_CALL = 16
local PROBES_A_CALL = 8
local ITEMS_A_CALL = 16
local GRANTS_A_CALL = 32
local ASIDES_A_CALL = 128
local ENDS_A_CALL = 128
local DEADLINES_A_CALL = 128
local ORPHANS_A_CALL = 128
local TENANTS_A_SLICE = 64
-- Under the policy `fair` a slot held, per weight, counts for so much waiting.
local FAIR_AGEING_US = 60000000
-- A tenant below its guarantee goes before all others: 31 years, more than scores can differ.
local GUARANTEE_US = 1000000000000000
local SETTINGS_MAX = 16384
local SETTINGS_BATCH = 256
local ZEROS_MAX = 256
-- A row that was taken back is remembered so long.
local SETTING_MEMORY_MS = 600000
-- A worker that Redis ended and that registers anew within this time still has an operator's order to drain.
local DRAIN_MEMORY_MS = 600000
local SELECTORS_A_CALL = 32
local WORKERS_LOOKED_AT_MAX = 256
local PROCESSES_EXAMINED_MAX = 256
-- Slices of a gateway's waiters that are counted, listings that one renew answers, ids that one of them holds, and those
-- of the one in rotation, which comes with each renew.
local ROLL_SLICES = 64
local ROLL_LISTINGS_MAX = 5
local ROLL_IDS_MAX = 128
local ROLL_ROTATION_IDS_MAX = 64
-- Rates of grants forget over this; fewer recent grants than that tell nothing.
local RATE_MEMORY_MS = 60000
local RATE_GRANTS_MIN = 3
local PLACE_LOOKS_MAX = 256
local PLACE_ROUNDS = 16
-- Items that one call of audit or survey looks at, or one sweep repairs, and members that it asks Redis' scan for.
local LOOKS_A_CALL = 32
local WALK_BATCH = 16
-- Slots, or waiters, whose index entries one renew compares; and pairs of tenant and selector among these waiters.
local SLOTS_A_RENEW = 64
local WAITERS_A_RENEW = 32
local PAIRS_A_RENEW = 16
-- Tenants in the usage that one renew carries, those of one day that are told apart, and days that are kept.
local USAGE_BATCH = 128
local USAGE_TENANTS_MAX = 10000
local USAGE_DAYS = 35
-- Largest number in a row of usage: two processes' largest numbers add up to one that Lua has exactly.
local USAGE_NUMBER_MAX = 999999999999999
local DAY_US = 86400000000

-- What this call may still do; the rest stands in `todo`.
local grants_left = GRANTS_A_CALL
local asides_left = ASIDES_A_CALL
local ends_left = ENDS_A_CALL
local reindexes_left = TENANTS_A_SLICE

local function split(text)
    local out = {}
    for word in string.gmatch(text, '%S+') do
        out[#out + 1] = word
    end
    return out
end

-- A number of at most 16 digits, else nil: tonumber takes `inf`, `0x1` and blanks too, and reads the text twice.
local function natural(text)
    if text and #text <= 16 and string.find(text, '^%d+$') then
        return text + 0
    end
end

-- What `isName` says in Swift: node ids, tenants, label segments.
local function is_name(text)
    return text ~= nil and #text <= 64 and string.find(text, '^[%w._-]+$') ~= nil
end

-- A run's name: printable, without blanks; '' for none.
local function is_run(text)
    return text ~= nil and #text <= RUN_BYTES_MAX and string.find(text, '^[!-~]*$') ~= nil
end

local function newer(epoch_a, number_a, epoch_b, number_b)
    if epoch_a ~= epoch_b then
        return epoch_a > epoch_b
    end
    return number_a > number_b
end
