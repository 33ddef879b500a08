-- Slots and the workers that own them. Each is one packed row.

-- A worker: slots, backoff, lifetime and served (sessions), 1 while it drains, then its state (ok, probing, suspect, trial,
-- quarantined), the lease that it is on trial with, who claims that it is out of reach, its address, its pools and its map.
-- The map has one byte a slot: LEASED while it is leased, a byte for its pool while it is free, OTHER else.
local WORKER = '<dddddssssss'
local LEASED, OTHER = '\1', '\2'

local function pack_worker(w)
    return struct.pack(WORKER, w.slots, w.backoff, w.lifetime, w.served, w.draining and 1 or 0, w.state, w.trial, w.claimant,
        w.address, w.pools, w.map)
end

local known_workers = {}

local function worker_row(id)
    local known = known_workers[id]
    if known == nil then
        local name = key('worker', id)
        local text = row_text(name)
        if text then
            local slots, backoff, lifetime, served, draining, state, trial, claimant, address, pools, map =
                struct.unpack(WORKER, text)
            known = { id = id, slots = slots, backoff = backoff, lifetime = lifetime, served = served,
                draining = draining == 1, state = state, trial = trial, claimant = claimant, address = address,
                pools = pools, map = map, stored = name, packed = pack_worker }
        end
        known_workers[id] = known or false
    end
    return known and not known.isDeleted and known or nil
end

local function new_worker(id, slots, pools)
    local worker = { id = id, slots = slots, backoff = 0, lifetime = 0, served = 0, draining = false, state = 'probing',
        trial = '', claimant = '', address = '', pools = pools, map = string.rep(OTHER, slots), stored = key('worker', id),
        packed = pack_worker }
    known_workers[id] = worker
    change_row(worker)
    return worker
end

-- Changes a worker's state, and ends its trial.
local function set_worker(worker, state, claimant)
    worker.state, worker.claimant, worker.trial = state, claimant or '', ''
    change_row(worker)
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
    local _, leased = string.gsub(worker.map, LEASED, '')
    return math.floor(1000000 * leased / math.max(worker.slots, 1))
end

-- The byte of a free slot in a worker's map, by the number of the slot's pool, counted from 1.
local function free_in(number)
    return string.char(number + 2)
end

-- The first free slot of that pool, counted from 1; nil for none.
local function first_free(worker, number)
    return string.find(worker.map, free_in(number), 1, true)
end

-- Whether any byte of the map is neither LEASED nor OTHER.
local function has_free(worker)
    return string.find(worker.map, '[^\1\2]') ~= nil
end

-- The number of one of its pools in the worker's map.
local function pool_number(worker, pool)
    if worker.pools == pool then
        return 1
    end
    local number = 0
    for name in string.gmatch(worker.pools, '%S+') do
        number = number + 1
        if name == pool then
            return number
        end
    end
end

-- `unlisted`: pool → the only worker with free slots of the pool, before this call adds it to the free index. A dispatch
-- grants its slots first; `settle` adds it if slots remain. `listed_pools`: pools for which this call added a worker.
local unlisted, listed_pools = {}, {}

-- Puts a worker into the free index of its pools as its state, free slots and choice say.
--@seldom
local function index_worker(id)
    local worker = worker_row(id)
    if not worker then
        return
    end
    local open, first, number = grantable(worker), choice(worker), 0
    for pool in string.gmatch(worker.pools, '%S+') do
        number = number + 1
        if unlisted[pool] == worker then
            unlisted[pool] = nil
        end
        if open and first_free(worker, number) then
            write('ZADD', key('pool', pool, 'free'), first, id)
            wanted_pools[pool], listed_pools[pool] = true, true
        else
            write('ZREM', key('pool', pool, 'free'), id)
        end
    end
end

-- A slot of this worker became free. If no other worker has a free slot of the pool, the dispatch gets the slot directly,
-- because adding it to the free index and removing it again would be wasted.
--@seldom
local function offer(id)
    local worker = worker_row(id)
    local pool = worker and worker.pools
    if worker and grantable(worker) and not string.find(pool, ' ', 1, true) and not unlisted[pool]
        and read('EXISTS', key('pool', pool, 'free')) == 0 then
        unlisted[pool], wanted_pools[pool] = worker, true
    elseif not worker or unlisted[pool] ~= worker then
        if worker and unlisted[pool] then
            index_worker(unlisted[pool].id)
        end
        index_worker(id)
    end
