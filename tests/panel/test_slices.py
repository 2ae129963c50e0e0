"""A slice is an axis of every explorer, and its name is a text."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from soupwidgets import Evaluator, Pool, Store, Suite
from soupwidgets.topics.review.community import community_slices
from soupwidgets.topics.review.session import ReviewSession
from soupwidgets.topics.review.storage import ReviewStore
from soupwidgets.widgets import AlphaExplorer, FrontierExplorer, SoupMixer

EVIL = "<img src=x onerror=alert(1)>"


@pytest.fixture
def ev(tiny_pool: Pool, small_suite: Suite, tmp_path: Path) -> Evaluator:
    session = ReviewSession.create(ReviewStore(tmp_path / "reviews.sqlite"), small_suite, "slices")
    session.add_slice(EVIL, EVIL, split="test", rows=range(0, 60, 2))
    session.add_slice("sleeves", "they matter", split="test", rows=range(200))
    session.add_slice("test", "a name that is taken", split="test", rows=[1])
    slices = community_slices(session.view, small_suite)
    assert [s.name for s in slices] == [EVIL, "sleeves", "test (2)"]
    return Evaluator(tiny_pool, small_suite.with_slices(slices), store=Store(tmp_path / "store"))


@pytest.fixture(params=[AlphaExplorer, SoupMixer])
def explorer(request: pytest.FixtureRequest, ev: Evaluator) -> Iterator[Any]:
    made = request.param(ev)
    made.wait(background=True)
    yield made
    made.close()


def _drawn(part: Any) -> Any:
    """A figure without what plotly never draws: its words, and the names of its traces."""
    if isinstance(part, dict):
        patched = part.get("patch", {}).get("traces", {})
        rest = {key: value for key, value in part.items() if key not in ("meta", "uid", "customdata", "patch", "words")}
        return {key: _drawn(value) for key, value in rest.items()} | {"patched": _drawn([*patched.values()])}
    return [_drawn(one) for one in part] if isinstance(part, list) else part


def test_every_explorer_shows_it_and_runs_nothing(explorer: Any, ev: Evaluator) -> None:
    (shift,) = [control for control in explorer.controls if control["name"] == "shift"]
    assert "sleeves" in [value for value, _ in shift["options"]]
    text = json.dumps(_drawn(explorer.ask(shift=EVIL).to_json()["figures"]))
    assert "<img src=x" not in text
    assert "&lt;img src=x" in text


@pytest.mark.parametrize("made", [FrontierExplorer])
def test_every_panel_shows_it_and_runs_nothing(made: Any, ev: Evaluator) -> None:
    panel = made(ev)
    panel.wait(background=True)
    panel.shift = EVIL
    panel.wait()
    assert panel.error == ""
    figures = json.dumps([_drawn({"data": f["data"], "layout": f["layout"]}) for f in panel.view["figures"]])
    # Everything else is shown as text.
    assert "<img src=x" not in figures
    assert "&lt;img src=x" in figures
    panel.close()


def test_a_small_one_is_told(ev: Evaluator) -> None:
    small, large, single = ev.suite.slices
    assert "has 30 images: an accuracy on it may be up to 18 points off" in small.caution
    assert "both of its accuracies, single-label and multi-label" in small.caution
    assert large.caution == ""
    assert "up to 98 points" in single.caution
    explorer = FrontierExplorer(ev)
    explorer.wait(background=True)
    assert "has 30 images" in explorer.ask(shift=EVIL).notes[0]
    view = explorer.ask(shift="sleeves", chosen=["ft-a"])
    assert view.notes == []
    assert "sleeves (single-label) %" in view.tables[0].columns
    assert "Mean OOD %" in explorer.ask(shift=None, chosen=["ft-a"]).tables[0].columns
    explorer.close()
