import EventLoop
import RedisClient
import SimulatedRedis
import TestSupport
import Testing

/// What a script may do in the simulated Redis, and what is left when it fails.
@Suite struct HostTests {
    private func store(_ source: String) -> SimulatedRedis {
        let redis = SimulatedRedis(seed: 1)
        redis.load(name: "s", source: bytes(source))
        return redis
    }

    private func call(_ redis: SimulatedRedis, _ arguments: String...) -> RedisReply {
        redis.call("s", keys: [], arguments: arguments.map(bytes))
    }

    @Test func anErrorIsNotRolledBack() {
        let redis = store("redis.call('SET', 'a', 1) redis.call('SADD', 'a', 2) redis.call('SET', 'b', 3)")
        let words = "WRONGTYPE Operation against a key holding the wrong kind of value script: s, on @user_script:1."
        #expect(call(redis) == .error(words))
        #expect(redis.wroteBeforeFailure)
        #expect(redis.string("a") == "1" && redis.string("b") == nil)
        #expect(redis.commits == 1)
    }

    @Test func theNthCallFailsAndOnlyOnce() {
        let redis = store("redis.call('SET', 'a', 1) redis.call('SET', 'b', 2) return redis.call('GET', 'b')")
        redis.failAtCall = 1
        #expect(call(redis).isError("ERR") && !redis.wroteBeforeFailure)
        #expect(redis.keys == [] && redis.commits == 0)
        redis.failAtCall = 2
        #expect(call(redis).isError("ERR") && redis.wroteBeforeFailure)
        #expect(redis.keys == ["a"])
        #expect(call(redis) == .bulk(bytes("2")))
        #expect(redis.commandsOfLastCall == 3 && !redis.wroteBeforeFailure)
    }

    @Test func takingCallsBackRestoresWhatWasExactly() {
        let redis = store(
            """
            local call = redis.call
            for i = 1, 5 do
                local key, member = ARGV[i] .. ARGV[i + 1], ARGV[i + 2]
                local kind = tonumber(ARGV[i])
                if kind == 0 then redis.pcall('HSET', key, member, ARGV[i + 3])
                elseif kind == 1 then redis.pcall('SADD', key, member, ARGV[i + 3])
                elseif kind == 2 then redis.pcall('ZADD', key, ARGV[i + 3], member)
                elseif kind == 3 then redis.pcall('SPOP', key, 2) redis.pcall('ZREM', key, member)
                    redis.pcall('HDEL', key, member) redis.pcall('INCR', key)
                elseif kind == 4 then call('DEL', key)
                elseif call('EXISTS', key) == 1 then call('RENAME', key, ARGV[i + 4] .. member) end
            end
            """)
        var dice = SplitMix64(state: 3)
        var digests = [redis.digest]
        var kept = 0
        for _ in 0..<2_000 {
            let before = redis.commits
            let arguments = (0..<10).map { _ in bytes(String(dice.below(6))) }
            #expect(redis.call("s", keys: [], arguments: arguments) == .null)
            if redis.commits > before { digests.append(redis.digest) }
            if dice.chance(5) {
                let lost = dice.below(min(redis.commits, 40))
                redis.undo(last: lost)
                digests.removeLast(lost)
                kept += lost
                #expect(redis.digest == digests.last)
            }
        }
        #expect(kept > 500 && redis.commits == digests.count - 1)
        redis.undo(last: redis.commits)
        #expect(redis.keys == [] && redis.digest == digests[0])
    }

    @Test func whatIsOlderThanTheJournalIsForgotten() {
        let redis = store("redis.call('SET', 'a', ARGV[1]) redis.call('DEL', 'b') redis.call('SADD', 'b', ARGV[1])")
        for index in 1...25_000 { _ = call(redis, String(index)) }
        redis.undo(last: SimulatedRedis.undoneMax)
        #expect(redis.string("a") == "15000" && redis.members("b") == ["15000"])
    }

    @Test func theDigestIsOfTheContentNotOfItsHistory() {
        let source = """
            for i = 1, 40 do redis.call('HSET', 'h', ARGV[1] + i * ARGV[2], i * ARGV[2] + ARGV[1])
                redis.call('ZADD', 'z', i * ARGV[2] + ARGV[1], ARGV[1] + i * ARGV[2]) end
            """
        let (up, down) = (store(source), store(source))
        _ = call(up, "0", "1")
        _ = call(down, "41", "-1")
        #expect(up.digest == down.digest && up.digest != store("").digest)
        #expect(up.hash("h").map(\.field) == down.hash("h").map(\.field))
        #expect(up.ranked("z").map(\.score) == (1...40).map(Double.init))
    }

