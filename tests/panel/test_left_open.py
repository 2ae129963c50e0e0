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

import soupwidgets as sw
from soupwidgets import Evaluator, Pool, Store, Suite, widgets
from soupwidgets.panel.panel import Panel
from tests.figures.test_shown import augmentations

# What ends last says whether the threads had ended by then.
SCRIPT = """
import atexit, sys, threading, time
@atexit.register
def last():
    assert not any(thread.name == "soupwidgets" for thread in threading.enumerate())
    print("at the end")
from soupwidgets import Evaluator, Pool, Store, Suite
from soupwidgets.widgets import AlphaExplorer, LandscapeExplorer
pool, suite, store, seconds = sys.argv[1:]
ev = Evaluator(Pool.open(pool), Suite.open(suite), device="cpu", store=Store(store))
made = LandscapeExplorer(ev), AlphaExplorer(ev)
time.sleep(float(seconds))
"""


@pytest.fixture
def small_evaluator(tiny_pool: Pool, small_suite: Suite, tmp_path: Path) -> Evaluator:
    return Evaluator(tiny_pool, small_suite, device="cpu", store=Store(tmp_path / "store"))


@pytest.mark.slow
def test_explorers_that_are_left_open_do_not_abort_the_interpreter(
    tiny_pool: Pool, small_folder: Path, tmp_path: Path
) -> None:
    """A thread inside torch while the interpreter ends is fatal; processes that load torch take some seconds each."""
    folder = tiny_pool.checkpoints["zero-shot"].path.parent
    running = []
    for seconds in (0.0, 0.2):
        arguments = [str(folder), str(small_folder), str(tmp_path / f"store-{seconds}"), str(seconds)]
        command = [sys.executable, "-c", SCRIPT, *arguments]
        running.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
    for process in running:
        out, err = process.communicate()
        assert (process.returncode, out, err) == (0, "at the end\n", "")


def workers() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name == "soupwidgets"}


EXPLORERS: dict[str, Callable[[Evaluator], Panel]] = {
    "AlphaExplorer": lambda ev: widgets.AlphaExplorer(ev, alphas=3),
    "AugmentationExplorer": lambda ev: widgets.AugmentationExplorer(augmentations(), ev.suite, ev=ev),
    "DiversityExplorer": lambda ev: widgets.DiversityExplorer(
        sw.diversity.members(ev, progress=False), ev.suite, ev=ev
    ),
    "FrontierExplorer": widgets.FrontierExplorer,
    "LandscapeExplorer": lambda ev: widgets.LandscapeExplorer(ev, grid=3),
    "MistakeReviewer": lambda ev: widgets.MistakeReviewer(sw.diversity.members(ev, progress=False), ev.suite),
    "Predict": lambda ev: widgets.Predict(
        "Half way", [sw.prediction.Question("half", "Accuracy", sw.prediction.accuracy(ev, "ft-00", "test"))]
    ),
    "SoupMixer": widgets.SoupMixer,
    "SpectrumExplorer": lambda ev: widgets.SpectrumExplorer(ev, pairs=4, samples=8, alphas=2),
}


@pytest.mark.parametrize("name", EXPLORERS)
@pytest.mark.parametrize("finished", [True, False])
def test_closing_frees_the_thread_the_widgets_plotly_and_the_explorer(
    name: str, finished: bool, small_evaluator: Evaluator
) -> None:
    before, threads = set(ipywidgets.widgets.widget._instances), workers()
    made = EXPLORERS[name](small_evaluator)
    if finished:
        made.wait(background=True)
        assert made.error == ""
    made.close()
    assert set(ipywidgets.widgets.widget._instances) == before
    assert workers() <= threads
    assert made.comm is None
    # Nothing of ours holds it any more: what it measured goes with it.
    gone = weakref.ref(made)
    del made
    gc.collect()
    assert gone() is None
