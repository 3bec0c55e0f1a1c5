import re
import sys
from html.parser import HTMLParser
from pathlib import Path

import browser
import numpy as np
import pandas as pd
import pytest
from filelock import FileLock

from elman import paper
from elman.config import BadSetting
from elman.paper.claims import SECTIONS, Claim
from elman.paper.page import Measured
from elman.paper.page import page as write_page

SHORT = ("replicates=2", "task.length=200", "task.test_length=400", "hidden_size=4", "epochs=2", "record_steps=100")
needs_browser = pytest.mark.skipif(not browser.COMMAND, reason=f"no browser: none of {', '.join(browser.NAMES)} found")


@pytest.fixture(scope="module")
def page(tmp_path_factory, testrun_uid):
    """(text, path) of the page of short runs, which the processes that run these tests share."""
    directory = (
        tmp_path_factory.getbasetemp().parent / f"the \\paper's, ({testrun_uid})\\"
    )  # a path that Hydra must be told with quotes
    with FileLock(f"{directory}.lock"):
        path = paper.reproduce(directory, SHORT)
    return path.read_text(), path


def claim(relation, bound):
    return Claim("text", "measure", lambda run: pd.Series(), relation, bound)


@pytest.mark.parametrize(
    ("values", "verdict"),
    [
        ([2] * 10, "holds"),
        ([2] * 8 + [1] * 2, "holds"),
        ([2] * 7 + [1] * 3, "holds in part"),
        ([2] * 2 + [1] * 8, "holds in part"),
        ([2] + [1] * 9, "does not hold"),
        ([np.nan] * 10, "does not hold"),
    ],
)
def test_a_claim_holds_by_the_share_of_networks_that_keep_its_rule(values, verdict):
    assert claim("at least", 2).verdict(pd.Series(values)) == verdict


@pytest.mark.parametrize(
    ("relation", "kept"),
    [
        ("at least", [False, True, True]),
        ("above", [False, False, True]),
        ("at most", [True, True, False]),
        ("below", [True, False, False]),
    ],
)
def test_rules_differ_at_their_bound(relation, kept):
    assert claim(relation, 2).kept(pd.Series([1, 2, 3])).tolist() == kept


def test_the_exclusive_or_rule_is_found_in_answers_that_follow_it(tmp_path):
    """One network answers the exclusive-or of the last two bits at every step, the other its opposite."""
    bits = np.random.default_rng(1).integers(2, size=60)
    said = np.append(0, bits[1:] ^ bits[:-1])
    steps = pd.DataFrame({"step": range(60), "input": bits, "position": np.resize(["bit 2", "xor", "bit 1"], 60)})
    rows = [steps.assign(replicate=r, output=abs(said - r) * 0.6 + 0.2) for r in (0, 1)]
    pd.concat(rows).to_csv(tmp_path / "predictions.csv")
    (values,) = [c.values for s in SECTIONS for c in s.claims if "exclusive-or rule" in c.text]
    assert values(tmp_path).tolist() == [1, 0]


def test_the_spread_of_occurrences_is_told_in_distances_of_their_words(tmp_path):
    """boy lies at -1 on the first unit and girl at 1, and each occurrence 3 beside them on the second."""
    rows = [("boy", -1, 3), ("boy", -1, -3), ("girl", 1, 3), ("girl", 1, -3)]
    frame = pd.DataFrame(rows, columns=["symbol", "unit_1", "unit_2"]).assign(replicate=0, network="trained")
    frame.to_csv(tmp_path / "occurrences.csv")
    (values,) = [c.values for s in SECTIONS for c in s.claims if "differ by their context" in c.text]
    assert values(tmp_path).tolist() == [3]


def test_a_claim_about_what_a_run_has_left_out_is_not_measured(tmp_path):
    pd.DataFrame(columns=["replicate", "input", "output", "position"]).to_csv(tmp_path / "predictions.csv")
    for section in SECTIONS:
        for one in section.claims:
            values = one.measured(tmp_path)
            assert values.empty
            assert one.verdict(values) == "not measured"


def test_a_damaged_table_is_not_taken_for_one_that_was_left_out(tmp_path):
    (tmp_path / "cycle_errors.csv").write_text("replicate,step,position\n0,0,xor\n")
    with pytest.raises(KeyError, match="mse"):
        SECTIONS[0].claims[0].measured(tmp_path)


def test_a_page_tells_of_no_networks_where_a_claim_is_not_measured(page, tmp_path):
    _, path = page
    run = path.parent / "figure3"
    text = write_page([Measured(SECTIONS[0], run, (pd.Series(dtype=float),) * 2)])
    assert text.count("not measured</span>") == 4
    assert "kept by" not in text


def test_runs_are_found_again_however_their_directory_is_written(page, monkeypatch):
    _, path = page
    monkeypatch.chdir(path.parent.parent)
    lines = []
    paper.reproduce(Path(path.parent.name), SHORT, say=lines.append)
    assert sum("finished before" in line for line in lines) == len(list(path.parent.glob("*/run.json")))


