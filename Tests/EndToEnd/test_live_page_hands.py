"""The live page under a person's hands: actions, search, keys, the pointer; and what it does when the gateway is gone."""

import copy

import pytest
from playwright.async_api import Error
from support.admin_mock import AdminMock
from support.fleet import eventually
from support.fleet_view import Scene
from support.live_page import CHROMIUM, Chromium, becomes, column, confirm, drawn, rows

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
ACTIVE = "() => document.activeElement.closest('tr')?.cells[%d].innerText.trim()"


def scene(**options):
    """A fleet after ten seconds: slots are held, and clients wait."""
    made = Scene(**{"workers": 4, "waiters": 30, "pools": 2} | options)
    for _ in range(10):
        made.step()
    return made


async def ask(page, table, name, row=0):
    """Clicks the action of a row and returns what the page asks."""
    await page.click(f"#{table} > .scroll > table > tbody > tr[tabindex] > .act >> text={name} >> nth={row}")
    return await page.inner_text(f"#{table} .ask span")


async def test_an_action_asks_once_and_tells_in_its_place_how_it_went():
    one = scene()
    state = one.state
    async with AdminMock(state) as mock, Chromium() as browser:
        page = await browser.open(mock)
        first = state["workers"][0]
        sessions = sum(slot[0] == "leased" for slot in first["slots"])
        words = await ask(page, "workers", "Drain")
        assert words.startswith(f"Drain w-1: {sessions} session") and "no new ones" in words
        # The safe answer is at hand, and changes nothing.
        await page.keyboard.press("Escape")
        assert await page.locator(".ask").count() == 0 and mock.actions == []
        await ask(page, "workers", "Drain")
        await confirm(page, "workers", "w-1 drains.")
        assert "w-1 drains." in await page.inner_text("#said")
        # The words go by themselves.
        await eventually(lambda: gone(page), 30, "the words of the success go")
        # A refusal stays, in the gateway's words.
        waiter = state["line"][2]["id"]
        mock.answers[f"/api/v1/waiters/{waiter}"] = 404, {"error": {"code": "not_found", "message": "No such waiter."}}
        assert (await ask(page, "line", "Cancel", 2)).startswith(f"Cancel the wait of {state['line'][2]['tenant']}")
        await confirm(page, "line", "No such waiter.")
        assert "failed" in await page.get_attribute("#line .ask", "class")
        await page.click("#line .ask button")
        # A session is ended in the list of a worker's slots.
        slot = next(slot for slot in first["slots"] if slot[0] == "leased")
        await page.click("#workers .fold >> nth=0")
        await page.click("#workers .inner .act button >> nth=0")
        assert f"End the session of {slot[3]}" in await page.inner_text("#workers .ask span")
        await confirm(page, "workers", f"The session of {slot[3]} ends.")
        assert mock.actions == [
            ("POST", f"/api/v1/workers/{first['id']}/drain", "1"), ("DELETE", f"/api/v1/waiters/{waiter}", "1"),
            ("DELETE", f"/api/v1/sessions/{slot[2]}", "1")]


async def gone(page) -> bool:
    return await page.locator(".ask").count() == 0


async def test_a_pool_is_paused_and_all_its_pauses_end():
    one = scene()
    pool = one.pools[0]
    async with AdminMock(one.state) as mock, Chromium() as browser:
        page = await browser.open(mock)
        row = (await column(page, "pools", "Pool")).index(pool.split("|")[0] + "\nchromium · 1.65 · playwright")
        assert "clients wait until you resume it" in await ask(page, "pools", "Pause", row)
        await confirm(page, "pools", "is paused.")
        # Now both the pool and its label are paused.
        state = one.step()
        state["head"]["paused"] = [pool, pool.split("|")[0]]
        state["pools"][0]["paused"] = True
        await becomes(page, mock, state)
        await eventually(lambda: page.locator("#pools >> text=Resume").is_visible(), 30, "the pool is shown as paused")
        assert pool.split("|")[0] in await ask(page, "pools", "Resume")
        await confirm(page, "pools", "gets clients again.")
        path = "/api/v1/pools/AppA%3AChromium%3AStaging"
        whole = f"{path}%7Cchromium%7C1.65%7Cplaywright"
        assert mock.actions == [("POST", f"{whole}/pause", "1"), ("POST", f"{whole}/resume", "1"),
                                ("POST", f"{path}/resume", "1")]


