"""README and docs: every command and every Python block runs, and every link leads somewhere."""

import importlib
import re
import shlex
import tomllib
from pathlib import Path

import nbclient
import nbformat
import pytest

import elman

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(ROOT.glob("docs/*.md"))]
COMMANDS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
ELSEWHERE = r"git clone |python3 -m venv |\.venv/bin/|pip install |eval "  # run by .ci/run or by hand
SHORT = ("epochs=1", "evaluate_every=1", "replicates=2", "figures=false", "backend=numpy")
PLUGINS = ("hydra/launcher=", "hydra/sweeper=")


def blocks(page):
    """The fenced blocks of a page: their language, text, and the name of the file that the line before gives them."""
    pattern = r"(?:`([\w./]+)`:\n\n)?^```(\w*)\n(.*?)^```$"
    return [(m[2], m[3], m[1]) for m in re.finditer(pattern, page.read_text(), flags=re.M | re.S)]


def commands(text):
    lines = re.sub(r"^python -m elman\b", "elman", text, flags=re.M).replace("\\\n", " ").splitlines()
    return [words for line in lines if (words := shlex.split(line, comments=True))]


def shortened(words):
    """A command of elman with the settings that make it short."""
    if {"--help", "--cfg", "--version"} & set(words) or words[0] != "elman":
        return words
    ours = [s for s in SHORT if not (s.startswith("epochs") and "epochs=0" in words)]
    has_length = not any(word.startswith(("task=text", "task.file", "--config-dir")) for word in words)
    return [*words, *ours, *(("task.length=60", "task.test_length=60") if has_length else ())]


@pytest.fixture
def run(here, call_main):
    """Run a command of ours in this process; return its exit status and standard error."""

    def run(words):
        module, _, function = COMMANDS[words[0]].partition(":")
        module = "elman.cli.main" if words[0] == "elman" else module  # the console script hides scipy from this process
        status, _, err = call_main(getattr(importlib.import_module(module), function), *words)
        return status or 0, err

    return run


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_command_and_python_block_of_a_page_runs(page, run, here, monkeypatch):
    """In their order, in one directory, with short streams and one epoch. A block after a file's name is that file."""
    (here / "book.txt").write_text((ROOT / "tests" / "twinkle.txt").read_text())
    monkeypatch.syspath_prepend(here)
    names = {}
    for language, text, file in blocks(page):
        if file:
            (here / file).parent.mkdir(parents=True, exist_ok=True)
            (here / file).write_text(text)
        elif language == "python":
            exec(compile(text, str(page), "exec"), names)
        elif language == "sh":
            for words in commands(text):
                line = shlex.join(words)
                if words[0] not in COMMANDS:
                    assert re.match(ELSEWHERE, line), line
                elif words[0] != "elman-paper" and not any(p in line for p in PLUGINS):  # test_launchers runs those
                    status, err = run(shortened(words))
                    assert status == 0, f"{line}\n{err}"
    if page.stem == "hydra":  # the callback was told of both jobs
        assert len((here / "tracked.csv").read_text().splitlines()) == 1 + 2 * 2


def anchors(page):
    heads = re.findall(r"^#+ (.*)$", page.read_text(), flags=re.M)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CHANGELOG.md", ROOT / "runs" / "README.md"], ids=str)
def test_links_lead_to_files_and_headings_that_are_there(page):
    text = re.sub(r"^```.*?^```$|`[^`\n]*`", "", page.read_text(), flags=re.M | re.S)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if not target.startswith("https://"):
            path, _, anchor = target.partition("#")
            there = (page.parent / path).resolve() if path else page
            assert there.exists(), target
            assert not anchor or anchor in anchors(there), target


def test_the_tutorial_runs_and_shows_a_figure_for_each_call(here):
    """With three networks in place of a hundred."""
    notebook = nbformat.read(ROOT / "docs" / "tutorial.ipynb", as_version=4)
    first = next(cell for cell in notebook.cells if "NETWORKS = 100" in cell.source)
    first.source = first.source.replace("NETWORKS = 100", "NETWORKS = 3")
    nbclient.NotebookClient(notebook, timeout=100, resources={"metadata": {"path": str(here)}}).execute()
    for cell in notebook.cells:
        if re.search(r"^(plot\(|\w+\.plot\()", cell.get("source", ""), flags=re.M):
            assert any("image/png" in output.get("data", {}) for output in cell.outputs), cell.source


def test_the_page_of_files_names_every_table_and_column(finished):
    text = (ROOT / "docs" / "files.md").read_text()
    run = elman.open_run(finished[0])
    for table in run.tables():
        (row,) = re.findall(rf"^\| `{table}\.csv` \|.*$", text, flags=re.M)
        columns = [name for name in run.table(table) if not re.fullmatch(r"(unit|bit)_\d+", name)]
        assert [name for name in columns if not re.search(rf"\b{name}\b", row)] == [], table


def test_the_map_of_the_house_names_every_module_and_package():
    text = (ROOT / "CONTRIBUTING.md").read_text()
    modules = [path.name for path in (ROOT / "elman").glob("*.py")]
    packages = [f"{path.parent.name}/" for path in (ROOT / "elman").glob("*/__init__.py")]
    assert [name for name in modules + packages if name not in text] == []


def test_the_page_of_python_names_all_that_is_public():
    text = (ROOT / "docs" / "python.md").read_text()
    public = [*elman.__all__, *(f".{name}" for name in dir(elman.Result) if not name.startswith("_"))]
    assert [name for name in public if not re.search(rf"{re.escape(name)}\b", text)] == []
