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
    local good = ARGV[i] == '*' or is_name(ARGV[i])
    for j = i + 1, i + 5 do
        good = good and natural(ARGV[j]) ~= nil
    end
    if not good then
        local reply = header('bad')
        reply[#reply + 1] = ARGV[i]
        return reply
    end
end
for i = 7, #ARGV, 6 do
    local tenant = ARGV[i]
    local words = table.concat({ ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], ARGV[i + 4], ARGV[i + 5] }, ' ')
    if call('HGET', key('tenants'), tenant) ~= words then
        call('HSET', key('tenants'), tenant, words)
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
