#!lua flags=no-writes
-- status: the fleet at a glance.
-- KEYS  meta
-- ARGV  caller header (5), most waiters to list
-- Reply a JSON object: schema, epoch, holdOff, graceMs, policy, maxQueue, paused (names of pauses in force), gateways, workers,
--       pools, waiting, aside, oldestWaitMs, line (first waiters in order), todo; partial where more gateways or workers
--       are there than it lists: then its pools count those listed
-- Cost  O(256 gateways + 256 workers + 4,096 slots + pools + waiters listed). For people and tools, not for the data path.

load_meta()
local PROCESSES_MAX, SLOTS_MAX = 256, 4096
local fleet_limits = limits_of('*')

local gateways, workers, pools, line, paused_names, aside = {}, {}, {}, {}, {}, 0
local gateways_total, workers_total = read('ZCARD', key('gateways')), read('ZCARD', key('workers'))
for i, id in ipairs(read('ZRANGE', key('gateways'), 0, PROCESSES_MAX - 1)) do
    local set_apart = read('ZCARD', key('gateway', id, 'aside'))
    aside = aside + set_apart
    gateways[i] = { id = id, waiters = read('ZCARD', key('gateway', id, 'waiters')), aside = set_apart,
        suspended = read('HGET', key('gateway', id), 'mark') or '' }
end
local counts = {}
for _, pool in ipairs(read('HKEYS', key('pools'))) do
    counts[pool] = { pool = pool, paused = paused(pool) ~= nil, free = 0, leased = 0, recycling = 0, draining = 0, out = 0 }
end
for _, name in ipairs(read('HKEYS', key('settings'))) do
    local what = string.match(name, '^pause:(.*)$')
    if what and in_force(setting(name)) then
        paused_names[#paused_names + 1] = what
    end
end
local slots_left = SLOTS_MAX
for _, id in ipairs(read('ZRANGE', key('workers'), 0, PROCESSES_MAX - 1)) do
    local worker = worker_row(id)
    if worker and worker.slots <= slots_left then
        slots_left = slots_left - worker.slots
        local slots = {}
        for j = 0, worker.slots - 1 do
            local s = slot_row(id, int(j))
            slots[j + 1] = { slot = j, state = s.state, lease = s.lease, pool = s.pool }
            if counts[s.pool] then
                counts[s.pool][s.state] = counts[s.pool][s.state] + 1
            end
        end
        workers[#workers + 1] = { id = id, address = worker.address, state = worker.state, draining = worker.draining,
            trouble = read('HGET', key('worker', id), 'trouble') or '', slots = slots }
    end
end
for _, row in pairs(counts) do
    pools[#pools + 1] = row
end
table.sort(pools, function(a, b)
    return a.pool < b.pool
end)
local oldest
for i, id in ipairs(read('ZRANGE', key('line'), 0, math.max(tonumber(ARGV[6]) or 100, 1) - 1)) do
    local row = read('HMGET', key('waiter', id), 'tenant', 'selector', 'ticket', 'run')
    oldest = oldest or math.max(NOW - math.floor(tonumber(row[3] or NOW_US) / 1000), 0)
    line[i] = { waiter = id, tenant = row[1], selector = row[2], ticket = row[3], run = row[4] or '' }
end
-- An empty table would be written as an object.
local function list(name, items)
    return ',"' .. name .. '":' .. (#items > 0 and cjson.encode(items) or '[]')
end
local head = cjson.encode({ schema = tonumber(meta.schema), epoch = meta.epoch, holdOff = holding_off(),
    graceMs = math.max(meta.grace - NOW, 0), policy = fleet_limits.fair and 'fair' or 'fifo',
    maxQueue = fleet_limits.lineMax, waiting = read('ZCARD', key('line')), aside = aside, oldestWaitMs = oldest or 0,
    todo = read('SCARD', key('todo')), partial = gateways_total > #gateways or workers_total > #workers })
return string.sub(head, 1, -2) .. list('paused', paused_names) .. list('gateways', gateways)
    .. list('workers', workers) .. list('pools', pools) .. list('line', line) .. '}'
