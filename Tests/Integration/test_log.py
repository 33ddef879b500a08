"""The log: its events are those of docs/reference/log.md, and its second form is text."""

import glob
import os
import re

from support import admin
from support.fleet import ROOT, Fleet

CALL = re.compile(r'(?:\blog|note)\(\s*[^"]*?,\s*(?:refusal == nil \? "(\w+)" : )?"(\w+)",')


def test_the_documented_events_are_those_there_are():
    coded = set()
    for path in glob.glob(os.path.join(ROOT, "Sources", "**", "*.swift"), recursive=True):
        with open(path, encoding="utf-8") as file:
            for found in CALL.findall(re.sub(r"//[^\n]*", "", file.read())):
                coded |= {name for name in found if name}
    with open(os.path.join(ROOT, "docs", "reference", "log.md"), encoding="utf-8") as file:
        rows = re.findall(r"^\| (`[^|]*)\|([^|]*)\|$", file.read(), re.MULTILINE)
    documented = {name for row in rows for name in re.findall(r"`([a-z_]+)`", row[0])}
    states = next(words for names, words in rows if "`sidecar`" in names)
    documented |= set(re.findall(r"`([a-z_]+)`", states)) - {"state"}
    # The log itself writes this one.
    assert coded | {"log_lost"} == documented


async def test_text_is_one_line_an_event(folder):
    async with Fleet(folder) as fleet:
        gateway = await fleet._node(
            "gateway", "g", ["--listen", "127.0.0.1:0", "--redis", fleet.redis.url, "--log-format", "text"])
        line = await gateway.wait_for(where=lambda line: " admin: " in line.text)
        assert re.fullmatch(
            r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z info    admin: operators may connect .*address=127\.0\.0\.1:\d+", line.text)


async def test_a_trace_is_followed_by_its_id(folder):
    trace = "0af7651916cd43dd8448eb211c80319c"
    async with Fleet(folder) as fleet:
        gateway = await fleet.gateway()
        await fleet.worker({"AppA:x": 1})
        await fleet.grantable(1)
        one = await fleet.client("one", headers={"traceparent": f"00-{trace}-b7ad6b7169203331-01"}).open()
        assert (await one.answer()).status == 101
        await one.finish()
        await gateway.wait_for("end")
        assert [line.get("event") for line in gateway.events(trace_id=trace)] == ["accept", "session", "end"]
        found = await admin.metrics(gateway)
        assert found["berth_log_lines_lost_total"] == 0
