"""The picture of the disruptions: a panel each, the rate of sessions as a part of the rate before."""

import disruptions

WIDTH, PANEL, TOP, LEFT, RIGHT, BOTTOM = 720, 150, 30, 60, 20, 58
GAP = 34
# Percent of the rate before, at the lower and upper edge of a panel.
LOW, HIGH = 60, 110
BEFORE_SECONDS, AFTER_SECONDS = 5, 17
BIN_SECONDS = 1
COLOUR, LIMIT, SHADE = "#1f5fa8", "#b3541e", "#f3e8d8"


def x(seconds) -> float:
    return LEFT + (seconds + BEFORE_SECONDS) / (BEFORE_SECONDS + AFTER_SECONDS) * (WIDTH - LEFT - RIGHT)


def panel(top, name, found) -> list[str]:
    disruption, shape = disruptions.DISRUPTIONS[name], disruptions.shape(name, found)

    def y(percent) -> float:
        return top + (HIGH - min(max(percent, LOW), HIGH)) / (HIGH - LOW) * (PANEL - GAP)

    bottom, end = y(LOW), x(disruption.seconds)
    out = [f'<text x="{LEFT}" y="{top - 8}" font-weight="bold">{disruption.title}</text>']
    if disruption.bound:
        out.append(
            f'<rect x="{x(0):.1f}" y="{top}" width="{x(disruption.bound) - x(0):.1f}" height="{bottom - top}" fill="{SHADE}"/>')
    for percent in range(LOW, HIGH + 1, 20):
        out.append(f'<path d="M{LEFT} {y(percent):.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>')
        out.append(f'<text x="{LEFT - 8}" y="{y(percent) + 4:.1f}" text-anchor="end">{percent} %</text>')
    bound = 100 * disruptions.SHARE_MIN * (1 - disruption.gone)
    out.append(f'<path d="M{x(0):.1f} {y(bound):.1f}H{end:.1f}" stroke="{LIMIT}" stroke-dasharray="4 4"/>')
    out.append(f'<path d="M{x(0):.1f} {top}V{bottom}" stroke="#555"/>')
    points = []
    steps = round((BEFORE_SECONDS + disruption.seconds) / BIN_SECONDS)
    for step in range(steps):
        at = step * BIN_SECONDS - BEFORE_SECONDS
        percent = 100 * disruptions.rate(found, found["event"] + at, found["event"] + at + BIN_SECONDS) / shape["before"]
        points.append(f"{x(at + BIN_SECONDS / 2):.1f},{y(percent):.1f}")
    out.append(f'<polyline points="{" ".join(points)}" fill="none" stroke="{COLOUR}" stroke-width="2"/>')
    return out


def svg(found) -> str:
    runs = found["runs"]
    height = TOP + PANEL * len(runs) + BOTTOM
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" font-family="sans-serif"'
        ' font-size="13">',
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
    ]
    for number, (name, one) in enumerate(runs.items()):
        out += panel(TOP + number * PANEL, name, one)
    floor = TOP + len(runs) * PANEL - GAP
    for seconds in range(-BEFORE_SECONDS, AFTER_SECONDS + 1, 5):
        out.append(f'<text x="{x(seconds):.1f}" y="{floor + 18}" text-anchor="middle">{seconds}</text>')
    out.append(
        f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{floor + 38}" text-anchor="middle">'
        "seconds since the disruption</text>")
    out.append(
        f'<text x="{LEFT}" y="{floor + 62}">Blue: sessions served in a second, as a part of the rate before. Dashed: '
        "95 % of the slots</text>")
    out.append(f'<text x="{LEFT}" y="{floor + 78}">that are left. Shaded: slots may be out.</text>')
    return "\n".join([*out, "</svg>", ""])
