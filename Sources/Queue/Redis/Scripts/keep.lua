#!lua flags=allow-oom
-- keep: a client's socket dropped; its slot stays leased for the seconds it asked for, and waits for it.
-- KEYS  meta
-- ARGV  caller header (5), lease, slot, epoch, number, number of the connection
-- Reply kept | ended (close it) | unknown | old
-- Cost  O(log n).

local stop = begin('worker')
if stop then
    return stop
end
local attach = natural(ARGV[10])
if not attach then
    return header('bad')
end
local lease = lease_row(ARGV[6])
if not lease or lease.worker ~= caller.id or lease.slot ~= ARGV[7] or lease.epoch ~= natural(ARGV[8])
    or lease.number ~= natural(ARGV[9]) or lease.ending or lease.keep == 0 then
    return finish('ended')
end
if attach >= lease.attach and lease.state ~= 'kept' then
    if lease.state ~= 'accepted' then
        accept_lease(lease)
    end
    write('HSET', key('lease', lease.id), 'attach', attach)
    keep_lease(lease)
end
return finish('kept')
