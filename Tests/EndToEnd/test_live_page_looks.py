"""How the live page looks, and what it costs: contrast, phone and desk, nothing jumps, a large fleet in time.

The pictures go to a folder of their own; with BERTH_SCREENSHOTS=1 also to `docs/images`.
"""

import copy
import os
import shutil
import tempfile

import pytest
from support.admin_mock import AdminMock
from support.fleet import ROOT, eventually
from support.fleet_view import Scene, empty
from support.live_page import CHROMIUM, Chromium, becomes, drawn

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
FIRST_PAINT_MS, UPDATE_MS = 200, 16
# A machine that compiles beside the test is slow. The figures are printed.
SLOWNESS = 5

# The lowest contrast of a text on the page, with its element. Behind a translucent background the next one counts.
CONTRAST = """() => {
  const paint = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = colour => {
    paint.clearRect(0, 0, 1, 1);
    paint.fillStyle = colour;
    paint.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = paint.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = (top, below) => [0, 1, 2].map(i => top[i] * top[3] + below[i] * (1 - top[3])).concat(1);
  const behind = node => node
    ? over(rgba(getComputedStyle(node).backgroundColor), behind(node.parentElement)) : [255, 255, 255, 1];
  const linear = v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => 0.2126 * linear(r / 255) + 0.7152 * linear(g / 255) + 0.0722 * linear(b / 255);
  const found = [];
  for (const node of document.querySelectorAll("body *")) {
    const words = [...node.childNodes].some(child => child.nodeType === 3 && child.data.trim());
    if (!words && !node.matches("input") || !node.checkVisibility()) continue;
    const ground = behind(node);
    for (const part of node.matches("input") ? ["::placeholder", null] : [null]) {
      const text = over(rgba(getComputedStyle(node, part).color), ground);
      const [high, low] = [light(text), light(ground)].sort((a, b) => b - a);
      found.push([(high + 0.05) / (low + 0.05), `${node.localName}.${node.className} ${node.textContent.slice(0, 40)}`]);
    }
  }
  return [found.length, ...found.sort(([a], [b]) => a - b)[0]];
}"""


def busy(**options) -> Scene:
    """A fleet with one of everything: troubles, a pause, refusals."""
    scene = Scene(**{"workers": 12, "slots": 6, "waiters": 90, "tenants": 7, "pools": 5} | options)
    state, rows = scene.state, scene.state["workers"]
    rows[1].update(state="quarantined", trouble="slots 0, 1: no ws:// URL came in 30 s")
    rows[5].update(state="suspect", lateAt=state["at"] + 116_000)
    rows[7].update(state="probing")
    rows[8].update(draining=True)
    rows[8]["slots"][0][0] = "draining"
    state["head"].update(paused=["AppC:Chromium"], refusedShare=0.003, refusedBy="wait_timeout")
    state["head"]["gateways"] += [{"id": f"gw-{i}.0", "waiting": 20, "aside": 0, "suspended": ""} for i in [2, 3]]
    words = "No chromium slot in 120 s: tenant acme holds 12 of its 12; retry in 9 s"
    state["recent"] = [
        {"at": state["at"] - 7_000 * i, "kind": kind, "code": code, "tenant": tenant, "words": text}
        for i, (kind, code, tenant, text) in enumerate([
            ("refusal", "wait_timeout", "acme", words),
            ("end", "ttl", "nightly", "The session reached its ttl of 30 min"),
            ("refusal", "version_mismatch", "mobile", "No worker has Playwright 1.63; there are 1.64 and 1.65")])]
    scene.sum_up()
    return scene


