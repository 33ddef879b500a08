#!lua flags=allow-oom
-- cancel: a waiter ends by its gateway's word, with the lease it may hold and the worker has not proved.
-- KEYS  meta
-- ARGV  caller header (5), waiter, lease the gateway knows of ('' for none), dialed (1: its SYN was sent)
-- Reply ok | unknown | old
-- Cost  O(log n), then one dispatch. A lease never dialed frees its slot at once; a dialed one lets it recycle.

local stop = begin('gateway')
if stop then
    return stop
end
local waiter = waiter_row(ARGV[6])
if waiter and waiter.gateway == caller.id then
    local lease = waiter.lease ~= '' and lease_row(waiter.lease)
    if lease then
        local dialed = (ARGV[8] == '1' and ARGV[7] == lease.id) or (lease.state ~= 'granted' and lease.attach > 0)
        local s = end_lease(lease, 'verdict', dialed and 'recycling' or 'free')
        if dialed then
            tell_recycle(s)
        end
    end
    end_waiter(waiter)
end
settle()
return finish('ok')
