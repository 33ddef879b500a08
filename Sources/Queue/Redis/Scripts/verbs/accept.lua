#!lua flags=allow-oom
-- accept: a worker takes a lease, before any byte of its client reaches the sidecar.
-- KEYS  state
-- ARGV  caller header (5), lease, slot, epoch, number, number of the connection (1 where left out)
-- Reply accepted <tenant> <seconds it is kept after a dropped socket> <run> | ended | unknown | old
-- Cost  O(log n).

local client = string.sub(ARGV[6] or '', 1, 32)
local stop = begin('worker', nil, key('slot', ARGV[1] .. '/' .. (ARGV[7] or '')), key('waiter', client))
if stop then
    return stop
end
local lease = own_lease(ARGV[6], ARGV[7])
if not lease or lease.epoch ~= natural(ARGV[8])
    or lease.number ~= natural(ARGV[9]) then
    return finish('ended')
end
local open = (lease.state == 'granted' or lease.state == 'attaching') and not lease.ending
if lease.attach ~= (natural(ARGV[10]) or 1) or not (open or lease.state == 'accepted') then
    return finish('ended')
end
if open then
    accept_lease(lease)
    settle()
end
local waiter = waiter_row(lease.waiter)
return finish('accepted', lease.tenant, lease.keep, waiter and waiter.run or '')
