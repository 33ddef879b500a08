#!lua flags=allow-oom
-- attach: a gateway connects a client to a borrowed or kept lease; it then dials the worker as for a grant.
-- KEYS  state
-- ARGV  caller header (5), tenant ('' for any: the client has the lease's ticket), lease, attachment (32 hex
--       digits of the gateway's, to tell a repeated call)
-- Reply granted <payload> <number of the connection> <tenant> | already_attached | forbidden | gone | recovering
--       | unknown | old
-- Cost  O(log n).

local tenant, id, attachment = ARGV[6], ARGV[7], ARGV[8]
local stop = begin('gateway')
if stop then
    return stop
end
if not (tenant == '' or is_name(tenant)) or not id or not attachment or #attachment ~= 32
    or not string.find(attachment, '^[0-9a-f]+$') then
    return header('bad')
end
local lease = lease_row(id)
if not lease then
    return finish(holding_off() and 'recovering' or 'gone')
end
if tenant ~= '' and lease.tenant ~= tenant then
    return finish('forbidden')
end
local worker = worker_row(lease.worker)
if lease.ending or not worker then
    return finish('gone')
end
if lease.state == 'reserved' and worker.draining then
    -- Its sidecar has stopped already.
    end_reserved(lease, 'verdict')
    settle()
    return finish('gone')
end
if lease.state == 'reserved' or lease.state == 'kept' then
    lease.attach = lease.attach + 1
    lease.state, lease.attachment, lease.gateway = 'attaching', attachment, caller.id
    change_lease(lease)
    write('ZADD', key('due'), int(NOW + ACCEPT_DEADLINE_MS), place_of(lease))
elseif lease.state ~= 'attaching' or lease.gateway ~= caller.id or lease.attachment ~= attachment then
    return finish('already_attached')
end
return finish('granted', grant_payload(lease, worker.address), lease.attach, lease.tenant)
