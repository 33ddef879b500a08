#!lua flags=allow-oom
-- drain: a worker takes no more clients; those it has stay. With `leave` a process is gone and ends at once.
-- KEYS  meta
-- ARGV  caller header (5), kind, verb (drain|leave)
-- Reply ok | unknown | old
-- Cost  O(slots).

local kind, verb = ARGV[6], ARGV[7]
local stop = begin(process(kind))
if stop then
    return stop
end
if verb ~= 'leave' and verb ~= 'drain' then
    return header('bad')
end
if verb == 'leave' then
    if kind == 'gateway' then
        end_gateway(caller.id)
    else
        end_worker(caller.id)
    end
else
    change_worker('HSET', caller.id, 'draining', '1')
    for _, slot in ipairs(read('HKEYS', key('worker', caller.id, 'slots'))) do
        local s = slot_row(caller.id, slot)
        if s.state == 'free' then
            move_slot(s, 'draining')
        end
    end
    index_worker(caller.id)
end
settle()
return finish('ok')
