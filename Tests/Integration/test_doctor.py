"""`berth doctor` against real fleets: what is wrong is named with the line to change."""

import json
import os

from support.certificates import Authority
from support.fleet import Fleet, binary, eventually
from support.process import run


async def doctor(fleet, *arguments, secret=None, env=None):
    """The findings by check (a list each), and the exit code."""
    argv = [binary("berth"), "doctor", "--json", "--redis", fleet.redis.url, "--fleet", "test"]
    argv += ["--node-secret-file", secret or fleet.secret, *arguments]
    process = await run(f"doctor-{len(arguments)}", argv, fleet.folder, env=env)
    answer = json.loads(process.output.strip().splitlines()[-1])
    assert answer["exit"] == process.code, process.output
    findings = {}
    for row in answer["findings"]:
        findings.setdefault(row["check"], []).append(row)
    return findings, process.code


def wrong(findings):
    return [row for rows in findings.values() for row in rows if row["verdict"] == "wrong"]


def only(findings, check):
    """The one thing that is wrong."""
    rows = wrong(findings)
    assert [row["check"] for row in rows] == [check], rows
    assert rows[0]["change"], rows
    return rows[0]


async def judged(fleet, node, state):
    """Awaits that gateways have tried the worker's address and came to that."""

    async def so():
        rows = [row for row in (await fleet.status())["workers"] if row["id"].startswith(node + ".")]
        return rows and rows[0]["state"] == state

    await eventually(so, 15, f"{node} is {state}")


def other_secret(fleet):
    path = os.path.join(fleet.folder, "other-secret")
    with open(path, "w", encoding="ascii") as file:
        file.write("fedcba9876543210fedcba9876543210\n")
    os.chmod(path, 0o600)
    return path


async def test_all_is_well(folder):
    async with Fleet(folder) as fleet:
        gateway = await fleet.gateway()
        await fleet.worker({"AppA:x": 2})
        await fleet.worker({"AppB:x": 1})
        await fleet.grantable(3)
        findings, code = await doctor(fleet, "--gateway", f"127.0.0.1:{gateway.port}")
        assert wrong(findings) == [] and code == 0
        assert [row["words"] for row in findings["node.secret"]] == ["proved by w1, w2: it is the secret of this machine"]
        assert len(findings["worker.address"]) == 2 and "g1" in findings["fleet.gateways"][0]["words"]
        assert findings["redis.version"][0]["words"].startswith(("Redis ", "Valkey "))
        assert findings["redis.rights"][0]["verdict"] == findings["redis.clock"][0]["verdict"] == "ok"
        assert findings["gateway.door"][0]["verdict"] == "ok"
        plain = await fleet.tool(
            "doctor", "--redis", fleet.redis.url, "--fleet", "test", "--node-secret-file", fleet.secret
        )
        assert plain.code == 0 and plain.output.rstrip().endswith("All is well."), plain.output
        secrets = ("0123456789abcdef0123456789abcdef",)
        assert not any(secret in plain.output + json.dumps(findings) for secret in secrets)


async def test_a_worker_with_another_secret_is_named(folder):
    async with Fleet(folder) as fleet:
        await fleet.gateway()
        await fleet.worker({"AppA:x": 1}, more=["--node-secret-file", other_secret(fleet)])
        await fleet.wait_for("probe", timeout=10)
        found = {}

        async def tried():
            found.update((await doctor(fleet))[0])
            return "gateways do not reach it" in found["worker.address"][0]["words"]

        await eventually(tried, 10, "the gateway has tried the worker")
        row = only(found, "worker.address")
        assert "its NODE_SECRET differs" in row["words"] and row["words"].startswith("w1 at 127.0.0.1:")
        assert row["change"].startswith("on w1: NODE_SECRET="), row


async def test_the_wrong_secret_of_this_machine_is_named(folder):
    async with Fleet(folder) as fleet:
        await fleet.gateway()
        await fleet.worker({"AppA:x": 1})
        await fleet.grantable(1)
        path = other_secret(fleet)
        findings, code = await doctor(fleet, secret=path)
        row = only(findings, "node.secret")
        assert code == 1 and "NODE_SECRET of this machine differs" in row["words"], row
        assert row["change"].startswith("--node-secret-file"), row


async def test_a_wrong_advertised_address_is_named(folder):
    async with Fleet(folder) as fleet:
        await fleet.gateway()
        await fleet.worker({"AppA:x": 1}, advertise="127.0.0.1:9")
        await fleet.worker({"AppB:x": 1})
        await fleet.grantable(1)
        found = {}

        async def tried():
            found.update((await doctor(fleet))[0])
            return any("gateways do not reach it" in row["words"] for row in found["worker.address"])

        await eventually(tried, 10, "the gateway has tried the worker")
        row = only(found, "worker.address")
        assert row["words"].startswith("w1 at 127.0.0.1:9: ") and "refused" in row["words"], row
        assert "PRIVATE_HOSTNAME=" in row["change"] and "instead of 127.0.0.1:9" in row["change"], row


