#!lua
-- limits: what tenants may hold. Raising a cap dispatches; lowering one kills nothing.
-- KEYS  meta
-- ARGV  caller header (5), kind, then per tenant: name (`*`: tenants without their own), cap, queue max, wait max ms,
--       priority max s, weight
-- Reply ok | bad <tenant> | unknown | old
-- Cost  O(selectors a tenant waits in); new defaults are applied a slice a sweep.

local stop = begin(ARGV[6])
if stop then
    return stop
end
for i = 7, #ARGV, 6 do
    for j = i + 1, i + 5 do
        local value = tonumber(ARGV[j])
        if not value or value < 0 then
            return header('bad')
        end
    end
end
for i = 7, #ARGV, 6 do
    local tenant = ARGV[i]
    local floor = tenant == '*' and 0 or call('SCARD', key('tenant', tenant, 'held'))
    local words = table.concat({ ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], ARGV[i + 4], ARGV[i + 5] }, ' ')
    local stored = call('HGET', key('tenants'), tenant)
    if not stored or string.match(stored, '^(.*) %d+$') ~= words then
        call('HSET', key('tenants'), tenant, words .. ' ' .. int(floor))
        limits_cache = {}
        if tenant == '*' then
            for _, selector in ipairs(call('SMEMBERS', key('selectors'))) do
                later('limits:0:' .. selector)
            end
        else
            index_tenant(tenant)
            wanted_tenants[tenant] = true
        end
    end
end
settle()
return finish('ok')
