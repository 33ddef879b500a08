-- Walks through keys of any size, a bounded slice a call, while their members come, go and change their scores.
-- A cursor is `scan name inner`: where Redis' scan stands, the last member of its batch that is done, and where to go on
-- inside that member. Members that stay are met once at least, whatever joins, leaves or moves: Redis' scan promises it
-- for its batches, and within one batch the order of names is kept. (The one exception: a batch larger than a slice in a
-- table that shrinks between two calls.)

-- What this call may still look at.
local looks_left = LOOKS_A_CALL

-- Calls visit(name, inner) for each member of a set (SSCAN), sorted set (ZSCAN) or hash (HSCAN), `inner` '' at first. What visit
-- returns is where it goes on inside that member, nil when it is done. Returns the next cursor, nil at the end.
local function walk(scan_command, container, cursor, visit)
    local scan, last, inner = string.match(cursor, '^(%d+) (%S*) (.*)$')
    if not scan then
        scan, last, inner = '0', '', ''
    end
    while looks_left > 0 do
        looks_left = looks_left - 1
        local slice = call(scan_command, container, scan, 'COUNT', WALK_BATCH)
        local names = {}
        for i = 1, #slice[2], scan_command == 'SSCAN' and 1 or 2 do
            names[#names + 1] = slice[2][i]
        end
        table.sort(names)
        for _, name in ipairs(names) do
            local resumed = name == last and inner ~= ''
            if name > last or resumed then
                if looks_left <= 0 then
                    return scan .. ' ' .. last .. ' ' .. (resumed and inner or '')
                end
                local rest = visit(name, resumed and inner or '')
                if rest then
                    return scan .. ' ' .. name .. ' ' .. rest
                end
                last, inner = name, ''
            end
        end
        if slice[1] == '0' then
            return nil
        end
        scan, last, inner = slice[1], '', ''
    end
    return scan .. ' ' .. last .. ' ' .. inner
end
