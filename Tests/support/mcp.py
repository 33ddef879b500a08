"""An agent's side of the Model Context Protocol: starts a server and calls its tools, as JSON lines on its pipes."""

import asyncio
import json
import os
import signal

LINE_BYTES_MAX = 1 << 22


class ToolServer:
    def __init__(self, argv, folder: str):
        self.argv = argv
        self.folder = folder
        self.number = 0
        self.child = None

    async def start(self):
        self.child = await asyncio.create_subprocess_exec(
            *self.argv,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            cwd=self.folder,
            start_new_session=True,
            limit=LINE_BYTES_MAX,
        )
        client = {"name": "test", "version": "1"}
        await self.call("initialize", protocolVersion="2025-06-18", capabilities={}, clientInfo=client)
        self.send({"method": "notifications/initialized"})
        return self

    def send(self, message: dict):
        self.child.stdin.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")

    async def call(self, method: str, **params) -> dict:
        self.number += 1
        number = self.number
        self.send({"id": number, "method": method, "params": params})
        while line := await self.child.stdout.readline():
            answer = json.loads(line)
            if answer.get("id") == number:
                return answer["result"]
        raise AssertionError(f"the server ended before it answered {method}")

    async def tool(self, name: str, **arguments) -> tuple[bool, str]:
        """Whether the tool succeeded, and the text that the agent reads."""
        result = await self.call("tools/call", name=name, arguments=arguments)
        text = "\n".join(part["text"] for part in result["content"] if part["type"] == "text")
        return not result.get("isError", False), text

    async def finish(self) -> int:
        """Ends it as an agent does that exits."""
        self.child.stdin.close()
        return await self.child.wait()

    async def dispose(self):
        if self.child is None:
            return
        try:
            os.killpg(self.child.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        await self.child.wait()
