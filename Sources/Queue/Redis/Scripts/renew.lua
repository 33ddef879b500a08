#!lua flags=allow-oom
-- renew: a worker lives; it shows its slots, and what Redis lost of them heals. A gateway's is `roll`.
-- KEYS  meta
-- ARGV  caller header (5), the renew's number, then its rows
-- Reply ok [orders] [notes: superseded] | unknown | old
-- Cost  O(slots).

local stop = begin('worker')
if stop then
    return stop
end
local number = natural(ARGV[6])
if not number or not rows_good(7) then
    return header('bad')
end
write('ZADD', key('workers'), int(NOW + PROCESS_TTL_MS), caller.id)
if number <= tonumber(read('HGET', caller.key, 'renewed') or 0) then
    return finish('ok', {}, {})
end
change_worker('HSET', caller.id, 'renewed', int(number))
for _, pool in ipairs(worker_row(caller.id).pools) do
    write('HSET', key('pools'), pool, int(NOW))
end
local orders = judge_rows(caller.id, 7)
settle()
return finish('ok', orders, read('HGET', caller.key, 'superseded') == '1' and { 'superseded' } or {})
