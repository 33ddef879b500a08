#!lua flags=no-writes
-- sessions: a tenant's sessions, and those of its waiters that a run has: one by its lease, or a run's.
-- KEYS  state
-- ARGV  caller header (5), tenant, what (lease|run), the lease or the run
-- Reply found, then for each <waiter> <lease> <state> <pool> <worker> <run> <alias> <ms until it ends by itself>. A
--       waiter has no lease, pool and worker; the last is '' if no deadline runs.
-- Cost  O(log n), at most 256 of a run, the oldest first.

load_meta()
local tenant, what, subject = ARGV[6], ARGV[7], ARGV[8]
local rows = { 'found' }

local function add(...)
    for _, value in ipairs({ ... }) do
        rows[#rows + 1] = value
    end
end

local function add_lease(lease)
    local left = (lease.state == 'reserved' or lease.state == 'kept') and math.max(lease.deadline - NOW, 0)
    local waiter = waiter_row(lease.waiter)
    add(lease.waiter, lease.id, lease.state, lease.pool, lease.worker, waiter and waiter.run or '',
        waiter and waiter.alias or '',
        left and int(left) or '')
end

local function add_member(id)
    local waiter = waiter_row(id)
    local lease = waiter and waiter.lease ~= '' and lease_row(waiter.lease)
    if lease then
        add_lease(lease)
    elseif waiter and waiter.state ~= 'ended' then
        add(waiter.id, '', waiter.state, '', '', waiter.run, waiter.alias, '')
    end
end

if what == 'lease' then
    local lease = lease_row(subject)
    if lease and lease.tenant == tenant then
        add_lease(lease)
    end
elseif is_name(tenant) and is_run(subject) and subject ~= '' then
    for _, id in ipairs(read('ZRANGE', key('tenant', tenant, 'run', subject), '0', '255')) do
        add_member(id)
    end
end
return rows
