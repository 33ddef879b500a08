#!lua flags=allow-oom
-- renew: a process lives; a worker shows its slot table, and what Redis lost of it heals.
-- KEYS  meta
-- ARGV  caller header (5), kind; a worker goes on with the renew's number and its rows
-- Reply ok [orders] [notes: superseded] | unknown | old
-- Cost  O(slots).

local kind = ARGV[6]
local stop = begin(process(kind))
if stop then
    return stop
end
local number = natural(ARGV[7])
if kind == 'worker' and not (number and rows_good(8)) then
    return header('bad')
end
local expires = int(NOW + PROCESS_TTL_MS)
if kind == 'gateway' then
    call('ZADD', key('gateways'), expires, caller.id)
    return finish('ok')
end
call('ZADD', key('workers'), expires, caller.id)
if number <= tonumber(call('HGET', caller.key, 'renewed') or 0) then
    return finish('ok', {}, {})
end
call('HSET', caller.key, 'renewed', int(number))
for _, pool in ipairs(worker_row(caller.id).pools) do
    call('HSET', key('pools'), pool, int(NOW))
end
local orders = judge_rows(caller.id, 8)
settle()
return finish('ok', orders, call('HGET', caller.key, 'superseded') == '1' and { 'superseded' } or {})
