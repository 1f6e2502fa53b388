"""Charts as SVG, without a script: lines over the users, and stacked bars."""

from collections.abc import Sequence
from html import escape

WIDTH, HEIGHT = 460, 220
LEFT, RIGHT, TOP, BOTTOM = 56, 12, 12, 44
COLOURS = ("#0f766e", "#b45309", "#7c3aed", "#dc2626", "#2563eb", "#64748b", "#15803d", "#be185d")
Series = dict[str, list[float]]


def lines(title: str, places: Sequence[int], series: Series, unit: str) -> str:
    """A line for each of the series; they begin at nought."""
    top = _top(max((value for one in series.values() for value in one), default=0))
    marks = []
    for colour, (name, values) in zip(COLOURS, series.items(), strict=False):
        points = [(_x(n, len(places)), _y(value, top)) for n, value in enumerate(values)]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        marks.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        marks += [
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}">'
            f"<title>{escape(name)}: {_number(value)} {unit}</title></circle>"
            for (x, y), value in zip(points, values, strict=True)
        ]
    return _chart(title, places, series, top, unit, marks)


def bars(title: str, places: Sequence[int], series: Series, unit: str) -> str:
    """A bar for each place, of all series on each other."""
    sums = [sum(values) for values in zip(*series.values(), strict=True)]
    top = _top(max(sums, default=0))
    marks, below = [], [0.0] * len(places)
    for colour, (name, values) in zip(COLOURS, series.items(), strict=False):
        for n, value in enumerate(values):
            high, low = _y(below[n] + value, top), _y(below[n], top)
            marks.append(
                f'<rect x="{_x(n, len(places)) - 12:.1f}" y="{high:.1f}" width="24" '
                f'height="{low - high:.1f}" fill="{colour}">'
                f"<title>{escape(name)}: {value:,.0f} {unit}</title></rect>"
            )
            below[n] += value
    return _chart(title, places, series, top, unit, marks)


def _chart(
    title: str, places: Sequence[int], series: Series, top: float, unit: str, marks: list[str]
) -> str:
    grid = [
        f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="#e2e8f0"/>'
        f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{_number(value)}</text>'
        for value in (0, top / 2, top)
        for y in (_y(value, top),)
    ]
    below = [
        f'<text x="{_x(n, len(places)):.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">'
        f"{place}</text>"
        for n, place in enumerate(places)
    ]
    middle = (LEFT + WIDTH - RIGHT) / 2
    keys = "".join(
        f'<span><i style="background:{colour}"></i>{escape(name)}</span>'
        for colour, name in zip(COLOURS, series, strict=False)
    )
    return (
        f"<figure><figcaption>{escape(title)} ({escape(unit)})</figcaption>"
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">'
        f"{''.join(grid)}{''.join(below)}{''.join(marks)}"
        f'<text x="{middle}" y="{HEIGHT - 8}" text-anchor="middle">requests at once</text></svg>'
        f"<p>{keys}</p></figure>"
    )


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _top(most: float) -> float:
    """The next of 1, 2, 3, 5 times a power of ten."""
    power = 1e-3
    while power * 10 < most:
        power *= 10
    return next(power * step for step in (1, 2, 3, 5, 10) if power * step >= most)


def _x(number: int, count: int) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * (number + 0.5) / count


def _y(value: float, top: float) -> float:
    return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value / (top or 1)