def test_the_page_has_every_section_with_its_claims_verdicts_and_pictures(page):
    text, _ = page
    for section in SECTIONS:
        assert f"{section.title}</h2>" in text
        for one in section.claims:
            assert text.count(one.text) == 2  # in the table and in its section
    assert text.count("data:image/png;base64,") == sum(len(section.figures) for section in SECTIONS)
    assert len(re.findall(r'class="verdict', text)) == 2 * sum(len(section.claims) for section in SECTIONS)
    assert not re.search(r'(src|href)="(?!data:|#)', text)


def test_verdicts_are_those_of_the_runs(page):
    text, path = page
    for section in SECTIONS:
        directory = path.parent / {"figure5": "figure4", "figure9": "figure7"}.get(
            section.experiment, section.experiment
        )
        for one in section.claims:
            values = one.values(directory)
            assert len(values) == 2
            article = re.search(re.escape(f"<h3>{one.text}</h3>") + "(.*?)</article>", text, flags=re.DOTALL)[1]
            assert f"{one.verdict(values)}</span>" in article
            assert f"kept by {one.kept(values).sum()} of 2 networks" in article


def test_every_element_of_the_page_is_closed_and_every_link_leads_somewhere(page):
    text, _ = page
    opened, ids, links = [], [], []

    class Reader(HTMLParser):
        def handle_starttag(self, tag, attributes):
            given = dict(attributes)
            ids.append(given.get("id"))
            links.append(given.get("href", "")[1:] if tag == "a" else None)
            assert tag != "img" or given["alt"]
            if tag not in ("meta", "link", "img", "circle", "line"):
                opened.append(tag)

        def handle_endtag(self, tag):
            if tag not in ("circle", "line"):
                assert opened.pop() == tag

    Reader().feed(text)
    assert not opened
    assert set(filter(None, links)) <= set(ids)


def test_finished_experiments_are_not_run_again(page):
    text, path = page
    lines = []
    before = {run: run.stat().st_mtime_ns for run in path.parent.glob("*/run.json")}
    assert paper.reproduce(path.parent, SHORT, say=lines.append).read_text() == text
    assert {run: run.stat().st_mtime_ns for run in path.parent.glob("*/run.json")} == before
    assert sum("finished before" in line for line in lines) == len(before)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--networks", "0"], "elman-paper: replicates must be at least 1, not 0"),
        (["--networks", "many"], "elman-paper: replicates must be a whole number, not many"),
        (["hiden_size=3"], "elman-paper: unknown setting hiden_size; did you mean hidden_size?"),
    ],
)
def test_a_mistake_ends_in_one_line_and_nothing_is_written(arguments, message, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["elman-paper", "--out", str(tmp_path / "out"), *arguments])
    with pytest.raises(SystemExit) as ended:
        paper.main()
    assert (ended.value.code, *capsys.readouterr()) == (2, "", f"{message}\n")
    assert not list(tmp_path.iterdir())


def test_settings_that_cannot_be_used_are_refused_before_anything_is_run(tmp_path):
    with pytest.raises(BadSetting, match="learning_rate must be above 0"):
        paper.reproduce(tmp_path / "out", ("learning_rate=0",))
    assert not list(tmp_path.iterdir())


def test_runs_of_other_settings_are_not_replaced(page, monkeypatch, capsys):
    _, path = page
    monkeypatch.setattr(
        sys, "argv", ["elman-paper", "--out", str(path.parent), "--networks", "2", *SHORT[1:], "seed=1"]
    )
    with pytest.raises(SystemExit) as ended:
        paper.main()
    assert ended.value.code == 1
    assert re.fullmatch(r"elman-paper: .*figure3: .* other settings; overwrite=true .*\n", capsys.readouterr().err)


@needs_browser
@pytest.mark.parametrize("width", [360, 1200])
def test_a_browser_shows_the_whole_page_on_a_phone_and_on_a_desk(page, tmp_path, width):
    text, _ = page
    seen = browser.look(text, tmp_path, width=width)
    assert (seen.width, seen.needed) == (width, width)
    assert len(seen.pictures) == sum(len(section.figures) for section in SECTIONS)
    assert all(seen.pictures)
    assert not seen.complaints
    assert not [name for name in seen.fetched if not name.startswith("data:")]
    assert SECTIONS[-1].claims[-1].text in seen.text


@needs_browser
def test_the_browser_would_tell_of_a_page_that_is_broken(tmp_path):
    broken = "<p style='width:500px'>wide<img src='data:image/png;base64,AAAA'><script>console.error('no')</script>"
    seen = browser.look(f"<!doctype html>{broken}", tmp_path, width=360)
    assert seen.needed > seen.width == 360
    assert seen.pictures == [False]
    assert seen.complaints