async def lowest_contrast(page):
    count, ratio, where = await page.evaluate(CONTRAST)
    assert count > 20
    assert ratio >= 4.5, (ratio, where)
    return round(ratio, 2)


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_each_text_has_a_contrast_of_at_least_4_5(theme):
    scene = busy()
    async with AdminMock(scene.state) as mock, Chromium() as browser:
        # Without motion the colours are there at once.
        page = await browser.open(mock, theme=theme, reduced_motion="reduce")
        figures = [await lowest_contrast(page)]
        for state in [empty(), busy(waiters=0).state, Scene(waiters=9).state]:
            await mock.send("state", state)
            size = len(state["workers"])
            await eventually(lambda: page.evaluate("n => model.workers.size === n", size), 30, "the state")
            await drawn(page)
            figures.append(await lowest_contrast(page))
        await mock.send("state", scene.state)
        await page.click("#workers .fold >> nth=0")
        mock.answers[f"/api/v1/workers/{scene.state['workers'][1]['id']}/drain"] = 503, {}
        for table in ["workers", "pools"]:
            await page.click(f"#{table} > .scroll > table > tbody > tr > .act button >> nth=0")
            figures.append(await lowest_contrast(page))
            await page.click(f"#{table} .ask button.main")
            await page.wait_for_selector(f"#{table} .ask.done, #{table} .ask.failed")
        await page.hover("#line tbody tr >> nth=0")
        figures.append(await lowest_contrast(page))
        await page.keyboard.press("?")
        figures.append(await lowest_contrast(page))
        print(theme, figures)


async def test_a_choice_of_colours_stays_and_motion_is_optional():
    async with AdminMock(busy().state) as mock, Chromium() as browser:
        page = await browser.open(mock, reduced_motion="reduce")
        ground = "() => getComputedStyle(document.body).backgroundColor"
        light = await page.evaluate(ground)
        await page.click("#theme")
        dark = await page.evaluate(ground)
        assert dark != light
        await page.reload()
        assert await page.evaluate(ground) == dark
        await page.click("#theme")
        await page.emulate_media(color_scheme="dark")
        # The choice of what the system had is none: the page follows the system again.
        assert await page.evaluate(ground) == dark
        durations = "() => [...document.querySelectorAll('*')].map(one => getComputedStyle(one).transitionDuration)"
        assert set(await page.evaluate(durations)) == {"0s"}
        await page.emulate_media(reduced_motion="no-preference")
        assert "0.3s" in await page.evaluate(durations)


async def boxes(page, selector):
    return await page.eval_on_selector_all(selector, "all => all.map(one => one.getBoundingClientRect().toJSON())")


async def test_a_phone_has_one_column_and_a_desk_two():
    async with AdminMock(busy().state) as mock, Chromium() as browser:
        page = await browser.open(mock, width=390, height=844)
        assert await page.evaluate("() => document.documentElement.scrollWidth") == 390
        panels = await boxes(page, "main > *")
        assert {round(one["left"]) for one in panels} == {12} and {round(one["width"]) for one in panels} == {366}
        # The numbers wrap 2 × 2 + 1.
        numbers = await boxes(page, ".number")
        assert [round(one["top"]) == round(numbers[0]["top"]) for one in numbers] == [True, True, False, False, False]
        assert round(numbers[4]["width"]) == round(numbers[0]["width"] + numbers[1]["width"])
        # Tables scroll within themselves.
        scrolls = await page.eval_on_selector_all(
            ".scroll", "all => all.map(one => one.scrollWidth > one.clientWidth && one.clientWidth <= 366)")
        assert scrolls == [True] * 5
        # A question is read without scrolling, wherever its table was scrolled to.
        await page.click("#pools .act button >> nth=0")
        for part in await boxes(page, "#pools .ask div, #pools .ask div > *"):
            assert part["left"] >= 0 and part["right"] <= 390, part
        await page.set_viewport_size({"width": 1280, "height": 900})
        (tenants, pools) = await boxes(page, "#tenants, #pools")
        assert tenants["top"] == pools["top"] and tenants["right"] < pools["left"]
        assert await page.evaluate("() => document.documentElement.scrollWidth") == 1280


