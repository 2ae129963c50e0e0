from __future__ import annotations

import os
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tests.command import run


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What would have been started in the command's place."""
    found: list[list[str]] = []
    monkeypatch.setattr(os, "execv", lambda _path, command: found.append(command))
    return found


def test_a_first_notebook_runs_as_it_stands(tmp_path: Path, started: list[list[str]]) -> None:
    done = run("lab", str(tmp_path / "mine"), "--no-browser", "--port", "9999")
    assert done.returncode == 0, done.stderr
    assert {"-m", "jupyterlab", "--port=9999", "--no-browser"} <= set(started[0])
    notebook = nbformat.read(tmp_path / "mine" / "soupwidgets.ipynb", as_version=4)
    nbformat.validate(notebook)
    NotebookClient(notebook, timeout=120).execute()
    shown = [output for cell in notebook.cells[2:] for output in cell.outputs]
    assert all("application/vnd.jupyter.widget-view+json" in output.data for output in shown)
    assert len(shown) == 2


def test_a_notebook_that_is_there_stays(tmp_path: Path, started: list[list[str]]) -> None:
    (tmp_path / "soupwidgets.ipynb").write_text("mine")
    assert run("lab", str(tmp_path)).returncode == 0
    assert (tmp_path / "soupwidgets.ipynb").read_text() == "mine"
    assert "--no-browser" not in started[0]


def test_without_jupyterlab_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    done = run("lab", str(tmp_path))
    assert done.returncode
    assert "pip install 'soupwidgets[lab]'" in done.stderr
    assert not list(tmp_path.iterdir())