    @Test func aScriptWithoutWritesMayNot() {
        let redis = store("#!lua flags=no-writes\nreturn redis.pcall(unpack(ARGV))")
        let refusal = RedisReply.error("ERR Write commands are not allowed from read-only scripts.")
        #expect(call(redis, "SET", "a", "1") == refusal)
        #expect(call(redis, "PUBLISH", "a", "1") == refusal)
        #expect(call(redis, "GET", "a") == .null)
        #expect(redis.commits == 0)
    }

    @Test func aFullOneRefusesWhatMayNotGrow() {
        let redis = store("#!lua\nreturn redis.call('GET', 'a')")
        redis.isFull = true
        #expect(call(redis).isError("OOM"))
        redis.load(name: "s", source: bytes("#!lua flags=allow-oom\nreturn 1"))
        #expect(call(redis) == .integer(1))
        #expect(redis.call("other", keys: [], arguments: []).isError("NOSCRIPT"))
    }

    @Test func globalsAreFixed() {
        let unknown = "ERR user_script:2: Script attempted to access nonexistent global variable 'nope'"
        let redis = store("#!lua\nreturn nope")
        #expect(call(redis) == .error(unknown + " script: s, on @user_script:2."))
        redis.load(name: "s", source: bytes("mine = 1"))
        let fixed = "ERR user_script:1: Attempt to modify a readonly table script: s, on @user_script:1."
        #expect(call(redis) == .error(fixed))
        redis.load(name: "s", source: bytes("string = nil"))
        #expect(call(redis) == .error(fixed))
    }

    @Test func theClockStandsAndSomebodyListens() {
        let redis = store("local t = redis.call('TIME') return { t[1], t[2], redis.call('PUBLISH', 'c', 'hello') }")
        redis.now = 1_700_000_000_000_042
        #expect(call(redis) == .array([.bulk(bytes("1700000000")), .bulk(bytes("42")), .integer(0)]))
        var heard: [String] = []
        redis.onPublish = { channel, message in
            heard.append(channel + " " + String(decoding: message, as: UTF8.self))
            return 2
        }
        #expect(call(redis).elements?.last == .integer(2))
        #expect(heard == ["c hello"] && redis.commits == 0)
    }

    @Test func ascanFindsAllThatIsThereThroughout() {
        let redis = store(
            """
            local found, cursor = {}, '0'
            for i = 1, 200 do redis.call('SADD', 's', 'stays' .. i) redis.call('SADD', 's', 'goes' .. i) end
            for turn = 1, 1000 do
                local slice = redis.call('SSCAN', 's', cursor, 'COUNT', 7)
                for _, member in ipairs(slice[2]) do found[member] = true end
                cursor = slice[1]
                redis.call('SREM', 's', 'goes' .. turn)
                redis.call('SADD', 's', 'comes' .. turn)
                if cursor == '0' then break end
            end
            local count = 0
            for i = 1, 200 do if found['stays' .. i] then count = count + 1 end end
            return { cursor, count }
            """)
        #expect(call(redis) == .array([.bulk(bytes("0")), .integer(200)]))
    }

    @Test func chanceIsTheSeeds() {
        let source = "local o = redis.call('SMEMBERS', 's') o[#o + 1] = redis.call('SPOP', 's') return o"
        func told(_ seed: UInt64) -> RedisReply {
            let redis = SimulatedRedis(seed: seed)
            redis.load(name: "fill", source: bytes("for i = 1, 9 do redis.call('SADD', 's', i) end"))
            redis.load(name: "s", source: bytes(source))
            _ = redis.call("fill", keys: [], arguments: [])
            return call(redis)
        }
        #expect(told(1) == told(1))
        #expect(Set((1...20).map { told($0) }).count > 10)
        let again = SimulatedRedis(seed: 5)
        again.load(name: "fill", source: bytes("for i = 1, 9 do redis.call('SADD', 's', i) end"))
        again.load(name: "s", source: bytes(source))
        _ = again.call("fill", keys: [], arguments: [])
        again.reset(seed: 1)
        #expect(again.keys == [] && again.commits == 0)
        _ = again.call("fill", keys: [], arguments: [])
        #expect(call(again) == told(1))
    }

    @Test func jsonIsSpelledAsStatusNeedsIt() {
        let redis = store(
            "return cjson.encode({ { a = 'q\"\\n' }, 1, 0.5, 1700000000000, false, {}, cjson.encode({ 'x' }) })")
        #expect(call(redis).text == #"[{"a":"q\"\n"},1,0.5,1700000000000,false,{},"[\"x\"]"]"#)
    }
}
