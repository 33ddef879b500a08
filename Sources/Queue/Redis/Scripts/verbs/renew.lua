#!lua flags=allow-oom
-- renew: a worker lives; it shows its slots, and what Redis lost of them heals. A gateway's is `roll`.
-- KEYS  state
-- ARGV  caller header (5), the renew's number, why slots of it have no fit sidecar ('' where all have), whether it
--       drains (0|1), a batch of what tenants used or '', then its rows
-- Reply ok [orders] [notes: superseded] | unknown | old
-- Cost  O(slots), and O(tenants) of the batch, at most 128.

local stop = begin('worker')
if stop then
    return stop
end
local number, drains, used = natural(ARGV[6]), ARGV[8] or '0', usage_batch(ARGV[9])
if not number or #(ARGV[7] or '') > TROUBLE_BYTES_MAX or not (drains == '0' or drains == '1')
    or used == nil or not rows_good(10) then
    return header('bad')
end
write('ZADD', key('workers'), int(NOW + PROCESS_TTL_MS), caller.id)
local more = key('worker', caller.id, 'more')
caller.record = more
add_usage(used)
if number <= tonumber(read('HGET', more, 'renewed') or 0) then
    return finish('ok', {}, {})
end
local worker = worker_row(caller.id)
write('HSET', more, 'renewed', int(number), 'trouble', ARGV[7] or '')
repair_worker(worker)
repair_slots(worker, number)
if drains == '1' then
    drain_worker(worker)
end
local orders = judge_rows(caller.id, 10)
if drains == '0' and worker.draining then
    orders[#orders + 1] = 'drain'
end
settle()
return finish('ok', orders, read('HGET', more, 'superseded') == '1' and { 'superseded' } or {})
