#!lua flags=allow-oom
-- accept: a worker takes a lease, before any byte of its client reaches the sidecar.
-- KEYS  meta
-- ARGV  caller header (5), lease, slot, epoch, number
-- Reply accepted <tenant> | ended | unknown | old
-- Cost  O(log n).

local stop = begin('worker')
if stop then
    return stop
end
local lease = lease_row(ARGV[6])
if not lease or lease.worker ~= caller.id or lease.slot ~= ARGV[7] or lease.epoch ~= natural(ARGV[8])
    or lease.number ~= natural(ARGV[9]) then
    return finish('ended')
end
if lease.state == 'granted' then
    accept_lease(lease)
    settle()
end
return finish('accepted', lease.tenant)
