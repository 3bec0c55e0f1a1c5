"""The page: what was claimed and what was measured, as one HTML file that needs nothing else."""

import struct
from base64 import b64encode
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from elman import run_json
from elman.paper.claims import HOLDS, IN_PART, Claim, Section, Verdict

# A class of page.css and a mark.
_BADGES: dict[Verdict, tuple[str, str]] = {
    "holds": ("holds", "✓"),
    "holds in part": ("part", "≈"),
    "does not hold": ("not", "✗"),
    "not measured": ("soft", "–"),
}
_TREES = {"clusters", "occurrences"}  # figures of network 1, which may not be as most networks are
_STYLE = Path(__file__).with_name("page.css")


class Measured(NamedTuple):
    """A section with what was measured for its claims."""

    section: Section
    run: Path
    """The directory of the run that it is about."""
    values: tuple[pd.Series, ...]
    """For each claim one number a network."""


def page(measured: Sequence[Measured]) -> str:
    """The whole page."""
    of = run_json.read(measured[0].run)
    networks, versions = of["settings"]["replicates"], of["versions"]
    several = f"{networks} networks" if networks > 1 else "one network"
    ended = max(str(run_json.read(one.run)["end"]) for one in measured)[:16].replace("T", " ")
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Finding Structure in Time, run again</title>
<link rel="icon" href="data:,">
<style>
{_STYLE.read_text(encoding="utf-8")}</style>
</head>
<body>
<header>
<h1>Finding Structure in Time, run again</h1>
<p>The experiments of Jeffrey Elman's paper (Cognitive Science 14, 1990, 179&ndash;211), figure by figure: what it
claims, in our words, and what {several} an experiment measured, each with initial weights and a stream of its own. A
claim <strong>holds</strong> if at least {HOLDS:.0%} of the networks keep the rule that stands beside it, <strong>holds
in part</strong> if at least {IN_PART:.0%} do, and otherwise <strong>does not hold</strong>. The rules are ours.</p>
</header>
<main>
{_overview(measured)}
{"".join(_section(number, one) for number, one in enumerate(measured))}
</main>
<footer>
<p>Made by elman {escape(versions["elman"])} with NumPy {escape(versions["numpy"])}, from the files of the runs alone;
the last of them ended {escape(ended)}. What the paper does not state (learning rate, initial weights, the grammar of
Figure 6, parts of the lexicon of Figure 7) is our choice, and labelled so in conf/experiment and conf/task.</p>
</footer>
</body>
</html>
"""


def _overview(measured: Sequence[Measured]) -> str:
    groups = []
    for number, one in enumerate(measured):
        rows = "".join(
            f"<tr><td>{escape(claim.text)}</td><td>{_badge(claim.verdict(values))}</td></tr>\n"
            for claim, values in zip(one.section.claims, one.values, strict=True)
        )
        title = f'<a href="#{_id(number)}">{escape(one.section.title)}</a>'
        groups.append(f'<tbody>\n<tr><th scope="rowgroup" colspan="2">{title}</th></tr>\n{rows}</tbody>\n')
    head = '<thead><tr><th scope="col">Claim</th><th scope="col">Verdict</th></tr></thead>'
    return f"<table>\n{head}\n{''.join(groups)}</table>"


def _id(number: int) -> str:
    return f"section-{number + 1}"


def _badge(verdict: Verdict) -> str:
    kind, mark = _BADGES[verdict]
    return f'<span class="verdict {kind}">{mark} {verdict}</span>'


def _section(number: int, one: Measured) -> str:
    section, entry = one.section, run_json.read(one.run)
    drawn = any(name in _TREES for name, _ in section.figures)
    figures = "".join(
        _figure(one.run, name, text + (_of_network_1(one) if name in _TREES else "")) for name, text in section.figures
    )
    claims = "".join(_claim(claim, values, drawn) for claim, values in zip(section.claims, one.values, strict=True))
    source = Path(entry["settings"]["weights_from"] or "")
    beside = source.parent == one.run.parent  # its path says nothing to whom the page is sent
    overrides = [
        f"weights_from={source.name}" if beside and override.startswith("weights_from=") else override
        for override in entry["overrides"]
    ]
    command, where = " ".join(["elman", *overrides]), " beside this page" if beside else ""
    return f"""<section id="{_id(number)}" aria-labelledby="{_id(number)}-title">
