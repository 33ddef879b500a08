"""Runs a guide: the `sh` blocks of a document, in their order, as a reader would."""

import os
import re
from dataclasses import dataclass

from .fleet import ROOT
from .process import run

# The first line of a fence may name the machines: ```sh host=gateway,worker
BLOCK = re.compile(r"^```sh(?: host=(\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BLOCK_SECONDS_MAX = 300


@dataclass
class Block:
    line: int
    hosts: list
    text: str


def blocks(document: str) -> list[Block]:
    """The blocks of a document of this repository. The only host of a block is nil if the fence names none."""
    with open(os.path.join(ROOT, document), encoding="utf-8") as file:
        text = file.read()
    found = BLOCK.finditer(text)
    return [Block(text.count("\n", 0, at.start()) + 1, at[1].split(",") if at[1] else [None], at[2]) for at in found]


async def follow(document: str, folder: str, shells: dict, *, without=(), env=None) -> list[str]:
    """Runs each block by the shell of its host, a command that takes `-c` and a script; returns the outputs.

    Blocks of the hosts in `without` are left out. From block to block only files are kept. The first command that fails
    ends the guide."""
    outputs = []
    for block, host in [(block, host) for block in blocks(document) for host in block.hosts if host not in without]:
        argv = [*shells[host], "-eu", "-c", block.text]
        process = await run(f"line-{block.line}-{host}", argv, folder, env=env, timeout=BLOCK_SECONDS_MAX)
        where = f"{document}:{block.line} ended with {process.code} on {host}"
        assert process.code == 0, f"{where}\n{block.text}\n{process.output[-4_000:]}"
        outputs.append(process.output)
    return outputs
