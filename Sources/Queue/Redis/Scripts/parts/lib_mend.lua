-- What a call that died midway left (protocol: Healing). Each slot, waiter and row is the truth, what is derived from it
-- follows, a slice a call. A lease needs its slot and, while granted, its waiter; a waiter whose lease is gone goes back
-- to its place: who does not want it any more cancels. Grants go on meanwhile, because a dispatch
-- checks the rows.

local mend = {}

-- Names that find a waiter; those of one that is to end have been taken from it.
local function name_again(waiter)
    if waiter.run ~= '' then
        write('ZADD', key('tenant', waiter.tenant, 'run', waiter.run), int(waiter.ticket), waiter.id)
    end
    if waiter.alias ~= '' then
        write('HSETNX', key('tenant', waiter.tenant, 'aliases'), waiter.alias, waiter.id)
    end
end

local function standing_of(lease)
    if lease.state == 'granted' then
        return 'granted'
    end
    return lease.back == 'reserved' and lease.state ~= 'accepted' and 'reserved' or 'accepted'
end

local function mend_granted(waiter, lease)
    local state = standing_of(lease)
    take(waiter)
    leave_aside(waiter)
    set_waiter(waiter, state, lease.id, waiter.place)
    if state == 'granted' then
        write('ZADD', key('gateway', waiter.gateway, 'waiters'), 0, waiter.id)
        write('ZADD', key('gateway', waiter.gateway, 'mail'), 'NX', int(NOW), lease.id)
    else
        write('ZREM', key('gateway', waiter.gateway, 'waiters'), waiter.id)
        write('ZREM', key('gateway', waiter.gateway, 'mail'), lease.id)
    end
    if not lease.ending then
        name_again(waiter)
    end
end

function mend.waiter(id)
    local waiter = waiter_row(id)
    if not waiter then
        return
    end
    local lease = waiter.lease ~= '' and waiter.state ~= 'ended' and lease_row(waiter.lease)
    if lease and lease.state == 'granted' and not alive(waiter.gateway) then
        tell_recycle(end_lease(lease, 'time', 'recycling'))
        end_waiter(waiter)
    elseif lease then
        mend_granted(waiter, lease)
    elseif not alive(waiter.gateway) then
        waiter.state = 'queued'
        leave_aside(waiter)
        end_waiter(waiter)
    elseif waiter.state == 'ended' then
        take(waiter)
        leave_aside(waiter)
        dismiss(waiter, waiter.why or 'request')
    else
        write('ZADD', key('gateway', waiter.gateway, 'waiters'), 0, id)
        name_again(waiter)
        if waiter.state == 'aside' and marked(waiter.gateway) then
            set_aside(waiter)
        else
            leave_aside(waiter)
            put(waiter)
        end
    end
end

-- What a call had noted: it ended, or began, a lease of this waiter and tenant.
function mend.item(item)
    local id, tenant = string.match(item, '^mend:(%x+):(.*)$')
    if id then
        mend.waiter(id)
        index_tenant(tenant)
        forget_tenant(tenant)
    end
    return id ~= nil
end

local function mend_slot(worker, slot)
    local s = slot_row(worker.id, slot)
    if not s then
        return
    end
    raise_seq(s.number)
    local lease = s.lease
    local waiter = lease and waiter_row(lease.waiter)
    if lease and (not waiter or waiter.lease ~= lease.id) then
        end_lease(lease, 'time', 'recycling')
        tell_recycle(s)
    elseif lease then
        add_held(lease.tenant, place_of(s))
        if lease.state == 'accepted' then
            write('ZREM', key('due'), place_of(s))
        else
            write('ZADD', key('due'), 'NX', int(math.max(lease.deadline, NOW + ACCEPT_DEADLINE_MS)), place_of(s))
        end
        index_tenant(lease.tenant)
        mend.waiter(lease.waiter)
    end
    map_changed(s)
end

local function mend_worker(worker)
    local id = worker.id
    if worker.trial ~= '' and not lease_row(worker.trial) then
        worker.trial = ''
        change_row(worker)
    end
    if worker.state == 'ok' or worker.state == 'trial' then
        write('ZREM', key('probes'), id)
    else
        write('ZADD', key('probes'), 'NX', int(NOW), id)
    end
    for pool in string.gmatch(worker.pools, '%S+') do
        write('SADD', key('pool', pool, 'workers'), id)
        if write('HSETNX', key('pools'), pool, int(NOW)) == 1 then
            link_pool(pool)
        end
    end
    write('HSETNX', key('nodes'), string.match(id, '^(.*)%.%x+$'), id)
    index_worker(id)
