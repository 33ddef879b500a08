#!lua flags=no-writes
-- survey: all that an operator sees of a fleet, a bounded slice a call. What changes between two slices may be told as it
-- was, or as it is; a row may come twice.
-- KEYS  state
-- ARGV  caller header (5), section ('' starts), cursor, most waiters of the line, day of the usage ('' for today)
-- Reply next section ('' when done), next cursor, then rows; `schema <number>` if another program wrote the data
-- Cost  O(slice): 32 settings, gateways, waiters set aside, slots, queues, rows of usage or waiters of the line.

load_meta()
local section, cursor, line_max = ARGV[6], ARGV[7] or '', natural(ARGV[8]) or 0
local rows = {}
local function row(...)
    rows[#rows + 1] = { ... }
    looks_left = looks_left - 1
end

if meta.schema and not speaks(meta.schema) then
    return { 'schema', tostring(meta.schema) }
end

-- The pools that a selector fits, best first. If no worker ever served one, the pool that scales from zero.
local function pool_names(selector)
    local names = table.concat(pools_of(selector), ' ')
    return names ~= '' and names or fits_zero(selector) or ''
end

local function setting_row(name)
    local words = words_of(read('HGET', key('settings'), name))
    if words then
        row('setting', name, words)
    end
end

local function gateway_row(id, inner)
    if inner == '' then
        row('gateway', id, int(read('ZCARD', key('gateway', id, 'waiters'))), int(read('ZCARD', key('gateway', id, 'aside'))),
            read('HGET', key('gateway', id), 'mark') or '')
    end
    return walk('ZSCAN', key('gateway', id, 'aside'), inner, function(waiter_id)
        local waiter = waiter_row(waiter_id)
        if waiter then
            row('aside', waiter_id, waiter.tenant, waiter.selector, pool_names(waiter.selector))
        end
    end)
end

local function worker_rows(id, inner)
    local worker, slot = worker_row(id), tonumber(inner) or 0
    if worker and slot == 0 then
        local more = read('HMGET', key('worker', id, 'more'), 'trouble', 'started', 'version')
        row('worker', id, worker.address, worker.state, worker.draining and '1' or '0', more[1] or '',
            read('ZSCORE', key('workers'), id) or '0', int(worker.backoff), int(worker.lifetime), int(worker.served),
            more[2] or '', more[3] or '')
    end
    while worker and slot < worker.slots do
        if looks_left <= 0 then
            return int(slot)
        end
        local s = slot_row(id, int(slot))
        local lease = s and s.lease
        local waiter = lease and waiter_row(lease.waiter)
        if lease then
            row('slot', id, int(slot), s.state, s.pool, lease.id, lease.tenant, lease.state, lease.waiter,
                waiter and waiter.run or '', lease.since > 0 and int(lease.since) or '')
        elseif s then
            row('slot', id, int(slot), s.state, s.pool, '-', '', '', '', '', '')
        end
        slot = slot + 1
    end
end

local function queue_rows(selector, inner)
    local pools = pool_names(selector)
    return walk('SSCAN', key('selector', selector, 'tenants'), inner, function(tenant)
        local name = key('queue', selector, tenant)
        local head = read('ZRANGE', name, '0', '0', 'WITHSCORES')
        if head[1] then
            local first = waiter_row(head[1])
            row('queue', selector, pools, tenant, int(read('ZCARD', name)), head[2], first and int(first.ticket) or '0')
        end
    end)
end

local usage = key('usage', int(natural(ARGV[9]) or today()))
local function usage_row(tenant)
    local words = read('HGET', usage, tenant)
    if words then
        row('use', tenant, words)
    end
end

-- The cursor is how many are told, the score of the last, and how many of that score are told.
local function line_rows()
    local told, score, same = string.match(cursor, '^(%d+) (%S+) (%d+)$')
    told, same = tonumber(told or 0), tonumber(same or 0)
    local found = read('ZRANGE', key('line'), score or '-inf', '+inf', 'BYSCORE', 'LIMIT', same,
        math.min(LOOKS_A_CALL, line_max - told), 'WITHSCORES')
    for i = 1, #found, 2 do
        local waiter = waiter_row(found[i])
        if waiter then
            row('waiter', waiter.id, waiter.tenant, waiter.selector, int(waiter.ticket), found[i + 1], waiter.run,
                waiter.gateway)
        end
        same = found[i + 1] == score and same + 1 or 1
        score, told = found[i + 1], told + 1
    end
    return #found > 0 and told < line_max and table.concat({ int(told), score, int(same) }, ' ') or nil
end

local SECTIONS = {
    { 'fleet' }, { 'settings', 'HSCAN', setting_row }, { 'gateways', 'ZSCAN', gateway_row },
    { 'workers', 'ZSCAN', worker_rows }, { 'selectors', 'SSCAN', queue_rows }, { 'usage', 'HSCAN', usage_row }, { 'line' },
}
local at = 1
for i, one in ipairs(SECTIONS) do
    at = one[1] == section and i or at
end
while SECTIONS[at] and looks_left > 0 do
    local name, scan, visit = unpack(SECTIONS[at])
    if name == 'fleet' then
        local head = read('ZRANGE', key('line'), '0', '0')[1]
        local first = head and waiter_row(head)
        row('fleet', meta.schema and tostring(meta.schema) or '', int(meta.epoch), holding_off() and '1' or '0',
            int(math.max(meta.grace - NOW, 0)), int(read('ZCARD', key('line'))), int(read('SCARD', key('todo'))), int(NOW),
            first and int(first.ticket) or '', int(meta.seq))
        for _, pool in ipairs(read('HKEYS', key('pools'))) do
            row('pool', pool)
        end
        for _, pool in ipairs(zero_pools()) do
            row('pool', pool)
        end
        looks_left = LOOKS_A_CALL
        cursor = nil
    elseif name == 'line' then
        cursor = line_rows()
    else
        cursor = walk(scan, name == 'usage' and usage or key(name), cursor, visit)
    end
    if not cursor then
        at, cursor = at + 1, ''
    end
end
return { SECTIONS[at] and SECTIONS[at][1] or '', cursor, unpack(rows) }
