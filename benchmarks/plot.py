"""
Speed and CPU of each subject against stock's, as an SVG.
"""

from __future__ import annotations

from html import escape
from pathlib import Path

from benchmarks.figures import YARDSTICK, Line, Spread, short

COLOURS = {
    "stock": "#e0776b",
    "fork": "#1f6fb2",
    "asyncssh": "#5a9e6f",
    "openssh": "#8a6fb0",
    "ssh2": "#c9a227",
    "ng": "#b58a76",
}
OTHER_COLOUR = "#5fa8d3"
#: In pixels.
BAR, GAP, LEFT, PANEL, TOP = 12, 14, 215, 300, 56
#: Ratios beyond this are cut, with their number beside.
MOST = 4.0


def draw(lines: list[Line], order: list[str], path: Path) -> None:
    """
    Write bars for every case that stock did: speed on the left, CPU on the right.

    Bars are medians of the ratios of each round, and lines across their ends the quartiles.

    :param list order: of the subjects
    :param Path path: the file that is written
    """
    parts: list[str] = []
    y = TOP
    for case in dict.fromkeys(line.case for line in lines):
        of_case = [line for line in lines if line.case == case]
        speeds = _pick(of_case, ("/s", "ms each"), without="CPU")
        costs = _pick(of_case, ("CPU",))
        stock = speeds.get(YARDSTICK)
        if stock is None or stock.value is None or len(speeds) < 2:
            continue
        parts.append(_text(8, y + BAR, case, "font-weight='bold'"))
        absolute = f"stock: {short(stock.value.median)} {stock.figure}"
        parts.append(_text(8, y + 2 * BAR + 4, absolute, "fill='#666'"))
        for name in order:
            if name not in speeds:
                continue
            colour = COLOURS.get(name, OTHER_COLOUR)
            parts.append(_text(LEFT - 6, y + BAR - 2, name, "text-anchor='end'"))
            for panel, line in enumerate((speeds[name], costs.get(name))):
                ratio = _ratio(line, name)
                if ratio is not None:
                    parts += _bar(LEFT + panel * (PANEL + 60), y, ratio, colour)
            y += BAR + 2
        y += GAP
    width = LEFT + 2 * PANEL + 120
    heads = ("speed by stock's: longer is better", "CPU by stock's: shorter is better")
    for panel, head in enumerate(heads):
        x = LEFT + panel * (PANEL + 60)
        one = x + PANEL / MOST
        parts.append(_text(x, 24, head, "font-weight='bold'"))
        parts.append(_text(one, 44, "1", "text-anchor='middle'"))
        parts.append(f"<path d='M{one:.0f} {TOP - 6}V{y}' stroke='#888' stroke-dasharray='2 3'/>")
    path.write_text(
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width} {y}' width='{width}' "
        f"font-family='sans-serif' font-size='11'>\n"
        f"<rect width='{width}' height='{y}' fill='white'/>\n" + "\n".join(parts) + "\n</svg>\n",
        "utf-8",
    )


def _pick(lines: list[Line], ends: tuple[str, ...], without: str = "!") -> dict[str, Line]:
    """
    Return of each subject the first line whose figure has one of the endings.
    """
    picked: dict[str, Line] = {}
    for line in lines:
        fits = any(end in line.figure for end in ends) and without not in line.figure
        if fits and line.value is not None:
            picked.setdefault(line.subject, line)
    return picked


def _ratio(line: Line | None, name: str) -> tuple[float, float, float] | None:
    """
    Return median and quartiles; of what is told in milliseconds, as a speed.
    """
    if line is None:
        return None
    if name == YARDSTICK:
        return 1.0, 1.0, 1.0
    ratio: Spread | None = line.ratio
    if ratio is None or not ratio.lower:
        return None
    if line.figure.startswith("ms"):
        return 1 / ratio.median, 1 / ratio.upper, 1 / ratio.lower
    return ratio.median, ratio.lower, ratio.upper


def _bar(x: int, y: int, ratio: tuple[float, float, float], colour: str) -> list[str]:
    median, low, high = (min(value, MOST) * PANEL / MOST for value in ratio)
    middle = y + BAR / 2
    return [
        f"<rect x='{x}' y='{y}' width='{median:.1f}' height='{BAR}' fill='{colour}'/>",
        f"<path d='M{x + low:.1f} {middle}H{x + high:.1f}' stroke='#222'/>",
        _text(x + max(median, high) + 4, y + BAR - 2, f"{ratio[0]:.2f}"),
    ]


def _text(x: float, y: float, words: str, more: str = "") -> str:
    return f"<text x='{x:.0f}' y='{y:.0f}' {more}>{escape(words)}</text>"
