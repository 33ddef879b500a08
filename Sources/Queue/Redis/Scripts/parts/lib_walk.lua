-- Walks through keys of any size, a bounded slice a call, while their members come, go and change their scores.
-- A cursor is `scan batch last inner`: where Redis' scan stands, the members of the batch that it gave there, the last of
-- them that is done, and where to go on inside that one. Members that stay are met once at least, whatever joins, leaves or
-- moves: Redis' scan promises it for its batches. One batch goes by names while it is the same; where a member that left
-- has let another one in, it is done_up_to again.

-- What this call may still look at.
local looks_left = LOOKS_A_CALL

-- Calls visit(name, inner) for each member of a set (SSCAN), sorted set (ZSCAN) or hash (HSCAN), or for each key of the
-- fleet (SCAN, no container), `inner` '' at first. What visit returns is where it goes on inside that member, nil when it
-- is done. Returns the next cursor, nil at the end.
local function walk(scan_command, container, cursor, visit)
    local scan, batch, last, inner = string.match(cursor, '^(%d+) (%S*) (%S*) (.*)$')
    if not scan then
        scan, batch, last, inner = '0', '', '', ''
    end
    while looks_left > 0 do
        looks_left = looks_left - 1
        local slice = container and read(scan_command, container, scan, 'COUNT', WALK_BATCH)
            or read(scan_command, scan, 'MATCH', PREFIX .. '*', 'COUNT', WALK_BATCH)
        local names = {}
        for i = 1, #slice[2], (scan_command == 'SSCAN' or scan_command == 'SCAN') and 1 or 2 do
            -- A name with a blank is none of Berth's, and would break the cursor.
            if not string.find(slice[2][i], '%s') then
                names[#names + 1] = slice[2][i]
            end
        end
        table.sort(names)
        -- Of a batch that is all there is, nobody who stays can be before `last` and not be done.
        local this = scan == '0' and slice[1] == '0' and 'all' or table.concat(names, ',')
        local done_up_to = last
        local again = batch ~= '' and batch ~= this
        if again then
            last = ''
        end
        local function stop(name, rest)
            return table.concat({ scan, this, name, rest }, ' ')
        end
        for _, name in ipairs(names) do
            local resumed = name == done_up_to and inner ~= ''
            if resumed or again or name > done_up_to then
                if looks_left <= 0 then
                    return stop(last, resumed and inner or '')
                end
                local rest = visit(name, resumed and inner or '')
                if rest then
                    return stop(name, rest)
                end
                last = name
            end
        end
        if slice[1] == '0' then
            return nil
        end
        scan, batch, last, inner = slice[1], '', '', ''
    end
    return table.concat({ scan, batch, last, inner }, ' ')
end
