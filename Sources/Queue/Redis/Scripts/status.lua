#!lua flags=no-writes
-- status: the fleet at a glance.
-- KEYS  meta
-- ARGV  caller header (5), most waiters to list
-- Reply a JSON object: schema, epoch, holdOff, gateways, workers, pools, waiting, line (first waiters in order)
-- Cost  O(workers × slots + pools + waiters listed). For people and tools, not for the data path.

load_meta()
local out = { schema = tonumber(meta.schema), epoch = meta.epoch, holdOff = holding_off(),
    waiting = call('ZCARD', key('line')), gateways = {}, workers = {}, pools = {}, line = {},
    todo = call('SCARD', key('todo')) }
for i, id in ipairs(call('ZRANGE', key('gateways'), 0, 255)) do
    out.gateways[i] = { id = id, waiters = call('ZCARD', key('gateway', id, 'waiters')),
        suspended = call('HGET', key('gateway', id), 'mark') or '' }
end
local counts = {}
for _, pool in ipairs(call('HKEYS', key('pools'))) do
    counts[pool] = { pool = pool, paused = paused(pool) ~= nil, free = 0, leased = 0, recycling = 0, draining = 0, out = 0 }
end
for i, id in ipairs(call('ZRANGE', key('workers'), 0, 255)) do
    local worker = worker_row(id)
    if worker then
        local slots = {}
        for j = 0, worker.slots - 1 do
            local s = slot_row(id, int(j))
            slots[j + 1] = { slot = j, state = s.state, lease = s.lease, pool = s.pool }
            if counts[s.pool] then
                counts[s.pool][s.state] = counts[s.pool][s.state] + 1
            end
        end
        out.workers[i] = { id = id, address = worker.address, state = worker.state, draining = worker.draining,
            slots = slots }
    end
end
for _, row in pairs(counts) do
    out.pools[#out.pools + 1] = row
end
for i, id in ipairs(call('ZRANGE', key('line'), 0, (tonumber(ARGV[6]) or 100) - 1)) do
    local row = call('HMGET', key('waiter', id), 'tenant', 'selector', 'ticket', 'run')
    out.line[i] = { waiter = id, tenant = row[1], selector = row[2], ticket = row[3], run = row[4] }
end
return cjson.encode(out)