async def test_who_may_change_nothing_sees_no_actions():
    one = scene()
    one.state["head"]["mayChange"] = False
    async with AdminMock(one.state) as mock, Chromium() as browser:
        page = await browser.open(mock)
        await page.click("#workers .fold >> nth=0")
        assert await page.locator(".act button").count() == 0
        assert "read only" in await page.inner_text(".top")
        state = one.step()
        state["head"]["mayChange"] = True
        await becomes(page, mock, state)
        assert await page.locator("#workers > .scroll > table > tbody > tr > .act button").count() == 4
        await ask(page, "workers", "Drain")
        # The gateway that has gone is told too.
        await mock.go_away()
        await confirm(page, "workers", "The gateway did not answer.")


async def test_the_browser_sends_the_token_to_the_stream_and_to_actions():
    async with AdminMock(scene().state, token="s3cret") as mock, Chromium() as browser:
        with pytest.raises(Error, match="INVALID_AUTH_CREDENTIALS|401"):
            await browser.open(mock)
        page = await browser.open(mock, http_credentials={"username": "berth", "password": "s3cret"})
        await ask(page, "workers", "Drain")
        await confirm(page, "workers", "w-1 drains.")


async def test_a_silent_gateway_is_stale_and_comes_back_by_itself():
    one = scene()
    async with AdminMock(one.state, tick_seconds=0.5) as mock, Chromium() as browser:
        page = await browser.open(mock)
        mock.speaks.clear()
        await page.wait_for_selector("body.stale")
        assert await page.evaluate("() => performance.now() - feed.heardAt") >= 5_000
        assert "The gateway does not answer. You see the state of" in await page.inner_text("#banner")
        assert await page.eval_on_selector("main", "main => Number(getComputedStyle(main).opacity)") < 1
        assert "does not answer" in await page.inner_text("#said")
        # It asks again; then nothing listens there.
        await eventually(lambda: mock.opened > 1, 30, "another try")
        await mock.go_away()
        await page.wait_for_selector("#banner >> text=Asking again in")
        state = one.step()
        state["head"]["waiting"] = 4_321
        mock.state = copy.deepcopy(state)
        mock.speaks.set()
        await mock.listen()
        await page.wait_for_selector("body:not(.stale)")
        assert await page.is_hidden("#banner")
        await page.wait_for_selector("#numbers >> text=4,321")


async def test_trouble_is_a_banner_until_the_next_event():
    async with AdminMock(scene().state, tick_seconds=3_600) as mock, Chromium() as browser:
        page = await browser.open(mock)
        await mock.send("trouble", {"at": mock.state["at"], "words": "Redis is away: connection refused"})
        await page.wait_for_selector("body.stale")
        assert (await page.inner_text("#banner")).startswith("Redis is away: connection refused. You see the state of")
        assert await page.inner_text("#said") == "Redis is away: connection refused"
        await mock.send("tick", {"at": mock.state["at"]})
        await page.wait_for_selector("body:not(.stale)")


async def test_keys_search_move_open_and_explain():
    one = scene()
    async with AdminMock(one.state) as mock, Chromium() as browser:
        page = await browser.open(mock)
        await page.keyboard.press("/")
        await page.keyboard.type("W-3")
        await drawn(page)
        assert await column(page, "workers", "Node") == ["w-3"]
        assert (await page.inner_text("#workers header")).split("\n")[1] == "1 of 4"
        assert "Nothing here matches" in await page.inner_text("#recent, #pools") and await rows(page, "pools") == []
        await page.keyboard.press("Escape")
        await drawn(page)
        assert len(await rows(page, "workers")) == 4
        # `j` is a letter in the search, and a move outside.
        await page.keyboard.type("j")
        assert await page.input_value("#search") == "j"
        await page.keyboard.press("Escape")
        await page.keyboard.press("Escape")
        await drawn(page)
        order = [row[0] for table in ["tenants", "pools"] for row in await rows(page, table)]
        for name in [*order, "w-1"]:
            await page.keyboard.press("j")
            assert await page.evaluate(ACTIVE % 0) == name
        await page.keyboard.press("Enter")
        assert await page.get_attribute("#workers .fold >> nth=0", "aria-expanded") == "true"
        await page.keyboard.press("j")
        assert await page.evaluate(ACTIVE % 0) == "0"
        await page.keyboard.press("k")
        await page.keyboard.press("Enter")
        assert await page.locator(".inner").count() == 0
        await page.keyboard.press("?")
        assert "previous row" in await page.inner_text("dialog[open]")
        await page.keyboard.press("Escape")
        assert await page.locator("dialog[open]").count() == 0


