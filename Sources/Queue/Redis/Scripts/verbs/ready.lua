#!lua flags=allow-oom
-- ready: a slot is fit for its next client.
-- KEYS  state
-- ARGV  caller header (5), slot, epoch and number of the token it recycles from
-- Reply ok | later (Redis has a newer token there) | unknown | old
-- Cost  O(log n), then one dispatch for the slot's pool.

local stop = begin('worker', nil, key('slot', ARGV[1] .. '/' .. (ARGV[6] or '')), key('limits', '*'))
if stop then
    return stop
end
local s = ARGV[6] and slot_row(caller.id, ARGV[6])
local epoch, number = natural(ARGV[7]), natural(ARGV[8])
if not s or not epoch or not number then
    return header('bad')
end
if newer(s.epoch, s.number, epoch, number) then
    return finish('later')
end
if free_slot(s, epoch, number) then
    settle()
end
return finish('ok')
