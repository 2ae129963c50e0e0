"""From the first moment on an explorer says what it is about: setting up may take seconds."""

from __future__ import annotations

import pytest

from soupwidgets import Evaluator
from soupwidgets.panel.newest_wins import NewestWins
from soupwidgets.widgets import AlphaExplorer, FrontierExplorer, LandscapeExplorer, SoupMixer, SpectrumExplorer

EXPLORERS = [AlphaExplorer, FrontierExplorer, LandscapeExplorer, SoupMixer, SpectrumExplorer]


@pytest.mark.parametrize("explorer", EXPLORERS)
def test_before_anything_is_measured(
    explorer: type, tiny_evaluator: Evaluator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(NewestWins, "_set_to_work", lambda self: None)
    made = explorer(tiny_evaluator)
    assert made.view["words"] == f"starting: {made.title}"
    assert made.view["done"] < made.view["total"]
    assert len(made.title) > 15
    made.close()
