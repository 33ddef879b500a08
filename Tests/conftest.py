"""Runs `async def` tests, each in an event loop of its own, and gives each a short folder for sockets and logs."""

import asyncio
import inspect
import os
import shutil
import tempfile

import pytest

# A whole run of a long test takes half an hour on a busy machine.
TEST_SECONDS_MAX = 3_600 if os.environ.get("BERTH_LONG") else 420


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    names = inspect.signature(pyfuncitem.obj).parameters
    arguments = {name: pyfuncitem.funcargs[name] for name in names}

    async def bounded():
        async with asyncio.timeout(TEST_SECONDS_MAX):
            await pyfuncitem.obj(**arguments)

    asyncio.run(bounded())
    return True


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.when == "call":
        item.failed = report.failed
    return report


@pytest.fixture
def folder(request):
    """A folder with a path short enough for unix sockets; kept, and named, when the test fails."""
    path = tempfile.mkdtemp(prefix="berth-")
    yield path
    if getattr(request.node, "failed", False) or os.environ.get("BERTH_KEEP"):
        print(f"logs kept in {path}")
    else:
        shutil.rmtree(path, ignore_errors=True)
