import re
import sys
from html.parser import HTMLParser
from pathlib import Path

import browser
import numpy as np
import pandas as pd
import pytest
from filelock import FileLock

from elman.cli import paper
from elman.config import ConfigError
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


def table(columns, *rows):
    return pd.DataFrame(rows, columns=columns.split())


AGREEMENT = "replicate network tree class jaccard"
# By experiment, what claims read of the tables of two networks.
BY_HAND = {
    "figure3": {
        "cycle_errors": table(
            "replicate position mse",
            (0, "xor", 0.125), (0, "bit 1", 0.5), (0, "xor", 0.25), (0, "bit 2", 0.75),
            (1, "xor", 0.5), (1, "bit 1", 0.25), (1, "xor", 0.25), (1, "bit 2", 0.125),
        ),
        "predictions": table(  # 0.9 and 0.1 do not count: no bit came before, or the exclusive-or itself is predicted
            "replicate position input output",
            (0, "bit 2", 1, 0.9), (0, "xor", 0, 0.1), (0, "bit 1", 0, 0.2), (0, "bit 2", 1, 0.6),
            (0, "xor", 0, 0.1), (0, "bit 1", 1, 0.3), (0, "bit 2", 1, 0.4),
            (1, "bit 2", 0, 0.9), (1, "xor", 1, 0.1), (1, "bit 1", 1, 0.7), (1, "bit 2", 0, 0.4),
            (1, "xor", 1, 0.1), (1, "bit 1", 0, 0.6), (1, "bit 2", 0, 0.8),
        ),
    },
    "figure4": {
        "position_errors": table(
            "replicate position rmse",
            (0, "consonant", 0.75), (0, "vowel 1", 0.125), (0, "vowel 2", 0.25), (0, "vowel 3", 0.0625),
            (1, "consonant", 0.5), (1, "vowel 1", 0.5), (1, "vowel 2", 0.25), (1, "vowel 3", 0.125),
        )
    },
    "figure5": {
        "bit_errors": table(
            "replicate position feature mse",
            (0, "all", "consonant", 0.9), (0, "consonant", "consonant", 0.1), (0, "vowel 1", "consonant", 0.5),
            (0, "all", "high", 0.8), (0, "consonant", "high", 0.2), (0, "vowel 1", "high", 0.6),
            (1, "all", "consonant", 0.7), (1, "consonant", "consonant", 0.3), (1, "vowel 1", "consonant", 0.5),
            (1, "all", "high", 0.8), (1, "consonant", "high", 0.4), (1, "vowel 1", "high", 0.6),
        )
    },
    "figure6": {
        "position_errors": table(
            "replicate position n mse",
            (0, "letter 1", 2, 0.5), (0, "letter 2", 3, 0.25), (0, "letter 3", 1, 0.25),
            (1, "letter 1", 2, 0.25), (1, "letter 2", 3, 0.25), (1, "letter 3", 1, 1.25),
        )
    },
    "figure7": {
        "likelihood": table(
            "replicate against measure mean best_mean",
            (0, "next word", "error norm", 0.75, 0.5), (0, "next word", "cosine", 0.1, 0.2),
            (0, "likelihood", "error norm", 0.3, 0.0), (0, "likelihood", "cosine", 0.6, 1.0),
            (1, "next word", "error norm", 0.5, 0.25), (1, "next word", "cosine", 0.2, 0.1),
            (1, "likelihood", "error norm", 0.4, 0.0), (1, "likelihood", "cosine", 0.7, 1.0),
        ),
        "cluster_agreement": table(
            AGREEMENT,
            (0, "trained", "symbols", "verb", 0.9), (1, "trained", "symbols", "verb", 0.1),
            (0, "trained", "symbols", "animate", 0.8), (1, "trained", "symbols", "animate", 0.2),
            (0, "trained", "symbols", "HUM", 0.7), (1, "trained", "symbols", "HUM", 0.3),
            (0, "trained", "symbols", "AGRESS", 0.6), (1, "trained", "symbols", "AGRESS", 0.4),
            (0, "trained", "symbols", "FOOD", 0.5), (1, "trained", "symbols", "FOOD", 0.55),
            (0, "untrained", "symbols", "verb", 0.45), (1, "untrained", "symbols", "verb", 0.35),
            (0, "untrained", "symbols", "HUM", 0.25), (1, "untrained", "symbols", "FOOD", 0.65),
            (0, "untrained", "symbols", "AGRESS", 0.15), (1, "untrained", "symbols", "EAT", 0.95),
            (0, "trained", "occurrences", "verb", 0.0), (1, "untrained", "occurrences", "verb", 0.0),
        ),
    },
    "figure8": {
        "cluster_agreement": table(
            AGREEMENT,
            (0, "trained", "symbols", "HUM", 0.75), (1, "trained", "symbols", "HUM", 0.25),
            (0, "trained", "symbols", "verb", 0.5), (1, "untrained", "symbols", "HUM", 0.5),
        )
    },
    "figure9": {  # boy and girl lie on both sides of 0 on the first unit, and their occurrences on the second
        "occurrences": table(
            "replicate network symbol unit_1 unit_2",
            *((0, "trained", word, at, beside) for word, at in (("boy", -1), ("girl", 1)) for beside in (-3, 3)),
            *((0, "untrained", word, at, beside) for word, at in (("boy", -4), ("girl", 4)) for beside in (-1, 1)),
            *((1, "trained", word, at, beside) for word, at in (("boy", 2), ("girl", -2)) for beside in (-1, 1)),
            *((1, "untrained", word, at, beside) for word, at in (("boy", 1), ("girl", -1)) for beside in (-2, 2)),
        )
    },
}  # fmt: skip

