#!lua flags=no-writes
-- audit: checks what must always hold, one bounded slice a call. Each item is judged atomically.
-- KEYS  meta
-- ARGV  caller header (5), section ('' starts), cursor
-- Reply next section ('' when done), next cursor, finding ...   each finding opens with the promise it breaks
-- Cost  O(slice): 16 workers, 128 waiters, 16 selectors, 256 pending leases.

load_meta()
if meta.schema and not speaks(meta.schema) then
    return { '', '0', 'data of schema ' .. meta.schema .. ' are not known to these checks, of schema ' .. SCHEMA }
end
local section, cursor = ARGV[6], tonumber(ARGV[7]) or 0
if section == '' then
    section, cursor = 'workers', 0
end
local findings = {}
local function check(holds, promise, ...)
    if not holds then
        findings[#findings + 1] = promise .. ' ' .. table.concat({ ... }, ' ')
    end
end

local WORKERS, WAITERS, SELECTORS, PENDING, FINDINGS_MAX = 16, 128, 16, 256, 100
local ORDER = { workers = 'gateways', gateways = 'line', line = 'selectors', selectors = 'pending', pending = 'pools',
    pools = '' }
local function next_of(size, slice)
    if cursor + slice < size then
        return section, int(cursor + slice)
    end
    return ORDER[section], '0'
end

-- Run and alias find every waiter that nobody has ended.
local function audit_names(waiter)
    check(waiter.run == '' or call('ZSCORE', key('tenant', waiter.tenant, 'run', waiter.run), waiter.id), 'S5',
        waiter.id, 'unknown to its run')
    check(waiter.alias == '' or call('HGET', key('tenant', waiter.tenant, 'aliases'), waiter.alias) == waiter.id, 'S5',
        waiter.id, 'has lost its alias')
end

local function audit_slot(worker, s, leased)
    local in_free = call('ZSCORE', key('worker', worker.id, 'free', s.pool), s.slot) ~= false
    check(in_free == (s.state == 'free'), 'S4', worker.id, s.slot, 'is', s.state,
        'but free index says', tostring(in_free))
    check(not (worker.draining and s.state == 'free'), 'S4', worker.id, s.slot, 'free on a draining worker')
    if s.state == 'leased' then
        local lease = lease_row(s.lease)
        check(lease ~= nil, 'S1', worker.id, s.slot, 'leased to a lease that is not there:', s.lease)
        if lease then
            leased[lease.id] = true
            check(lease.worker == worker.id and lease.slot == s.slot, 'S1', lease.id, 'names another slot')
            check(lease.epoch == s.epoch and lease.number == s.number, 'S8', lease.id, 'and its slot differ in token')
            check(call('SISMEMBER', key('worker', worker.id, 'leases'), lease.id) == 1, 'S1', lease.id,
                'not at its worker')
            check(call('SISMEMBER', key('tenant', lease.tenant, 'held'), lease.id) == 1, 'S3', lease.id,
                'not held by its tenant')
            local pending = call('ZSCORE', key('pending'), lease.id) ~= false
            check((lease.state ~= 'accepted') == pending, 'S5', lease.id, 'is', lease.state, 'but pending disagrees')
        end
    end
end

-- Each lease carries the cap it was granted under: what a tenant holds now, it held at most when the last of them was
-- granted. Those adopted above the cap are marked and counted apart.
local function audit_held(tenant)
    local held = call('SMEMBERS', key('tenant', tenant, 'held'))
    local over, cap = 0, 0
    for _, id in ipairs(held) do
        local lease = call('HMGET', key('lease', id), 'tenant', 'over', 'cap')
        check(lease[1] == tenant, 'S3', tenant, 'holds what is not its lease:', id)
        local row = lease_row(id)
        local waiter = row and not row.ending and waiter_row(row.waiter)
        if waiter then
            audit_names(waiter)
        end
        if lease[2] == '1' then
            over = over + 1
        else
            cap = math.max(cap, tonumber(lease[3]) or 0)
        end
    end
    check(#held - over <= cap, 'S3', tenant, 'holds', #held, 'granted under a cap of', cap)
end

-- New default limits reach the index a slice a sweep: until then only dispatch looks at the cap.
local function being_reindexed(selector)
    for _, item in ipairs(call('SMEMBERS', key('todo'))) do
        if string.match(item, '^limits:%d+:(.*)$') == selector then
            return true
        end
    end
    return false
end

local function audit_worker(id)
    local worker = worker_row(id)
    check(worker ~= nil, 'S4', id, 'has no record')
    if not worker then
        return
    end
    local leased, tenants, slots = {}, {}, call('HGETALL', key('worker', id, 'slots'))
    check(#slots == worker.slots * 2, 'S4', id, 'declared', worker.slots, 'slots, has', #slots / 2)
    for i = 1, #slots, 2 do
        audit_slot(worker, slot_row(id, slots[i]), leased)
    end
    for _, lease_id in ipairs(call('SMEMBERS', key('worker', id, 'leases'))) do
        check(leased[lease_id], 'S1', lease_id, 'occupies no slot of', id)
        local tenant = call('HGET', key('lease', lease_id), 'tenant')
        if tenant then
            tenants[tenant] = true
        end
    end
    for tenant in pairs(tenants) do
        audit_held(tenant)
    end
    for _, pool in ipairs(worker.pools) do
        local open = grantable(worker) and call('EXISTS', key('worker', id, 'free', pool)) == 1
        local listed = call('ZSCORE', key('pool', pool, 'free'), id) ~= false
        check(open == listed, 'S4', id, 'free index of', pool, 'differs')
    end
end

local function audit_waiter(id)
    local waiter = waiter_row(id)
    check(waiter ~= nil, 'S5', id, 'has no record')
    if not waiter then
        return
    end
    local queue = call('ZSCORE', key('queue', waiter.selector, waiter.tenant), id)
    local line = call('ZSCORE', key('line'), id)
    local aside = call('ZSCORE', key('gateway', waiter.gateway, 'aside'), id)
    local lease = waiter.lease ~= '' and lease_row(waiter.lease) or nil
    local places = (queue and 1 or 0) + (aside and 1 or 0) + (lease and 1 or 0)
    if waiter.state == 'ended' then
        local mail = call('ZSCORE', key('gateway', waiter.gateway, 'mail'), 'ended:' .. id .. ':' .. waiter.why)
        check(places == 0 and mail, 'S5', id, 'ended from outside and in', places, 'places, mail', tostring(mail))
        return
    end
    check(places == 1, 'S5', id, 'is', waiter.state, 'and in', places, 'places')
    if not lease then
        audit_names(waiter)
    end
    check((queue ~= false) == (waiter.state == 'queued'), 'S5', id, waiter.state, 'queue disagrees')
    check((line ~= false) == (queue ~= false), 'S5', id, waiter.state, 'line disagrees')
    check((aside ~= false) == (waiter.state == 'aside'), 'S5', id, waiter.state, 'aside disagrees')
    check(not queue or tonumber(queue) == tonumber(waiter.score), 'S7', id, 'queued at another score')
    check(not lease or lease.waiter == id, 'S5', id, 'lease of another waiter')
    check(call('ZSCORE', key('gateway', waiter.gateway, 'waiters'), id) ~= false, 'S5', id, 'unknown to its gateway')
end

local function audit_selector(selector)
    for _, tenant in ipairs(call('SMEMBERS', key('selector', selector, 'tenants'))) do
        local head = call('ZRANGE', key('queue', selector, tenant), 0, 0, 'WITHSCORES')
        local score = call('ZSCORE', key('selector', selector, 'eligible'), tenant)
        check(#head > 0, 'S12', selector, tenant, 'listed without a waiter')
        if being_reindexed(selector) then
            check(not score or tonumber(score) == tonumber(head[2]), 'S12', selector, tenant, 'index is not its head')
        elseif below_cap(tenant) then
            check(score and head[2] and tonumber(score) == tonumber(head[2]), 'S12', selector, tenant,
                'index is not its head')
        else
            check(not score, 'S12', selector, tenant, 'at its cap and eligible')
        end
        check(call('SISMEMBER', key('tenant', tenant, 'selectors'), selector) == 1, 'S12', selector, tenant,
            'not linked back')
    end
    for _, tenant in ipairs(call('ZRANGE', key('selector', selector, 'eligible'), 0, -1)) do
        check(call('SISMEMBER', key('selector', selector, 'tenants'), tenant) == 1, 'S12', selector, tenant,
            'eligible unlisted')
    end
    for _, pool in ipairs(call('HKEYS', key('pools'))) do
        local linked = call('SISMEMBER', key('pool', pool, 'selectors'), selector) == 1
        local back = call('ZSCORE', key('selector', selector, 'pools'), pool)
        local rank = match(selector, pool)
        local same = linked == (rank ~= nil) and (back and tonumber(back) or nil) == rank
        check(same, 'S12', selector, pool, 'link differs')
    end
end

local function audit_pool(pool)
    if holding_off() or call('EXISTS', key('todo')) == 1 or call('EXISTS', key('pool', pool, 'free')) == 0 then
        return
    end
    for _, selector in ipairs(call('SMEMBERS', key('pool', pool, 'selectors'))) do
        check(call('EXISTS', key('selector', selector, 'eligible')) == 0, 'L1', pool, 'is free while', selector,
            'waits')
    end
end

local after, after_cursor
if section == 'workers' then
    for _, id in ipairs(call('ZRANGE', key('workers'), cursor, cursor + WORKERS - 1)) do
        audit_worker(id)
    end
    after, after_cursor = next_of(call('ZCARD', key('workers')), WORKERS)
elseif section == 'gateways' then
    -- The cursor is gateway index × 2^32 + waiter index: one slice stays within one gateway.
    local at, from = math.floor(cursor / 4294967296), cursor % 4294967296
    local id = call('ZRANGE', key('gateways'), at, at)[1]
    if id then
        local waiters = key('gateway', id, 'waiters')
        for _, waiter in ipairs(call('ZRANGE', waiters, from, from + WAITERS - 1)) do
            audit_waiter(waiter)
        end
        local more = from + WAITERS < call('ZCARD', waiters)
        after, after_cursor = section, int(more and cursor + WAITERS or (at + 1) * 4294967296)
    else
        after, after_cursor = ORDER[section], '0'
    end
elseif section == 'line' then
    for _, id in ipairs(call('ZRANGE', key('line'), cursor, cursor + WAITERS - 1)) do
        check(call('HGET', key('waiter', id), 'state') == 'queued', 'S5', id, 'in line but not queued')
    end
    after, after_cursor = next_of(call('ZCARD', key('line')), WAITERS)
elseif section == 'selectors' then
    local slice = call('SSCAN', key('selectors'), int(cursor), 'COUNT', SELECTORS)
    for _, selector in ipairs(slice[2]) do
        audit_selector(selector)
    end
    after, after_cursor = slice[1] == '0' and ORDER[section] or section, slice[1]
elseif section == 'pending' then
    for _, id in ipairs(call('ZRANGE', key('pending'), cursor, cursor + PENDING - 1)) do
        local state = call('HGET', key('lease', id), 'state')
        check(state and state ~= 'accepted', 'S5', id, 'pending but', tostring(state))
    end
    after, after_cursor = next_of(call('ZCARD', key('pending')), PENDING)
else
    for _, pool in ipairs(call('HKEYS', key('pools'))) do
        audit_pool(pool)
    end
    after, after_cursor = '', '0'
end
return { after, after_cursor, unpack(findings, 1, math.min(#findings, FINDINGS_MAX)) }
