"""The replay of MONITOR passes a good recording and finds what is put wrong into it."""

import pytest

from support.packed import packed
from support.replay import Replay, Store

POOL = "AppA:x|||raw"


def script(*commands):
    out = [(0.0, "unix:/x", [b"EVALSHA", b"0"])]
    return out + [(0.0, "lua", words(command)) for command in commands]


def words(command):
    return command if isinstance(command, list) else [word.encode() for word in command.split(" ")]


def key(name):
    return "berth:{f}:" + name


def caps(**tenants):
    """What a file's declaration of these caps writes."""
    rows = [(f"tenant:{name}", f"{cap},10000,300000,0,1,0 1 - 0") for name, cap in tenants.items()]
    words = ["HSET", key("settings")] + [word for row in rows for word in row]
    return [(0.0, "unix:/x", [b"EVALSHA", b"0"]), (0.0, "lua", [word.encode() for word in words])]


def wait(waiter, tenant, score, selector=POOL):
    return script(f"ZADD {key(f'queue:{selector}:{tenant}')} {score} {waiter}")


def grant(waiter, tenant, selector=POOL, more=()):
    slot = waiter.removeprefix("w")
    row = packed("slot", state="granted", lease=f"{waiter}.1", pool=POOL, tenant=tenant)
    return script(
        f"SADD {key(f'tenant:{tenant}:held')} w/{slot}",
        f"ZREM {key(f'queue:{selector}:{tenant}')} {waiter}",
        f"ZREM {key(f'pool:{POOL}:free')} w",
        *more,
        [b"MSET", key(f"slot:w/{slot}").encode(), row],
    )


def replay(*parts):
    return Replay("f").run([entry for part in parts for entry in part])


def test_in_order_nothing_is_found():
    result = replay(wait("w1", "b", 1), wait("w2", "b", 2), grant("w1", "b"), grant("w2", "b"))
    assert result.findings == [] and result.sanity(2) == []
    assert [grant[1] for grant in result.grants] == ["w1.1", "w2.1"]


def test_overtaking_is_found():
    result = replay(wait("w1", "b", 1), wait("w2", "b", 2), grant("w2", "b"))
    assert "before b (1)" in result.findings[0]


def test_a_capped_tenant_and_another_pools_waiter_may_be_passed():
    capped = caps(a=0, b=9)
    result = replay(capped, wait("w1", "a", 1), wait("w0", "b", 0, "AppB:x|||raw"), wait("w2", "b", 2), grant("w2", "b"))
    assert result.findings == []


def test_above_the_cap_is_found():
    capped = caps(a=1)
    result = replay(capped, wait("w1", "a", 1), wait("w2", "a", 2), grant("w1", "a"), grant("w2", "a"))
    assert "held its cap of 1" in result.findings[0]


def test_an_idle_slot_is_found():
    idle = script(f"ZADD {key(f'pool:{POOL}:free')} 0 w")
    assert "is free while b waits" in replay(wait("w1", "b", 1), idle).findings[0]
    noted = script(f"SADD {key('todo')} pool:x", f"ZADD {key(f'pool:{POOL}:free')} 0 w")
    assert replay(wait("w1", "b", 1), noted).findings == []


def test_a_grant_from_nowhere_is_found():
    assert "stood in no queue" in replay(grant("w1", "b")).findings[0]


def test_an_empty_recording_is_found():
    assert replay().sanity(1) == ["only 0 grants in 0 commits recorded, not 1"]


def test_the_store_refuses_what_it_does_not_know():
    with pytest.raises(ValueError, match="ZPOPMIN"):
        Store().apply(["ZPOPMIN", "k"])
    with pytest.raises(ValueError, match="ZADD GT"):
        Store().apply(["ZADD", "k", "GT", "1", "a"])


def test_the_store_keeps_what_redis_keeps():
    store = Store()
    for command in ("SET s 4", "HSET h a 1 b 2", "HSETNX h a 9", "HDEL h b", "ZADD z 1 m 2 n", "ZADD z NX 3 n", "ZREM z m"):
        store.apply(command.split(" "))
    for command in ("SADD t a b", "SREM t a", "SADD u a", "SPOP u", "SADD v a", "DEL v none", "ZREM none m"):
        store.apply(command.split(" "))
    assert store == {"s": "4", "h": {"a": "1"}, "z": {"n": 2.0}, "t": {"b"}}
