#!lua flags=allow-oom
-- reserve: a granted slot is lent: it stays its waiter's for 30 s, whatever becomes of the gateway, until one attaches.
-- KEYS  state
-- ARGV  caller header (5), lease
-- Reply reserved <ms it stays> | ended | unknown | old
-- Cost  O(log n).

local stop = begin('gateway')
if stop then
    return stop
end
local lease = lease_row(ARGV[6] or '')
if not lease or lease.gateway ~= caller.id or lease.ending then
    return finish('ended')
end
if lease.state == 'granted' then
    hold(lease, 'reserved', NOW + RESERVE_MS)
    lease.attach = 0
    write('ZREM', key('gateway', caller.id, 'mail'), letter_of(lease))
    write('ZREM', key('gateway', caller.id, 'waiters'), lease.waiter)
    local waiter = waiter_row(lease.waiter)
    if waiter then
        set_waiter(waiter, 'reserved', waiter.lease, waiter.place)
    end
elseif lease.back ~= 'reserved' then
    return finish('ended')
end
return finish('reserved', math.max(lease.deadline - NOW, 0))
