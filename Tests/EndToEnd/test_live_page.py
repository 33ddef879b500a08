"""The live page in Chromium shows what `/events` says, and follows it. The listener is a mock of the contract."""

import copy
from collections import Counter

import pytest
from support.admin_mock import AdminMock
from support.fleet import eventually
from support.fleet_view import STATES, Scene, empty, worker
from support.live_page import CHROMIUM, Chromium, becomes, column, drawn, rows

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
POOL = "AppA:Chromium|chromium|1.65|playwright"
# As a name it would leave an attribute, an element or a script, run code, turn the text, or push other text away.
HOSTILE = [
    "<img src=x onerror=alert(1)>", "</script><script>alert(1)</script>", "\"'><svg onload=alert(1)>", "a\u202edcba",
    "javascript:alert(1)", "{{7*7}}${7*7}", "__proto__", "constructor", "n" * 4_000, "\u05d0\u05d1\u05d2 \u0627",
]


def shown(name: str) -> str:
    return name.replace("\u202e", "\\u202e")


async def numbers(page) -> list[str]:
    return await page.eval_on_selector_all("#numbers b", "all => all.map(one => one.textContent)")


async def check(page, state):
    """Everything on the page agrees with the state."""
    head, slots = state["head"], state["head"]["slots"]
    waiting, _, used, *_ = await numbers(page)
    assert (waiting, used) == (f"{head['waiting']:,}", f"{slots['leased']} / {sum(slots.values())}")
    reasons = await page.eval_on_selector_all("#why li", "all => all.map(one => one.innerText.trim())")
    assert reasons == [f"{name} {count}" for name, count in head["reasons"].items()]
    tenants = sorted(state["tenants"], key=lambda row: (-row["waiting"], -row["held"], row["tenant"]))
    assert [row[:3] + [row[4]] for row in await rows(page, "tenants")] == [
        [row["tenant"], f"{row['held']} / {row['cap'] or '∞'}", str(row["waiting"]), row["reason"]] for row in tenants]
    pools = sorted(state["pools"], key=lambda row: (-row["waiting"], -row["slots"]["leased"], row["pool"]))
    assert await column(page, "pools", "Pool") == [
        row["label"] + (" ‖ paused" if row["paused"] else "") + "\n"
        + " · ".join(filter(None, [row["browser"], row["version"], row["protocol"]])) for row in pools]
    assert await column(page, "pools", "Wanted") == [str(row["wanted"]) for row in pools]
    squares = await page.eval_on_selector_all(
        "#workers .squares", "all => all.map(one => [...one.children].map(slot => slot.className))")
    assert squares == [[f"slot {slot[0]}" for slot in row["slots"]] for row in state["workers"]]
    assert await column(page, "line", "#") == [str(i + 1) for i in range(len(state["line"]))]
    assert await column(page, "line", "Run") == [row["run"] for row in state["line"]]


async def test_the_page_shows_the_state_and_follows_each_change():
    scene = Scene(workers=5, waiters=30)
    async with AdminMock(scene.state) as mock, Chromium() as browser:
        page = await browser.open(mock)
        await check(page, scene.state)
        await page.evaluate("() => { globalThis.first = document.querySelector('#workers tbody tr') }")
        for _ in range(12):
            await becomes(page, mock, scene.step())
            await check(page, scene.state)
        # Rows are changed, not built again. A sparkline has a point for each second.
        assert await page.evaluate("() => first === document.querySelector('#workers tbody tr')")
        assert await page.evaluate("() => document.querySelector('.line').getAttribute('d').split('L').length") > 12
        # More clients wait than the line lists. A tenant and a worker leave.
        after = copy.deepcopy(scene.state)
        after["head"]["totals"]["waiters"] = after["head"]["waiting"] = 5_000
        del after["tenants"][0], after["workers"][2]
        # A client with a head start enters the line in the middle.
        after["line"][3:3] = [after["line"].pop() | {"id": "0" * 32, "run": "urgent"}]
        await becomes(page, mock, after)
        await check(page, after)
        assert "of 5,000" in await page.inner_text("#line header")
        assert "5,000 waiting" in await page.title()


