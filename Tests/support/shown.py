"""What a guide shows as the output of its commands."""

import os
import re

from .fleet import ROOT

SHOWN = re.compile(r"^```sh\n.*?^```\n+```\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def outputs(document: str) -> list[str]:
    """The plain blocks that follow a block of commands."""
    with open(os.path.join(ROOT, document), encoding="utf-8") as file:
        return SHOWN.findall(file.read())


def fits(output: str, expected: str) -> bool:
    """`…` in the page stands for any words."""
    pattern = ".+".join(re.escape(part) for part in expected.rstrip("\n").split("…"))
    return re.fullmatch(pattern, output.strip("\n")) is not None
