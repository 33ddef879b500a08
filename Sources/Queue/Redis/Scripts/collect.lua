#!lua flags=allow-oom
-- collect: a gateway empties its mailbox and shows that it listens.
-- KEYS  meta
-- ARGV  caller header (5), lease ids it acknowledges ...
-- Reply ok <more 0|1> <grant payloads> <due probes `worker address` ...> | unknown | old
-- Cost  O(acknowledged + 256). Ends a suspension, but for one by a failed claim, which ends by the gateway's own probe.

local stop = begin('gateway')
if stop then
    return stop
end
local mail = key('gateway', caller.id, 'mail')
for i = FIRST_ARGUMENT, #ARGV do
    call('ZREM', mail, ARGV[i])
end

local why = call('HGET', caller.key, 'mark')
if why and why ~= '' and why ~= 'claim' then
    call('HSET', caller.key, 'mark', '')
    put_back(caller.id)
end
settle()

local grants = {}
for _, id in ipairs(call('ZRANGE', mail, 0, 255)) do
    local lease = lease_row(id)
    if lease then
        grants[#grants + 1] = grant_payload(lease, call('HGET', key('worker', lease.worker), 'address'))
    else
        call('ZREM', mail, id)
    end
end

-- Probes are lent for 3 s. One that checks this gateway's own claim is left to another, while there is another.
local probes = {}
local alone = call('ZCARD', key('gateways')) < 2
local due = call('ZRANGE', key('probes'), '-inf', int(NOW), 'BYSCORE', 'LIMIT', 0, 8, 'WITHSCORES')
for i = 1, #due, 2 do
    local id, overdue = due[i], NOW - tonumber(due[i + 1]) > 2000
    local worker = worker_row(id)
    if not worker then
        call('ZREM', key('probes'), id)
    elseif worker.state ~= 'suspect' or worker.claimant ~= caller.id or alone or overdue then
        call('ZADD', key('probes'), int(NOW + 3000), id)
        probes[#probes + 1] = id .. ' ' .. worker.address
    end
end
if why == 'claim' then
    local claimed = call('HGET', caller.key, 'claimed')
    local worker = claimed and worker_row(claimed)
    if not worker then
        local other = call('ZRANGE', key('workers'), 0, 0)[1]
        worker = other and worker_row(other)
    end
    if worker then
        call('HSET', caller.key, 'claimed', worker.id)
        probes[#probes + 1] = worker.id .. ' ' .. worker.address
    end
end
return finish('ok', call('ZCARD', mail) > 256 and 1 or 0, grants, probes)
