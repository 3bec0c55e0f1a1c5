"""The page of a paper: what it claims and what was measured, as one HTML file that needs nothing else."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import NamedTuple

import pandas as pd

from elman import plots, run_json
from elman.condition_names import format_value
from elman.intervals import wilson
from elman.paper import html
from elman.paper.claims import HOLDS, IN_PART, Claim, LeftOut, Paper, Picture, Row, Run, Section, Table, Verdict, pick

# A class of page.css and a mark.
_BADGES: dict[Verdict, tuple[str, str]] = {
    "holds": ("holds", "✓"),
    "holds in part": ("part", "≈"),
    "does not hold": ("not", "✗"),
    "not measured": ("soft", "–"),
}
_TREES = {"clusters", "occurrences"}  # figures of network 1, which may not be as most networks are


class Measured(NamedTuple):
    """A section with what was measured for its claims."""

    section: Section
    runs: Sequence[Run]
    values: tuple[pd.Series, ...]
    """For each claim one number a network."""
    tried: Sequence[tuple[Run, tuple[pd.Series, ...]]]
    """The same for other values of settings that the paper does not state."""
    commands: Sequence[str]
    """Those that do the runs one by one."""
    seconds: float
    """Time that all runs took."""


def page(paper: Paper, measured: Sequence[Measured], command: str) -> str:
    """The whole page of a paper, which a command wrote."""
    entries = [run_json.read(run.directory) for one in measured for run in one.runs]
    networks, versions = entries[0]["settings"]["replicates"], entries[0]["versions"]
    several = f"{networks} networks" if networks > 1 else "one network"
    ended = max(str(entry["end"]) for entry in entries)[:16].replace("T", " ")
    sources = "".join(f"<p>{_source(source.text, source.link)}</p>\n" for source in paper.sources)
    return html.document(
        paper.title,
        f"""<p>{escape(paper.about)} Each experiment trained {several}, each with initial weights and a stream of its
own. A claim <strong>holds</strong> if at least {HOLDS:.0%} of the networks keep the rule that stands beside it,
<strong>holds in part</strong> if at least {IN_PART:.0%} do, and otherwise <strong>does not hold</strong>. The rules are
ours.</p>
{sources}""",
        f"{_overview(measured)}\n{''.join(_section(one) for one in measured)}",
        f"""<p>{escape(paper.ours)}</p>
