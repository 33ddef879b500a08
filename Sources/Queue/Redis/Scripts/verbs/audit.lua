#!lua flags=no-writes
-- audit: checks what must always hold, one bounded slice a call. Each item is judged atomically; one that was found
-- wrong is asked for again (section `item`) before it counts.
-- KEYS  state
-- ARGV  caller header (5), section ('' starts, `item` judges one again), cursor (or that item)
-- Reply next section ('' when done), next cursor, schema, epoch, items looked at, leases above their tenant's cap by
--       re-declaration, then findings: promise, item, words ...
-- Cost  O(slice): 32 slots, leases, waiters or links; a worker's or pool's own item looks at each of its pools.

load_meta()
local section, cursor = ARGV[6], ARGV[7] or ''
local found, item, looked, over_cap = {}, '', 0, 0
local function check(holds, promise, ...)
    if not holds then
        found[#found + 1] = promise
        found[#found + 1] = item
        found[#found + 1] = table.concat({ ... }, ' ')
    end
end

local FINDINGS_MAX = 100
local function reply(next_section, next_cursor)
    return { next_section, next_cursor, meta.schema and tostring(meta.schema) or '', int(meta.epoch), int(looked), int(over_cap),
        unpack(found, 1, math.min(#found, 3 * FINDINGS_MAX)) }
end

if meta.schema and not speaks(meta.schema) then
    return { 'schema', tostring(meta.schema) }
end

-- One function an item's kind; what an item is called is its kind and what it is given. Each first asks whether the item
-- still stands where the walk found it: what has left meanwhile is not wrong.
local judge = {}
local function look_at(kind, ...)
    item = table.concat({ kind, ... }, ' ')
    looks_left, looked = looks_left - 1, looked + 1
    judge[kind](...)
end

-- Run and alias find every waiter that nobody has ended.
local function check_names(waiter)
    check(waiter.run == '' or read('ZSCORE', key('tenant', waiter.tenant, 'run', waiter.run), waiter.id), 'S5',
        waiter.id, 'unknown to its run')
    check(waiter.alias == '' or read('HGET', key('tenant', waiter.tenant, 'aliases'), waiter.alias) == waiter.id, 'S5',
        waiter.id, 'has lost its alias')
end

function judge.worker(id)
    local worker = worker_row(id)
    check(worker or not read('ZSCORE', key('workers'), id), 'S4', 'has no record')
    if not worker then
        return
    end
    check(#worker.map == worker.slots, 'S4', 'has a map of', #worker.map, 'slots, declared', worker.slots)
    local number = 0
    for pool in string.gmatch(worker.pools, '%S+') do
        number = number + 1
        local open = grantable(worker) and first_free(worker, number) ~= nil
        local listed = read('ZSCORE', key('pool', pool, 'free'), id)
        check(listed == (open and tostring(choice(worker))), 'S4', 'free index of', pool, 'differs')
        check(read('SISMEMBER', key('pool', pool, 'workers'), id) == 1, 'S4', 'unknown to', pool)
    end
end

function judge.slot(id, slot)
    local worker, s = worker_row(id), slot_row(id, slot)
    check(s or not worker, 'S4', 'has no record')
    if not worker or not s then
        return
    end
    local marked_as = string.sub(worker.map, slot + 1, slot + 1)
    check(marked_as == mark_of(worker, s), 'S4', 'is', s.state, 'but its worker has', string.byte(marked_as) or 'nothing')
    check(not (worker.draining and s.state == 'free'), 'S4', 'free on a draining worker')
    check(s.number <= meta.seq, 'S8', 'has a token not given yet:', int(s.number))
    local due = read('ZSCORE', key('due'), place_of(s)) ~= false
    local lease = s.lease
    check(due == (lease ~= nil and lease.state ~= 'accepted'), 'S5', place_of(s), 'is', lease and lease.state or s.state,
        'but due disagrees')
    if lease then
        over_cap = over_cap + lease.over
        check(read('SISMEMBER', key('tenant', lease.tenant, 'held'), place_of(s)) == 1, 'S3', lease.id,
            'not held by its tenant')
        local waiter = waiter_row(lease.waiter)
        check(waiter and waiter.lease == lease.id and waiter.place == place_of(s), 'S1', lease.id, 'without its waiter')
        if waiter and not lease.ending then
            check_names(waiter)
        end
        -- One granted under a cap that its tenant has not reached tells all about the tenant; else it is looked at whole.
        if read('SCARD', key('tenant', lease.tenant, 'held')) > lease.cap then
            look_at('tenant', lease.tenant)
        end
    end
end

-- Each lease carries the cap it was granted under: what a tenant holds now, it held at most when the last of them was
-- granted. Those adopted above the cap are marked and counted apart.
local judged = {}
function judge.tenant(tenant)
    if judged[tenant] then
        return
    end
    judged[tenant] = true
    local held = read('SMEMBERS', key('tenant', tenant, 'held'))
    looks_left = looks_left - #held
    local over, cap = 0, 0
    for _, place in ipairs(held) do
        local lease = lease_at(place)
        local is_its = lease and lease.tenant == tenant
        check(is_its, 'S3', 'holds what is not its lease:', place)
        if is_its and lease.over == 1 then
            over = over + 1
        elseif is_its then
            cap = math.max(cap, lease.cap)
        end
    end
    check(#held - over <= cap, 'S3', 'holds', #held, 'granted under a cap of', cap)
end

function judge.waiter(id, gateway)
    local waiter = waiter_row(id)
    check(waiter or not read('ZSCORE', key('gateway', gateway, 'waiters'), id), 'S5', 'has no record')
    if not waiter then
        return
    end
    local queue = read('ZSCORE', key('queue', waiter.selector, waiter.tenant), id)
    local line = read('ZSCORE', key('line'), id)
    local aside = read('ZSCORE', key('gateway', waiter.gateway, 'aside'), id)
    local lease = waiter.lease ~= '' and lease_row(waiter.lease) or nil
    local places = (queue and 1 or 0) + (aside and 1 or 0) + (lease and 1 or 0)
    if waiter.state == 'ended' then
        local mail = read('ZSCORE', key('gateway', waiter.gateway, 'mail'), 'ended:' .. id .. ':' .. waiter.why)
        check(places == 0 and mail, 'S5', 'ended from outside and in', places, 'places, mail', tostring(mail))
        return
    end
    check(places == 1, 'S5', 'is', waiter.state, 'and in', places, 'places')
    if not lease then
        check_names(waiter)
    end
    check(not read('ZSCORE', key('tenant', waiter.tenant, 'aside'), id) == not aside, 'S5', waiter.state,
        'its tenant says otherwise')
    check((queue ~= false) == (waiter.state == 'queued'), 'S5', waiter.state, 'queue disagrees')
    check((line ~= false) == (queue ~= false), 'S5', waiter.state, 'line disagrees')
    check((aside ~= false) == (waiter.state == 'aside'), 'S5', waiter.state, 'aside disagrees')
    check(not queue or tonumber(queue) == tonumber(waiter.score), 'S7', 'queued at another score')
    check(not queue or tonumber(line) == tonumber(queue), 'S7', 'in line at another score')
    check(waiter.gateway == gateway, 'S5', 'is among the waiters of another gateway than', waiter.gateway)
end

function judge.line(id)
    local waiter = waiter_row(id)
    check(not read('ZSCORE', key('line'), id) or (waiter and waiter.state == 'queued'), 'S5',
        'in line but not queued')
end

function judge.due(place)
    local lease = lease_at(place)
    check(not read('ZSCORE', key('due'), place) or (lease and lease.state ~= 'accepted'), 'S5', 'due, and no lease waits there')
end

-- New default limits and a new policy reach the index a slice a sweep: until then dispatch looks for itself.
local reindexed
local function being_reindexed(selector, tenant)
    if not reindexed then
        reindexed = {}
        for _, rest in ipairs(read('SMEMBERS', key('todo'))) do
            reindexed[string.match(rest, '^limits:%d+:(.*)$') or rest] = true
        end
    end
    return reindexed[selector] or reindexed['index:' .. tenant]
end

-- A tenant that waits for a selector, or is said to.
function judge.entry(selector, tenant)
    local listed = read('SISMEMBER', key('selector', selector, 'tenants'), tenant) == 1
    local head = read('ZRANGE', key('queue', selector, tenant), '0', '0', 'WITHSCORES')
    local score = read('ZSCORE', key('selector', selector, 'eligible'), tenant)
    local linked = read('SISMEMBER', key('tenant', tenant, 'selectors'), selector) == 1
    check(listed == (#head > 0), 'S12', listed and 'listed without a waiter' or 'waits unlisted')
    check(linked == listed, 'S12', 'not linked back')
    if #head == 0 then
        check(not score, 'S12', 'eligible without a waiter')
    elseif not being_reindexed(selector, tenant) then
        local added = handicap(tenant)
        if added then
            check(score and tonumber(score) == tonumber(head[2]) + added, 'S12', 'index is not its head and handicap')
        else
            check(not score, 'S12', 'at its cap and eligible')
        end
    end
end

function judge.link(selector, pool)
    local linked = read('SISMEMBER', key('pool', pool, 'selectors'), selector) == 1
    local back = read('ZSCORE', key('selector', selector, 'pools'), pool)
    local known = read('HEXISTS', key('pools'), pool) == 1 and read('SISMEMBER', key('selectors'), selector) == 1
    local rank = known and match(selector, pool) or nil
    check(linked == (rank ~= nil) and (back and tonumber(back) or nil) == rank, 'S12', 'link differs')
    local head = rank and head_of(selector)
    check(read('ZSCORE', key('pool', pool, 'heads'), selector) == (head and head.text or false), 'S12', 'has another head')
end

function judge.pool(pool)
    local first = read('ZRANGE', key('pool', pool, 'free'), '0', '0')[1]
    local worker = first and worker_row(first)
    check(not first or (worker and grantable(worker)), 'S4', 'offers', first or '', 'that may not be granted')
    if not first or holding_off() or read('EXISTS', key('todo')) == 1 or paused(pool) then
        return
    end
    for _, selector in ipairs(read('SMEMBERS', key('pool', pool, 'selectors'))) do
        check(not head_of(selector), 'L1', 'is free while', selector, 'waits')
    end
end

function judge.setting(name)
    local version = read('ZSCORE', key('versions'), name)
    local text = read('HGET', key('settings'), name)
    check((text ~= false) == (version ~= false), 'S12', 'row and version disagree')
    if not text or not version then
        return
    end
    local row = read_setting(text)
    check(math.max(row.declaredAt, row.orderedAt) == tonumber(version), 'S12', 'has another version than', version)
    local words, withdrawn = in_force(row), read('ZSCORE', key('withdrawn'), name) ~= false
    check(withdrawn == (words == nil), 'S12', 'is', words or 'withdrawn', 'but the index differs')
    check(row.declared ~= '-' or not read('ZSCORE', key('declared'), name), 'S12', 'is listed as declared')
    local kind, rest = string.match(name, '^(%a+):?(.*)$')
    local set = SET_OF[kind]
    check(not set or (read('SISMEMBER', key(set), rest) == 1) == (words ~= nil), 'S12', 'and', set or '', 'differ')
    local limits, at = limits_row(name)
    check(not at or read('GET', at) == limits, 'S12', 'and what a session reads of it differ')
end

-- A record that the other sections may not reach, because what names it is gone.
function judge.key(name)
    local kind, id = string.match(name, '^(%a+):(.*)$')
    if kind == 'slot' then
        local worker, slot = string.match(id, '^(.*)/(%d+)$')
        check(not slot or not slot_row(worker, slot) or worker_row(worker), 'S1', 'is a slot of nobody')
    elseif kind == 'waiter' then
        local waiter = waiter_row(id)
        if waiter and (waiter.state == 'accepted' or waiter.state == 'reserved') then
            check(lease_row(waiter.lease) ~= nil, 'S5', 'is', waiter.state, 'and has no lease')
        else
            check(read('EXISTS', key(name)) == 0 or (waiter and read('ZSCORE', key('gateway', waiter.gateway, 'waiters'), id)),
                'S5', 'is unknown to its gateway')
        end
    elseif kind == 'tenant' then
        local tenant = string.match(id, '^([^:]+):held$')
        if tenant and read('SCARD', key(name)) <= LOOKS_A_CALL then
            look_at('tenant', tenant)
        end
    end
end

-- What each section walks through. A visit that returns something goes on there in the next call.
local function worker(id, inner)
    if inner == '' then
        look_at('worker', id)
    end
    local row, slot = worker_row(id), tonumber(inner) or 0
    while row and slot < row.slots do
        if looks_left <= 0 then
            return int(slot)
        end
        look_at('slot', id, int(slot))
        slot = slot + 1
    end
end

-- A gateway's waiters stand in the order of their ids.
local function gateway(id, inner)
    local from = inner == '' and '-' or '(' .. inner
    while looks_left > 0 do
        local ids = read('ZRANGE', key('gateway', id, 'waiters'), from, '+', 'BYLEX', 'LIMIT', 0, WALK_BATCH)
        if #ids == 0 then
            looks_left = looks_left - 1
            return nil
        end
        for _, waiter in ipairs(ids) do
            look_at('waiter', waiter, id)
            from = '(' .. waiter
        end
    end
    return string.sub(from, 2)
end

local function selector(name, inner)
    local stage, rest = string.match(inner, '^(%a+) (.*)$')
    stage, rest = stage or 'tenants', rest or ''
    if stage == 'tenants' then
        rest = walk('SSCAN', key('selector', name, 'tenants'), rest, function(tenant)
            look_at('entry', name, tenant)
            if read('SCARD', key('tenant', tenant, 'held')) <= LOOKS_A_CALL then
                look_at('tenant', tenant)
            end
        end)
        if rest then
            return 'tenants ' .. rest
        end
        stage, rest = 'eligible', ''
    end
    if stage == 'eligible' then
        rest = walk('ZSCAN', key('selector', name, 'eligible'), rest, function(tenant)
            look_at('entry', name, tenant)
        end)
        if rest then
            return 'eligible ' .. rest
        end
        rest = ''
    end
    rest = walk('HSCAN', key('pools'), rest, function(pool)
        look_at('link', name, pool)
    end)
    return rest and 'pools ' .. rest
end

local function each(kind)
    return function(name)
        look_at(kind, name)
    end
end

local SECTIONS = {
    workers = { 'ZSCAN', worker, 'gateways' }, gateways = { 'ZSCAN', gateway, 'line' },
    line = { 'ZSCAN', each('line'), 'selectors' }, selectors = { 'SSCAN', selector, 'due' },
    due = { 'ZSCAN', each('due'), 'settings' }, settings = { 'HSCAN', each('setting'), 'versions' },
    versions = { 'ZSCAN', each('setting'), 'pools' }, pools = { 'HSCAN', each('pool'), 'keys' },
    keys = { 'SCAN', function(name)
        look_at('key', string.sub(name, #PREFIX + 1))
    end, '' },
}
if section == 'item' then
    local words = split(cursor)
    if judge[words[1]] then
        look_at(unpack(words))
    end
    return reply('', '')
end
section = section == '' and 'workers' or section
local scan_command, visit, following = unpack(SECTIONS[section])
local rest = walk(scan_command, section ~= 'keys' and key(section) or nil, cursor, visit)
return reply(rest and section or following, rest or '')
