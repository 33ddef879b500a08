-- Who calls, and what Redis still knows of them: epochs, lost commits, connection numbers.
-- ARGV[1] caller id ('' for an operator), [2] its connection number, [3] the epoch it knows (0: none),
-- [4] the last commit acknowledged to it, [5] the highest ticket it has seen.
-- Each reply opens with status, epoch, commit, flags (1 more to do, 2 sweep due, 4 hold-off), highest ticket.

-- The fleet's state: one packed row. `schema` is nil where there is none yet.
local STATE = '<ddddddddddd'
local meta

-- Each call of a process writes this row: the number of its connection, the last commit that the process was told, and 1 if
-- Redis is ending the process.
local CALL = '<ddd'

local function call_key(kind, id)
    return kind == 'gateway' and key('gateway', id, 'call') or key('worker', id, 'call')
end

local caller = { id = ARGV[1] }
local FIRST_ARGUMENT = 6

-- Rows that were read together with the state, by key.
local fetched = {}

local function row_text(name)
    local text = fetched[name]
    if text == nil then
        text = read('GET', name)
    end
    return text
end

-- Reads rows that this call needs, in one command.
local function fetch(names)
    local rows = read('MGET', unpack(names))
    for i = 1, #names do
        fetched[names[i]] = rows[i]
    end
end

-- Reads the state and the rows of the given keys.
local function load_meta(...)
    -- The first key never exists. If a cluster is moving the hash slot to another node, reading a missing key is an error.
    -- So the call fails here, before its first write.
    fetch({ PREFIX, KEYS[1], ... })
    local state = fetched[KEYS[1]]
    if state then
        local schema, epoch, after, commit, last_time, grace, hold_off, last_ticket, next_sweep, seq, more =
            struct.unpack(STATE, state)
        meta = { schema = schema, epoch = epoch, after = after, commit = commit, lastTime = last_time, grace = grace,
            holdOff = hold_off, lastTicket = last_ticket, nextSweep = next_sweep, seq = seq, more = more }
    else
        -- Scripts of a layout before 5 keep their schema in the hash `meta`.
        meta = { schema = read('HGET', key('meta'), 'schema') or nil, epoch = 0, after = 0, commit = 0, lastTime = NOW,
            grace = 0, holdOff = 0, lastTicket = 0, nextSweep = 0, seq = 0, more = 0, isNew = true }
    end
end

-- A process works with data one schema older or newer than its own, so that a fleet is updated process by process.
local function speaks(schema)
    local number = tonumber(schema)
    return number and number >= SCHEMA_MIN and math.abs(number - SCHEMA) <= 1
end

local function holding_off()
    return meta.holdOff > 0
end

-- The first words of each reply. A reply has a commit number only if the caller's row has it too, because the caller sends
-- back the highest number that it has seen.
local function header(status, commit, ...)
    local flags = NOW >= meta.nextSweep and 2 or 0
    if meta.more > 0 and meta.holdOff == 0 then
        flags = flags + 1
    end
    if meta.holdOff > 0 then
        flags = flags + 4
    end
    return { status, meta.epoch, commit or 0, flags, meta.lastTicket, ... }
end

-- Adds an item to `todo`, the work for later calls.
local function later(item)
    meta.more = 1
    write('SADD', key('todo'), item)
end

-- Rows that this call changed or deleted. A call reads a row once, its helpers change that one table, and `finish` writes
-- it with the state in one command. So a call that dies midway leaves each row as it was.
local changed_rows = {}

