-- A worker's slot table against Redis' own (protocol: Healing). The worker disposes.
-- A row is `slot state epoch number lease tenant`; lease and tenant are `-` unless it serves one.

-- Judges one row; returns an order for the worker (`close <lease>`, `recycle <slot> <epoch> <number>`) or nil.
local function judge_row(worker, row)
    local w = split(row)
    local s = slot_row(worker, w[1])
    if not s then
        return nil
    end
    local state, epoch, number, id, tenant = w[2], tonumber(w[3]), tonumber(w[4]), w[5], w[6]
    local older = newer(s.epoch, s.number, epoch, number)
    local lease = s.lease ~= '-' and lease_row(s.lease) or nil
    raise_seq(number)

    if state == 'leased' then
        if lease and lease.id == id then
            if lease.state == 'granted' then
                accept_lease(lease)
            end
            return nil
        end
        if s.how == 'verdict' and s.epoch == epoch and s.number == number then
            return 'close ' .. id
        end
        if lease then
            -- Redis granted the slot again; whoever got it goes back to its place.
            end_lease(lease, 'time', 'recycling')
            requeue(lease)
            s = slot_row(worker, w[1])
        end
        adopt(worker, s, id, tenant, epoch, number)
        return nil
    end

    if older then
        -- A young lease is never freed; a slot that recycles from a token the worker never saw is told.
        if s.state == 'recycling' and state == 'free' then
            return table.concat({ 'recycle', s.slot, int(s.epoch), int(s.number) }, ' ')
        end
        return nil
    end
    if lease then
        end_lease(lease, 'time', 'recycling')
        if lease.state == 'granted' then
            requeue(lease)
        else
            call('DEL', key('waiter', lease.waiter))
        end
        s = slot_row(worker, w[1])
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

local function judge_rows(worker, first)
    local orders = {}
    for i = first, #ARGV do
        orders[#orders + 1] = judge_row(worker, ARGV[i])
    end
    index_worker(worker)
    return orders
end
