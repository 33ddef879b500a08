"""Which pool fits which selector, written anew from the contract: the checkers do not ask the product."""


def fits(selector: str, pool: str) -> bool:
    """`selector` and `pool` are `pattern|browser|version|protocol`; a pool told by its label alone is judged by that alone."""
    pattern, *asked = selector.split("|")
    label, *has = pool.split("|")
    if has and any(one and one != other for one, other in zip(asked, has, strict=False)):
        return False
    if not pattern:
        return True
    want, have = pattern.split(":"), label.split(":")
    if any(w not in ("*", h) for w, h in zip(want, have)):
        return False
    return len(have) >= len(want) or len(have) >= 2
