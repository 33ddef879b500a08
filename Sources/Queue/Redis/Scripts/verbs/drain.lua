#!lua flags=allow-oom
-- drain: an operator has a worker take no more clients; those it has stay. With `leave` a process is gone and ends at once.
-- KEYS  state
-- ARGV  caller header (5), kind, verb (drain: an operator's, leave: a process'), then for `drain` the worker's node id
--       or process id
-- Reply ok <process id> | unknown_worker <process ids, at most 16> | unknown | old
-- Cost  O(slots).

local kind, verb, name = ARGV[6], ARGV[7], ARGV[8] or ''
local is_order = kind == 'operator' and verb == 'drain'
local stop = begin(is_order and kind or process(kind))
if stop then
    return stop
end
if is_order then
    if not is_name(name) and not is_name(string.match(name, '^(.*)%.[0-9a-f]+$')) then
        return header('bad')
    end
    local id = read('ZSCORE', key('workers'), name) and name or read('HGET', key('nodes'), name) or ''
    local worker = worker_row(id)
    if not worker or not read('ZSCORE', key('workers'), id) then
        return header('unknown_worker', 0, read('ZRANGE', key('workers'), 0, PROCESSES_A_CALL - 1))
    end
    drain_worker(worker)
    -- The order outlives the worker's record, because Redis may end a worker that has not heard the order yet.
    write('ZREMRANGEBYSCORE', key('drains'), '-inf', int(NOW - DRAIN_MEMORY_MS))
    write('ZADD', key('drains'), int(NOW), id)
    read('PUBLISH', key('control', id), 'drain')
    settle()
    return finish('ok', id)
end
if verb ~= 'leave' then
    return header('bad')
end
if kind == 'gateway' then
    end_gateway(caller.id)
else
    write('ZREM', key('drains'), caller.id)
    end_worker(caller.id)
end
settle()
return finish('ok')