<h2 id="{_id(number)}-title">{escape(section.title)}</h2>
<p>{escape(section.told)}</p>
<div class="body">
<div>{figures}</div>
<div>{claims}
<p class="command">Run as <code>{escape(command)}</code>{where} in {entry["seconds"]["total"]:.0f} s.</p>
</div>
</div>
</section>
"""


def _of_network_1(one: Measured) -> str:
    """The end of a caption: how many of the claims beside it the network bears out that is drawn."""
    kept = [
        bool(claim.kept(values).iloc[0])
        for claim, values in zip(one.section.claims, one.values, strict=True)
        if len(values) > 1
    ]
    networks = max(map(len, one.values))
    if not kept:
        return ""
    several = f"keeps {sum(kept)} of the {len(kept)} rules"
    how = several if len(kept) > 1 else "keeps the rule" if kept[0] else "breaks the rule"
    return f" Network 1 of {networks}; it {how} beside."


def _figure(run: Path, name: str, text: str) -> str:
    path = run / "figures" / f"{name}.png"
    if not path.exists():
        return f"<p>This run did not draw {escape(name)}.</p>"
    image = path.read_bytes()
    width, height = struct.unpack(">II", image[16:24])
    source = f"data:image/png;base64,{b64encode(image).decode()}"
    return (
        f'<figure><img src="{source}" width="{width}" height="{height}" alt="{escape(text)}">'
        f'<figcaption aria-hidden="true">{escape(text)}</figcaption></figure>\n'
    )


def _claim(claim: Claim, values: pd.Series, drawn: bool) -> str:
    form = f".{claim.decimals}f"
    measured = f"{values.median():{form}}" if len(values) else "nothing: the settings of this run leave it out"
    if len(values) > 1:
        measured = f"median {measured} ({values.min():{form}} to {values.max():{form}})"
    kept = claim.kept(values)
    by = f": kept by {kept.sum()} of {len(kept)} network{'s' if len(kept) > 1 else ''}" if len(kept) else ""
    if drawn and len(kept) > 1:
        by += ", network 1 among them" if kept.iloc[0] else ", not by network 1"
    printed = f"<dt>Paper</dt><dd>{escape(claim.printed)}</dd>\n" if claim.printed else ""
    return f"""<article class="claim">
<h3>{escape(claim.text)}</h3>
{_badge(claim.verdict(values))}
<dl>
<dt>Measure</dt><dd>{escape(claim.measure)}</dd>
<dt>Measured</dt><dd>{measured}</dd>
{printed}<dt>Rule</dt><dd>{escape(claim.rule)}{by}</dd>
</dl>
{_strip(claim, values)}
</article>
"""


def _strip(claim: Claim, values: pd.Series) -> str:
    """Each network as a dot on a line, and the rule's bound."""
    known = values.dropna()
    if known.empty:
        return ""
    low, high = min(known.min(), claim.bound), max(known.max(), claim.bound)
    if low == high:  # in the middle
        low, high = low - 1, high + 1
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
    line = round(12 + rise * (len(ends) - 1), 1)
    circles = "".join(f'<circle cx="{at}" cy="{round(line - rise * level, 1)}" r="4.5"/>' for at, level in dots)
    bound = x(claim.bound)
    named = f'<text x="{bound}" y="{line + 24}" text-anchor="middle">{escape(claim.rule)}</text>'
    label = f"One dot a network, from {known.min():.3g} to {known.max():.3g}; the rule is {claim.rule}."
    return (
        f'<svg viewBox="0 0 {width} {line + 28}" role="img" aria-label="{escape(label)}">'
        f'<line x1="{edge - 8}" y1="{line}" x2="{width - edge + 8}" y2="{line}"/>'
        f'<line class="bound" x1="{bound}" y1="2" x2="{bound}" y2="{line + 12}"/>{circles}{named}</svg>'
    )
