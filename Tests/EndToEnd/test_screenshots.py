"""A trace full of screenshots: it arrives whole, each picture is the same, and gateway and worker do not grow."""

import hashlib
import os
import zipfile

from support.remains import peak_bytes

from test_playwright import Browsers

PICTURES = 200 if os.environ.get("BERTH_LONG") else 12
GROWTH_BYTES_MAX = 8 * 1024 * 1024
# Noise, which does not compress: a picture has some 3 MB.
PAGE = """<style>*{margin:0}</style><canvas width=1000 height=1000></canvas><script>
const context = document.querySelector("canvas").getContext("2d"), image = context.createImageData(1000, 1000);
let state = 14;
for (let i = 0; i < image.data.length; i++) {
  state = state * 16807 % 2147483647;
  image.data[i] = i % 4 == 3 ? 255 : state >> 8 & 255;
}
context.putImageData(image, 0, 0);
</script>"""


async def test_a_trace_of_screenshots_arrives_whole(folder):
    async with Browsers(folder) as b:
        browser = await b.playwright.chromium.connect(b.url(), timeout=60_000)
        context = await browser.new_context(viewport={"width": 1000, "height": 1000})
        await context.tracing.start(screenshots=True, snapshots=True)
        page = await context.new_page()
        await page.set_content(PAGE)
        first = await page.screenshot(timeout=120_000)
        assert len(first) > 1_000_000
        before = {node.name: peak_bytes(node) for node in b.fleet.nodes}
        hashes = {hashlib.sha256(await page.screenshot(timeout=120_000)).digest() for _ in range(PICTURES)}
        assert hashes == {hashlib.sha256(first).digest()}
        trace = os.path.join(folder, "trace.zip")
        await context.tracing.stop(path=trace)
        with zipfile.ZipFile(trace) as file:
            assert file.testzip() is None and any(name.endswith(".trace") for name in file.namelist())
        grew = {node.name: peak_bytes(node) - before[node.name] for node in b.fleet.nodes}
        print(len(first), os.path.getsize(trace), grew)
        assert max(grew.values()) <= GROWTH_BYTES_MAX, grew
        await browser.close()