<p>Made by elman {escape(versions["elman"])} with NumPy {escape(versions["numpy"])}, from the files of the runs alone,
with <code>{escape(command)}</code>; the last run ended {escape(ended)}.</p>
""",
    )


def index(pages: Mapping[str, tuple[Paper, Sequence[Measured]]]) -> str:
    """A page that links to the pages of several papers, by their addresses, and counts the verdicts of each."""
    rows = []
    for address, (paper, measured) in pages.items():
        verdicts = [claim.verdict(values) for one in measured for claim, values in _claims(one)]
        counts = "".join(f"<td>{verdicts.count(verdict)}</td>" for verdict in _BADGES)
        rows.append(f'<tr><th scope="row"><a href="{escape(address)}">{escape(paper.title)}</a></th>{counts}</tr>\n')
    head = "".join(f'<th scope="col">{_badge(verdict)}</th>' for verdict in _BADGES)
    return html.document(
        "Papers, run again",
        "<p>How many claims of each paper hold for the networks that were trained; each page has the claims.</p>\n",
        f'<div class="scroll"><table class="data"><thead><tr><th scope="col">Paper</th>{head}</tr></thead>\n'
        f"<tbody>\n{''.join(rows)}</tbody></table></div>\n",
        "",
    )


def verdicts(measured: Sequence[Measured]) -> pd.DataFrame:
    """A row a claim: its link, what is claimed, the rule, how many networks keep it, their share and the verdict."""
    return pd.DataFrame(
        {
            "claim": f"{one.section.key}-{claim.key}",
            "text": claim.text,
            "ours": claim.ours,
            "rule": claim.rule,
            "median": values.median(),
            "networks": len(values),
            "kept": int(claim.kept(values).sum()),
            "share": claim.kept(values).mean(),
            "verdict": claim.verdict(values),
        }
        for one in measured
        for claim, values in _claims(one)
    )


def _source(text: str, link: str) -> str:
    return f'{escape(text)} <a href="{escape(link)}">{escape(link)}</a>' if link else escape(text)


def _claims(one: Measured) -> list[tuple[Claim, pd.Series]]:
    return list(zip(one.section.claims, one.values, strict=True))


def _overview(measured: Sequence[Measured]) -> str:
    groups = []
    for one in measured:
        key = one.section.key
        rows = "".join(
            f'<tr><td><a href="#{key}-{claim.key}">{escape(claim.text)}</a></td>'
            f"<td>{_badge(claim.verdict(values))}</td><td>{_count(claim, values)}</td></tr>\n"
            for claim, values in _claims(one)
        )
        title = f'<a href="#{key}">{escape(one.section.title)}</a>'
        groups.append(f'<tbody>\n<tr><th scope="rowgroup" colspan="3">{title}</th></tr>\n{rows}</tbody>\n')
    head = '<thead><tr><th scope="col">Claim</th><th scope="col">Verdict</th><th scope="col">Networks</th></tr></thead>'
    return f'<table class="overview">\n{head}\n{"".join(groups)}</table>'


def _count(claim: Claim, values: pd.Series) -> str:
    return f"{claim.kept(values).sum()} of {len(values)}" if len(values) else ""


def _badge(verdict: Verdict) -> str:
    kind, mark = _BADGES[verdict]
    return f'<span class="verdict {kind}">{mark} {verdict}</span>'


def _section(one: Measured) -> str:
    section = one.section
    shown = "".join(_picture(picture, one) for picture in section.pictures) + _other_tree(one)
    tables = "".join(_table(table, one.runs) for table in section.tables)
    claims = "".join(_claim(section, number, one) for number in range(len(section.claims)))
    many = "".join(f"<li><code>{escape(command)}</code></li>\n" for command in one.commands)
    how = (
        f"<code>{escape(one.commands[0])}</code>"
        if len(one.commands) == 1
        else f"these commands:</p>\n<ol>{many}</ol><p>"
    )
    return f"""<section id="{section.key}" aria-labelledby="{section.key}-title">
<h2 id="{section.key}-title">{escape(section.title)}</h2>
<p>{escape(section.told)}</p>
<div class="body">
<div>{shown}{tables}</div>
<div>{claims}
<div class="command"><p>Run with {how} in {one.seconds:.0f} s.</p></div>
</div>
</div>
</section>
"""


def _picture(picture: Picture, one: Measured) -> str:
    """A figure that a run drew, or one of all runs."""
    if callable(picture.figure):
        try:
            with plots.style():
                drawn = picture.figure(one.runs)
            return html.figure(plots.render(drawn), picture.text)
        except LeftOut:
            return "<p>The settings of these runs leave a figure out.</p>\n"
    path = pick(one.runs, picture.where).directory / "figures" / f"{picture.figure}.png"
    if not path.exists():
        return f"<p>This run did not draw {escape(picture.figure)}.</p>\n"
    of_network_1 = _of_network_1(one.section.claims, one.values) if picture.figure in _TREES else ""
    return html.figure(path.read_bytes(), picture.text + of_network_1)


def _other_tree(one: Measured) -> str:
    """The tree of the run among those tried in which most claims hold, if more do than in the section's own."""

    def holding(values: Sequence[pd.Series]) -> tuple[int, float]:
        pairs = list(zip(one.section.claims, values, strict=True))
        return sum(claim.verdict(v) == "holds" for claim, v in pairs), sum(claim.kept(v).mean() for claim, v in pairs)

    trees = [picture for picture in one.section.pictures if picture.figure in _TREES]
    best = max(one.tried, key=lambda pair: holding(pair[1]), default=None)
    if not trees or best is None or holding(best[1]) <= holding(one.values):
        return ""
    run, values = best
    drawn = plots.figure(plots.from_directory(run.directory), str(trees[0].figure))
    if drawn is None:
        return ""
    text = f"The same with {_row(run.row)}, where {holding(values)[0]} of the {len(values)} claims hold."
    return html.figure(plots.render(drawn), text + _of_network_1(one.section.claims, values))