async def test_numbers_change_without_moving_anything():
    scene = busy()
    async with AdminMock(scene.state) as mock, Chromium() as browser:
        page = await browser.open(mock)
        # All but the parts of bars, and the figures themselves.
        whole = "body, body *:not(.bar *, svg *, b *, b, #live)"
        before = await boxes(page, whole)
        state = copy.deepcopy(scene.state)
        for i in range(5):
            state["at"] += 1_000
            state["head"].update(waiting=10 ** i, oldestAt=state["at"] - 7 ** (i + 3), grantsPerSecond=3.7 ** i)
            for row in state["tenants"]:
                row.update(held=i, refusals=9 ** i, sessions=3 * i)
            for row in state["pools"]:
                row.update(wanted=5 ** i, slots=row["slots"] | {"recycling": i})
            for row in state["line"]:
                row.update(ahead=11 ** i, estimateMs=7 ** (2 * i))
            await becomes(page, mock, state)
            assert await boxes(page, whole) == before


# How long the first state with workers takes from its event to the frame that shows it. The page connects anew if a slow
# machine lets it hear nothing for too long, so the stopwatch watches the page's own function and no single connection.
STOPWATCH = """() => {
  const inner = hear;
  window.painted = new Promise(done => {
    window.hear = (type, data) => {
      const began = performance.now();
      inner(type, data);
      if (type !== "state" || !data.workers.length) return;
      requestAnimationFrame(() => setTimeout(() => done(performance.now() - began)));
    };
  });
}"""


async def cpu_ms(session, what: str) -> float:
    """The CPU time of the page so far. What other processes use does not count, but slows it."""
    metrics = (await session.send("Performance.getMetrics"))["metrics"]
    return next(1_000 * one["value"] for one in metrics if one["name"] == what)


async def test_a_large_fleet_is_drawn_in_time():
    scene = Scene(workers=500, slots=8, waiters=5_000, tenants=200, pools=40)
    states = [copy.deepcopy(scene.state)] + [scene.step() for _ in range(11)]
    async with AdminMock(empty(), tick_seconds=3_600) as mock, Chromium() as browser:
        page = await browser.open(mock)
        session = await page.context.new_cdp_session(page)
        await session.send("Performance.enable", {"timeDomain": "threadTicks"})
        before = await cpu_ms(session, "TaskDuration")
        await page.evaluate(STOPWATCH)
        mock.state = states[0]
        await mock.send("state", states[0])
        painted = await page.evaluate("() => window.painted")
        first = await cpu_ms(session, "TaskDuration") - before
        assert await page.locator("#workers tbody tr").count() == 60
        updates = []
        for state in states[1:]:
            before = await cpu_ms(session, "ScriptDuration")
            await becomes(page, mock, state)
            updates.append(await cpu_ms(session, "ScriptDuration") - before)
        median = sorted(updates)[len(updates) // 2]
        nodes = await page.evaluate("() => document.querySelectorAll('*').length")
        print(f"state to paint {painted:.0f} ms, {first:.0f} ms of CPU; an update: {median:.1f} ms of script, "
              f"at most {max(updates):.1f} ms; {nodes} elements")
        assert first <= SLOWNESS * FIRST_PAINT_MS and median <= SLOWNESS * UPDATE_MS
        assert nodes < 5_000


@pytest.mark.parametrize("name, width, height, theme", [
    ("page-light", 1280, 1020, "light"), ("page-dark", 1280, 1020, "dark"), ("page-phone", 390, 844, "light")])
async def test_pictures(name, width, height, theme):
    scene = busy()
    folder = tempfile.mkdtemp(prefix="berth-pictures-")
    async with AdminMock(scene.state, tick_seconds=3_600) as mock, Chromium() as browser:
        page = await browser.open(
            mock, width=width, height=height, theme=theme, reduced_motion="reduce", device_scale_factor=2)
        # Two minutes pass at once: the time is the listener's.
        for _ in range(120):
            await mock.become(scene.step())
        await becomes(page, mock, scene.step())
        path = os.path.join(folder, f"{name}.png")
        await page.screenshot(path=path)
        print(path)
    assert os.path.getsize(path) > 10_000
    if os.environ.get("BERTH_SCREENSHOTS"):
        os.makedirs(os.path.join(ROOT, "docs", "images"), exist_ok=True)
        shutil.copy(path, os.path.join(ROOT, "docs", "images"))
