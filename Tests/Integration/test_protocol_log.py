"""Protocol logs: what a client and its sidecar sent, as the worker wrote it down."""

import asyncio
import json
import os
import stat

import pytest
from support.client import frame, read_frame
from support.fleet import Fleet, binary, eventually


def logs(folder: str) -> dict[str, list[dict]]:
    """The files of a folder, each as its lines."""
    found = {}
    for name in os.listdir(folder) if os.path.isdir(folder) else []:
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            found[name] = [json.loads(line) for line in file]
    return found


async def logging_worker(fleet: Fleet, mode: str, more=()):
    """A worker whose pool `web` has that `protocolLog`; returns it and the folder of its logs."""
    to = os.path.join(fleet.folder, "logs")
    path = os.path.join(fleet.folder, "pools.yaml")
    pool = {"slots": 1, "kind": "command", "command": [binary("loadtest"), "echo"], "protocolLog": mode}
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"pools": {"web": pool}, "worker": {"protocolLogFolder": to}}, file)
    worker = await fleet.worker({}, kind="command", more=["--config", path, *more])
    await fleet.grantable(1)
    return worker, to


async def talk(fleet: Fleet, name: str, path: str, texts: list[str]) -> str:
    """A session that has each text echoed, then closes. Returns its lease."""
    client = await fleet.client(name, path=path).open()
    saw = await client.answer()
    assert saw.status == 101, saw.body or saw.error
    for text in texts:
        client.writer.write(frame(text.encode(), opcode=1))
        async with asyncio.timeout(20):
            assert await read_frame(client.reader) == (1, text.encode())
    await client.finish()
    waiter = (await fleet.wait_for("accept", run=name)).get("waiter")
    return (await fleet.wait_for("grant", waiter=waiter)).get("lease")


@pytest.mark.parametrize(("mode", "path"), [("on", "/pool/web/"), ("allowed", "/pool/web/?log=protocol&x=1")])
async def test_a_log_has_each_text_of_both_sides_in_order(folder, mode, path):
    async with Fleet(folder) as fleet:
        await fleet.gateway()
        worker, to = await logging_worker(fleet, mode)
        texts = [f'{{"id":{n},"password":"säcret \\n {n}"}}' for n in range(200)] + ["", "x" * 16_384, "y" * 70_000]
        lease = await talk(fleet, "build-7", path, texts)
        line = await worker.wait_for("protocol_log", timeout=20)
        name = f"{lease}-1.jsonl"
        assert line.get("file") == name and line.get("lease") == lease and line.get("level") == "info"
        first, *messages, last = logs(to)[name]
        assert first["session"] == lease and first["run"] == "build-7" and first["pool"] == "web"
        assert first["kind"] == "start" and first["attach"] == 1 and first["slot"] == 0
        assert first["worker"] == line.get("worker")
        both = [(side, text) for text in texts for side in ("client", "sidecar")]
        seen = [(m["from"], m["text"]) for m in messages if m["kind"] == "text"]
        assert seen == [(side, text[:16_384]) for side, text in both]
        sizes = [m["bytes"] for m in messages if m["kind"] == "text"]
        assert sizes == [len(text.encode()) for _, text in both]
        assert [m["bytes"] for m in messages if m.get("truncated")] == [70_000, 70_000]
        assert [(m["from"], m["status"]) for m in messages if m["kind"] == "close"] == [("client", 1000), ("sidecar", 1000)]
        times = [m["t"] for m in messages]
        assert times == sorted(times) and last["t"] >= times[-1]
        count = {"messages": len(texts) + 1, "bytes": sum(map(len, map(str.encode, texts))) + 2}
        assert last["kind"] == "end" and last["client"] == count and last["sidecar"] == count
        assert last["dropped"] == {"sampled": 0, "full": 0, "disk": 0}
        assert stat.S_IMODE(os.stat(to).st_mode) == 0o700
        assert stat.S_IMODE(os.stat(os.path.join(to, name)).st_mode) == 0o600
        # The file outlives its worker.
        assert await worker.terminate() == 0
        assert list(logs(to)) == [name]


