"""pyppeteer, Puppeteer for Python: reads a page, keeps its browser until SIGTERM. `puppeteer.py URL`"""

import asyncio
import signal
import sys

from pyppeteer import connect


async def main(url: str):
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    address = {"browserWSEndpoint": url} if url.startswith("ws") else {"browserURL": url}
    browser = await connect(**address)
    page = await browser.newPage()
    await page.goto("data:text/html,<title>page</title>")
    print("has", await page.title(), flush=True)
    await ended.wait()
    await browser.close()


asyncio.run(main(sys.argv[1]))