async def test_a_name_that_is_unknown_is_named(folder):
    async with Fleet(folder) as fleet:
        await fleet.gateway()
        await fleet.worker({"AppA:x": 1}, advertise="no-such-host.invalid:3131")
        findings, code = await doctor(fleet)
        row = only(findings, "worker.address")
        assert code == 1 and "no-such-host.invalid" in row["words"] and "PRIVATE_HOSTNAME=" in row["change"], row


async def test_without_redis_nothing_can_be_looked_at(folder):
    async with Fleet(folder) as fleet:
        await fleet.redis.kill()
        findings, code = await doctor(fleet)
        row = only(findings, "redis.reach")
        assert code == 2 and "--redis" in row["change"], row
        broken = await fleet.tool("doctor", "--redis", "nonsense", "--fleet", "test")
        assert broken.code == 2 and "not a URL" in broken.output, broken.output


async def test_an_evicting_redis_and_an_empty_fleet_are_named(folder):
    async with Fleet(folder) as fleet:
        await fleet.redis.command("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
        findings, code = await doctor(fleet)
        assert code == 1
        assert {row["check"] for row in wrong(findings)} == {"redis.policy", "fleet.gateways", "fleet.workers"}
        assert "allkeys-lru" in findings["redis.policy"][0]["words"]
        assert "noeviction" in findings["redis.policy"][0]["change"]


async def test_missing_rights_are_named(folder):
    async with Fleet(folder) as fleet:
        await fleet.redis.command(
            "ACL", "SETUSER", "poor", "on", ">secret", "~berth:*", "&berth:*", "+@all", "-zadd", "-@dangerous"
        )
        url = fleet.redis.url.replace("unix://", "unix://poor:secret@").replace("redis://", "redis://poor:secret@")
        process = await fleet.tool("doctor", "--redis", url, "--fleet", "test", "--json")
        rows = {row["check"]: row for row in json.loads(process.output.strip().splitlines()[-1])["findings"]}
        assert rows["redis.rights"]["verdict"] == "wrong" and "ZADD" in rows["redis.rights"]["words"], rows
        assert "ACL SETUSER" in rows["redis.rights"]["change"] and "secret@" not in process.output


async def test_the_clients_path_is_tried(folder):
    async with Fleet(folder) as fleet:
        worker = await fleet.worker({"AppA:x": 1})
        await fleet.gateway()
        await fleet.grantable(1)
        findings, code = await doctor(fleet, "--gateway", "127.0.0.1:9")
        assert code == 1 and "refused" in only(findings, "gateway.door")["words"]
        findings, _ = await doctor(fleet, "--gateway", f"127.0.0.1:{worker.port}")
        assert findings["gateway.door"][0]["verdict"] == "wrong"


async def test_the_clients_path_is_tried_by_tls(folder):
    async with Fleet(folder) as fleet:
        authority = Authority(folder)
        gateway = await fleet.gateway(more=authority.pair("one").flags)
        await fleet.worker({"AppA:x": 1})
        await fleet.grantable(1)
        other = await fleet.gateway(more=authority.pair("two", names="DNS:other.example").flags)
        url = f"wss://localhost:{gateway.port}"
        findings, _ = await doctor(fleet, "--gateway", url, "--gateway-ca", authority.path)
        assert findings["gateway.door"][0]["verdict"] == "ok", findings["gateway.door"]
        for arguments, words in [
            ([f"127.0.0.1:{gateway.port}"], "speaks TLS"),
            ([url], "not trusted here"),
            ([f"wss://localhost:{other.port}", "--gateway-ca", authority.path], "another name"),
            ([url, "--gateway-ca", "/nowhere.pem"], "/nowhere.pem"),
        ]:
            findings, code = await doctor(fleet, "--gateway", *arguments)
            assert code == 1 and words in only(findings, "gateway.door")["words"], findings["gateway.door"]


async def test_a_workers_machine_is_judged(folder):
    async with Fleet(folder) as fleet:
        await fleet.gateway()
        await fleet.worker({"AppA:x": 1})
        await fleet.grantable(1)
        env = {"POOL_CONFIG": "AppA:x=1", "BERTH_PLAYWRIGHT_DRIVER": "/nowhere"}
        findings, code = await doctor(fleet, env=env)
        row = findings["machine.sidecars"][0]
        assert code == 1 and row["verdict"] == "wrong" and "/nowhere" in row["words"], row
        assert "MiB" in findings["machine.shm"][0]["words"] and "font" in findings["machine.fonts"][0]["words"]