async def test_a_session_that_does_not_ask_has_no_log(folder):
    async with Fleet(folder) as fleet:
        await fleet.gateway()
        worker, to = await logging_worker(fleet, "allowed")
        await talk(fleet, "quiet", "/pool/web/", ["secret"])
        asked = await talk(fleet, "asked", "/pool/web/?log=protocol", ["known"])
        await worker.wait_for("protocol_log", lease=asked)
        assert list(logs(to)) == [f"{asked}-1.jsonl"]
        assert await worker.terminate() == 0
        assert "secret" not in json.dumps(logs(to)) and len(worker.events("protocol_log")) == 1


async def test_a_pool_without_logs_serves_and_says_so_once(folder):
    async with Fleet(folder) as fleet:
        await fleet.gateway()
        worker, to = await logging_worker(fleet, "off")
        for name in ("one", "two"):
            await talk(fleet, name, "/pool/web/?log=protocol", ["text"])
        assert await worker.terminate() == 0
        assert not os.path.exists(to)
        assert len(worker.events("protocol_log_off")) == 1 and worker.events("protocol_log") == []


async def test_another_value_is_refused(folder):
    async with Fleet(folder) as fleet:
        await fleet.gateway()
        await fleet.worker({"web": 1})
        await fleet.grantable(1)
        saw = await (await fleet.client("wrong", path="/pool/web/?log=all").open()).answer()
        assert saw.status == 400 and "log takes protocol" in saw.message


async def test_a_flood_is_bounded_and_loses_no_byte_of_the_session(folder):
    """11 MiB each way: what the log drops it counts, and each echo arrives whole."""
    async with Fleet(folder) as fleet:
        await fleet.gateway()
        worker, to = await logging_worker(fleet, "on")
        client = await fleet.client("flood", path="/pool/web/").open()
        assert (await client.answer()).status == 101
        text, count = b"z" * 16_000, 700

        async def send():
            for _ in range(count):
                client.writer.write(frame(text, opcode=1))
                await client.writer.drain()

        async with asyncio.timeout(120):
            sending = asyncio.create_task(send())
            for _ in range(count):
                assert await read_frame(client.reader) == (1, text)
            await sending
        await client.finish()
        line = await worker.wait_for("protocol_log", timeout=20)
        ((name, lines),) = logs(to).items()
        # 16 MiB whole, then samples.
        assert os.path.getsize(os.path.join(to, name)) < 18 << 20
        last = lines[-1]
        texts = [m for m in lines if m["kind"] == "text"]
        assert all(m["text"] == text.decode() for m in texts)
        assert last["client"]["messages"] == last["sidecar"]["messages"] == count + 1
        dropped = sum(last["dropped"].values())
        assert dropped == 2 * (count + 1) - (len(lines) - 2) and last["dropped"]["full"] == 0
        assert last["dropped"]["sampled"] > 0 or last["dropped"]["disk"] > 0
        assert sum(m.get("dropped", 0) for m in lines[1:-1]) <= dropped
        assert line.get("dropped_disk") == last["dropped"]["disk"] and line.get("messages") == 2 * (count + 1)


async def test_a_folder_that_cannot_be_used_costs_the_log_alone(folder):
    async with Fleet(folder) as fleet:
        await fleet.gateway()
        # A file in place of the folder.
        with open(os.path.join(folder, "logs"), "w", encoding="utf-8") as file:
            file.write("mine")
        worker, to = await logging_worker(fleet, "on")
        assert "worker.protocolLogFolder" in (await worker.wait_for("protocol_log_folder")).get("msg")
        await talk(fleet, "served", "/pool/web/", ["a", "b"])
        line = await worker.wait_for("protocol_log")
        assert line.get("level") == "warning" and line.get("dropped_disk") == line.get("messages") == 6
        with open(to, encoding="utf-8") as file:
            assert file.read() == "mine"


async def test_the_end_of_a_worker_closes_its_logs(folder):
    async with Fleet(folder) as fleet:
        await fleet.gateway()
        worker, to = await logging_worker(fleet, "on", more=["--drain-timeout", "0s"])
        client = await fleet.client("cut", path="/pool/web/").open()
        assert (await client.answer()).status == 101
        assert await client.echo(b"binary")
        await eventually(lambda: any(len(lines) == 3 for lines in logs(to).values()), 10, "the echo is logged")
        assert await worker.terminate() == 0
        ((_, lines),) = logs(to).items()
        assert [m["kind"] for m in lines] == ["start", "binary", "binary", "end"]
        client.leave()
