import json
import re
import sys
from base64 import b64decode
from html.parser import HTMLParser
from pathlib import Path

import browser
import numpy as np
import pandas as pd
import pytest
from filelock import FileLock

from elman.cli import paper as command
from elman.errors import ConfigError
from elman.paper import PAPERS, html, paper
from elman.paper import page as page_module
from elman.paper.claims import Claim, Run
from elman.paper.page import Measured, index, verdicts
from elman.paper.page import page as write_page

SHORT = ("replicates=2", "task.length=200", "task.test_length=400", "hidden_size=4", "epochs=2", "record_steps=100")
SECTIONS = paper("elman1990").sections
needs_browser = pytest.mark.skipif(not browser.COMMAND, reason=f"no browser: none of {', '.join(browser.NAMES)} found")


@pytest.fixture(scope="module")
def page(tmp_path_factory, testrun_uid):
    """(text, path) of the page of short runs, which the processes that run these tests share."""
    directory = (
        tmp_path_factory.getbasetemp().parent / f"the \\paper's, ({testrun_uid})\\"
    )  # a path that Hydra must be told with quotes
    with FileLock(f"{directory}.lock"):
        path = command.reproduce("elman1990", directory, SHORT)
    return path.read_text(), path


def claim(relation, bound):
    return Claim("key", "text", "measure", lambda run: pd.Series(), relation, bound)


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


def measured(values, section=SECTIONS[0], run=None, tried=()):
    """A section's first claim with these numbers, and its others with none."""
    each = (pd.Series(values, dtype=float), *(pd.Series(dtype=float) for _ in section.claims[1:]))
    return Measured(section, [Run(run, {})], each, tried, ["elman experiment=figure3"], 3.0)


def written(page, values, **others):
    _, path = page
    return write_page(paper("elman1990"), [measured(values, run=path.parent / "figure3", **others)], "elman-paper")


def test_a_page_tells_of_no_networks_where_a_claim_is_not_measured(page):
    text = written(page, [])
    assert text.count("not measured</span>") == 2 * len(SECTIONS[0].claims)
    assert "kept by" not in text
    assert "data:text/csv" not in text


def test_a_claim_has_a_link_its_share_with_an_interval_and_its_numbers_as_csv(page):
    text = written(page, [0.5, 0.25, 0.75, 1.5, 0.125])  # four of five are below 1
    assert '<a href="#figure3-dip">' in text
    assert '<article class="claim" id="figure3-dip">' in text
    # Wilson's interval of 4 of 5: (.8 + z2 / 10 +- z sqrt(.16 / 5 + z2 / 100)) / (1 + z2 / 5), z = 1.96.
    assert "below 1: kept by 4 of 5 networks, .80 (95 % interval .38 to .96)" in text
    assert "median 0.50 (0.12 to 1.50)" in text
    csv = b64decode(re.search(r'download="figure3-dip.csv" href="data:text/csv;base64,([^"]+)"', text)[1])
    assert csv.decode() == "replicate,value\n0,0.5\n1,0.25\n2,0.75\n3,1.5\n4,0.125\n"


def test_a_claim_says_over_which_unstated_settings_it_was_tried_and_where_it_holds(page):
    rows = [({"learning_rate": 0.1, "epochs": 6}, [2.0, 2.0]), ({"learning_rate": 0.25, "epochs": 20}, [0.5, 0.5])]
    tried = [(Run(Path(), row), measured(values).values) for row, values in rows]
    text = written(page, [0.5, 0.5], tried=tried)
    assert "the claim holds with learning_rate 0.25 and epochs 20." in text
    assert "<td>0.1</td><td>6</td><td>✗ does not hold, .00</td>" in text
    assert "<td>0.25</td><td>20</td><td>✓ holds, 1.00</td>" in text
    assert "the claim holds with none of them." in written(page, [0.5, 0.5], tried=tried[:1])
    assert "the claim holds with all 1." in written(page, [0.5, 0.5], tried=tried[1:])


def test_a_claim_says_which_of_several_runs_it_compares():
    claim = Claim("a", "text", "measure", lambda run: pd.Series(), "below", 0, where={"a.b": 3, "c": True})
    terms = dict(page_module._terms(claim._replace(against={"c": False}), pd.Series([1.0, 2.0, 4.0]), drawn=False))
    assert terms["Networks"] == "with a.b 3 and c true"
    assert terms["Minus"] == "the same with c false"
    assert terms["Measured"] == "median 2.00 (1.00 to 4.00)"


def test_dots_and_the_bound_of_a_rule_stand_at_their_numbers_on_the_axis():
    values = [-0.3, 0.1, 0.45, np.nan]
    text = html.strip(pd.Series(values), 0.25, "at least 0.25")
    ticks = [
        (float(x), float(name))
        for x, name in re.findall(r'<text x="([\d.]+)" y="[\d.]+" [^>]*>(-?[\d.]+)</text>', text)
    ]
    at, names = zip(*ticks, strict=True)
    assert len(ticks) >= 3
    shown = [float(x) for x in re.findall(r'<circle cx="([\d.]+)"', text)]
    shown.append(float(re.search(r'class="bound" x1="([\d.]+)"', text)[1]))
    assert np.interp(shown, at, names) == pytest.approx([-0.3, 0.1, 0.45, 0.25], abs=0.002)  # a tenth of a unit of 320
    assert html.strip(pd.Series([np.nan]), 0.25, "") == ""


