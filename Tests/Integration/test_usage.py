"""What tenants used: seconds held and waited, sessions, refusals, by day."""

import datetime
import hashlib
import re

from support import client, clock
from support.api import API, connect
from support.fleet import Fleet, eventually
from support.redis_proxy import RedisProxy

POOL = {"AppA:x": 1}
KEYS = {"acme": "key-of-acme-123456", "other": "key-of-other-12345"}
TENANTS = {name: {"keys": [hashlib.sha256(key.encode()).hexdigest()]} for name, key in KEYS.items()}
# A renew comes every 2 s; the rest is for a machine under load.
SENT_WITHIN = 30
NUMBERS = ["heldSeconds", "waitedSeconds", "sessions", "refusals"]


async def usage(api: API) -> dict:
    """The sums of all days."""
    answer = await api.call("GET", "/v1/usage")
    assert answer.status == 200, answer.body
    return {name: sum(day[name] for day in answer.body["days"]) for name in NUMBERS}


async def comes_to(api: API, *, sessions: int, refusals: int, held=0.0, waited=0.0):
    """Times are bounds from below: gateways and workers send their counts at different moments."""

    async def same():
        now = await usage(api)
        counted = (now["sessions"], now["refusals"]) == (sessions, refusals)
        return counted and now["heldSeconds"] >= held and now["waitedSeconds"] >= waited and now

    return await eventually(same, SENT_WITHIN, f"{sessions} sessions, {refusals} refusals, {held} s, {waited} s")


async def served(one: client.Client) -> client.Client:
    saw = await one.answer()
    assert saw.status == 101, saw.body
    assert await one.echo()
    return one


async def test_a_tenant_sees_what_it_used_and_nobody_elses(folder):
    async with Fleet(folder, tenants=TENANTS) as fleet:
        gateway = await fleet.gateway()
        await fleet.worker(POOL)
        acme, other = (API(gateway.port, KEYS[name]) for name in ("acme", "other"))
        path = f"/pool/*?token={KEYS['acme']}"
        began = clock.now()
        first = await served(await fleet.client("first", path=path).open())
        first_served = clock.now()
        second = await fleet.client("second", path=path).open()
        await fleet.queued("second")
        queued = clock.now()
        refused = await (await fleet.client("refused", path=f"{path}&wait=0").open()).answer()
        assert refused.code == "would_wait"
        # A long session and a long wait are counted before they end.
        await eventually(lambda: long_enough(acme), SENT_WITHIN, "time is counted while it passes")
        assert (await usage(acme))["sessions"] == 1
        left = clock.now()
        await first.finish()
        await served(second)
        await second.finish()
        await fleet.nothing_held(within=10)
        lent = (await acme.borrow(keep=60)).body
        one = await served(await connect(lent["url"]))
        one.leave("rst")
        await eventually(lambda: is_kept(acme, lent["id"]), 10, "the session is kept")
        one = await served(await connect(lent["url"]))
        await one.finish()
        await fleet.nothing_held(within=10)
        ended = clock.now()
        # Processes count in whole milliseconds of their loops.
        total = await comes_to(
            acme, sessions=3, refusals=1, held=left - first_served - 0.1, waited=left - queued - 0.1
        )
        assert total["heldSeconds"] <= ended - began and total["waitedSeconds"] <= ended - began + 1
        assert (await other.call("GET", "/v1/usage")).body == {"tenant": "other", "days": []}
        days = (await acme.call("GET", "/v1/usage?days=1")).body["days"]
        assert all(datetime.date.fromisoformat(day["day"]) for day in days) and len(days) <= 1
        for query in ["days=0", "days=36", "days=x", "days=1&days=2", "from=1", "days="]:
            assert (await acme.call("GET", f"/v1/usage?{query}")).code == "bad_request", query
        assert (await API(gateway.port).call("GET", "/v1/usage")).code == "unauthorized"
        assert await fleet.audit() == []


async def long_enough(api: API) -> bool:
    now = await usage(api)
    return now["heldSeconds"] > 1 and now["waitedSeconds"] > 1


async def is_kept(api: API, session: str) -> bool:
    return (await api.call("GET", f"/v1/sessions/{session}")).body["state"] == "kept"


async def test_a_renew_whose_reply_is_lost_adds_nothing_twice(folder):
    async with Fleet(folder) as fleet:
        proxies = [fleet.keep(await RedisProxy(folder, fleet.redis.path, f"proxy{n}").start()) for n in range(2)]
        gateway, reader = await fleet.gateway(redis=proxies[0].url), await fleet.gateway()
        await fleet.worker(POOL, redis=proxies[1].url)
        api = API(reader.port, tenant="acme")
        await fleet.grantable(1)
        # The gateway's batch with the refusal, and the worker's with the session. A batch before may have the wait alone.
        for proxy, counts in zip(proxies, [rb"\d+ 1", rb"1 \d+"]):
            proxy.lose = re.compile(rb"\n\d+ acme \d+ \d+ " + counts + rb"\r")

        async def refuse():
            one = await fleet.client("refused", gateway, tenant="acme", path="/pool/Other:x").open()
            assert (await one.answer()).code == "unknown_pool"

        await refuse()
        one = await served(await fleet.client("one", gateway, tenant="acme").open())
        await one.finish()
        for proxy in proxies:
            await eventually(lambda proxy=proxy: proxy.lost >= 2, SENT_WITHIN, "two replies are lost")
        assert (await usage(api))["refusals"] == 1 and (await usage(api))["sessions"] == 1
        for proxy in proxies:
            proxy.lose = None
        # The next batch comes behind the repeated one.
        await refuse()
        again = await served(await fleet.client("again", gateway, tenant="acme").open())
        await again.finish()
        await comes_to(api, refusals=2, sessions=2)
        assert await fleet.audit() == []


async def test_a_process_that_ends_sends_what_it_counted(folder):
    async with Fleet(folder) as fleet:
        gateway, reader = await fleet.gateway(), await fleet.gateway()
        worker = await fleet.worker(POOL)
        await fleet.grantable(1)
        api = API(reader.port, tenant="acme")
        one = await served(await fleet.client("one", gateway, tenant="acme").open())
        refused = await fleet.client("refused", gateway, tenant="acme", path="/pool/Other:x").open()
        assert (await refused.answer()).code == "unknown_pool"
        await one.finish()
        for node in [gateway, worker]:
            assert await node.terminate(30) == 0
        now = await usage(api)
        assert (now["sessions"], now["refusals"]) == (1, 1), "the last renew came before the end"
