#!lua flags=no-writes
-- usage: what a tenant used on each of the last days.
-- KEYS  state
-- ARGV  caller header (5), tenant, how many days, today included
-- Reply found, then for each day on which the tenant used something, the latest first: <day> <held ms waited ms sessions
--       refusals>. A day is the number of days since 1970-01-01.
-- Cost  O(days), at most 35.

load_meta()
local tenant, days = ARGV[6], natural(ARGV[7])
local reply = { 'found' }
if tenant and days then
    for day = today(), today() - math.min(days, USAGE_DAYS) + 1, -1 do
        local row = read('HGET', key('usage', int(day)), tenant)
        if row then
            reply[#reply + 1] = int(day)
            reply[#reply + 1] = row
        end
    end
end
return reply
