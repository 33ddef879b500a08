#!lua flags=allow-oom
-- cancel: a waiter ends by its gateway's word, with the lease it may hold and the worker has not proved.
-- KEYS  state
-- ARGV  caller header (5), waiter, lease the gateway knows of ('' for none), dialed (1: its SYN was sent), then nothing,
--       `late`: its time is over, so say why it had no slot, `unserved`: end it only if no worker serves its pools, or
--       `moves`: its gateway ends, so keep the ticket of its alias
-- Reply ok [<why> <slots of its tenant> <its tenant's cap>] | unknown | old
-- Cost  O(log n), then one dispatch. A lease never dialed frees its slot at once; a dialed one lets it recycle.

local stop = begin('gateway')
if stop then
    return stop
end
local waiter = waiter_row(ARGV[6])

-- A waiter that is not here was lost, or an earlier call ended it whose reply was lost. One that was just granted a slot
-- had none in time.
--@seldom
local function explain()
    if not waiter or waiter.gateway ~= caller.id then
        return { 'recovering', '0', '0' }
    end
    local in_line = waiter.state == 'queued' or waiter.state == 'aside'
    return { in_line and why_waits(waiter) or 'capacity', int(held_by(waiter.tenant)), int(limits_of(waiter.tenant).cap) }
end
local moves = ARGV[9] == 'moves'
local why = ARGV[9] and not moves and explain() or {}
if waiter and waiter.gateway == caller.id and (ARGV[9] ~= 'unserved' or why[1] == 'no_worker') then
    local lease = waiter.lease ~= '' and lease_row(waiter.lease)
    if lease then
        local dialed = (ARGV[8] == '1' and ARGV[7] == lease.id) or (lease.state ~= 'granted' and lease.attach > 0)
        local s = end_lease(lease, 'verdict', dialed and 'recycling' or 'free')
        if dialed then
            tell_recycle(s)
        end
    end
    if moves and waiter.alias ~= '' and waiter.state ~= 'ended' then
        orphan(waiter, int(NOW + ORPHAN_MS))
    end
    end_waiter(waiter)
end
settle()
return finish('ok', unpack(why))
