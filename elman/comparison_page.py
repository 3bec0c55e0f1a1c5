"""The page of a comparison: its table and figure, what was swept, and links to the runs, as one HTML file."""

import os
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

from elman import run_json
from elman.comparison import Comparison, value_order
from elman.comparison_text import explain, shown_table
from elman.condition_names import format_value
from elman.defaults import differences
from elman.paper import html
from elman.progress import duration
from elman.runs import Run

MAKER = "elman-compare"
_LINKED = 500  # runs, at most
_LONGEST = 60  # letters of a value


def page(comparison: Comparison, figure: bytes, place: Path) -> str:
    """The whole page.

    Args:
        comparison: with one row or more.
        figure: the figure of the comparison, as PNG.
        place: the directory that the page is written into; links to runs start there.
    """
    keys, runs = list(comparison.groups[0].values), comparison.runs
    networks, tasks = int(comparison.table["networks"].sum()), dict.fromkeys(group.task for group in comparison.groups)
    rows = len(comparison.groups)
    by = [key for key in keys if key != "task.name"]
    title = f"{', '.join(tasks)}{' by ' + ', '.join(by) if by else ''}"
    count = f"{rows} setting{'s' * (rows > 1)}, {networks} network{'s' * (networks > 1)}"
    explained = "".join(f"<p>{escape(part)}</p>\n" for part in explain(comparison))
    alike = _alike(runs, keys)
    same = f"<h3>The same in all runs</h3>\n{alike}" if alike else ""
    return html.document(
        title if len(title) <= 2 * _LONGEST else f"{', '.join(tasks)}: {rows} settings",
        f"<p>{count}.</p>\n",
        f'<div class="wide">{html.table(shown_table(comparison), "Each row is one setting.")}</div>{explained}'
        f'<div class="scroll wide">{html.figure(figure, "How networks learned and what they err on.")}</div>\n'
        f"<section>\n<h2>What was compared</h2>\n{_swept(comparison, keys)}{same}</section>\n"
        f"{_links(runs, keys, place)}",
        f"<p>Made from the files of the runs alone{escape(_makers(runs))}. The numbers of the table are in "
        '<a href="comparison.csv">comparison.csv</a>.</p>\n',
        MAKER,
    )


def _swept(comparison: Comparison, keys: Sequence[str]) -> str:
    """The settings that tell the rows apart, with their values."""
    if not keys:
        return "<p>All runs have the same settings.</p>\n"
    values = {
        key: dict.fromkeys(format_value(group.values[key], _LONGEST) for group in comparison.groups) for key in keys
    }
    return _terms({key: ", ".join(each) for key, each in values.items()})


def _alike(runs: Sequence[Run], keys: Sequence[str]) -> str:
    """The settings that all runs have and that are not the defaults of their task."""
    chosen = [{key: value for key, (value, _) in differences(_values(run)).items()} for run in runs]
    first = chosen[0] if chosen else {}
    same = {
        key: format_value(value, _LONGEST)
        for key, value in first.items()
        if key not in ("figures", "task.kind", *keys) and all(one.get(key) == value for one in chosen)
    }
    return _terms(same) if same else ""


def _values(run: Run) -> dict[str, Any]:
    """The settings of a run by their full keys; lists and mappings are single values."""
    settings = run.entry["settings"]
    return {f"task.{key}": value for key, value in settings["task"].items()} | {
        key: value for key, value in settings.items() if key != "task"
    }


def _terms(values: Mapping[str, str]) -> str:
    pairs = "".join(f"<dt>{escape(key)}</dt><dd>{escape(value)}</dd>\n" for key, value in values.items())
    return f"<dl>\n{pairs}</dl>\n"


def _links(runs: Sequence[Run], keys: Sequence[str], place: Path) -> str:
    """A table of the runs with their settings, status and time; each name leads to a directory."""
    rows, names = [], list(dict.fromkeys([*keys, "seed"]))
    for run in sorted(runs, key=lambda run: [value_order(_values(run).get(key)) for key in names])[:_LINKED]:
        values, seconds = _values(run), run.entry.get("seconds", {}).get("total")
        cells = [format_value(values.get(key), _LONGEST) for key in names]
        cells += [str(run.entry["status"]), "" if seconds is None else duration(float(seconds))]
        path = Path(os.path.relpath(run.directory, place)).as_posix()
        link = f'<a href="{escape(quote(path))}/">{escape(path)}</a>'
        rows.append(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}<td>{link}</td></tr>\n")
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in (*names, "status", "time", "directory"))
    more = f"<p>and {len(runs) - _LINKED} more</p>\n" if len(runs) > _LINKED else ""
    table = f'<table class="data"><thead><tr>{head}</tr></thead>\n<tbody>\n{"".join(rows)}</tbody></table>'
    return f'<section>\n<h2>Runs</h2>\n<div class="scroll wide">{table}</div>\n{more}</section>\n'


def _makers(runs: Sequence[Run]) -> str:
    makers = dict.fromkeys(map(run_json.maker, (run.entry for run in runs)))
    return f", which were made by {', '.join(makers)}" if makers else ""
