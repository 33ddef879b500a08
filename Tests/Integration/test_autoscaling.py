"""An autoscaler plays on the endpoint that KEDA and a HorizontalPodAutoscaler read: workers from none to a burst and back."""

import asyncio
import math
import signal

from support import admin
from support.fleet import Fleet, eventually

POOL = "AppA:x"
SLOTS = 2


class Autoscaler:
    """Starts as many workers as `slotsWanted` asks for, and ends the surplus by SIGTERM, busy or not, as Kubernetes does."""

    def __init__(self, fleet, gateway, most: int):
        self.fleet, self.gateway, self.most = fleet, gateway, most
        self.running: list = []
        self.ended: list = []
        self.most_slots = 0

    async def look(self) -> dict:
        answer = await admin.ask(self.gateway, "/api/v1/scale?pool=AppA%3Ax")
        assert answer.status == 200, answer.body
        wanted = answer.json["slotsWanted"]
        workers = min(math.ceil(wanted / SLOTS), self.most)
        while len(self.running) < workers:
            more = ["--drain-timeout", "60s"]
            self.running.append(await self.fleet.worker({POOL: SLOTS}, more=more, wait=False))
        while len(self.running) > workers:
            worker = self.running.pop(0)
            worker.signal(signal.SIGTERM)
            self.ended.append(worker)
        self.most_slots = max(self.most_slots, SLOTS * len(self.running))
        return answer.json


async def test_a_burst_starts_workers_and_their_end_cuts_no_session(folder):
    clients_count, cap = 15, 12
    zero = folder + "/zero.yaml"
    with open(zero, "w", encoding="utf-8") as file:
        file.write(f"scaleFromZero: ['{POOL}']\ndefaults: {{cap: {cap}}}\n")
    async with Fleet(folder) as fleet:
        gateway = await fleet.gateway(more=["--config", zero])
        scaler = Autoscaler(fleet, gateway, most=20)
        assert (await scaler.look())["slotsWanted"] == 0 and not scaler.running
        clients = [await fleet.client(f"c{index}", path=f"/pool/{POOL}/").open() for index in range(clients_count)]
        answers = [asyncio.create_task(client.answer(timeout=60)) for client in clients]

        async def served(count: int):
            await scaler.look()
            return sum(one.done() for one in answers) >= count

        await eventually(lambda: served(cap), 60, "the burst is served, from no worker on", every=0.3)
        # Three clients wait for the tenant's cap: they need no worker.
        assert scaler.most_slots <= cap * 1.1, f"{scaler.most_slots} slots were started for {cap}"
        for worker in scaler.running:
            found = await admin.metrics(worker)
            rejects = sum(value for name, value in found.items() if name.startswith("berth_worker_rejects_total"))
            assert rejects == 0, "no worker was given more than its slots"
        # Clients leave one by one. Workers are ended meanwhile, with the sessions that they still have.
        left: set = set()
        while len(left) < clients_count:
            index = next(i for i, one in enumerate(answers) if one.done() and i not in left)
            assert answers[index].result().status == 101
            assert await clients[index].echo(), f"the session of c{index} lives until its client ends it"
            await clients[index].finish()
            left.add(index)
            await eventually(lambda: served(min(clients_count, len(left) + 1)), 30, "the next one is served", every=0.3)

        async def nobody():
            return (await scaler.look())["slotsWanted"] == 0 and not scaler.running

        await eventually(nobody, 30, "all workers were told to end", every=0.3)
        for worker in scaler.ended:
            assert await worker.exit(timeout=30) == 0
        assert {line.get("reason") for worker in scaler.ended for line in worker.events("end")} <= {
            "client_ended", "sidecar_ended", "gateway",
        }
        assert await fleet.audit() == []