def test_dots_at_the_same_number_are_piled_up():
    text = html.strip(pd.Series([1.0] * 3 + [2.0]), 2, "at least 2")
    dots = re.findall(r'<circle cx="([\d.]+)" cy="([\d.]+)"', text)
    assert len(set(dots)) == 4
    assert len({x for x, _ in dots}) == 2


def test_an_index_links_to_each_page_and_counts_its_verdicts():
    first, second = (paper(name) for name in ("elman1990", "article"))
    text = index({"a/index.html": (first, [measured([0.5] * 3)]), "b/index.html": (second, [])})
    rows = re.findall(r'<a href="([^"]+)">([^<]+)</a></th>((?:<td>\d+</td>)+)', text)
    counts = [re.findall(r"\d+", row) for *_, row in rows]
    assert [row[:2] for row in rows] == [("a/index.html", first.title), ("b/index.html", second.title)]
    assert counts == [["1", "0", "0", "1"], ["0", "0", "0", "0"]]


def test_a_table_has_the_verdict_of_every_claim():
    table = verdicts([measured([0.5, 0.25, 0.75, 1.5, 0.125]), measured([])])  # the rule is below 1
    assert len(table) == 2 * len(SECTIONS[0].claims)
    row = table.iloc[0]
    assert (row.claim, row.rule, row["median"]) == ("figure3-dip", "below 1", 0.5)
    assert (row.networks, row.kept, row.share, row.verdict) == (5, 4, 0.8, "holds")
    assert set(table.verdict[1:]) == {"not measured"}


def test_runs_are_found_again_however_their_directory_is_written(page, monkeypatch):
    _, path = page
    monkeypatch.chdir(path.parent.parent)
    lines = []
    command.reproduce("elman1990", Path(path.parent.name), SHORT, say=lines.append)
    assert sum("finished before" in line for line in lines) == len(list(path.parent.glob("*/run.json")))


def test_the_page_has_every_section_with_its_claims_verdicts_and_pictures(page):
    text, _ = page
    for section in SECTIONS:
        assert f"{section.title}</h2>" in text
        for one in section.claims:
            assert text.count(one.text) == 2  # in the table and in its section
    assert text.count("data:image/png;base64,") == sum(len(section.pictures) for section in SECTIONS)
    assert len(re.findall(r'class="verdict', text)) == 2 * sum(len(section.claims) for section in SECTIONS)
    assert not re.search(r'(src|href)="(?!data:|#|https://doi.org/)', text)
    assert text.count("https://doi.org/10.1207/s15516709cog1402_1") == 2  # one link, by its address


def test_verdicts_are_those_of_the_runs(page):
    text, path = page
    for section in SECTIONS:
        directory = path.parent / {"figure5": "figure4", "figure9": "figure7"}.get(
            section.experiment, section.experiment
        )
        for one in section.claims:
            values = one.values(directory)
            assert len(values) == 2
            article = re.search(re.escape(f"<h3>{one.text} <a") + "(.*?)</article>", text, flags=re.DOTALL)[1]
            assert f"{one.verdict(values)}</span>" in article
            assert f"kept by {one.kept(values).sum()} of 2 networks" in article


def test_the_page_names_no_directory_of_the_machine_it_was_made_on(page):
    text, path = page
    assert str(path.parent.parent) not in text
    assert "weights_from=figure7</code>" in text


def test_a_tree_says_how_many_claims_its_network_bears_out(page):
    text, path = page
    section = next(section for section in SECTIONS if section.experiment == "figure7" and len(section.claims) == 6)
    kept = [bool(one.kept(one.values(path.parent / "figure7"))[0]) for one in section.claims]
    assert f"Network 1 of 2; it keeps {sum(kept)} of the 6 rules beside." in text
    figure7 = text[text.index(f"{section.title}</h2>") : text.index("Figure 8: a word never met</h2>")]
    assert len(re.findall(r"; network 1 (?:keeps it|does not)", figure7)) == 6


