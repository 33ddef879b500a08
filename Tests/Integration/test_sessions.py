"""Slots that are borrowed, attached to and kept, and the requests about waiters and sessions."""

import hashlib

import pytest
from support import client
from support.api import API, connect
from support.fleet import Fleet, eventually

POOL = {"AppA:x": 1}


async def state_of(api: API, session: str) -> str:
    answer = await api.call("GET", f"/v1/sessions/{session}")
    return answer.body["state"] if answer.status == 200 else answer.code


async def comes_to(api: API, session: str, state: str):
    async def same():
        return await state_of(api, session) == state

    await eventually(same, 10, f"the session is {state}")


async def served(one: client.Client) -> client.Client:
    saw = await one.answer()
    assert saw.status == 101, saw.body
    assert await one.echo()
    return one


async def test_a_borrowed_slot_serves_the_client_that_comes_for_it_and_nobody_else(folder):
    async with Fleet(folder) as fleet:
        gateway = await fleet.gateway()
        await fleet.worker(POOL)
        api = API(gateway.port)
        lent = await api.borrow(run="ci-7")
        assert lent.status == 201 and lent.body["url"].startswith(f"ws://127.0.0.1:{gateway.port}/sessions/"), lent
        session = lent.body["id"]
        assert await state_of(api, session) == "reserved"
        other = await fleet.client("second", path="/pool/*?wait=0").open()
        assert (await other.answer()).code == "would_wait"
        one = await served(await connect(lent.body["url"]))
        assert await state_of(api, session) == "accepted"
        assert (await (await connect(lent.body["url"])).answer()).code == "already_attached"
        await one.finish()
        await comes_to(api, session, "not_found")
        assert (await (await connect(lent.body["url"])).answer()).code == "gone"
        await fleet.nothing_held(within=10)
        assert await fleet.audit() == []


async def test_a_borrower_waits_in_line_and_its_loan_outlives_its_gateway(folder):
    async with Fleet(folder) as fleet:
        first, second = await fleet.gateway(), await fleet.gateway()
        await fleet.worker(POOL)
        holder = await served(await fleet.client("holder", second).open())
        borrower = await API(first.port).begin("POST", "/v1/sessions", {"run": "loan"})
        await fleet.queued("loan")
        behind = await fleet.client("behind", second).open()
        await fleet.queued("behind")
        await holder.finish()
        lent = await borrower.answer()
        assert lent.status == 201
        await first.kill()
        one = await served(await connect(lent.body["url"], port=second.port))
        await one.finish()
        await served(behind)
        await behind.finish()
        await fleet.nothing_held(within=20)


async def test_a_borrower_that_leaves_takes_no_slot(folder):
    async with Fleet(folder) as fleet:
        gateway = await fleet.gateway()
        await fleet.worker(POOL)
        holder = await served(await fleet.client("holder").open())
        borrower = await API(gateway.port).begin("POST", "/v1/sessions", {"run": "loan"})
        await fleet.queued("loan")
        borrower.writer.close()
        await gateway.wait_for("end", outcome="left")
        await holder.finish()
        await fleet.nothing_held(within=10)
        await fleet.all_usable(1, within=10)


async def test_a_kept_slot_waits_for_its_client_and_serves_it_again(folder):
    async with Fleet(folder) as fleet:
        gateway = await fleet.gateway()
        worker = await fleet.worker(POOL)
        api = API(gateway.port)
        lent = await api.borrow(keep=60)
        url, session = lent.body["url"], lent.body["id"]
        one = await served(await connect(url))
        for _ in range(3):
            one.leave("rst")
            await comes_to(api, session, "kept")
            one = await served(await connect(url))
        assert len(worker.events("serve", session=session)) <= 4
        await one.finish()
        await comes_to(api, session, "not_found")
        await fleet.nothing_held(within=10)


