"""Explorers that nobody closes, and explorers that are closed, leave nothing behind."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable
from pathlib import Path

import ipywidgets
import pytest

from soupwidgets import Evaluator, Pool, Store, Suite, analysis
from soupwidgets.widgets import (
    AlphaExplorer,
    AugmentationExplorer,
    DiversityExplorer,
    FrontierExplorer,
    LandscapeExplorer,
    MistakeReviewer,
    SoupMixer,
    SpectrumExplorer,
)
from soupwidgets.widgets.explorer import Explorer
from soupwidgets.widgets.live_figure import PlotlyLibrary
from tests.plots.test_shown import augmentations

SCRIPT = """
import sys, time
from soupwidgets import Evaluator, Pool, Store, Suite
from soupwidgets.widgets import {name}
pool, suite, store, seconds = sys.argv[1:]
made = {name}(Evaluator(Pool.open(pool), Suite.open(suite), device="cpu", store=Store(store)))
time.sleep(float(seconds))
"""


@pytest.fixture
def small_evaluator(tiny_pool: Pool, small_suite: Suite, tmp_path: Path) -> Evaluator:
    return Evaluator(tiny_pool, small_suite, device="cpu", store=Store(tmp_path / "store"))


@pytest.mark.parametrize(
    ("name", "seconds"), [("LandscapeExplorer", s) for s in (0.0, 0.2, 0.5)] + [("AlphaExplorer", 0.1)]
)
def test_an_explorer_that_is_left_open_does_not_abort_the_interpreter(
    name: str, seconds: float, tiny_pool: Pool, small_folder: Path, tmp_path: Path
) -> None:
    """A thread inside torch while the interpreter ends is fatal: each case is a process of its own (3 s)."""
    folder = tiny_pool.checkpoints["zero-shot"].path.parent
    arguments = [str(folder), str(small_folder), str(tmp_path / "store"), str(seconds)]
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(name=name), *arguments], capture_output=True, text=True, timeout=300
    )
    assert (done.returncode, done.stderr) == (0, "")


EXPLORERS: dict[str, Callable[[Evaluator], Explorer]] = {
    "AlphaExplorer": lambda ev: AlphaExplorer(ev, alphas=3),
    "AugmentationExplorer": lambda ev: AugmentationExplorer(augmentations(), ev.suite, ev),
    "DiversityExplorer": lambda ev: DiversityExplorer(analysis.members(ev, progress=False), ev.suite, ev=ev),
    "FrontierExplorer": FrontierExplorer,
    "LandscapeExplorer": lambda ev: LandscapeExplorer(ev, grid=3),
    "MistakeReviewer": lambda ev: MistakeReviewer(analysis.members(ev, progress=False), ev.suite),
    "SoupMixer": SoupMixer,
    "SpectrumExplorer": lambda ev: SpectrumExplorer(ev, pairs=4, samples=8, alphas=2),
}


@pytest.mark.parametrize("name", EXPLORERS)
@pytest.mark.parametrize("finished", [True, False])
def test_closing_frees_the_thread_the_widgets_plotly_and_the_explorer(
    name: str, finished: bool, small_evaluator: Evaluator
) -> None:
    before, threads = set(ipywidgets.widgets.widget._instances), set(threading.enumerate())
    made = EXPLORERS[name](small_evaluator)
    comm = made.comm
    if finished:
        made.wait(background=True)
        assert made.alert.value == ""
    made.close()
    assert set(ipywidgets.widgets.widget._instances) == before
    assert set(threading.enumerate()) == threads
    assert PlotlyLibrary._shared is None
    assert comm is not None
    assert made.comm is None
    # Nothing of ours holds it any more: what it measured goes with it.
    gone = weakref.ref(made)
    del made
    gc.collect()
    assert gone() is None
    # Closing the last figure once more, or an explorer twice, frees nothing that others use.
