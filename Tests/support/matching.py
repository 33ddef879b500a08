"""Which pool fits which selector, written anew from the contract: the checkers do not ask the product."""


def fits(selector: str, pool: str) -> bool:
    """`selector` and `pool` are `pattern|browser|version`; a pool told by its label alone is judged by that alone."""
    pattern, browser, version = (selector.split("|") + ["", ""])[:3]
    label, has_browser, has_version = (pool.split("|") + ["", ""])[:3]
    if "|" in pool and ((browser and browser != has_browser) or (version and version != has_version)):
        return False
    if not pattern:
        return True
    want, have = pattern.split(":"), label.split(":")
    if any(w not in ("*", h) for w, h in zip(want, have)):
        return False
    return len(have) >= len(want) or len(have) >= 2