async def test_each_control_is_reached_by_tab_and_shows_it():
    async with AdminMock(scene(workers=2, waiters=4, tenants=2).state) as mock, Chromium() as browser:
        page = await browser.open(mock)
        await page.evaluate("() => { globalThis.left = new Set([...document.querySelectorAll('button, input')]"
                            ".filter(one => one.checkVisibility())) }")
        total = await page.evaluate("() => left.size")
        assert total > 10
        for _ in range(total + 10):
            await page.keyboard.press("Tab")
            style = await page.evaluate("""() => {
              const one = document.activeElement;
              left.delete(one);
              return one === document.body ? "" : getComputedStyle(one).outlineStyle;
            }""")
            assert style in ["", "solid"], style
        assert await page.evaluate("() => [...left].map(one => one.outerHTML)") == []


async def test_the_focus_survives_another_order_and_passes_on_when_its_row_goes():
    one = scene()
    async with AdminMock(one.state) as mock, Chromium() as browser:
        page = await browser.open(mock)
        second = one.state["tenants"][1]["tenant"]
        place = (await column(page, "tenants", "Tenant")).index(second)
        await page.focus(f"#tenants tbody tr >> nth={place}")
        state = copy.deepcopy(one.state)
        for i, row in enumerate(state["tenants"]):
            row["waiting"] = 100 + i
        await becomes(page, mock, state)
        assert await column(page, "tenants", "Tenant") == [row["tenant"] for row in reversed(state["tenants"])]
        assert await page.evaluate(ACTIVE % 0) == second
        await page.focus("#line tbody tr >> nth=0")
        state = copy.deepcopy(state)
        del state["line"][0]
        await becomes(page, mock, state)
        assert await page.evaluate(ACTIVE % 3) == state["line"][0]["run"]


WATCH_ORDER = """() => {
  globalThis.moved = globalThis.sorted = 0;
  document.addEventListener("pointermove", () => { moved = performance.now() }, true);
  new MutationObserver(() => { sorted ||= performance.now() })
    .observe(document.querySelector("#tenants tbody"), { childList: true });
}"""


async def test_rows_keep_their_order_under_the_pointer_for_two_seconds():
    one = scene()
    async with AdminMock(one.state) as mock, Chromium() as browser:
        page = await browser.open(mock)
        await page.evaluate(WATCH_ORDER)
        before = await column(page, "tenants", "Tenant")
        await page.hover("#tenants tbody tr >> nth=2")
        state = copy.deepcopy(one.state)
        state["tenants"] = [row | {"waiting": 100 + i} for i, row in enumerate(state["tenants"])][:-1]
        await mock.become(state)
        # Numbers change at once. A row that left keeps its place while the order is kept.
        await page.wait_for_selector("#tenants >> text=100")
        names, left, held = await page.evaluate("""() => [
          [...document.querySelectorAll("#tenants tbody tr")].map(row => row.cells[0].innerText),
          document.querySelectorAll("#tenants tr.gone").length, sorted === 0]""")
        assert not held or (names, left) == (before, 1)
        after = [row["tenant"] for row in reversed(state["tenants"])]

        async def is_sorted():
            return await column(page, "tenants", "Tenant") == after

        await eventually(is_sorted, 30, "the order of now, once the pointer rests")
        assert await page.evaluate("() => sorted - moved") >= 2_000
        # The pointer leaves: at once.
        await page.hover("#tenants tbody tr >> nth=2")
        await mock.become(one.state)
        await page.mouse.move(5, 5)
        after = before
        await eventually(is_sorted, 30, "the order of before")
