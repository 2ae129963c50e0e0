"""What panels send to a page when they are shown: a notebook with all of them stays light."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, ClassVar

import comm
import pytest
from comm.base_comm import BaseComm

import soupwidgets as sw
from soupwidgets import Evaluator, Pool, Store, Suite, widgets
from soupwidgets.panel.panel import Panel
from tests.figures.test_shown import augmentations

MOST = 6_000_000

SHOWN: dict[str, Callable[[Evaluator], Panel]] = {
    "AlphaExplorer": widgets.AlphaExplorer,
    "AugmentationExplorer": lambda ev: widgets.AugmentationExplorer(augmentations(), ev.suite, ev=ev),
    "DiagnosisExplorer": widgets.DiagnosisExplorer,
    "DiversityExplorer": lambda ev: widgets.DiversityExplorer(
        sw.diversity.members(ev, progress=False), ev.suite, ev=ev
    ),
    "FrontierExplorer": widgets.FrontierExplorer,
    "LandscapeExplorer": lambda ev: widgets.LandscapeExplorer(ev, grid=5),
    "MistakeReviewer": lambda ev: widgets.MistakeReviewer(sw.diversity.members(ev, progress=False), ev.suite),
    "ParetoExplorer": lambda ev: widgets.ParetoExplorer(ev, ["zero-shot", "ft-03"]),
    "Predict": lambda ev: widgets.Predict(
        "Half way", [sw.prediction.Question("half", "Accuracy", sw.prediction.accuracy(ev, "ft-00", "test"))]
    ),
    "SoupMixer": widgets.SoupMixer,
    "SpectrumExplorer": lambda ev: widgets.SpectrumExplorer(ev, pairs=8, samples=8, alphas=2),
}


class Recorder(BaseComm):
    """Keeps the size of what is sent: of every part of a panel's state what was sent last, and all that is no state."""

    state: ClassVar[dict[tuple[str, str], int]] = {}
    rest = 0

    def publish_msg(self, _type: str, data: Any = None, metadata: Any = None, buffers: Any = None, **_: Any) -> None:
        parts = (data or {}).get("state", {})
        Recorder.state |= {(self.comm_id, key): len(json.dumps(part).encode()) for key, part in parts.items()}
        # Buffers, of which only plotly.js is one, and what stands around a state.
        other = {key: value for key, value in (data or {}).items() if key != "state"}
        Recorder.rest += len(json.dumps([other, metadata]).encode()) + sum(len(one) for one in buffers or ())


@pytest.mark.slow
def test_all_panels_weigh_less_than_six_megabytes(
    pool: Pool, small_suite: Suite, zoo_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once each has answered; coarse answers are replaced. Slow: four models are measured for all of them."""
    paths = [pool.checkpoints[name].path for name in ("zero-shot", "ft-00", "ft-03", "bad-lr")]
    ev = Evaluator(Pool.open(paths), small_suite, device="cpu", store=zoo_store)
    assert {one.__name__ for one in widgets.all_explorers()} == set(SHOWN)
    monkeypatch.setattr(comm, "create_comm", lambda **given: Recorder(**given))
    monkeypatch.setattr(Recorder, "state", {})
    monkeypatch.setattr(Recorder, "rest", 0)
    for number, make in enumerate(SHOWN.values()):
        panel = make(ev)
        panel._repr_mimebundle_()
        panel.wait()
        assert panel.error == ""
        assert panel.shown.exact
        if number == 0:
            # plotly.js goes to a page once, whatever the number of panels.
            panel._on_message(panel, {"kind": "plotly"}, [])
            assert Recorder.rest > 1_000_000
        panel.close()
    # So does the front end: the browser keeps one copy of the module.
    modules = [size for (_, key), size in Recorder.state.items() if key == "_esm"]
    assert len(modules) == len(SHOWN)
    whole = sum(Recorder.state.values()) - sum(modules) + max(modules) + Recorder.rest
    print(f"{whole:,} bytes, of which plotly.js {Recorder.rest:,} and the front end {max(modules):,}")
    assert whole <= MOST
