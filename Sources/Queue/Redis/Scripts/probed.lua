#!lua flags=allow-oom
-- probed: what a gateway's probe of a worker's advertised address came to.
-- KEYS  meta
-- ARGV  caller header (5), worker, passed (1|0)
-- Reply ok | unknown | old
-- Cost  O(log n), then one dispatch for the worker's pools.

local stop = begin('gateway')
if stop then
    return stop
end
local id, passed = ARGV[6], ARGV[7] == '1'
if passed and read('HGET', caller.key, 'mark') == 'claim' then
    write('HSET', caller.key, 'mark', '')
    put_back(caller.id)
end
local worker = worker_row(id)
if not worker then
    settle()
    return finish('ok')
end

local function become(state, ...)
    change_worker('HSET', id, 'state', state, ...)
end
local function longer()
    local backoff = next_backoff(worker)
    write('ZADD', key('probes'), int(NOW + backoff), id)
    return int(backoff)
end

if worker.state == 'probing' then
    if passed then
        become('ok', 'backoff', '0')
        write('ZREM', key('probes'), id)
    else
        become('probing', 'backoff', longer())
    end
elseif worker.state == 'suspect' then
    if not passed then
        become('quarantined', 'backoff', longer(), 'claimant', '')
    else
        -- The claim was the claimant's own trouble: the worker is back at once, the claimant proves itself first.
        if worker.claimant ~= caller.id then
            mark(worker.claimant, 'claim', id)
        end
        become(worker.claimant == caller.id and 'trial' or 'ok', 'claimant', '', 'trial', '')
        write('ZREM', key('probes'), id)
    end
elseif worker.state == 'quarantined' then
    if passed then
        become('trial', 'trial', '')
        write('ZREM', key('probes'), id)
    else
        become('quarantined', 'backoff', longer())
    end
end
index_worker(id)
settle()
return finish('ok')
