#!lua flags=allow-oom
-- finish: waiters and sessions end by somebody's word: one, a run's, or all of a tenant. Whoever comes later is not
-- touched. Who waits ends at once; of who was granted or is served, gateway or worker is told until it has ended.
-- KEYS  state
-- ARGV  caller header (5), kind, tenant ('' for an operator that names a waiter or a lease by its id), what
--       (waiter|lease|run|tenant), its id (a waiter's alias too), the run, or '', reason (one word)
-- Reply ok <how many so far> | not_found | unknown | old
-- Cost  at most 128 ends and one dispatch; the rest stands in `todo`.

local kind, tenant, what, subject, reason = ARGV[6], ARGV[7], ARGV[8], ARGV[9], ARGV[10]
local stop = begin(kind)
if stop then
    return stop
end
-- An operator names a waiter or a session by its id alone.
if kind == 'operator' and tenant == '' then
    local row = (what == 'waiter' and waiter_row(subject)) or (what == 'lease' and lease_row(subject))
    if not row then
        return finish('not_found')
    end
    tenant = row.tenant
end
local WHATS = { waiter = true, lease = true, run = true, tenant = true }
if not is_name(tenant) or not WHATS[what] or not is_run(subject) or (what ~= 'tenant' and subject == '')
    or not is_name(reason) then
    return header('bad')
end
local count
if what == 'waiter' then
    local waiter = named_waiter(tenant, subject)
    if not waiter or waiter.state == 'ended' then
        return finish('not_found')
    end
    count = outside.waiter(waiter, reason) and 1 or 0
elseif what == 'lease' then
    local lease = lease_row(subject)
    if not lease or lease.tenant ~= tenant then
        return finish('not_found')
    end
    count = outside.held(lease, reason) and 1 or 0
else
    -- Tickets to come are above it.
    local cut = math.max(NOW_US, meta.lastTicket)
    meta.lastTicket = cut
    if what == 'run' then
        count = outside.run(cut, reason, tenant, subject)
    else
        count = outside.tenant(cut, reason, tenant)
    end
end
settle()
return finish('ok', count)