async def test_a_fleet_without_workers_says_what_to_do():
    async with AdminMock(empty()) as mock, Chromium() as browser:
        page = await browser.open(mock, permissions=["clipboard-read", "clipboard-write"])
        assert await numbers(page) == ["0", "–", "0 / 0", "0", "0 %"]
        assert "There is no worker" in await page.inner_text("#verdict")
        command = await page.inner_text("#workers code")
        assert command.startswith("berth worker ")
        await page.click("#workers .command button")
        await eventually(lambda: page.locator("#workers >> text=Copied").is_visible(), 30, "the copy is told")
        assert await page.evaluate("() => navigator.clipboard.readText()") == command


def waiting(reasons: dict, **head) -> dict:
    state = empty(reasons=dict.fromkeys(["capacity", "tenant_cap", "no_worker", "paused", "recovering"], 0) | reasons,
                  waiting=sum(reasons.values()), **head)
    state["workers"] = [worker(1, [["leased", POOL, "s.1", "acme", "", None]])]
    state["line"] = [
        {"id": f"{i:032x}", "tenant": "acme", "selector": "AppC:Firefox|firefox||playwright", "since": state["at"],
         "run": "", "gateway": "g", "ahead": 0, "reason": reason, "estimateMs": None}
        for i, reason in enumerate(reasons)]
    state["pools"] = [{
        "pool": POOL, "label": "AppA:Chromium", "browser": "chromium", "version": "1.65", "protocol": "playwright",
        "paused": False, "slots": dict.fromkeys(STATES, 0) | {"leased": 1}, "waiting": 3, "oldestAt": None,
        "wanted": 4}]
    return state


VERDICTS = [
    ({}, {}, "ok", ["Nobody waits."]),
    ({"tenant_cap": 3}, {}, "ok", ["Nobody waits who should not.", "3 clients wait because their tenants hold"]),
    ({"capacity": 3, "tenant_cap": 1}, {}, "info", ["3 clients wait because every slot", "3 more slots would"]),
    ({"paused": 1, "capacity": 9}, {"paused": ["AppB"]}, "warn", ["1 client waits because its pools", "Paused: AppB."]),
    ({"recovering": 2}, {"recovering": True}, "warn", ["Redis lost data"]),
    ({"paused": 7, "no_worker": 1}, {}, "bad", ["1 client waits for a pool that no worker", "AppC:Firefox: start a"]),
    ({}, {"gateways": [{"id": "gw-2.0", "waiting": 1, "aside": 1, "suspended": "silent"}]}, "warn",
     ["Nobody waits.", "Gateway gw-2 is suspended: silent"]),
]


async def test_the_first_line_says_whether_somebody_waits_who_should_not():
    async with AdminMock(waiting({})) as mock, Chromium() as browser:
        page = await browser.open(mock)
        for reasons, head, level, words in VERDICTS:
            before = await page.get_attribute("#verdict", "class")
            # The server may start over at any time.
            await mock.send("state", waiting(reasons, **head))
            await eventually(lambda: shows(page, words), 30, f"the words {words}")
            assert await page.get_attribute("#verdict", "class") == f"panel {level}"
            # What changed is told to those who cannot see it.
            assert level in before or words[0] in await page.inner_text("#said")


async def shows(page, words) -> bool:
    text = await page.inner_text("#verdict")
    return words[0] in await page.inner_text("#verdict h2") and all(part in text for part in words)


