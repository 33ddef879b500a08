#!lua flags=allow-oom
-- release: a session is over. The tenant's place frees at once. A slot that is fit for the next client at once is free in
-- the same call; any other slot recycles until `ready`.
-- KEYS  state
-- ARGV  caller header (5), lease, slot, epoch, number, fit (1 if the slot is fit for the next client; may be left out)
-- Reply ok | unknown | old
-- Cost  O(log n), then one dispatch for the tenant and, with `fit`, for the slot's pool.

local client = string.sub(ARGV[6] or '', 1, 32)
local stop = begin('worker', nil, key('slot', ARGV[1] .. '/' .. (ARGV[7] or '')), key('waiter', client), key('limits', '*'))
if stop then
    return stop
end
-- If the lease ended by another word, the slot is judged by the rule of `ready` all the same.
--@seldom
local function free_fit(slot, epoch, number)
    local s = slot and slot_row(caller.id, slot)
    if s and epoch and number and free_slot(s, epoch, number) then
        settle()
    end
end

local slot, epoch, number, fit = ARGV[7], natural(ARGV[8]), natural(ARGV[9]), ARGV[10] == '1'
local lease = own_lease(ARGV[6], slot)
if lease and lease.epoch == epoch and lease.number == number then
    local waiter = waiter_row(lease.waiter)
    end_lease(lease, 'verdict', fit and 'free' or 'recycling')
    if waiter and waiter.lease == lease.id then
        end_waiter(waiter)
    end
    settle()
elseif fit then
    free_fit(slot, epoch, number)
end
return finish('ok')