local function change_row(row)
    if not row.isChanged then
        row.isChanged = true
        changed_rows[#changed_rows + 1] = row
    end
end

local function delete_row(row)
    row.isDeleted = true
    change_row(row)
end

-- Writes the state, the caller's commit if there is one, and each changed row. Rows that are deleted go first.
local function save_meta(commit)
    if meta.isNew then
        write('HSET', key('meta'), 'schema', SCHEMA)
    end
    local out, last, deleted = { KEYS[1], '' }, 2, {}
    if commit and caller.isKnown then
        out[3], out[4], last = caller.call, struct.pack(CALL, caller.connection, commit, caller.ended), 4
    end
    for i = 1, #changed_rows do
        local row = changed_rows[i]
        if row.isDeleted then
            deleted[#deleted + 1] = row.stored
        else
            out[last + 1], out[last + 2], last = row.stored, row.packed(row), last + 2
        end
    end
    if #deleted > 0 then
        write('DEL', unpack(deleted))
    end
    out[2] = struct.pack(STATE, math.max(SCHEMA, tonumber(meta.schema) or 0), meta.epoch, meta.after, meta.commit, NOW,
        meta.grace, meta.holdOff, meta.lastTicket, meta.nextSweep, meta.seq, meta.more)
    write('MSET', unpack(out))
end

-- The kind of a call that only a gateway or a worker may make.
local function process(kind)
    return kind ~= 'operator' and kind or 'nobody'
end

-- Opens a call. Returns nil when the script may go on, else the reply that ends it: `schema` (with the data's), `old` (an
-- older connection's bytes), `unknown` (Redis has no such process: register), `bad`. `kind` is gateway, worker or operator;
-- `registering` lets a caller without a record pass. Then come keys of rows that the call surely reads.
local function begin(kind, registering, ...)
    local is_process = kind == 'gateway' or kind == 'worker'
    local row
    if is_process then
        caller.record = key(kind, caller.id)
        caller.call = caller.record .. ':call'
        load_meta(caller.call, caller.record, ...)
        row = fetched[caller.call]
    else
        load_meta()
    end
    if meta.schema and meta.schema ~= SCHEMA and not speaks(meta.schema) then
        return { 'schema', meta.epoch, 0, 0, meta.lastTicket, tostring(meta.schema) }
    end
    local connection, epoch, commit = natural(ARGV[2]), natural(ARGV[3]), natural(ARGV[4])
    local ticket = natural(ARGV[5])
    local known = row or kind == 'operator' or (is_process and string.find(caller.id, '^[%w._-]+%.[0-9a-f]+$'))
    if not (connection and epoch and commit and ticket and known) then
        return header('bad')
    end
    if NOW - meta.lastTime > SILENCE_MS or NOW < meta.lastTime or meta.grace > NOW + GRACE_MS then
        meta.grace = NOW + GRACE_MS
    end
    if meta.holdOff > NOW + HOLD_OFF_MS then
        meta.holdOff = NOW + HOLD_OFF_MS
    end
    if meta.nextSweep > NOW + SWEEP_MS then
        meta.nextSweep = NOW
    end
    if is_process then
        local recorded, told, ended
        if row then
            recorded, told, ended = struct.unpack(CALL, row)
        end
        if recorded and connection < recorded then
            return header('old')
        end
        caller.connection, caller.ended = connection, ended or 0
        -- The record of a worker is a row. That of a gateway is a hash, in which MGET finds nothing.
        caller.isKnown = recorded ~= nil and (kind == 'gateway' or fetched[caller.record] ~= false)
        caller.ending = ended == 1
        -- Whether this caller's history says that Redis went backwards (protocol: Healing, Epoch).
        if epoch > 0 and (epoch > meta.epoch or (meta.after < epoch and epoch < meta.epoch)
            or (epoch == meta.epoch and commit > (told or meta.commit))) then
            meta.after = math.max(meta.after, epoch, meta.epoch)
            meta.epoch = math.max(NOW, epoch + 1, meta.epoch + 1)
            meta.holdOff = NOW + HOLD_OFF_MS
        end
        meta.lastTicket = math.max(meta.lastTicket, ticket)
    end
    if meta.epoch == 0 then
        meta.epoch = NOW
    end
    if is_process and (not caller.isKnown or caller.ending) and not registering then
        save_meta()
        return header('unknown')
    end
    return nil
end

-- Ends a call that may have written: counts the commit, for the fleet and for the caller.
local function finish(status, ...)
    meta.commit = meta.commit + 1
    save_meta(meta.commit)
    return header(status, meta.commit, ...)
end

-- A process' first record. Its call writes it again as it ends.
local function note_known()
    caller.isKnown, caller.ended = true, 0
    write('SET', caller.call, struct.pack(CALL, caller.connection, meta.commit, 0))
end

-- Whether Redis knows a process, and whether it is being ended.
local function known_process(kind, id)
    if id == caller.id and caller.isKnown ~= nil then
        return caller.isKnown, caller.ended == 1
    end
    local row = read('GET', call_key(kind, id))
    if not row then
        return false, false
    end
    local _, _, ended = struct.unpack(CALL, row)
    return true, ended == 1
end

local function note_ended(kind, id)
    if id == caller.id then
        caller.ended = 1
    end
    local row = read('GET', call_key(kind, id))
    if row then
        local connection, commit = struct.unpack(CALL, row)
        write('SET', call_key(kind, id), struct.pack(CALL, connection, commit, 1))
    end
end

-- A process' records go, and with them what its calls wrote.
local function forget_process(kind, id, ...)
    if id == caller.id then
        caller.isKnown = false
    end
    write('DEL', key(kind, id), call_key(kind, id), ...)
end
