"""The README and the pages of docs/: short, true, and without a link that leads nowhere."""

from __future__ import annotations

import re
from operator import attrgetter
from pathlib import Path

import pytest

import soupwidgets as sw
from benchmarks.table import markdown, read
from tests.fixtures import ROOT

README = (ROOT / "README.md").read_text()
PAGES = sorted(ROOT.joinpath("docs").glob("*.md"))
BELOW = sorted(ROOT.joinpath("docs").glob("*/*.md"))
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "data" / "README.md", *PAGES, *BELOW]
FIVE_LINES = re.findall(r"```python\n(.*?)```", README, re.DOTALL)[0]


def table_lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("| ")]


def test_the_readme_is_read_in_a_minute() -> None:
    assert len(README.encode()) <= 6 * 1024
    assert len([line for line in FIVE_LINES.splitlines() if line]) == 5


def test_the_five_lines_run_and_print_what_they_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In an empty folder; that they do so without a checkout, `test_wheel` asks."""
    opened = []
    explorer = sw.widgets.AlphaExplorer
    monkeypatch.setattr(sw.widgets, "AlphaExplorer", lambda ev: opened.append(explorer(ev)))
    monkeypatch.chdir(tmp_path)
    exec(FIVE_LINES, {})
    for one in opened:
        one.close()
    assert len(opened) == 1
    test, alone = re.search(r"# test ([\d.]+); ft-03 alone ([\d.]+)", FIVE_LINES).groups()
    assert f"'test': {test}" in capsys.readouterr().out
    assert opened[0].ev.evaluate("ft-03").accuracy["test"] == float(alone)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_to_files(document: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", document.read_text())
    inside = [link for link in links if not link.startswith(("http:", "https:", "data:"))]
    assert [link for link in inside if not (document.parent / link).exists()] == []


def test_every_page_is_in_the_index_and_every_picture_says_what_it_shows() -> None:
    index = (ROOT / "docs" / "index.md").read_text()
    assert [page.name for page in PAGES if page.name != "index.md" and f"]({page.name})" not in index] == []
    for folder in ("tasks", "papers"):
        index = ROOT / "docs" / folder / "index.md"
        own = [page.name for page in BELOW if page.parent == index.parent and page != index]
        assert own
        assert [name for name in own if f"]({name})" not in index.read_text()] == []
    for document in DOCUMENTS:
        assert all(len(alt) > 40 for alt in re.findall(r"!\[(.*?)\]", document.read_text()))


def test_what_is_listed_is_there() -> None:
    text = (ROOT / "docs" / "what-is-here.md").read_text()
    names = [name for line in table_lines(text) for name in re.findall(r"`([\w.]+)`", line.split("|")[1])]
    assert len(names) > 60
    for name in names:
        attrgetter(name)(sw)
    listed = {name.removeprefix("widgets.") for name in names if name.startswith("widgets.")}
    assert listed == {name for name in sw.widgets.__all__ if name[0].isupper()}
    notebooks = {path.name for path in ROOT.joinpath("notebooks").glob("*.ipynb")}
    assert notebooks == set(re.findall(r"notebooks/([\w.]+)\)", text))


def test_the_readmes_numbers_are_those_of_the_long_tables() -> None:
    found, fast = README.split("## How fast it is")
    card = (ROOT / "data" / "README.md").read_text()
    rows = [line for line in table_lines(found) if re.search(r"\d\.\d \[", line)]
    assert len(rows) == 6
    for row in rows:
        numbers = re.findall(r"\d+\.\d \[[^]]*\]", row.replace("**", ""))
        assert any(line.endswith(f"| {' | '.join(numbers)} |") for line in table_lines(card)), row
    measured = markdown(read("cpu")[1]).splitlines()
    assert len(table_lines(fast)) == 4
    assert set(table_lines(fast)) <= set(measured)
