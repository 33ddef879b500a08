-- What a change of settings asks for: tenants indexed anew, pools opened; and how rows that nobody names any more go.

-- Every tenant that waits is indexed anew, a slice a call.
local function reindex_all()
    for _, selector in ipairs(read('SMEMBERS', key('selectors'))) do
        later('limits:0:' .. selector)
    end
end

local function same_pool(pool, name)
    return pool == name or parts(pool) == name
end

local function follow_change(name, words)
    local kind, rest = string.match(name, '^(%a+):?(.*)$')
    derive_setting(name, words)
    limits_cache, fetched = {}, {}
    if kind == 'policy' or rest == '*' then
        reindex_all()
    elseif kind == 'tenant' and reindexes_left > 0 then
        reindexes_left = reindexes_left - 1
        index_tenant(rest)
        wanted_tenants[rest] = true
    elseif kind == 'tenant' then
        later('index:' .. rest)
    elseif kind == 'pause' then
        for _, pool in ipairs(read('HKEYS', key('pools'))) do
            if same_pool(pool, rest) then
                wanted_pools[pool] = true
            end
        end
    end
end

-- A row that says nothing is remembered for a while, so that no gateway brings an older one back.
local function save_setting(name, row)
    local before = in_force(setting(name))
    write('HSET', key('settings'), name,
        table.concat({ row.declared, int(row.declaredAt), row.ordered, int(row.orderedAt) }, ' '))
    write('ZADD', key('versions'), int(math.max(row.declaredAt, row.orderedAt)), name)
    local words = in_force(row)
    if words then
        write('ZREM', key('withdrawn'), name)
    else
        write('ZADD', key('withdrawn'), int(NOW), name)
    end
    if words ~= before then
        follow_change(name, words)
    end
end

-- A tenant keeps its limits while it holds or awaits anything.
--@seldom
local function withdraw(names)
    for _, name in ipairs(names) do
        local tenant = string.match(name, '^tenant:([^*]+)$')
        if not tenant or read('EXISTS', key('tenant', tenant, 'held'), key('tenant', tenant, 'selectors')) == 0 then
            local row = setting(name)
            row.declared, row.declaredAt = '-', math.max(NOW_US, highest_version() + 1)
            write('ZREM', key('declared'), name)
            save_setting(name, row)
        end
    end
end

-- Takes back what no file of a living gateway names: each has declared its file since.
local function retire_settings()
    if read('ZCARD', key('declarers')) == 0 or read('ZCARD', key('declarers')) < read('ZCARD', key('gateways')) then
        return
    end
    local since = '(' .. int(tonumber(read('ZRANGE', key('declarers'), '0', '0', 'WITHSCORES')[2]))
    local old = read('ZCOUNT', key('declared'), '-inf', since)
    -- Tenants that still wait or hold must not keep those behind them from their turn.
    local from = old > TENANTS_A_SLICE and meta.commit % old or 0
    local names = read('ZRANGE', key('declared'), '-inf', since, 'BYSCORE', 'LIMIT', from, TENANTS_A_SLICE)
    if #names > 0 then
        withdraw(names)
    end
end

local function forget_settings()
    local old = int(NOW - SETTING_MEMORY_MS)
    for _, name in ipairs(read('ZRANGE', key('withdrawn'), '-inf', old, 'BYSCORE', 'LIMIT', 0, TENANTS_A_SLICE)) do
        write('HDEL', key('settings'), name)
        write('ZREM', key('versions'), name)
        write('ZREM', key('withdrawn'), name)
    end
end
