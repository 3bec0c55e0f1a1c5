"""A comparison for a reader: a table of 80 columns, or of all there is, and what its columns mean; also as HTML."""

import textwrap
from collections.abc import Sequence
from html import escape
from typing import NamedTuple

import pandas as pd

from elman.comparison import Comparison
from elman.condition_names import format_value
from elman.report_values import text

WIDTH = 80
_ROWS = 8  # of a table in the short form
_NOTES = 4


class _Column(NamedTuple):
    """A column of the printed table."""

    head: str
    cells: list[str]
    rank: int
    """Where there is no room for all, those of the lowest rank stand."""


def describe(comparison: Comparison, *, wide: bool = False) -> str:
    """The table with an explanation of its columns, and notes on the runs.

    Args:
        comparison: with one row or more.
        wide: whether all columns are shown, also where they take more than 80 letters a line.
    """
    frame, left_out, numbered = _frame(comparison, wide=wide)
    parts = [*_letters(comparison), *_explained(comparison, frame)]
    if left_out:
        parts.append(f"--wide shows also {', '.join(left_out)}")
    lines = [text(frame), *numbered, "", *map(_wrapped, parts)]
    return "\n".join([*lines, *comparison.notes])


def shown_table(comparison: Comparison) -> pd.DataFrame:
    """The table with all columns, as texts."""
    return _frame(comparison, wide=True)[0]


def explain(comparison: Comparison) -> list[str]:
    """What all columns mean, and notes on the runs, a paragraph each."""
    return [*_letters(comparison), *_explained(comparison, shown_table(comparison)), *comparison.notes]


def as_text(comparison: Comparison) -> str:
    """At most 15 lines: the first rows of the table, and notes cut short."""
    frame, _, numbered = _frame(comparison)
    more = len(frame) - _ROWS
    lines = [_headline(comparison), text(frame.head(_ROWS)), *([f"and {more} more rows in .table"] if more > 0 else [])]
    notes = [line for part in (*numbered, *_letters(comparison), *comparison.notes) for line in part.splitlines()]
    return "\n".join([*lines, *(textwrap.shorten(note, WIDTH, placeholder=" ...") for note in notes[:_NOTES])])


def as_html(comparison: Comparison) -> str:
    """The table with an explanation of its columns and the notes, for a notebook."""
    headline = f"<p><strong>{escape(_headline(comparison))}</strong></p>"
    explained = "".join(f"<p>{escape(part)}</p>" for part in explain(comparison))
    return headline + shown_table(comparison).to_html(index=False, border=0) + explained


def _headline(comparison: Comparison) -> str:
    tasks = dict.fromkeys(group.task for group in comparison.groups)
    networks, rows = int(comparison.table["networks"].sum()), len(comparison.groups)
    return f"{', '.join(tasks)}: {rows} row{'s' * (rows > 1)}, {networks} network{'s' * (networks > 1)}"


def _frame(comparison: Comparison, *, wide: bool = False) -> tuple[pd.DataFrame, list[str], list[str]]:
    """The table as text, the columns that there was no room for, and the settings of rows that stand below it."""
    keys = _keys(comparison)
    measures = _measures(comparison, wide=wide)
    needed = [column for column in measures if column.rank == 0]
    if numbered := [] if wide or _width([*keys, *needed]) <= WIDTH else _numbered(comparison):
        keys = [_Column("row", [str(number) for number in range(1, len(comparison.groups) + 1)], 0)]
    chosen = measures if wide else needed
    for column in () if wide else sorted(measures[:], key=lambda column: column.rank):
        if column.rank and _width([*keys, *chosen, column]) <= WIDTH:
            chosen.append(column)
    shown = [column for column in measures if column in chosen]
    frame = pd.DataFrame({column.head: column.cells for column in [*keys, *shown]})
    return frame, [column.head for column in measures if column not in chosen], numbered


def _width(columns: Sequence[_Column]) -> int:
    return sum(max(len(column.head), *map(len, column.cells)) + 1 for column in columns) - 1


def _keys(comparison: Comparison) -> list[_Column]:
    """The settings that tell the rows apart."""
    names = comparison.names
    return [
        _Column(key, [names.value(key, group.values[key]) for group in comparison.groups], 0)
        for key in comparison.groups[0].values
    ]


def _numbered(comparison: Comparison) -> list[str]:
    """The settings of each row, in lines of their own."""
    every = comparison.groups[0].values
    return [
        _wrapped(f"row {number}: {comparison.names.name(group, list(every), with_keys=True)}", "    ")
        for number, group in enumerate(comparison.groups, 1)
    ]


def _letters(comparison: Comparison) -> list[str]:
    """What the letters that stand for long values mean."""
    return [
        f"{name}: {key}={format_value(value, WIDTH - len(name) - len(key) - 3)}"
        for key, values in comparison.names.lettered.items()
        for name, value in values.items()
    ]