async def test_a_workers_trouble_is_told_in_words_and_comes_first():
    state = empty()
    slots = [["free", POOL, "", ""], ["out", POOL, "", ""]]
    state["workers"] = [
        worker(1, slots), worker(2, slots, state="probing"), worker(3, slots, draining=True),
        worker(10, slots, trouble="slot 1: no ws:// URL came in 30 s"), worker(9, slots, state="quarantined"),
        worker(6, slots, state="trial"), worker(7, slots, state="suspect"),
        worker(4, slots, lateAt=state["at"] - 7_000), worker(5, [["free", POOL, "", ""]] * 100),
    ]
    async with AdminMock(state) as mock, Chromium() as browser:
        page = await browser.open(mock)
        assert await column(page, "workers", "Node") == [f"w-{i}" for i in [4, 7, 9, 10, 2, 6, 3, 1, 5]]
        assert await column(page, "workers", "Condition") == [
            "● reached", "▲ a gateway failed to reach it", "▲ in quarantine: gateways failed to reach it",
            "▲ slot 1: no ws:// URL came in 30 s", "○ not reached yet", "○ is tried with one client", "○ drains",
            "● reached", "● reached"]
        heartbeats = await column(page, "workers", "Heartbeat")
        assert heartbeats[0].endswith("s late") and set(heartbeats[1:]) == {"on time"}
        assert "4 workers have trouble: w-4, w-7, w-9 …" in await page.inner_text("#verdict")
        # A worker of 1,024 slots does not fill the page with squares, but all its slots are listed on demand.
        assert (await column(page, "workers", "Slots"))[-1] == "+36"
        await page.click("#workers .fold >> nth=8")
        assert "First 50 of 100." in await page.inner_text("#workers .inner")
        await page.click("#workers .inner .more button")
        await drawn(page)
        assert await page.locator("#workers .inner tbody tr").count() == 100


async def test_workers_and_sessions_have_an_age():
    state = empty()
    at = state["at"]
    sessions = [["leased", POOL, "s.1", "acme", "build-7", at - 240_000], ["leased", POOL, "t.1", "acme", "", None]]
    state["workers"] = [
        worker(1, [*sessions, ["free", POOL, "", ""]], startedAt=at - 18_000_000, version="1.2.3"),
        worker(2, [], startedAt=None, version=""),
    ]
    async with AdminMock(state, tick_seconds=3_600) as mock, Chromium() as browser:
        page = await browser.open(mock)
        assert await column(page, "workers", "Age") == ["5.0 h", "–"]
        assert await column(page, "workers", "Version") == ["1.2.3", ""]
        titles = "cells => cells.map(cell => cell.title)"
        started = await page.eval_on_selector_all("#workers > .scroll > table > tbody > tr > td:nth-child(4)", titles)
        assert started[0] and not started[1]
        await page.click("#workers .fold >> nth=0")
        cells = "rows => rows.map(row => [row.cells[4].innerText, row.cells[5].innerText])"
        inner = await page.eval_on_selector_all("#workers .inner tbody tr", cells)
        assert inner == [["build-7", "4 min"], ["", "–"], ["", "–"]]
        # The search finds a session by its run.
        await page.fill("#search", "build-7")
        await drawn(page)
        assert await page.locator("#workers .fold").all_inner_texts() == ["w-1"]


async def test_the_page_of_a_worker_leaves_out_what_only_gateways_count():
    state = waiting({"capacity": 1}, role="worker", process="w-1.0")
    async with AdminMock(state) as mock, Chromium() as browser:
        page = await browser.open(mock)
        assert await numbers(page) == ["1", "–", "0 / 0", "–", "–"]
        assert (await page.inner_text("#numbers")).count("gateways count this") == 2