async def test_an_alias_leads_to_the_session_that_a_plain_client_keeps(folder):
    async with Fleet(folder) as fleet:
        gateway = await fleet.gateway()
        await fleet.worker(POOL)
        api = API(gateway.port)
        one = await served(await fleet.client("one", path="/pool/*?keep=60&waiter=mine").open())
        waiter = await api.call("GET", "/v1/waiters/mine")
        assert waiter.status == 200 and waiter.body["state"] == "accepted" and waiter.body["ahead"] is None
        session = waiter.body["session"]
        one.leave("rst")
        await comes_to(api, session, "kept")
        again = await served(await connect(f"ws://127.0.0.1:{gateway.port}/sessions/{session}"))
        await again.finish()
        await fleet.nothing_held(within=10)


async def test_deleting_a_session_gives_its_slot_back_and_tells_its_client(folder):
    async with Fleet(folder) as fleet:
        gateway = await fleet.gateway()
        await fleet.worker(POOL)
        api = API(gateway.port)
        reserved = (await api.borrow()).body
        assert (await api.call("DELETE", f"/v1/sessions/{reserved['id']}")).status == 204
        assert (await (await connect(reserved["url"])).answer()).code == "gone"
        lent = (await api.borrow(keep=60)).body
        one = await served(await connect(lent["url"]))
        assert (await api.call("DELETE", f"/v1/sessions/{lent['id']}")).status == 204
        assert "ended by request" in await one.closed_by_peer()
        await comes_to(api, lent["id"], "not_found")
        kept = (await api.borrow(keep=60)).body
        (await served(await connect(kept["url"]))).leave("rst")
        await comes_to(api, kept["id"], "kept")
        assert (await api.call("DELETE", f"/v1/sessions/{kept['id']}")).status == 204
        await fleet.nothing_held(within=10)
        await fleet.all_usable(1, within=10)
        assert await fleet.audit() == []


async def test_waiters_and_runs_are_shown_and_ended(folder):
    async with Fleet(folder) as fleet:
        gateway = await fleet.gateway()
        await fleet.worker(POOL)
        await fleet.grantable(1)
        api = API(gateway.port)
        free = (await api.call("GET", "/v1/estimate")).body
        assert (free["ahead"], free["estimatedSeconds"], free["reason"]) == (0, 0.0, "capacity")
        holder = await served(await fleet.client("ci-1").open())
        for number in range(2):
            await fleet.client("ci-1", path=f"/pool/*?waiter=w{number}").open()
            await eventually(lambda number=number: known(api, f"w{number}"), 10, "a waiter is known")
        waiter = (await api.call("GET", "/v1/waiters/w1")).body
        assert (waiter["state"], waiter["ahead"], waiter["aheadOfTenant"], waiter["reason"]) == (
            "queued", 1, 1, "capacity",
        )  # fmt: skip
        assert (await api.call("GET", f"/v1/waiters/{waiter['id']}")).body["id"] == waiter["id"]
        full = (await api.call("GET", "/v1/estimate?label=AppA:x")).body
        assert (full["ahead"], full["reason"], full["estimatedSeconds"]) == (2, "capacity", None)
        assert (await api.call("GET", "/v1/estimate?label=AppB")).body["reason"] == "no_worker"
        rows = (await api.call("GET", "/v1/sessions?run=ci-1")).body["sessions"]
        assert [row["state"] for row in rows] == ["accepted", "queued", "queued"]
        assert rows[0]["label"] == "AppA:x" and rows[1]["alias"] == "w0" and rows[1]["id"] is None
        assert (await api.call("DELETE", "/v1/waiters/w0")).status == 204
        assert (await api.call("GET", "/v1/waiters/w0")).code == "not_found"
        assert (await api.call("DELETE", "/v1/runs/ci-1")).body == {"ended": 2}
        assert "ended by request" in await holder.closed_by_peer()
        await fleet.nothing_held(within=10)
        assert (await api.call("DELETE", "/v1/runs/ci-1")).body == {"ended": 0}


