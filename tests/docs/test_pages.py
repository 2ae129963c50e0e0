"""What the pages on tasks and papers name is there, and their code runs."""

from __future__ import annotations

import re
from operator import attrgetter
from pathlib import Path
from typing import Any

import pytest
import typer

import soupwidgets as sw
from soupwidgets.cli import app
from tests.fixtures import ROOT

DOCS = ROOT / "docs"
PAPERS = sorted(path for path in DOCS.joinpath("papers").glob("*.md") if path.name != "index.md")
TASKS = sorted(path for path in DOCS.joinpath("tasks").glob("*.md") if path.name != "index.md")
WITH_CODE = [path for path in [*TASKS, DOCS / "gallery.md"] if "```python" in path.read_text()]
SECTIONS = ["What is here", "How it is checked", "Published figures", "What disagrees, or is missing"]


def named(path: Path) -> str:
    return path.stem


def commands(text: str) -> list[str]:
    """Everything that begins with the command's name, in code."""
    return re.findall(r"(?:`|^    )(soupwidgets [^`\n]+)", text, re.MULTILINE)


def check_command(line: str) -> None:
    """Follow the words down the tree of commands; the options after them must be known there."""
    at: Any = typer.main.get_command(app)
    words = line.split()[1:]
    while words and not words[0].startswith("-") and hasattr(at, "get_command"):
        assert words[0] in at.list_commands(None), line
        at = at.get_command(None, words.pop(0))
    options = {option for parameter in at.params for option in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= options, line


def test_a_command_that_is_none_is_found() -> None:
    check_command("soupwidgets soup greedy --pool x --out y")
    for wrong in ("soupwidgets soupp", "soupwidgets soup greedily", "soupwidgets soup greedy --pol x"):
        with pytest.raises(AssertionError):
            check_command(wrong)


@pytest.mark.parametrize("page", [*PAPERS, *TASKS], ids=named)
def test_names_files_and_commands_are_there(page: Path) -> None:
    text = page.read_text()
    for name in set(re.findall(r"\bsw\.(\w+(?:\.\w+)*)", text)):
        attrgetter(name)(sw)
    for line in commands(text):
        check_command(line)
    files = set(re.findall(r"`((?:tests|data|benchmarks)/[\w/.-]+)`", text))
    assert [file for file in files if not (ROOT / file).exists()] == []


@pytest.mark.parametrize("page", PAPERS, ids=named)
def test_a_paper_says_what_is_here_how_it_is_checked_and_what_is_not(page: Path) -> None:
    text = page.read_text()
    assert re.findall(r"^## (.*)", text, re.MULTILINE) == SECTIONS
    (number,) = set(re.findall(r"arxiv\.org/abs/([\d.]+)", text.split("##")[0]))
    assert f"arXiv {number}" in DOCS.joinpath("papers", "index.md").read_text()
    assert len(set(re.findall(r"`(tests/[\w/]+\.py)`", text))) >= 3
    assert "notebooks/" in text


def test_tests_that_compare_with_published_figures_are_named_on_the_papers_pages() -> None:
    text = "\n".join(page.read_text() for page in PAPERS)
    comparing = ["tests/topics/frontier/test_published.py", "tests/topics/frontier/test_frontier.py",
                 "tests/topics/mistakes/test_mistake_files.py"]  # fmt: skip
    for file in comparing:
        assert 'shared" / "published' in (ROOT / file).read_text() or "import PUBLISHED" in (ROOT / file).read_text()
        assert f"`{file}`" in text.replace("(`", "`")


@pytest.mark.parametrize("page", TASKS, ids=named)
def test_a_task_is_a_question_a_command_and_a_few_lines(page: Path) -> None:
    text = page.read_text()
    assert re.search(r"^\*\*[^*]+\?\*\*$", text, re.MULTILINE), "the question"
    assert commands(text)
    assert "**What to see.**" in text
    assert "![" in text or "{live}" in text
    for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        assert len([line for line in block.splitlines() if line]) <= 7


@pytest.mark.slow
@pytest.mark.parametrize("page", WITH_CODE, ids=named)
def test_its_code_runs(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In a folder with the repository's data in it. Slow: a page of all alphas is recorded, and a greedy soup made."""
    monkeypatch.chdir(tmp_path)
    Path("data").symlink_to(ROOT / "data")
    before = dict.fromkeys(sw.widgets.all_explorers())
    opened: list[Any] = []
    for kind in before:
        monkeypatch.setattr(sw.widgets, kind.__name__, lambda *a, _kind=kind: opened.append(_kind(*a)) or opened[-1])
    known: dict[str, Any] = {}
    try:
        for block in re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL):
            exec(block, known)
        assert opened or capsys.readouterr().out
    finally:
        for one in opened:
            one.close()
