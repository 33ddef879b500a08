-- Slots and the workers that own them.
-- A slot is `state epoch number lease how pool`: its state (free, leased, recycling, draining, out), the token of its
-- last lease, that lease while leased, and how it ended (verdict, time) while recycling.

local function slot_row(worker, slot)
    local text = call('HGET', key('worker', worker, 'slots'), slot)
    if not text then
        return nil
    end
    local w = split(text)
    return { worker = worker, slot = slot, state = w[1], epoch = tonumber(w[2]), number = tonumber(w[3]), lease = w[4],
        how = w[5], pool = w[6] }
end

local function save_slot(s)
    call('HSET', key('worker', s.worker, 'slots'), s.slot,
        table.concat({ s.state, int(s.epoch), int(s.number), s.lease, s.how, s.pool }, ' '))
end

local function worker_row(id)
    local row = call('HMGET', key('worker', id), 'address', 'state', 'draining', 'trial', 'pools', 'backoff',
        'claimant', 'slots', 'lifetime', 'served')
    if not row[1] then
        return nil
    end
    return { id = id, address = row[1], state = row[2], draining = row[3] == '1', trial = row[4] or '',
        pools = split(row[5]), backoff = tonumber(row[6]), claimant = row[7], slots = tonumber(row[8]),
        lifetime = tonumber(row[9] or 0), served = tonumber(row[10] or 0) }
end

-- How long a worker that failed once more stays out of dispatch.
local function next_backoff(worker)
    return math.min(math.max(worker.backoff * 2, BACKOFF_MIN_MS), BACKOFF_MAX_MS)
end

local function grantable(worker)
    return not worker.draining
        and (worker.state == 'ok' or (worker.state == 'trial' and worker.trial == ''))
end

-- Which of a pool's workers is taken first: the least loaded; where workers end after so many sessions, the one nearest
-- its end, so that those of one age do not end together.
local function choice(worker)
    if worker.lifetime > 0 then
        return math.floor(1000000 * math.max(worker.lifetime - worker.served, 0) / worker.lifetime)
    end
    return math.floor(1000000 * call('SCARD', key('worker', worker.id, 'leases')) / math.max(worker.slots, 1))
end

-- Puts a worker into the free index of its pools as its state, free slots and choice say.
local function index_worker(id)
    local worker = worker_row(id)
    if not worker then
        return
    end
    local open = grantable(worker)
    local first = choice(worker)
    for _, pool in ipairs(worker.pools) do
        if open and call('EXISTS', key('worker', id, 'free', pool)) == 1 then
            call('ZADD', key('pool', pool, 'free'), first, id)
            wanted_pools[pool] = true
        else
            call('ZREM', key('pool', pool, 'free'), id)
        end
    end
end

-- Moves a slot to another state; the free index follows.
local function move_slot(s, state, lease, how)
    if s.state == 'free' then
        call('ZREM', key('worker', s.worker, 'free', s.pool), s.slot)
    end
    if state == 'free' and call('HGET', key('worker', s.worker), 'draining') == '1' then
        state = 'draining'
    end
    s.state, s.lease, s.how = state, lease or '-', how or '-'
    if state == 'free' then
        call('ZADD', key('worker', s.worker, 'free', s.pool), s.slot, s.slot)
    end
    save_slot(s)
end

-- A hint for the worker: this slot recycles from a token it may never have seen.
local function tell_recycle(s)
    if not s then
        return
    end
    call('PUBLISH', key('control', s.worker), table.concat({ 'recycle', s.slot, int(s.epoch), int(s.number) }, ' '))
end