def _of_network_1(claims: Sequence[Claim], values: Sequence[pd.Series]) -> str:
    """The end of a caption: how many of the claims beside it the network bears out that is drawn."""
    kept = [bool(claim.kept(each).iloc[0]) for claim, each in zip(claims, values, strict=True) if len(each) > 1]
    networks = max(map(len, values))
    if not kept:
        return ""
    several = f"keeps {sum(kept)} of the {len(kept)} rules"
    how = several if len(kept) > 1 else "keeps the rule" if kept[0] else "breaks the rule"
    return f" Network 1 of {networks}; it {how} beside."


def _table(table: Table, runs: Sequence[Run]) -> str:
    try:
        return html.table(table.rows(runs), table.text)
    except LeftOut:
        return "<p>The settings of these runs leave a table out.</p>\n"


def _row(row: Row) -> str:
    """What tells a run from others, in words."""
    return " and ".join(f"{key} {format_value(value)}" for key, value in row.items())


def _claim(section: Section, number: int, one: Measured) -> str:
    claim, values = section.claims[number], one.values[number]
    name = f"{section.key}-{claim.key}"
    drawn = any(picture.figure in _TREES for picture in section.pictures)
    numbers = html.download(values.rename("value").rename_axis("replicate").reset_index(), name) if len(values) else ""
    return f"""<article class="claim" id="{name}">
<h3>{escape(claim.text)} <a class="anchor" href="#{name}" aria-label="Link to this claim">#</a></h3>
{_badge(claim.verdict(values))}{' <span class="soft">(the claim is ours)</span>' if claim.ours else ""}
<dl>
{"".join(f"<dt>{term}</dt><dd>{escape(text)}</dd>{chr(10)}" for term, text in _terms(claim, values, drawn))}</dl>
{html.strip(values, claim.bound, claim.rule)}{numbers}
{_tried(claim, [(run.row, each[number]) for run, each in one.tried])}</article>
"""


def _terms(claim: Claim, values: pd.Series, drawn: bool) -> list[tuple[str, str]]:
    """What was measured and by which rule."""
    form = f".{claim.decimals}f"
    measured = f"{values.median():{form}}" if len(values) else "nothing: the settings of this run leave it out"
    if len(values) > 1:
        measured = f"median {measured} ({values.min():{form}} to {values.max():{form}})"
    terms = [("Measure", claim.measure)]
    if claim.where:
        terms.append(("Networks", f"with {_row(claim.where)}"))
    if claim.against:
        terms.append(("Minus", f"the same with {_row(claim.against)}"))
    terms.append(("Measured", measured))
    if claim.printed:
        terms.append(("Paper", claim.printed))
    return [*terms, ("Rule", f"{claim.rule}{_kept(claim, values, drawn)}")]


def _kept(claim: Claim, values: pd.Series, drawn: bool) -> str:
    """By how many networks the rule is kept: their share with its interval."""
    if values.empty:
        return ""
    kept = claim.kept(values)
    n = len(kept)
    if n == 1:
        return f": kept by {kept.sum()} of 1 network"
    low, high = wilson(int(kept.sum()), n)
    network_1 = ("; network 1 keeps it" if kept.iloc[0] else "; network 1 does not") if drawn else ""
    interval = f"{html.share(kept.mean())} (95 % interval {html.share(low)} to {html.share(high)})"
    return f": kept by {kept.sum()} of {n} networks, {interval}{network_1}"


def _tried(claim: Claim, tried: Sequence[tuple[Row, pd.Series]]) -> str:
    """Where the claim holds, over values of settings that the paper does not state."""
    if not tried:
        return ""
    frame = pd.DataFrame(
        {**{key: format_value(value) for key, value in row.items()}, "verdict": _short(claim, values)}
        for row, values in tried
    )
    holding = [_row(row) for row, values in tried if claim.verdict(values) == "holds"]
    where = f"holds with {', '.join(holding)}" if 0 < len(holding) < len(tried) else ""
    where = where or (f"holds with all {len(tried)}" if holding else "holds with none of them")
    return html.table(frame, f"Settings that the paper does not state: the claim {where}.")


def _short(claim: Claim, values: pd.Series) -> str:
    """A verdict and the share of networks that keep the rule."""
    verdict = claim.verdict(values)
    return f"{_BADGES[verdict][1]} {verdict}" + (f", {html.share(claim.kept(values).mean())}" if len(values) else "")
