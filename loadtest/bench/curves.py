"""Lines in plain SVG: both axes logarithmic, each line with its name at its end."""

import math

WIDTH, HEIGHT = 720, 420
LEFT, RIGHT, TOP, BOTTOM = 80, 150, 30, 60
COLOURS = ("#1b6e3c", "#b3541e", "#7a3fa0", "#1f5fa8", "#8a8a00")


def axis(values) -> tuple[float, float]:
    return math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))


def svg(series: dict[str, dict[int, float]], *, title, x, y, dashed=None) -> str:
    """`series`: name → x → y, all above 0; `dashed` are further lines of the same names."""
    lines = [*series.items(), *(dashed or {}).items()]
    xs = [math.log10(at) for _, points in lines for at in points]
    low_x, high_x = min(xs), max(max(xs), min(xs) + 1e-9)
    low_y, high_y = axis([value for _, points in lines for value in points.values()])
    high_y = max(high_y, low_y + 1)

    def place(at, value):
        across = (math.log10(at) - low_x) / (high_x - low_x)
        up = (math.log10(value) - low_y) / (high_y - low_y)
        return LEFT + across * (WIDTH - LEFT - RIGHT), HEIGHT - BOTTOM - up * (HEIGHT - TOP - BOTTOM)

    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" font-family="sans-serif"'
        ' font-size="13">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        f'<text x="{LEFT}" y="18" font-weight="bold">{title}</text>',
        f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 14}" text-anchor="middle">{x}</text>',
        f'<text transform="translate(18 {HEIGHT / 2}) rotate(-90)" text-anchor="middle">{y}</text>',
    ]
    for power in range(low_y, high_y + 1):
        _, at = place(10**low_x, 10.0**power)
        out.append(f'<path d="M{LEFT} {at:.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>')
        out.append(f'<text x="{LEFT - 8}" y="{at + 4:.1f}" text-anchor="end">{10**power:,}</text>')
    for power in range(math.ceil(low_x), math.floor(high_x + 0.01) + 1):
        at, _ = place(min(10.0**power, 10**high_x), 10.0**low_y)
        out.append(f'<text x="{at:.1f}" y="{HEIGHT - BOTTOM + 20}" text-anchor="middle">{10**power:,}</text>')
    colours = dict(zip(series, COLOURS))
    for number, (name, points) in enumerate(lines):
        places = [place(at, value) for at, value in sorted(points.items())]
        line = " ".join(f"{at:.1f},{value:.1f}" for at, value in places)
        dash = ' stroke-dasharray="2 4"' if number >= len(series) else ""
        out.append(f'<polyline points="{line}" fill="none" stroke="{colours[name]}" stroke-width="2"{dash}/>')
        out += [f'<circle cx="{at:.1f}" cy="{value:.1f}" r="3" fill="{colours[name]}"/>' for at, value in places]
    taken: dict[float, float] = {}
    ends = {name: place(*max(points.items())) for name, points in series.items()}
    for name, (across, down) in sorted(ends.items(), key=lambda item: item[1][1]):
        # Names at one end of the picture stand apart.
        taken[across] = max(down + 4, taken.get(across, 0) + 14)
        out.append(f'<text x="{across + 10:.1f}" y="{taken[across]:.1f}" fill="{colours[name]}">{name}</text>')
    return "\n".join([*out, "</svg>", ""])
