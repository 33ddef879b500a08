"""A run of `loadtest run` against the proxies of a benchmark, and its result."""

import json
import os

from processes import Bench


class Scenario:
    """A run that has begun. `file` has the keys of a scenario's file (docs/start/load-tests.md)."""

    def __init__(self, bench: Bench, name, file: dict, urls, *, core=None):
        path = os.path.join(bench.folder, f"{name}.yaml")
        with open(path, "w", encoding="utf-8") as out:
            # A JSON text is YAML too.
            json.dump({"question": name, **file}, out)
        self.out = os.path.join(bench.folder, f"{name}.result.json")
        argv = [bench.binary("loadtest"), "run", path, "--out", self.out]
        for url in urls:
            argv += ["--url", f"ws://{url}"]
        self.child = bench.start(name, argv, core=core, to_file=True)

    def result(self, timeout=120.0) -> dict:
        """Awaits the end of the run."""
        self.child.process.wait(timeout)
        try:
            with open(self.out, encoding="utf-8") as file:
                return json.load(file)
        except FileNotFoundError:
            raise self.child.failed("no result") from None


def tenant(result: dict, name) -> dict:
    return next(one for one in result["tenants"] if one["name"] == name)
