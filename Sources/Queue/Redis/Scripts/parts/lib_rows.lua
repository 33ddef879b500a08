-- A worker's slot table against Redis' own (protocol: Healing). The worker disposes.
-- A row is `slot state epoch number lease tenant keep attach run age`; lease, tenant and run are `-` unless it serves
-- one. `keep` is for how many seconds it is kept after a dropped socket, `attach` the number of its last connection,
-- `age` the ms since its first accept; the last four may be left out.

local ROW_STATES = { free = true, leased = true, kept = true, recycling = true, out = true }

-- Checked before the first write: what is judged later must not fail.
local function rows_good(first)
    for i = first, #ARGV do
        local w = split(ARGV[i])
        local good = (#w == 6 or #w == 10) and natural(w[1]) and ROW_STATES[w[2]] and natural(w[3]) and natural(w[4])
        if good and #w == 10 then
            local keep, attach = natural(w[7]), natural(w[8])
            good = keep and keep <= KEEP_SECONDS_MAX and attach and is_run(w[9]) and natural(w[10])
        end
        if good and (w[2] == 'leased' or w[2] == 'kept') then
            good = string.find(w[5], '^%x+%.%d+$') and is_name(w[6])
        end
        if not good then
            return false
        end
    end
    return true
end

-- Judges one row; returns an order for the worker (`close <lease> <reason>`, `recycle <slot> <epoch> <number>`) or nil.
local function judge_row(worker, row)
    local w = split(row)
    local s = slot_row(worker, w[1])
    if not s then
        return nil
    end
    local state, epoch, number, id, tenant = w[2], tonumber(w[3]), tonumber(w[4]), w[5], w[6]
    local older = newer(s.epoch, s.number, epoch, number)
    local same = s.epoch == epoch and s.number == number
    local lease = s.lease
    raise_seq(math.max(number, s.number))
    map_changed(s)

    if state == 'leased' or state == 'kept' then
        local extra = { keep = tonumber(w[7] or 0), attach = tonumber(w[8] or 1), run = w[9] ~= '-' and w[9] or '',
            since = math.max(NOW - tonumber(w[10] or 0), 1) }
        if lease and lease.id == id and same then
            if extra.attach > lease.attach then
                lease.attach = extra.attach
                change_lease(lease)
            end
            if state == 'leased' and lease.state ~= 'accepted' then
                accept_lease(lease, extra.since)
            elseif state == 'kept' and not lease.ending
                and (lease.state == 'granted' or lease.state == 'reserved' or lease.state == 'accepted') then
                accept_lease(lease, extra.since)
                keep_lease(lease)
            end
            return lease.ending and table.concat({ 'close', id, lease.ending }, ' ') or nil
        end
        if s.how == 'verdict' and same then
            return 'close ' .. id .. ' ended'
        end
        if lease then
            -- Redis granted the slot again; whoever got it goes back to its place.
            drop_lease(lease)
        end
        local order = adopt(worker, s, id, tenant, epoch, number, extra)
        if state == 'kept' and not order then
            keep_lease(s.lease)
        end
        return order
    end

    if older then
        -- A young lease is never freed; a slot that recycles from a token the worker never saw is told.
        if s.state == 'recycling' and state == 'free' then
            return table.concat({ 'recycle', s.slot, int(s.epoch), int(s.number) }, ' ')
        end
        -- Broken while free, under a token that was never dialed; whole again under the same.
        if s.state == 'free' and state ~= 'free' or s.state == 'out' and state == 'free' then
            move_slot(s, state)
        end
        return nil
    end
    if lease and state ~= 'out' and lease.back == 'reserved' and lease.state ~= 'accepted' then
        -- Borrowed, and its client has not come yet: its last dial failed, and the next one may find the slot fit.
        return nil
    end
    if lease then
        drop_lease(lease, true)
    end
    s.epoch, s.number = epoch, number
    if state == 'free' then
        if s.state == 'recycling' or s.state == 'out' then
            move_slot(s, 'free')
        end
    elseif s.state ~= state then
        move_slot(s, state)
    end
    return nil
end

--@seldom
local function judge_each(worker, first)
    local orders = {}
    for i = first, #ARGV do
        orders[#orders + 1] = judge_row(worker, ARGV[i])
    end
    return orders
end

local function judge_rows(worker, first)
    local orders = first <= #ARGV and judge_each(worker, first) or {}
    index_worker(worker)
    return orders
end
