import pytest

from support.matching import fits


@pytest.mark.parametrize(
    "selector, pool, expected",
    [
        ("|||", "AppA:Chromium|chromium|1.65|playwright", True),
        ("|chromium||playwright", "AppA:Chromium|chromium|1.65|playwright", True),
        ("|firefox||playwright", "AppA:Chromium|chromium|1.65|playwright", False),
        ("||1.64|", "AppA:Chromium|chromium|1.65|playwright", False),
        ("AppA:Chromium", "AppA:Chromium|||raw", True),
        ("AppA:Chromium:Staging", "AppA:Chromium|||raw", True),
        ("AppA:Chromium", "AppA|||raw", False),
        ("AppA", "AppA:Chromium:Staging|||raw", True),
        ("*", "AppB:x|||raw", True),
        ("*:x", "AppB:x|||raw", True),
        ("*:y", "AppB:x|||raw", False),
        ("AppA", "appa|||raw", False),
        ("AppA|||cdp", "AppA|||raw", False),
        ("AppA:x|chromium|1.65|playwright", "AppA:x", True),
        ("AppB:x|chromium|1.65|playwright", "AppA:x", False),
    ],
)
def test_fits(selector, pool, expected):
    assert fits(selector, pool) is expected