async def test_refusals_and_ends_are_listed_newest_first():
    state = empty()
    state["recent"] = [{"at": state["at"] + i // 2, "kind": "refusal", "code": f"c{i}", "tenant": "acme", "words": "w"}
                       for i in range(50)]
    async with AdminMock(state) as mock, Chromium() as browser:
        page = await browser.open(mock)
        await mock.send("change", {"at": state["at"] + 60, "recent": {"add": [
            {"at": state["at"] + 60, "kind": "end", "code": "last", "tenant": "acme", "words": "w"}]}})
        await eventually(lambda: page.locator("#recent >> text=last").is_visible(), 30, "the end is listed")
        codes = ["● last"] + [f"✕ c{i}" for i in reversed(range(1, 50))]
        assert await column(page, "recent", "What") == codes


async def test_hostile_names_are_only_text():
    state = empty(fleet=HOSTILE[0], version=HOSTILE[1], policy=HOSTILE[2], paused=[HOSTILE[0]], refusedBy=HOSTILE[0])
    state["head"]["gateways"] = [{"id": f"{HOSTILE[0]}.1", "waiting": 1, "aside": 0, "suspended": HOSTILE[1]}]
    state["head"]["reasons"] |= {name: 1 for name in HOSTILE} | {"paused": 1, "no_worker": 1}
    for i, name in enumerate(HOSTILE):
        pool = f"{name}|{name}|1|{name}"
        state["tenants"].append({
            "tenant": name, "configured": False, "held": 1, "cap": None, "waiting": 100 - i, "oldestAt": None,
            "reason": name, "sessions": 0, "refusals": 0, "heldMs": 0})
        state["pools"].append({
            "pool": pool, "label": name, "browser": name, "version": "1", "protocol": name, "paused": False,
            "slots": dict.fromkeys(STATES, 0), "waiting": 100 - i, "oldestAt": None, "wanted": 0})
        slots = [["leased", pool, name, name, name, None], [name, pool, "", ""]]
        state["workers"].append(worker(i, slots, trouble=name, address=name, version=name))
        state["line"].append({
            "id": name, "tenant": name, "selector": pool, "since": state["at"], "run": name, "gateway": name,
            "ahead": 0, "reason": "no_worker", "estimateMs": None})
        state["recent"].append({"at": state["at"] - i, "kind": name, "code": name, "tenant": name, "words": name})
    async with AdminMock(state) as mock, Chromium() as browser:
        page = await browser.open(mock, width=390)
        names = [shown(name) for name in HOSTILE]
        texts = "cells => cells.map(cell => cell.textContent)"
        assert await page.eval_on_selector_all("#tenants tbody td:first-child", texts) == names
        assert await page.eval_on_selector_all("#recent td.words", texts) == names
        assert await page.eval_on_selector_all("#line tbody td:nth-child(4)", texts) == names
        await page.click("#workers .fold >> nth=1")
        await page.click("#gateways")
        # An ask repeats names too; a path carries them encoded.
        await page.keyboard.press("Escape")
        await page.click("#pools .act button >> nth=1")
        await page.click("#pools .ask button.main")
        await eventually(lambda: len(mock.actions) == 1, 30, "the action")
        assert mock.actions[0][1].startswith("/api/v1/pools/%3C%2Fscript%3E%3Cscript%3E")
        await page.fill("#search", HOSTILE[1])
        await drawn(page)
        assert await page.eval_on_selector_all("#tenants tbody td:first-child", texts) == [HOSTILE[1]]
        await page.fill("#search", HOSTILE[0] + "!")
        await drawn(page)
        assert HOSTILE[0] in await page.inner_text("#tenants .empty")
        kinds = Counter(await page.eval_on_selector_all("*", "all => all.map(one => one.localName)"))
        assert kinds["img"] == 0 and kinds["script"] == 1 and kinds["svg"] == 6
        assert await page.evaluate("() => [document.documentElement.scrollWidth, ({}).polluted]") == [390, None]


async def test_the_policy_allows_nothing_but_the_one_script_and_style():
    async with AdminMock(empty()) as mock, Chromium() as browser:
        page = await browser.open(mock)
        await page.evaluate("""() => {
          document.body.insertAdjacentHTML("beforeend", "<p style='color: red' onclick='1'>x</p><img src=/x.png>");
          const script = Object.assign(document.createElement("script"), { textContent: "globalThis.ran = true" });
          document.body.append(script);
        }""")
        found = []

        async def told():
            found[:] = [text.split(" ")[0] for text in await page.evaluate("violations")]
            return {"style-src-attr", "script-src-attr", "script-src-elem", "img-src"} <= set(found)

        # This also shows that the other tests would hear of a violation.
        await eventually(told, 30, f"the violations: {found}")
        assert await page.evaluate("() => globalThis.ran") is None
        await page.evaluate("() => { violations.length = 0 }")
        browser.complaints.clear()
