"""Every pub/sub message is lost: everybody is still served, at most a poll later each."""

import asyncio

from support import checkers, client
from support.fleet import Fleet, eventually
from support.redis_proxy import RedisProxy
from support.redis_server import Monitor
from support.replay import Replay

POLL_SECONDS = 1.0


async def test_without_pubsub_everybody_is_served_a_poll_later(folder):
    async with Fleet(folder, tenants={"a": {"cap": 1}, "b": {"cap": 2}}) as fleet:
        proxy = fleet.keep(await RedisProxy(folder, fleet.redis.path).start())
        proxy.drop_messages = True
        monitor = await Monitor(fleet.redis.path).start()
        await asyncio.gather(*(fleet.gateway(f"g{n}", redis=proxy.url) for n in range(2)))
        await fleet.worker({"AppA:x": 2}, redis=proxy.url)
        await fleet.grantable(2, timeout=15)
        clients = [fleet.client(f"c{n}", fleet.gateways[n % 2], tenant="ab"[n % 2]) for n in range(16)]
        await asyncio.gather(*(client.session(one, hold=0.02) for one in clients))
        assert proxy.dropped > 0 and proxy.passed == 0
        ledger = fleet.ledger
        await eventually(lambda: not checkers.served_once(ledger(), expected=16), 5, "every session logged its end")
        caps = {"a": 1, "b": 2}
        assert checkers.all_of(ledger(), caps, expected=16, idle_bound=POLL_SECONDS + checkers.LOG_LAG_MAX) == []
        await monitor.stop()
        replay = Replay("test").run(monitor.entries)
        assert replay.findings == [] and replay.sanity(16) == []
        assert await fleet.audit() == []
