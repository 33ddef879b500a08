-- What a change of settings asks for: tenants indexed anew, pools opened; and how rows that nobody names any more go.

-- Every tenant that waits is indexed anew, a slice a call.
local function reindex_all()
    for _, selector in ipairs(call('SMEMBERS', key('selectors'))) do
        later('limits:0:' .. selector)
    end
end

local function same_pool(pool, name)
    return pool == name or parts(pool) == name
end

local function follow_change(name, words)
    local kind, rest = string.match(name, '^(%a+):?(.*)$')
    limits_cache = {}
    if kind == 'policy' or rest == '*' then
        reindex_all()
    elseif kind == 'tenant' and reindexes_left > 0 then
        reindexes_left = reindexes_left - 1
        index_tenant(rest)
        wanted_tenants[rest] = true
    elseif kind == 'tenant' then
        later('index:' .. rest)
    elseif kind == 'pause' then
        for _, pool in ipairs(call('HKEYS', key('pools'))) do
            if same_pool(pool, rest) then
                wanted_pools[pool] = true
            end
        end
    elseif kind == 'zero' and words then
        call('SADD', key('zeros'), rest)
    elseif kind == 'zero' then
        call('SREM', key('zeros'), rest)
    end
end

-- A row that says nothing is remembered for a while, so that no gateway brings an older one back.
local function save_setting(name, row)
    local before = in_force(setting(name))
    call('HSET', key('settings'), name,
        table.concat({ row.declared, int(row.declaredAt), row.ordered, int(row.orderedAt) }, ' '))
    call('ZADD', key('versions'), int(math.max(row.declaredAt, row.orderedAt)), name)
    local words = in_force(row)
    if words then
        call('ZREM', key('withdrawn'), name)
    else
        call('ZADD', key('withdrawn'), int(NOW), name)
    end
    if words ~= before then
        follow_change(name, words)
    end
end

-- Takes back what no file of a living gateway names: each has declared its file since. A tenant keeps its limits while
-- it holds or awaits anything.
local function retire_settings()
    if call('ZCARD', key('declarers')) == 0 or call('ZCARD', key('declarers')) < call('ZCARD', key('gateways')) then
        return
    end
    local since = '(' .. int(tonumber(call('ZRANGE', key('declarers'), 0, 0, 'WITHSCORES')[2]))
    local old = call('ZCOUNT', key('declared'), '-inf', since)
    -- Tenants that still wait or hold must not keep those behind them from their turn.
    local from = old > TENANTS_A_SLICE and meta.commit % old or 0
    for _, name in ipairs(call('ZRANGE', key('declared'), '-inf', since, 'BYSCORE', 'LIMIT', from, TENANTS_A_SLICE)) do
        local tenant = string.match(name, '^tenant:([^*]+)$')
        if not tenant or call('EXISTS', key('tenant', tenant, 'held'), key('tenant', tenant, 'selectors')) == 0 then
            local row = setting(name)
            row.declared, row.declaredAt = '-', math.max(NOW_US, highest_version() + 1)
            call('ZREM', key('declared'), name)
            save_setting(name, row)
        end
    end
end

local function forget_settings()
    local old = int(NOW - SETTING_MEMORY_MS)
    for _, name in ipairs(call('ZRANGE', key('withdrawn'), '-inf', old, 'BYSCORE', 'LIMIT', 0, TENANTS_A_SLICE)) do
        call('HDEL', key('settings'), name)
        call('ZREM', key('versions'), name)
        call('ZREM', key('withdrawn'), name)
    end
end
