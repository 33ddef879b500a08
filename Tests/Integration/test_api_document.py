"""The API against its OpenAPI document: requests that schemathesis draws from the document, valid and invalid ones."""

import asyncio
import hashlib
import os
import sys

from support.api import API
from support.fleet import Fleet

DOCUMENT = os.path.join(os.path.dirname(__file__), "..", "..", "docs", "reference", "openapi.yaml")
# Each loan that is drawn holds a slot for 30 s.
SLOTS = 1_000
EXAMPLES = int(os.environ.get("BERTH_EXAMPLES") or ("500" if os.environ.get("BERTH_LONG") else "20"))
KEY = "key-of-acme-123456"
# A valid label may name no pool, and a valid id no session: these refusals are right.
SETTINGS = """
[checks]
positive_data_acceptance.expected-statuses = ["2xx", 401, 403, 404, 409, 428, 429, 503]
not_a_server_error.expected-statuses = [200, 201, 204, 400, 401, 403, 404, 405, 409, 410, 411, 413, 426, 428, 429, 431, 503]
"""


async def test_the_api_is_what_its_document_says(folder):
    tenants = {"acme": {"keys": [hashlib.sha256(KEY.encode()).hexdigest()], "maxWait": "1s"}}
    async with Fleet(folder, tenants=tenants) as fleet:
        gateway = await fleet.gateway()
        # No pool of leases, because a response that holds one does not end.
        # So many slots write more lines than a busy machine reads: the line that the worker is there may be lost.
        await fleet.worker({"AppA:x": SLOTS}, more=["--mode", "shared", "--sessions", "50"], wait=False)
        await fleet.grantable(1, timeout=60)
        settings = os.path.join(folder, "schemathesis.toml")
        with open(settings, "w", encoding="ascii") as file:
            file.write(SETTINGS)
        program = os.path.join(os.path.dirname(sys.executable), "schemathesis")
        process = await asyncio.create_subprocess_exec(
            program, "--config-file", settings, "run", DOCUMENT, "--url", f"http://127.0.0.1:{gateway.port}",
            "--header", f"Authorization: Bearer {KEY}", "--max-examples", str(EXAMPLES), "--seed", "1",
            "--generation-database", "none", "--no-color",
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, cwd=folder,
        )  # fmt: skip
        async with asyncio.timeout(300):
            output, _ = await process.communicate()
        assert process.returncode == 0, output.decode()[-6000:]
        # The gateway still serves, and counted nothing that it did not end.
        assert (await API(gateway.port, KEY).call("GET", "/v1/estimate")).status == 200
        assert await fleet.audit() == []