end

-- A slot: the token of its last lease (epoch, number), then what only a lease has (the number of its connection, the
-- seconds that it is kept after a dropped socket, its deadline, the time of its first accept, the cap when it was granted,
-- 1 if it is above the cap), then its state (free, recycling, draining, out; of a lease granted, attaching, reserved, kept,
-- accepted), the lease's id, how the last one ended (verdict, time), the pool, and of a lease its tenant, its gateway, the
-- state that a failed dial leads back to, why it is to end, and who attached to it.
local SLOT = '<ddddddddsssssssss'
-- The offset of the state in the row. The lease, how the last lease ended, and the pool follow it.
local SLOT_STATE_AT = 8 * 8 + 1

local function pack_slot(s)
    local l = s.lease
    if l then
        return struct.pack(SLOT, s.epoch, s.number, l.attach, l.keep, l.deadline, l.since, l.cap, l.over, l.state, l.id, '-',
            s.pool, l.tenant, l.gateway, l.back, l.ending or '', l.attachment)
    end
    return struct.pack(SLOT, s.epoch, s.number, 0, 0, 0, 0, 0, 0, s.state, '', s.how, s.pool, '', '', '', '', '')
end

local known_slots = {}

-- If the slot has a lease, `state` is `leased`, and `lease` has the lease with its own state.
local function slot_row(worker, slot)
    local name = key('slot', worker .. '/' .. slot)
    local known = known_slots[name]
    if known == nil then
        local text = row_text(name)
        if text then
            local epoch, number, attach, keep, deadline, since, cap, over, state, id, how, pool, tenant, gateway, back, ending,
                attachment = struct.unpack(SLOT, text)
            known = { worker = worker, slot = slot, epoch = epoch, number = number, state = state, how = how, pool = pool,
                stored = name, packed = pack_slot }
            if id ~= '' then
                known.state = 'leased'
                known.lease = { id = id, waiter = string.sub(id, 1, 32), at = known, worker = worker, slot = slot, pool = pool,
                    epoch = epoch, number = number, state = state, attach = attach, keep = keep, deadline = deadline,
                    since = since, cap = cap, over = over, tenant = tenant, gateway = gateway, back = back,
                    ending = ending ~= '' and ending or nil, attachment = attachment }
            end
        end
        known_slots[name] = known or false
    end
    return known and not known.isDeleted and known or nil
end

local function new_slot(worker, slot, pool)
    local s = { worker = worker, slot = slot, epoch = 0, number = 0, state = 'recycling', how = 'time', pool = pool,
        stored = key('slot', worker .. '/' .. slot), packed = pack_slot }
    known_slots[s.stored] = s
    change_row(s)
end

-- The name of a slot in sets (`held`, `due`).
local function place_of(s)
    return s.worker .. '/' .. s.slot
end

-- The entry of a grant in its gateway's mailbox.
local function letter_of(lease)
    return lease.id .. ' ' .. lease.worker .. '/' .. lease.slot
end

-- The byte of a slot in its worker's map.
local function mark_of(worker, s)
    local number = s and not s.lease and s.state == 'free' and pool_number(worker, s.pool)
    return s and s.lease and LEASED or number and free_in(number) or OTHER
end

-- Writes this byte into the map, at a position counted from 1.
local function map_slot(worker, at, s)
    local sign = mark_of(worker, s)
    if string.sub(worker.map, at, at) ~= sign then
        worker.map = string.sub(worker.map, 1, at - 1) .. sign .. string.sub(worker.map, at + 1)
        change_row(worker)
    end
end

-- The same after each change of a slot.
local function map_changed(s)
    local worker = worker_row(s.worker)
    if worker then
        map_slot(worker, s.slot + 1, s)
    end
end

-- Moves a slot without a lease to another state; the map follows.
local function move_slot(s, state, how)
    local worker = state == 'free' and worker_row(s.worker)
    if worker and worker.draining then
        state = 'draining'
    end
    s.state, s.lease, s.how = state, nil, how or '-'
    change_row(s)
    map_changed(s)
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
    offer(s.worker)
    return true
end

-- A hint for the worker: this slot recycles from a token it may never have seen.
local function tell_recycle(s)
    if not s then
        return
    end
    read('PUBLISH', key('control', s.worker), string.format('recycle %s %d %d', s.slot, s.epoch, s.number))
end
