"""browser-use without a model: reads a page, keeps its browser until SIGTERM. `browser_use_session.py URL`"""

import asyncio
import os
import signal
import sys

os.environ.update(ANONYMIZED_TELEMETRY="false", BROWSER_USE_CLOUD_SYNC="false")

from browser_use import BrowserSession  # noqa: E402 (reads its environment when it is imported)


async def main(url: str) -> int:
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    session = BrowserSession(cdp_url=url)
    try:
        await session.start()
        await session.navigate_to("data:text/html,<title>page</title>")
        page = await session.must_get_current_page()
        print("has", await page.evaluate("() => document.title"), flush=True)
        await ended.wait()
    except Exception as error:
        print(error, flush=True)
        return 1
    finally:
        await session.kill()
    return 0


sys.exit(asyncio.run(main(sys.argv[1])))
