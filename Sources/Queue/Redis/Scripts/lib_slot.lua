-- Slots and the workers that own them.
-- A slot is `state epoch number lease how pool`: its state (free, leased, recycling, draining, out), the token of its
-- last lease, that lease while leased, and how it ended (verdict, time) while recycling.

local function slot_row(worker, slot)
    local text = read('HGET', key('worker', worker, 'slots'), slot)
    if not text then
        return nil
    end
    local state, epoch, number, lease, how, pool = string.match(text, '^(%S+) (%d+) (%d+) (%S+) (%S+) (%S+)')
    return { worker = worker, slot = slot, state = state, epoch = tonumber(epoch), number = tonumber(number),
        lease = lease, how = how, pool = pool }
end

local function save_slot(s)
    write('HSET', key('worker', s.worker, 'slots'), s.slot,
        string.format('%s %d %d %s %s %s', s.state, s.epoch, s.number, s.lease, s.how, s.pool))
end

-- A call asks for the same worker many times.
local known_workers = {}

local function worker_row(id)
    local known = known_workers[id]
    if known then
        return known
    end
    local row = read('HMGET', key('worker', id), 'address', 'state', 'draining', 'trial', 'pools', 'backoff',
        'claimant', 'slots', 'lifetime', 'served')
    if not row[1] then
        return nil
    end
    known = { id = id, address = row[1], state = row[2], draining = row[3] == '1', trial = row[4] or '',
        pools = split(row[5]), backoff = tonumber(row[6]), claimant = row[7], slots = tonumber(row[8]),
        lifetime = tonumber(row[9] or 0), served = tonumber(row[10] or 0) }
    known_workers[id] = known
    return known
end

-- Each change of a worker's record; rows that were read before stay as they were.
local function change_worker(command, id, ...)
    known_workers[id] = nil
    write(command, key('worker', id), ...)
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
    return math.floor(1000000 * read('SCARD', key('worker', worker.id, 'leases')) / math.max(worker.slots, 1))
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
        if open and read('EXISTS', key('worker', id, 'free', pool)) == 1 then
            write('ZADD', key('pool', pool, 'free'), first, id)
            wanted_pools[pool] = true
        else
            write('ZREM', key('pool', pool, 'free'), id)
        end
    end
end

-- Moves a slot to another state; the free index follows.
local function move_slot(s, state, lease, how)
    if s.state == 'free' then
        write('ZREM', key('worker', s.worker, 'free', s.pool), s.slot)
    end
    local worker = state == 'free' and worker_row(s.worker)
    if worker and worker.draining then
        state = 'draining'
    end
    s.state, s.lease, s.how = state, lease or '-', how or '-'
    if state == 'free' then
        write('ZADD', key('worker', s.worker, 'free', s.pool), s.slot, s.slot)
    end
    save_slot(s)
end

local function raise_seq(number)
    meta.seq = math.max(meta.seq, number)
end

-- Frees a slot that recycles from this token or an older one. Returns true if the slot is free now and was not before.
local function free_slot(s, epoch, number)
    if newer(s.epoch, s.number, epoch, number) or (s.state ~= 'recycling' and s.state ~= 'out') then
        return false
    end
    s.epoch, s.number = epoch, number
    raise_seq(number)
    move_slot(s, 'free')
    index_worker(s.worker)
    return true
end

-- A hint for the worker: this slot recycles from a token it may never have seen.
local function tell_recycle(s)
    if not s then
        return
    end
    read('PUBLISH', key('control', s.worker), string.format('recycle %s %d %d', s.slot, s.epoch, s.number))
end
