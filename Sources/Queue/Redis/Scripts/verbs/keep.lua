#!lua flags=allow-oom
-- keep: a client's socket dropped; its slot stays leased for the seconds it asked for, and waits for it.
-- KEYS  state
-- ARGV  caller header (5), lease, slot, epoch, number, number of the connection
-- Reply kept | ended (close it) | unknown | old
-- Cost  O(log n).

local stop = begin('worker', nil, key('slot', ARGV[1] .. '/' .. (ARGV[7] or '')))
if stop then
    return stop
end
local attach = natural(ARGV[10])
if not attach then
    return header('bad')
end
local lease = own_lease(ARGV[6], ARGV[7])
if not lease or lease.epoch ~= natural(ARGV[8])
    or lease.number ~= natural(ARGV[9]) or lease.ending or lease.keep == 0 then
    return finish('ended')
end
if attach >= lease.attach and lease.state ~= 'kept' then
    if lease.state ~= 'accepted' then
        accept_lease(lease)
    end
    lease.attach = attach
    keep_lease(lease)
end
return finish('kept')
