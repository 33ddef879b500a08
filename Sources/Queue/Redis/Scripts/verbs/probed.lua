#!lua flags=allow-oom
-- probed: what a gateway's probe of a worker's advertised address came to.
-- KEYS  state
-- ARGV  caller header (5), worker, passed (1|0)
-- Reply ok | unknown | old
-- Cost  O(log n), then one dispatch for the worker's pools.

local stop = begin('gateway')
if stop then
    return stop
end
local id, passed = ARGV[6], ARGV[7] == '1'
if passed and read('HGET', caller.record, 'mark') == 'claim' then
    write('HSET', caller.record, 'mark', '')
    put_back(caller.id)
end
local worker = worker_row(id)
if not worker then
    settle()
    return finish('ok')
end

local function well(state)
    write('ZREM', key('probes'), id)
    set_worker(worker, state)
end
local function unwell(state)
    worker.backoff = next_backoff(worker)
    write('ZADD', key('probes'), int(NOW + worker.backoff), id)
    set_worker(worker, state)
end

if worker.state == 'probing' then
    if passed then
        worker.backoff = 0
        well('ok')
    else
        unwell('probing')
    end
elseif worker.state == 'suspect' then
    if not passed then
        unwell('quarantined')
    else
        -- The claim was the claimant's own trouble: the worker is back at once, the claimant proves itself first.
        if worker.claimant ~= caller.id then
            mark(worker.claimant, 'claim', id)
        end
        well(worker.claimant == caller.id and 'trial' or 'ok')
    end
elseif worker.state == 'quarantined' then
    if passed then
        well('trial')
    else
        unwell('quarantined')
    end
end
index_worker(id)
settle()
return finish('ok')