def _measures(comparison: Comparison, *, wide: bool) -> list[_Column]:
    """What is shown of each group, in the order of the columns."""
    table, columns = comparison.table, list[_Column]()
    is_learned = bool(table["success_rate"].notna().any())
    spread = ("_q25", "_q75") if wide else ()

    def add(head: str, name: str, form: str, rank: int, ends: Sequence[str] = (), sign: str = "") -> None:
        if table[name].notna().any() or f"{name}_never" in table:
            cells = [_cell(row, name, form, ends, sign) for _, row in table.iterrows()]
            columns.append(_Column(head, cells, rank))

    def add_difference(head: str, name: str, form: str, rank: int) -> None:
        add(head, f"{name}_difference", form, rank, ("_low", "_high"), "+")
        if columns and columns[-1].head == head:
            cells = zip(columns[-1].cells, comparison.references, strict=True)
            is_reference = {other for other in comparison.references if other is not None}
            columns[-1].cells[:] = [
                "reference" if number in is_reference and other is None else cell if other is not None else ""
                for number, (cell, other) in enumerate(cells)
            ]

    columns.append(_Column("n", [str(networks) for networks in table["networks"]], 0))
    add("learned (95 %)", "success_rate", ".2f", 0, ("_low", "_high"))
    add_difference("difference (95 %)", "success_rate", ".2f", 0)
    add("better", "superiority", ".2f", 2)
    if better := [column for column in columns if column.head == "better"]:
        better[0].cells[:] = ["" if cell == "unknown" else cell for cell in better[0].cells]
    add("error rate", "predictable_error_rate", ".3f", 3, spread)
    if wide:
        add_difference("error rate difference (95 %)", "predictable_error_rate", ".3f", 0)
    add("test MSE", "test_mse", ".4f", 4 if is_learned else 0, spread)
    if wide or not is_learned:
        add_difference("MSE difference (95 %)", "test_mse", ".4f", 0)
    add("best possible", "test_floor_mse", ".4f", 6)
    if is_learned:
        add("learned at", "success_epoch", ".0f", 5, spread)
    add("final loss", "final_loss", ".4f", 7, spread)
    add("takeoff", "takeoff_epoch", ".0f", 8, spread)
    return columns


def _cell(row: pd.Series, name: str, form: str, ends: Sequence[str], sign: str) -> str:
    def one(key: str) -> str:
        if pd.notna(row[key]):
            return number(row[key], sign + form)
        return "never" if pd.notna(row.get(f"{name}_never")) else "unknown"

    cells = [one(name + end) for end in ("", *ends)]
    share = row.get(f"{name}_never", 0)
    never = f"{share:.0%} never" if 0 < share < 1 else "never" if share >= 1 else ""
    if set(cells) == {"never"}:
        return never
    spread = f" ({cells[1]} to {cells[2]})" if ends and "unknown" not in cells and row["networks"] > 1 else ""
    return cells[0] + spread + (f", {never}" if never else "")


def number(value: float, form: str) -> str:
    """A number without the zero before its point, and without a sign where it is shown as zero."""
    shown = format(value, form)
    if not shown.strip("+-0."):
        return shown.lstrip("+-").replace("0.", ".", 1) if "." in shown else shown.lstrip("+-")
    return shown.replace("0.", ".", 1) if shown.lstrip("+-").startswith("0.") else shown


def _explained(comparison: Comparison, frame: pd.DataFrame) -> list[str]:
    """What the columns mean, in sentences."""
    success = f"the share of the n networks with at most {comparison.success:g} of the predictable steps wrong"
    parts = [f"learned: {success} (Wilson's interval)"] if "learned (95 %)" in frame else []
    if "learned at" in frame:
        parts.append("learned at: the first tested epoch with so few")
    if any(other is not None for other in comparison.references):
        parts += _of_differences(comparison, frame)
    brackets = any(" to " in cell for name in frame if "(95 %)" not in name for cell in frame[name].astype(str))
    parts.append("the rest: medians" + ", with quartiles in brackets" * brackets)
    return parts


def _of_differences(comparison: Comparison, frame: pd.DataFrame) -> list[str]:
    """What the columns mean that hold rows against a reference."""
    held = {other for other in comparison.references if other is not None}
    if len(held) == 1:
        reference = comparison.groups[held.pop()]
        named = comparison.names.name(reference, list(reference.values), with_keys=True) or "the first row"
    else:
        named = "the reference of each row"
    paired = comparison.table["paired"].dropna()
    pairs = ", paired" if paired.all() else ", some paired" if paired.any() else ""
    shares = [f"difference: from {named}{pairs} (Newcombe's interval)"] if "difference (95 %)" in frame else []
    medians = [name for name in frame if name.endswith("difference (95 %)")][len(shares) :]
    parts = shares + [f"{name.partition(' (')[0]}: from {named}{pairs} (bootstrap interval)" for name in medians]
    if "better" in frame:
        parts.append("better: the probability of fewer errors than a network of the reference; equal ones count half")
    if pairs:
        parts.append("paired: networks with the same training stream and initial weights")
    return parts


def _wrapped(part: str, indent: str = "  ") -> str:
    return textwrap.fill(part, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
