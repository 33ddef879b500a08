"""The live page in Chromium: opened with nothing allowed to go wrong, and read as a person reads it."""

import os
import shutil

from playwright.async_api import async_playwright

from .fleet import eventually

CHROMIUM = shutil.which("chromium")
# `told`: what the questions below rows said, because the words of a success go after some seconds.
WATCH = """
globalThis.violations = [];
document.addEventListener("securitypolicyviolation", event => violations.push(
  `${event.violatedDirective} ${event.blockedURI} ${event.sample}`));
globalThis.told = [];
new MutationObserver(() => told.push(...[...document.querySelectorAll(".ask span")].map(words => words.innerText)))
  .observe(document, { childList: true, characterData: true, subtree: true });
"""
# Chromium says so of a stream or an action that failed, which some tests want.
EXPECTED = ["Failed to load resource"]


class Chromium:
    """A browser. At its end no page may have seen an error, a dialog or a violation of its policy."""

    async def __aenter__(self):
        self.api = await async_playwright().start()
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
        self.browser = await self.api.chromium.launch(executable_path=CHROMIUM, args=sandbox)
        self.complaints: list[str] = []
        self.pages = []
        return self

    async def __aexit__(self, kind, *_):
        try:
            for page in self.pages:
                self.complaints += await page.evaluate("violations")
            assert kind or self.complaints == [], self.complaints
        finally:
            await self.browser.close()
            await self.api.stop()

    async def open(self, mock, *, width=1280, height=900, theme="light", path="", **options):
        """The page of an admin listener, once it shows the state."""
        context = await self.browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=theme, **options)
        page = await context.new_page()
        page.set_default_timeout(60_000)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("dialog", lambda dialog: self.complaints.append(dialog.message))
        page.on("console", self._heard)
        await page.add_init_script(WATCH)
        await page.goto(mock.url + path)
        await page.wait_for_selector("body:not(.connecting)")
        self.pages.append(page)
        return page

    def _heard(self, message):
        if message.type in ["error", "warning"] and not any(words in message.text for words in EXPECTED):
            self.complaints.append(message.text)


async def rows(page, table: str) -> list[list[str]]:
    """The text of each cell of a table's rows, as shown."""
    return await page.eval_on_selector_all(
        f"#{table} tbody > tr[tabindex]", "rows => rows.map(row => [...row.cells].map(cell => cell.innerText.trim()))")


async def column(page, table: str, head: str) -> list[str]:
    heads = await page.eval_on_selector_all(f"#{table} thead th", "heads => heads.map(head => head.textContent)")
    return [row[heads.index(head)] for row in await rows(page, table)]


async def confirm(page, table: str, answer: str):
    """Does what a question below a row of the table asks, and awaits the words that tell how it went."""
    await page.evaluate("() => { told.length = 0 }")
    await page.click(f"#{table} .ask button.main")
    heard = "answer => told.some(words => words.endsWith(answer))"
    await eventually(lambda: page.evaluate(heard, answer), 30, f"the words: {answer}")


async def drawn(page):
    """Awaits that the page has drawn what it heard."""
    await page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")


async def becomes(page, mock, state: dict):
    """The mock sends the difference, and the page has shown it."""
    await mock.become(state)
    at = state["at"] + mock.passed_ms
    # `model` is the page's own. Playwright's `wait_for_function` needs eval, which the policy forbids.
    await eventually(lambda: page.evaluate("at => model.at >= at", at), 30, "the page hears of the change")
    await drawn(page)
