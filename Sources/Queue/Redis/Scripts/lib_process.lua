-- Who calls, and what Redis still knows of them: epochs, lost commits, connection numbers.
-- ARGV[1] caller id ('' for an operator), [2] its connection number, [3] the epoch it knows (0: none),
-- [4] the last commit acknowledged to it, [5] the highest ticket it has seen.
-- Each reply opens with status, epoch, commit, flags (1 more to do, 2 sweep due, 4 hold-off), highest ticket.

local meta
local caller = { id = ARGV[1] }
local FIRST_ARGUMENT = 6

local function load_meta()
    local row = read('HMGET', KEYS[1], 'schema', 'epoch', 'after', 'commit', 'lastTime', 'grace', 'holdOff',
        'lastTicket', 'nextSweep', 'mend', 'open', 'begun', 'ended')
    local mend_at, open, begun, ended = unpack(row, 10)
    in_hand, begun = open or '', tonumber(begun or 0)
    meta = { schema = row[1] or nil, epoch = tonumber(row[2] or 0), after = tonumber(row[3] or 0),
        commit = tonumber(row[4] or 0), lastTime = tonumber(row[5] or NOW), grace = tonumber(row[6] or 0),
        holdOff = tonumber(row[7] or 0), lastTicket = tonumber(row[8] or 0), nextSweep = tonumber(row[9] or 0),
        open = in_hand, begun = begun, torn = begun ~= tonumber(ended or 0) }
    meta.mend = mend_at or ''
    if meta.torn then
        -- Where mending itself died it goes on behind what it died of.
        local died = string.match(in_hand, 'mending:(%w+)')
        meta.mend = died == 'keys' and '' or died and int(died + 1) or '1'
    end
end

-- A process works with data one schema older or newer than its own, so that a fleet is updated process by process.
local function speaks(schema)
    local number = natural(schema)
    return number and number >= SCHEMA_MIN and math.abs(number - SCHEMA) <= 1
end

local function holding_off()
    return meta.holdOff > 0
end

-- A call died midway, and what it left is not mended yet: nothing is dispatched until only what no index leads to is
-- left to look for.
local function mending()
    return meta.mend ~= '' and not string.find(meta.mend, '^keys')
end

-- Tells whether this caller's history says that Redis went backwards (protocol: Healing, Epoch).
local function lost_history(epoch, commit, recorded)
    if epoch == 0 then
        return false
    end
    if epoch > meta.epoch or (meta.after < epoch and epoch < meta.epoch) then
        return true
    end
    if epoch < meta.epoch then
        return false
    end
    if recorded then
        return tonumber(recorded) < commit
    end
    return commit > meta.commit
end

local function open_epoch(presented)
    meta.after = math.max(meta.after, presented, meta.epoch)
    meta.epoch = math.max(NOW, presented + 1, meta.epoch + 1)
    meta.holdOff = NOW + HOLD_OFF_MS
end

-- Only a commit that is noted in the caller's record is told: it presents the highest it was told.
local function header(status, commit)
    local flags = 0
    if meta.mend ~= '' or (read('EXISTS', key('todo')) == 1 and not holding_off()) then
        flags = flags + 1
    end
    if NOW >= meta.nextSweep then
        flags = flags + 2
    end
    if holding_off() then
        flags = flags + 4
    end
    return { status, int(meta.epoch), int(commit or 0), flags, int(meta.lastTicket) }
end

-- What a call that died midway had in hand is done again, once.
local function take_over()
    local again = read('HGET', KEYS[1], 'again') == meta.open
    for item in string.gmatch(again and '' or meta.open, '%a+:%S+') do
        if not string.find(item, '^mending:') then
            write('SADD', key('todo'), item)
        end
    end
    write('HSET', KEYS[1], 'again', meta.open)
end

local function save_meta()
    if meta.torn then
        take_over()
    end
    local schema = math.max(SCHEMA, tonumber(meta.schema) or 0)
    redis.call('HSET', KEYS[1], 'schema', schema, 'epoch', int(meta.epoch), 'after', int(meta.after), 'commit',
        int(meta.commit), 'lastTime', int(NOW), 'grace', int(meta.grace), 'holdOff', int(meta.holdOff), 'lastTicket',
        int(meta.lastTicket), 'nextSweep', int(meta.nextSweep), 'mend', meta.mend, 'open', '', 'ended',
        int(meta.begun + (write == redis.call and 1 or 0)))
end

-- The kind of a call that only a gateway or a worker may make.
local function process(kind)
    return kind ~= 'operator' and kind or 'nobody'
end

-- Opens a call. Returns nil when the script may go on, else the reply that ends it: `schema`
-- (with the data's), `old` (an older
-- connection's bytes), `unknown` (Redis has no such process: register), `bad`. `kind` is gateway, worker or operator;
-- `registering` lets a caller without a record pass.
local function begin(kind, registering)
    -- A key that never is. Where a cluster moves the slot to another node key by key, looking for what is not there is
    -- an error: here, before anything is written, and not half way.
    read('EXISTS', PREFIX)
    load_meta()
    if meta.schema and not speaks(meta.schema) then
        return { 'schema', int(meta.epoch), '0', 0, int(meta.lastTicket), meta.schema }
    end
    local connection, epoch, commit = natural(ARGV[2]), natural(ARGV[3]), natural(ARGV[4])
    local ticket = natural(ARGV[5])
    local node = string.match(caller.id, '^(.*)%.[0-9a-f]+$')
    local known = kind == 'operator' or ((kind == 'gateway' or kind == 'worker') and is_name(node))
    if not (connection and epoch and commit and ticket and known) then
        return header('bad')
    end
    if NOW - meta.lastTime > SILENCE_MS or NOW < meta.lastTime then
        meta.grace = NOW + GRACE_MS
    elseif meta.grace > NOW + GRACE_MS then
        meta.grace = NOW + GRACE_MS
    end
    if meta.holdOff > NOW + HOLD_OFF_MS then
        meta.holdOff = NOW + HOLD_OFF_MS
    end
    if meta.nextSweep > NOW + SWEEP_MS then
        meta.nextSweep = NOW
    end
    local recorded = false
    if kind ~= 'operator' then
        caller.key = key(kind, caller.id)
        local row = read('HMGET', caller.key, 'connection', 'commit', 'ended')
        recorded = row[1]
        if recorded and connection < tonumber(recorded) then
            return header('old')
        end
        caller.node = node
        if lost_history(epoch, commit, row[2]) then
            open_epoch(epoch)
        end
        meta.lastTicket = math.max(meta.lastTicket, ticket)
        caller.ending = row[3] == '1'
    end
    if meta.epoch == 0 then
        meta.epoch = NOW
    end
    if kind ~= 'operator' and (not recorded or caller.ending) and not registering then
        save_meta()
        return header('unknown')
    end
    return nil
end

-- Ends a call that may have written: counts the commit, for the fleet and for the caller.
local function finish(status, ...)
    meta.commit = meta.commit + 1
    if caller.key and read('EXISTS', caller.key) == 1 then
        redis.call('HSET', caller.key, 'connection', ARGV[2], 'commit', int(meta.commit))
    end
    save_meta()
    local reply = header(status, meta.commit)
    for _, value in ipairs({ ... }) do
        reply[#reply + 1] = value
    end
    return reply
end
