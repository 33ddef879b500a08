#!lua flags=allow-oom
-- register: a process joins the fleet, or joins anew after Redis ended it or lost its data.
-- KEYS  state
-- ARGV  caller header (5), kind; a worker goes on with address, number of slots, caps (strict|lenient), sessions
--       in its life (0: no limit) and those it has served, whether it drains (0|1), the ms since it started, its
--       program's version, then `pool` per slot, then its rows
-- Reply ok [orders] | busy (its earlier life is still being ended, a slice a call: ask again) | refused pools | old
-- Cost  O(slots + selectors); a pool that is new to the fleet is linked to each selector once.

local kind = ARGV[6]
local stop = begin(process(kind), true)
if stop then
    return stop
end
local node = string.match(caller.id, '^(.*)%.[0-9a-f]+$')
if not is_name(node) then
    return header('bad')
end
local address, count, caps = ARGV[7], natural(ARGV[8]), ARGV[9]
local lifetime, served = natural(ARGV[10]), natural(ARGV[11])
local drains, age, version = ARGV[12], natural(ARGV[13]), ARGV[14]
local FIRST_POOL = 15
if kind == 'worker' then
    local good = count and count >= 1 and count <= SLOTS_PER_WORKER_MAX and #ARGV >= FIRST_POOL - 1 + count
        and #address <= ADDRESS_BYTES_MAX
        and string.find(address, '^[^%s%z]+$') and (caps == 'strict' or caps == 'lenient') and lifetime and served
        and (drains == '0' or drains == '1') and age and is_name(version) and rows_good(FIRST_POOL + count)
    for i = 1, good and count or 0 do
        good = good and is_pool(ARGV[FIRST_POOL - 1 + i])
    end
    local before = worker_row(caller.id)
    if not good or (before and before.slots ~= count) then
        return header('bad')
    end
end
if caller.ending then
    local finish_one = kind == 'gateway' and end_gateway or end_worker
    finish_one(caller.id)
    if caller.isKnown then
        settle()
        return finish('busy')
    end
end
local expires = int(NOW + PROCESS_TTL_MS)

if kind == 'gateway' then
    write('ZADD', key('gateways'), expires, caller.id)
    note_known()
    write('HSET', caller.record, 'mark', read('HGET', caller.record, 'mark') or '')
    return finish('ok')
end

local pools, seen = {}, {}
for i = 1, count do
    local pool = ARGV[FIRST_POOL - 1 + i]
    if not seen[pool] then
        seen[pool] = true
        pools[#pools + 1] = pool
    end
end
local fresh = 0
for _, pool in ipairs(pools) do
    fresh = fresh + 1 - read('HEXISTS', key('pools'), pool)
end
if #pools > WORKER_POOLS_MAX then
    return finish('refused', 'pools')
end
-- Pools nobody serves make room for new ones, longest unseen first.
local over = read('HLEN', key('pools')) + fresh - POOLS_MAX
if over > 0 then
    local unserved = {}
    local all = read('HGETALL', key('pools'))
    for i = 1, #all, 2 do
        if not seen[all[i]] and read('EXISTS', key('pool', all[i], 'workers')) == 0 then
            unserved[#unserved + 1] = { pool = all[i], at = tonumber(all[i + 1]) }
        end
    end
    if #unserved < over then
        return finish('refused', 'pools')
    end
    table.sort(unserved, function(a, b) return a.at < b.at end)
    for i = 1, over do
        unlink_pool(unserved[i].pool)
    end
end

for _, pool in ipairs(pools) do
    if write('HSET', key('pools'), pool, int(NOW)) == 1 then
        link_pool(pool)
    end
    write('SADD', key('pool', pool, 'workers'), caller.id)
end
-- Two processes of one node: the one that was here before drains. A process that comes back (it knows an epoch) is not
-- the newer one, or the two would end each other for ever.
local other = read('HGET', key('nodes'), node)
local rival = other and other ~= caller.id and worker_row(other) or nil
local superseded = rival and not rival.draining and natural(ARGV[3]) > 0
if not superseded then
    write('HSET', key('nodes'), node, caller.id)
    if rival then
        write('HSET', key('worker', other, 'more'), 'superseded', '1')
        if rival.address == address and not rival.draining then
            end_worker(other)
        end
    end
end
write('ZADD', key('workers'), expires, caller.id)
local worker = worker_row(caller.id)
local more = key('worker', caller.id, 'more')
if not worker then
    note_known()
    -- New slots begin as recycling. The rows of the worker say which are free.
    for i = 1, count do
        new_slot(caller.id, int(i - 1), ARGV[FIRST_POOL - 1 + i])
    end
    worker = new_worker(caller.id, count, table.concat(pools, ' '))
    write('HSET', more, 'renewed', '0', 'started', int(math.max(NOW - age, 0)), 'version', version)
    write('ZADD', key('probes'), int(NOW), caller.id)
    for _, gateway in ipairs(read('ZRANGE', key('gateways'), 0, PROCESSES_A_CALL - 1)) do
        if not marked(gateway) and read('PUBLISH', key('wake', gateway), 'collect') > 0 then
            break
        end
    end
end
worker.address, worker.lifetime, worker.served = address, lifetime, served
change_row(worker)
write('HSET', more, 'caps', caps)
index_worker(caller.id)
if superseded then
    write('HSET', more, 'superseded', '1')
end
if drains == '1' or read('ZSCORE', key('drains'), caller.id) then
    drain_worker(worker)
end
local orders = judge_rows(caller.id, FIRST_POOL + count)
if drains == '0' and worker.draining then
    orders[#orders + 1] = 'drain'
end
settle()
return finish('ok', orders)