def test_every_element_of_the_page_is_closed_and_every_link_leads_somewhere(page):
    text, _ = page
    opened, ids, links = [], [], []

    class Reader(HTMLParser):
        def handle_starttag(self, tag, attributes):
            given = dict(attributes)
            ids.append(given.get("id"))
            links.append(given["href"][1:] if given.get("href", "").startswith("#") else None)
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
    assert command.reproduce("elman1990", path.parent, SHORT, say=lines.append).read_text() == text
    assert {run: run.stat().st_mtime_ns for run in path.parent.glob("*/run.json")} == before
    assert sum("finished before" in line for line in lines) == len(before)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--networks", "0"], "elman-paper: --networks must be a whole number above 0, not 0"),
        (["--networks", "many"], "elman-paper: --networks must be a whole number above 0, not many"),
        (["rebre"], "elman-paper: name one paper, not rebre; did you mean reber?"),
        (["x"], f"elman-paper: name one paper, not x; there are {', '.join(PAPERS)} and all"),
        (["artcle"], "elman-paper: name one paper, not artcle; did you mean article?"),
        (["article", "elman1990"], "elman-paper: name one paper, not article elman1990; did you mean elman1990?"),
        (["hiden_size=3"], "elman-paper: unknown setting hiden_size; did you mean hidden_size?"),
    ],
)
def test_a_mistake_ends_in_one_line_and_nothing_is_written(arguments, message, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["elman-paper", "--out", str(tmp_path / "out"), *arguments])
    with pytest.raises(SystemExit) as ended:
        command.main()
    assert (ended.value.code, *capsys.readouterr()) == (2, "", f"{message}\n")
    assert not list(tmp_path.iterdir())


def test_settings_that_cannot_be_used_are_refused_before_anything_is_run(tmp_path):
    with pytest.raises(ConfigError, match="learning_rate must be above 0"):
        command.reproduce("elman1990", tmp_path / "out", ("learning_rate=0",))
    assert not list(tmp_path.iterdir())


def test_runs_of_other_settings_are_not_replaced(page, monkeypatch, capsys):
    _, path = page
    monkeypatch.setattr(
        sys, "argv", ["elman-paper", "--out", str(path.parent), "--networks", "2", *SHORT[1:], "seed=1"]
    )
    with pytest.raises(SystemExit) as ended:
        command.main()
    assert ended.value.code == 1
    assert re.fullmatch(r"elman-paper: .*figure3: .* other settings; overwrite=true .*\n", capsys.readouterr().err)


def test_every_paper_is_one_command_and_all_write_an_index(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(command, "PAPERS", ("article",))
    short = ["task.length=60", "task.test_length=90", "evaluate_every=50"]
    monkeypatch.setattr(sys, "argv", ["elman-paper", "all", "--networks", "2", "--out", str(tmp_path), *short])
    command.main()
    assert 'href="article/index.html"' in (tmp_path / "index.html").read_text()
    text = (tmp_path / "article" / "index.html").read_text()
    assert "<code>elman-paper article replicates=2 task.length=60" in text
    for section in paper("article").sections:
        assert f'<section id="{section.key}"' in text
        assert all(table.text in text for table in section.tables)
    assert "leave" not in re.sub("settings of this run leave it out", "", text)  # each table and figure is there
    assert sorted(run.parent.name for run in tmp_path.glob("article/hidden_units/*/run.json")) == [
        "hidden_size=2",
        "hidden_size=20",
        "hidden_size=3",
        "hidden_size=8",
    ]  # 4 units are those of article_xor
    assert capsys.readouterr().out.endswith(f"The page is {tmp_path / 'index.html'}\n")


def test_what_a_paper_does_not_state_is_tried_when_asked_for(page):
    _, path = page
    chosen = [*SHORT, "figures=false"]
    text = command.reproduce("elman1990", path.parent / "unstated", chosen, unstated=True).read_text()
    assert text.count("Settings that the paper does not state: the claim ") == sum(len(s.claims) for s in SECTIONS)
    tried = path.parent / "unstated" / "word_classes-figure8" / "learning_rate=0.2"
    assert json.loads((tried / "run.json").read_text())["settings"]["weights_from"].endswith("learning_rate=0.2")


def test_stages_go_on_from_each_other_on_other_streams(tmp_path):
    laboratory = command._Laboratory(tmp_path, ["task.length=30", "task.test_length=30", "seed=5"], lambda line: None)
    stages = [["epochs=1", "hidden_size=2"], ["epochs=3", "hidden_size=2"], ["epochs=2", "hidden_size=2"]]
    last = laboratory.chain("article_xor", "stages", stages)
    assert last == Run(tmp_path / "article_xor" / "stages" / "3", {"chain": "stages"})
    settings = [json.loads((last.directory.parent / f"{n}" / "run.json").read_text())["settings"] for n in (1, 2, 3)]
    assert [one["seed"] for one in settings] == [5, 6, 7]
    assert [one["epochs"] for one in settings] == [1, 3, 2]
    assert [one["weights_from"] for one in settings] == [None, *(str(last.directory.parent / n) for n in "12")]
    assert [shown.partition("weights_from=")[2] for _, shown in laboratory.used] == [
        "",
        *(f"article_xor/stages/{n}" for n in "12"),
    ]


@needs_browser
@pytest.mark.parametrize("width", [360, 1200])
def test_a_browser_shows_the_whole_page_on_a_phone_and_on_a_desk(page, tmp_path, width):
    text, _ = page
    seen = browser.look(text, tmp_path, width=width)
    assert (seen.width, seen.needed) == (width, width)
    assert len(seen.pictures) == sum(len(section.pictures) for section in SECTIONS)
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
