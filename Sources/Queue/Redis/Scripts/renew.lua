#!lua flags=allow-oom
-- renew: a worker lives; it shows its slots, and what Redis lost of them heals. A gateway's is `roll`.
-- KEYS  meta
-- ARGV  caller header (5), the renew's number, why slots of it have no fit sidecar ('' where all have), then its rows
-- Reply ok [orders] [notes: superseded] | unknown | old
-- Cost  O(slots).

local stop = begin('worker')
if stop then
    return stop
end
local number = natural(ARGV[6])
if not number or #(ARGV[7] or '') > TROUBLE_BYTES_MAX or not rows_good(8) then
    return header('bad')
end
write('ZADD', key('workers'), int(NOW + PROCESS_TTL_MS), caller.id)
if number <= tonumber(read('HGET', caller.key, 'renewed') or 0) then
    return finish('ok', {}, {})
end
change_worker('HSET', caller.id, 'renewed', int(number), 'trouble', ARGV[7] or '')
for _, pool in ipairs(worker_row(caller.id).pools) do
    write('HSET', key('pools'), pool, int(NOW))
end
local orders = judge_rows(caller.id, 8)
settle()
return finish('ok', orders, read('HGET', caller.key, 'superseded') == '1' and { 'superseded' } or {})
