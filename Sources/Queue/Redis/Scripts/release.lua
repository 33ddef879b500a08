#!lua flags=allow-oom
-- release: a session is over. The tenant's place frees at once; the slot recycles until `ready`.
-- KEYS  meta
-- ARGV  caller header (5), lease, slot, epoch, number
-- Reply ok | unknown | old
-- Cost  O(log n), then one dispatch for the tenant.

local stop = begin('worker')
if stop then
    return stop
end
local lease = lease_row(ARGV[6])
if lease and lease.worker == caller.id and lease.slot == ARGV[7] and lease.epoch == natural(ARGV[8])
    and lease.number == natural(ARGV[9]) then
    local waiter = waiter_row(lease.waiter)
    end_lease(lease, 'verdict', 'recycling')
    if waiter and waiter.lease == lease.id then
        end_waiter(waiter)
    end
    settle()
end
return finish('ok')