end

-- One function for each kind of record, in the order in which later ones build on earlier ones. Each is given a name
-- and where to go on inside it, and returns where it stopped.
local sections = {}

function sections.workers(id, inner)
    local worker, slot = worker_row(id), tonumber(inner) or 0
    if not worker then
        write('ZREM', key('workers'), id)
        return nil
    end
    while slot < worker.slots do
        if looks_left <= 0 then
            return int(slot)
        end
        looks_left = looks_left - 1
        mend_slot(worker, int(slot))
        slot = slot + 1
    end
    mend_worker(worker)
end

function sections.gateways(id, inner)
    if read('EXISTS', key('gateway', id)) == 0 then
        write('ZREM', key('gateways'), id)
        return nil
    end
    local from, waiters = inner == '' and '-' or '(' .. inner, key('gateway', id, 'waiters')
    while looks_left > 0 do
        local ids = read('ZRANGE', waiters, from, '+', 'BYLEX', 'LIMIT', 0, WALK_BATCH)
        if #ids == 0 then
            return nil
        end
        looks_left = looks_left - #ids
        for _, waiter in ipairs(ids) do
            from = '(' .. waiter
            local row = waiter_row(waiter)
            if row and row.gateway == id then
                mend.waiter(waiter)
            else
                write('ZREM', waiters, waiter)
            end
        end
    end
    return string.sub(from, 2)
end

function sections.selectors(selector, inner)
    local function entry(tenant)
        looks_left = looks_left - 1
        index(selector, tenant, handicap(tenant))
    end
    local stage, rest = string.match(inner, '^(%a+) (.*)$')
    if stage ~= 'eligible' then
        rest = walk('SSCAN', key('selector', selector, 'tenants'), rest or '', entry)
        if rest then
            return 'tenants ' .. rest
        end
    end
    rest = walk('ZSCAN', key('selector', selector, 'eligible'), rest or '', entry)
    if rest then
        return 'eligible ' .. rest
    end
    link_selector(selector)
    show_head(selector, head_of(selector))
    if read('EXISTS', key('selector', selector, 'tenants')) == 0 then
        write('ZADD', key('idle'), 'NX', int(NOW), selector)
    end
end

function sections.due(place)
    local lease = lease_at(place)
    if not lease or lease.state == 'accepted' then
        write('ZREM', key('due'), place)
    end
end

function sections.settings(name)
    local row = setting(name)
    local words = in_force(row)
    write('ZADD', key('versions'), int(math.max(row.declaredAt, row.orderedAt)), name)
    if words then
        write('ZREM', key('withdrawn'), name)
    else
        write('ZADD', key('withdrawn'), 'NX', int(NOW), name)
    end
    if row.declared == '-' then
        write('ZREM', key('declared'), name)
    end
    derive_setting(name, words)
end

function sections.versions(name)
    if read('HEXISTS', key('settings'), name) == 0 then
        for _, set in ipairs({ 'versions', 'withdrawn', 'declared' }) do
            write('ZREM', key(set), name)
        end
    end
end

function sections.orphans(name)
    local tenant, alias = string.match(name, '^([^:]+):(.*)$')
    if string.sub(read('HGET', key('tenant', tenant, 'aliases'), alias) or '', 1, 1) ~= '-' then
        write('ZREM', key('orphans'), name)
    end
end

function sections.pools(pool)
    for _, id in ipairs(read('SMEMBERS', key('pool', pool, 'workers'))) do
        if not worker_row(id) then
            write('SREM', key('pool', pool, 'workers'), id)
            write('ZREM', key('pool', pool, 'free'), id)
        end
    end
end

local ORDER = {
    { 'ZSCAN', 'workers' }, { 'ZSCAN', 'gateways' }, { 'SSCAN', 'selectors' }, { 'ZSCAN', 'due' },
    { 'HSCAN', 'settings' }, { 'ZSCAN', 'versions' }, { 'ZSCAN', 'orphans' }, { 'HSCAN', 'pools' },
}
