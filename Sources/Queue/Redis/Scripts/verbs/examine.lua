#!lua flags=no-writes
-- examine: what `berth doctor` asks: which commands the user may not run, and who is in the fleet.
-- KEYS  state
-- ARGV  caller header (5), then the commands to check, each with its arguments, separated by blanks
-- Reply commands that are refused, gateways (id, reason of its suspension or '', ...), workers (id, address, state,
--       draining 0|1, backoff ms, trouble, ...)
-- Cost  O(commands + 256 gateways + 256 workers). For people, not for the data path.

load_meta()
local refused, gateways, workers = {}, {}, {}
local function add(list, ...)
    for _, value in ipairs({ ... }) do
        list[#list + 1] = value
    end
end

for i = FIRST_ARGUMENT, #ARGV do
    local words = split(ARGV[i])
    if not redis.acl_check_cmd(unpack(words)) then
        add(refused, words[1])
    end
end
for _, id in ipairs(read('ZRANGE', key('gateways'), 0, PROCESSES_EXAMINED_MAX - 1)) do
    add(gateways, id, read('HGET', key('gateway', id), 'mark') or '')
end
for _, id in ipairs(read('ZRANGE', key('workers'), 0, PROCESSES_EXAMINED_MAX - 1)) do
    local worker = worker_row(id)
    if worker then
        add(workers, id, worker.address, worker.state, worker.draining and '1' or '0', int(worker.backoff),
            read('HGET', key('worker', id, 'more'), 'trouble') or '')
    end
end
return { refused, gateways, workers }
