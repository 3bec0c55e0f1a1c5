"""The page of a comparison: what it shows, where it leads, and what it leaves alone."""

import re
import sys
from html.parser import HTMLParser
from urllib.parse import unquote

import browser
import pytest
from test_comparison import write as write_run

from elman.cli import compare as command

needs_browser = pytest.mark.skipif(not browser.COMMAND, reason=f"no browser: none of {', '.join(browser.NAMES)} found")


class _Links(HTMLParser):
    def __init__(self):
        super().__init__()
        self.found, self.tags = [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.found += [value for name, value in attrs if tag == "a" and name == "href"]


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """Three runs, one of which has a lexicon and a directory that HTML and addresses would misread."""
    write_run(tmp_path / "a", rates=[[0.5, 0.0], [0.0, 0.0]], hidden_size=20, task={"word": "z"})
    write_run(tmp_path / '<b>&"#1%41', rates=[[0.5, 0.5]], hidden_size=3, task={"word": "<script>x</script>"})
    write_run(tmp_path / "deep" / "c", rates=[[0.5, 0.0]], hidden_size=4, task={"word": "ba"})
    monkeypatch.setattr(sys, "argv", ["elman-compare", str(tmp_path)])
    return tmp_path


def test_the_page_shows_table_figure_settings_and_runs_and_its_links_lead_to_them(runs, capsys):
    command.main()
    assert f"index.html, comparison.csv and comparison.png are in {runs}" in capsys.readouterr().out
    text = (runs / "index.html").read_text()
    page = _Links()
    page.feed(text)
    assert page.found[-1] == "comparison.csv"
    assert all((runs / unquote(link)).exists() for link in page.found)
    assert [unquote(link) for link in page.found[:-1]] == ['<b>&"#1%41/', "deep/c/", "a/"]  # by word and hidden_size
    assert not {"b", "script"} & set(page.tags)
    assert "<dt>hidden_size</dt><dd>3, 4, 20</dd>" in text
    assert "<h1>xor by " in text
    assert text.count("data:image/png;base64,") == 1
    assert not re.search(r'(?:src|href)="(?!data:)[^"]*//', text)


def test_a_page_of_another_maker_is_left(runs, capsys):
    (runs / "index.html").write_text("<!doctype html>mine")
    command.main()
    assert (runs / "index.html").read_text() == "<!doctype html>mine"
    assert f"comparison.csv and comparison.png are in {runs}" in capsys.readouterr().out


@needs_browser
@pytest.mark.parametrize("width", [390, 1280])
def test_a_browser_shows_the_whole_page_on_a_phone_and_on_a_desk(runs, width):
    command.main()
    seen = browser.look((runs / "index.html").read_text(), runs, width=width)
    assert (seen.width, seen.needed) == (width, width)
    assert seen.pictures == [True]
    assert not seen.complaints
    assert not [name for name in seen.fetched if not name.startswith("data:")]
