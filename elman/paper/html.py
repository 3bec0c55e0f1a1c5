"""The parts of a page that is one HTML file and needs nothing else: its frame, tables, figures and strips of dots."""

import struct
from base64 import b64encode
from html import escape
from pathlib import Path

import pandas as pd
from matplotlib.ticker import MaxNLocator

_STYLE = Path(__file__).with_name("page.css")


def document(title: str, head: str, body: str, foot: str, maker: str = "elman-paper") -> str:
    """A whole page, with the name of the command that makes it; head, body and foot are HTML."""
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
{_mark(maker)}
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<link rel="icon" href="data:,">
<style>
{_STYLE.read_text(encoding="utf-8")}</style>
</head>
<body>
<header>
<h1>{escape(title)}</h1>
{head}</header>
<main>
{body}</main>
<footer>
{foot}</footer>
</body>
</html>
"""


def is_made_by(maker: str, page: bytes) -> bool:
    """Whether a command of ours made a page, so that it may replace it."""
    return _mark(maker).encode() in page[:1000]


def _mark(maker: str) -> str:
    return f'<meta name="generator" content="{maker}">'


def figure(png: bytes, text: str) -> str:
    """A PNG with its caption, which is also its text for readers who do not see it."""
    width, height = struct.unpack(">II", png[16:24])
    return (
        f'<figure><img src="{_data("image/png", png)}" width="{width}" height="{height}" alt="{escape(text)}">'
        f'<figcaption aria-hidden="true">{escape(text)}</figcaption></figure>\n'
    )


def table(frame: pd.DataFrame, text: str) -> str:
    """A frame with its caption; wide ones scroll by themselves."""
    head = "".join(f'<th scope="col">{escape(str(name))}</th>' for name in frame)
    rows = "".join(
        f"<tr>{''.join(f'<td>{escape(str(cell))}</td>' for cell in row)}</tr>\n"
        for row in frame.itertuples(index=False, name=None)
    )
    return (
        f'<div class="scroll"><table class="data"><caption>{escape(text)}</caption>'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}</tbody></table></div>\n"
    )


def download(frame: pd.DataFrame, name: str) -> str:
    """A link that saves a frame, which is inside the page, as a CSV file."""
    csv = frame.to_csv(index=False, lineterminator="\n").encode()
    return f'<a class="csv" download="{escape(name)}.csv" href="{_data("text/csv", csv)}">Numbers as CSV</a>'


def _data(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{b64encode(content).decode()}"


def share(value: float) -> str:
    """A share with two decimals and no leading zero."""
    return f"{value:.2f}".removeprefix("0")


def strip(values: pd.Series, bound: float, rule: str) -> str:
    """Each network as a dot over an axis, and the bound of a rule; nothing if no number exists."""
    known = values.dropna()
    if known.empty:
        return ""
    ticks = _ticks(min(known.min(), bound), max(known.max(), bound))
    low, high = ticks[0], ticks[-1]
    width, edge, size = 320, 24, 9.5  # of the picture, at its ends, and of a dot

    def x(value: float) -> float:
        return round(edge + (value - low) / (high - low) * (width - 2 * edge), 1)

    ends: list[float] = []  # where the dots of each level end
    dots = []
    for value in sorted(map(x, known)):
        level = next((level for level, end in enumerate(ends) if value >= end), len(ends))
        ends[level : level + 1] = [value + size]
        dots.append((value, level))
    rise = min(size, 60 / len(ends))  # from one level to the next
    line = round(30 + rise * (len(ends) - 1), 1)
    circles = "".join(f'<circle cx="{at}" cy="{round(line - 7 - rise * level, 1)}" r="4.5"/>' for at, level in dots)
    axis = "".join(
        f'<line x1="{x(tick)}" y1="{line}" x2="{x(tick)}" y2="{line + 4}"/>'
        f'<text x="{x(tick)}" y="{line + 14}" text-anchor="middle">{tick:g}</text>'
        for tick in ticks
    )
    at = x(bound)
    anchor = "start" if at < width / 3 else "end" if at > 2 * width / 3 else "middle"
    label = f"One dot a network, from {known.min():.3g} to {known.max():.3g}; the rule is {rule}."
    return (
        f'<svg viewBox="0 0 {width} {line + 18}" role="img" aria-label="{escape(label)}">'
        f'<line x1="{edge - 8}" y1="{line}" x2="{width - edge + 8}" y2="{line}"/>{axis}'
        f'<line class="bound" x1="{at}" y1="12" x2="{at}" y2="{line}"/>'
        f'<text class="rule" x="{at}" y="9" text-anchor="{anchor}">{escape(rule)}</text>{circles}</svg>\n'
    )


def _ticks(low: float, high: float) -> list[float]:
    """Round numbers from below the lowest to above the highest; the axis reaches from the first to the last."""
    if low == high:  # in the middle
        low, high = low - 1, high + 1
    return [float(f"{tick:.10g}") for tick in MaxNLocator(nbins=5, steps=[1, 2, 5, 10]).tick_values(low, high)]
