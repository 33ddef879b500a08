#!lua flags=allow-oom
-- collect: a gateway empties its mailbox and shows that it listens.
-- KEYS  state
-- ARGV  caller header (5), letters that it acknowledges ...: `<lease> <worker>/<slot>`, `ended:<waiter>:<why>`; at most 256, the
--       rest is ignored
-- Reply ok <more 0|1> <grant payloads> <due probes `worker address` ...> <`waiter why` of those ended from outside ...>
--       | unknown | old
-- Cost  O(acknowledged + batch). Ends a suspension, but for one by a failed claim, which ends by the gateway's own probe.

local stop = begin('gateway')
if stop then
    return stop
end
local mail = key('gateway', caller.id, 'mail')
local last = math.min(#ARGV, FIRST_ARGUMENT + COLLECT_BATCH - 1)
if last >= FIRST_ARGUMENT then
    write('ZREM', mail, unpack(ARGV, FIRST_ARGUMENT, last))
end
for i = FIRST_ARGUMENT, last do
    -- The letter is all there is of an unread grant. An ended waiter has a record beside its letter.
    local id = string.match(ARGV[i], '^ended:(%x+):')
    local ended = id and waiter_row(id)
    if ended and ended.state == 'ended' and ended.gateway == caller.id then
        end_waiter(ended)
    end
end

local why = read('HGET', caller.record, 'mark')
if why and why ~= '' and why ~= 'claim' then
    write('HSET', caller.record, 'mark', '')
    put_back(caller.id)
end
own_mail = caller.id
settle()

-- The payloads of grants, by the position of their letters. It unpacks only the parts of a row that a payload needs, because a
-- collect can find 256 grants. Redis does not have the rows that this call changed yet, so those come from the call's tables.
--@seldom
local function payloads(letters)
    local found, names, leases, workers, slots = {}, {}, {}, {}, {}
    for i, letter in ipairs(letters) do
        local lease, worker, slot = string.match(letter, '^(%S+) ([^/]+)/(%d+)$')
        leases[i], workers[i], slots[i] = lease or '', worker or '', slot or ''
        names[i] = key('slot', workers[i] .. '/' .. slots[i])
    end
    for i, text in ipairs(read('MGET', unpack(names))) do
        local known, worker = known_slots[names[i]], worker_row(workers[i])
        if known and worker and known.lease then
            found[i] = known.lease.id == leases[i] and grant_payload(known.lease, worker.address)
        elseif text and worker and not known then
            local epoch, number = struct.unpack('<dd', text)
            local _, lease, _, pool = struct.unpack('<ssss', text, SLOT_STATE_AT)
            found[i] = lease == leases[i] and lease .. ' ' .. workers[i] .. ' ' .. slots[i]
                .. string.format(' %d %d ', epoch, number) .. worker.address .. ' ' .. pool
        end
    end
    return found
end

local letters, grants, ends = read('ZRANGE', mail, 0, COLLECT_BATCH - 1), {}, {}
local found = #letters > 0 and payloads(letters)
for i, letter in ipairs(letters) do
    if found[i] then
        grants[#grants + 1] = found[i]
    else
        local ended, because = string.match(letter, '^ended:(%x+):(.*)$')
        if ended then
            ends[#ends + 1] = ended .. ' ' .. because
        else
            write('ZREM', mail, letter)
        end
    end
end

-- Probes are lent for 3 s. What checks this gateway's own claim is left to another, while there is another; one that
-- has not yet shown that it reaches anybody judges nobody.
local probes = {}
local alone = read('ZCARD', key('gateways')) < 2
local due = read('ZRANGE', key('probes'), '-inf', int(NOW), 'BYSCORE', 'LIMIT', 0, PROBES_A_CALL, 'WITHSCORES')
for i = 1, #due, 2 do
    local id, overdue = due[i], NOW - tonumber(due[i + 1]) > PROBE_OVERDUE_MS
    local worker = worker_row(id)
    if not worker then
        write('ZREM', key('probes'), id)
    elseif alone or overdue or (why ~= 'claim' and (worker.state ~= 'suspect' or worker.claimant ~= caller.id)) then
        write('ZADD', key('probes'), int(NOW + PROBE_LOAN_MS), id)
        probes[#probes + 1] = id .. ' ' .. worker.address
    end
end
if why == 'claim' then
    -- It proves itself at the worker it blamed, or at another one when that is not well either.
    local own = worker_row(read('HGET', caller.record, 'claimed') or '')
    if not own or own.state ~= 'ok' then
        for _, id in ipairs(read('ZRANGE', key('workers'), 0, PROCESSES_A_CALL - 1)) do
            local other = worker_row(id)
            if other and (not own or other.state == 'ok') then
                own = other
            end
        end
    end
    if own then
        probes[#probes + 1] = own.id .. ' ' .. own.address
    end
end
return finish('ok', read('ZCARD', mail) > COLLECT_BATCH and 1 or 0, grants, probes, ends)