MEASURED = [
    ("figure3", "The error drops at every third step", [0.25 / 0.5, 0.5 / 0.125]),
    ("figure3", "the exclusive-or rule at every step", [3 / 4, 1 / 4]),
    ("figure4", "The error is high where a consonant", [0.75 / 0.25, 0.5 / 0.5]),
    ("figure5", "That a consonant comes", [0.1, 0.3]),
    ("figure5", "Which consonant it is", [0.2, 0.4]),
    ("figure6", "The error is high at the first letter", [0.5 / 0.25, 0.25 / 0.5]),
    ("figure7", "Against the word that came", [0.75, 0.5]),
    ("figure7", "close to the best that is possible", [0.75 / 0.5, 0.5 / 0.25]),
    ("figure7", "The outputs point the way", [0.6, 0.7]),
    ("figure7", "Verbs are a branch", [0.9, 0.1]),
    ("figure7", "Nouns divide", [0.8, 0.2]),
    ("figure7", "Humans are a branch", [0.7, 0.3]),
    ("figure7", "Large animals", [0.6, 0.4]),
    ("figure7", "Food is one", [0.5, 0.55]),
    ("figure7", "The classes come from learning", [0.45, 0.65]),
    ("figure8", "the unknown word is placed among the humans", [0.75, 0.25]),
    ("figure9", "differ by their context", [3 / 1, 1 / 2]),
    ("figure9", "before training the word itself weighs more", [1 / 4, 2 / 1]),
]


@pytest.mark.parametrize(("experiment", "words", "values"), MEASURED, ids=[words for _, words, _ in MEASURED])
def test_a_claim_is_measured_as_it_is_by_hand(tmp_path, experiment, words, values):
    for name, frame in BY_HAND[experiment].items():
        frame.to_csv(tmp_path / f"{name}.csv", index=False)
    (one,) = [c for s in SECTIONS for c in s.claims if s.experiment == experiment and words in c.text]
    assert one.measured(tmp_path).tolist() == values


def test_every_claim_is_measured_by_hand():
    for section in SECTIONS:
        for one in section.claims:
            assert any(section.experiment == experiment and words in one.text for experiment, words, _ in MEASURED)


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


def test_the_page_names_no_directory_of_the_machine_it_was_made_on(page):
    text, path = page
    assert str(path.parent.parent) not in text
    assert "weights_from=figure7</code> beside this page" in text


def test_a_tree_says_how_many_claims_its_network_bears_out(page):
    text, path = page
    section = next(section for section in SECTIONS if section.experiment == "figure7" and len(section.claims) == 6)
    kept = [bool(one.kept(one.values(path.parent / "figure7"))[0]) for one in section.claims]
    assert f"Network 1 of 2; it keeps {sum(kept)} of the 6 rules beside." in text
    figure7 = text[text.index(f"{section.title}</h2>") : text.index("Figure 8: a word never met</h2>")]
    assert len(re.findall(r"of 2 networks, (?:network 1 among them|not by network 1)", figure7)) == 6


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
        (["--networks", "0"], "elman-paper: --networks must be a whole number above 0, not 0"),
        (["--networks", "many"], "elman-paper: --networks must be a whole number above 0, not many"),
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
    with pytest.raises(ConfigError, match="learning_rate must be above 0"):
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
