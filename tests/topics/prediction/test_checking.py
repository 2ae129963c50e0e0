"""Checks of exercises: pytest runs them where the learner works, and the hint is what is said."""

from __future__ import annotations

import os
import sys
import types

import pytest

from soupwidgets.topics.prediction import check

# Not of this file, whose assertions pytest rewrites; those of a notebook are as they were written.
NOTEBOOK = """
from pytest import approx

def test_chosen():
    assert chosen is not ..., "put your answer in place of the three dots"
    assert chosen != approx(70), "as a share, not in percent"
    assert chosen == approx(0.7), "look at validation, not at the test"

def test_another():
    assert False, "nobody asked for this one"
"""


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (0.7, "\u2713 chosen: right."),
        (0.8, "\u2717 chosen: look at validation, not at the test"),
        (70, "\u2717 chosen: as a share, not in percent"),
        (..., "\u2717 chosen: put your answer in place of the three dots"),
        ("0.7", "\u2717 chosen: look at validation, not at the test"),
    ],
)
def test_the_first_hint_that_fits_is_said_and_nothing_else(
    given: object, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    notebook = types.ModuleType("notebook_of_a_learner")
    monkeypatch.setitem(sys.modules, notebook.__name__, notebook)
    notebook.chosen = given  # type: ignore[attr-defined]
    exec(NOTEBOOK, vars(notebook))
    check(notebook.test_chosen)
    assert capsys.readouterr().out == f"{said}\n"


def test_an_error_in_the_learners_answer_is_said_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    notebook = types.ModuleType("notebook_of_a_learner")
    monkeypatch.setitem(sys.modules, notebook.__name__, notebook)
    exec("def test_soup():\n    assert soup['ft-00'] > 0, 'positive'", vars(notebook))
    check(notebook.test_soup)
    assert capsys.readouterr().out == "\u2717 soup: NameError: name 'soup' is not defined\n"


def test_options_of_whoever_started_the_kernel_are_not_those_of_a_check(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    notebook = types.ModuleType("notebook_of_another")
    monkeypatch.setitem(sys.modules, notebook.__name__, notebook)
    monkeypatch.setenv("PYTEST_ADDOPTS", "-v --no-such-option")
    exec("def test_two():\n    assert 1 + 1 == 2", vars(notebook))
    check(notebook.test_two)
    assert capsys.readouterr().out == "\u2713 two: right.\n"
    assert os.environ["PYTEST_ADDOPTS"] == "-v --no-such-option"
