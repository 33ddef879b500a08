import pytest

from support.matching import fits


@pytest.mark.parametrize(
    "selector, pool, expected",
    [
        ("||", "AppA:Chromium|chromium|1.65", True),
        ("|chromium|", "AppA:Chromium|chromium|1.65", True),
        ("|firefox|", "AppA:Chromium|chromium|1.65", False),
        ("||1.64", "AppA:Chromium|chromium|1.65", False),
        ("AppA:Chromium", "AppA:Chromium||", True),
        ("AppA:Chromium:Staging", "AppA:Chromium||", True),
        ("AppA:Chromium", "AppA||", False),
        ("AppA", "AppA:Chromium:Staging||", True),
        ("*", "AppB:x||", True),
        ("*:x", "AppB:x||", True),
        ("*:y", "AppB:x||", False),
        ("AppA", "appa||", False),
        ("AppA:x|chromium|1.65", "AppA:x", True),
        ("AppB:x|chromium|1.65", "AppA:x", False),
    ],
)
def test_fits(selector, pool, expected):
    assert fits(selector, pool) is expected