async def known(api: API, name: str) -> bool:
    return (await api.call("GET", f"/v1/waiters/{name}")).status == 200


async def test_a_key_reaches_its_own_tenants_sessions_alone(folder):
    keys = {"acme": "key-of-acme-123456", "other": "key-of-other-12345"}
    tenants = {name: {"keys": [hashlib.sha256(key.encode()).hexdigest()]} for name, key in keys.items()}
    async with Fleet(folder, tenants=tenants) as fleet:
        gateway = await fleet.gateway()
        await fleet.worker(POOL)
        acme, other, nobody = (API(gateway.port, key) for key in (keys["acme"], keys["other"], None))
        assert (await nobody.borrow()).code == "unauthorized"
        lent = (await acme.borrow(run="ci", waiter="mine")).body
        path = f"/v1/sessions/{lent['id']}"
        for method in ["GET", "DELETE"]:
            assert (await other.call(method, path)).code == "not_found"
            assert (await nobody.call(method, path)).code == "unauthorized"
            assert (await other.call(method, "/v1/waiters/mine")).code == "not_found"
        assert (await other.call("GET", "/v1/sessions?run=ci")).body == {"sessions": []}
        assert (await other.call("DELETE", "/v1/runs/ci")).body == {"ended": 0}
        assert keys["acme"] not in lent["url"]
        plain = lent["url"].partition("?")[0]
        assert (await (await connect(plain)).answer()).code == "unauthorized"
        assert (await (await connect(plain, headers=other.headers)).answer()).code == "forbidden"
        for ticket in ["", "0" * 32, lent["url"][-32:-1]]:
            assert (await (await connect(f"{plain}?ticket={ticket}")).answer()).code == "forbidden"
        one = await served(await connect(plain, headers=acme.headers))
        await one.finish()
        await fleet.nothing_held(within=10)


@pytest.mark.parametrize(
    "body, words",
    [
        ('{"colour":"red"}', "no field colour"),
        ('{"hold":1}', "hold takes true or false"),
        ('{"wait":"soon"}', "wait takes a time"),
        ('{"wait":{}}', "takes one value"),
        ('{"wait":true}', "takes a text or a number"),
        ('{"label":"a b"}', "A label is"),
        ('{"protocol":"http"}', "protocol takes one of"),
        ('{"keep":"9h"}', "keep takes a time"),
        ('{"wait":1,"wait":2}', "twice"),
        ("[1]", "not a JSON object"),
        ("{", "not in quotes"),
        ("", "would_wait"),
    ],
)
async def test_a_body_is_read_strictly(folder, body, words):
    async with Fleet(folder) as fleet:
        gateway = await fleet.gateway()
        await fleet.worker(POOL)
        holder = await served(await fleet.client("holder").open())
        head = f"POST /v1/sessions?{'wait=0' if not body else ''} HTTP/1.1\r\nHost: localhost\r\n"
        answer = await client.raw(gateway.port, f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode())
        assert words in answer.decode(), answer
        await holder.finish()


async def test_requests_that_the_api_does_not_have_are_refused_in_words(folder):
    async with Fleet(folder) as fleet:
        gateway = await fleet.gateway()
        api = API(gateway.port)
        for method, path, status in [
            ("PUT", "/v1/sessions", 405),
            ("GET", "/v1/sessions", 400),
            ("GET", "/v1/sessions/x", 404),
            ("POST", "/v1/runs/x", 405),
            ("GET", "/v1/waiters/a%20b", 404),
            ("GET", "/v1/estimate?colour=red", 400),
            ("GET", "/v1/nothing", 404),
        ]:
            answer = await api.call(method, path)
            assert answer.status == status and answer.message, (method, path, answer)
        listed = await api.call("PUT", "/v1/sessions")
        assert listed.headers["allow"] == "POST, GET"
