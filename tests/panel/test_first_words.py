"""From the first moment on an explorer says what it is about: setting up may take seconds."""

from __future__ import annotations

import pytest

from soupwidgets import Evaluator
from soupwidgets.panel.newest_wins import NewestWins
from soupwidgets.panel.panel import Panel
from soupwidgets.widgets import (
    AlphaExplorer,
    LandscapeExplorer,
    SoupMixer,
    SpectrumExplorer,
)

WORDS = {
    LandscapeExplorer: "finding the plane through zero-shot, ft-a, ft-b",
    SpectrumExplorer: "loading ft-a to follow it along the paths",
}


@pytest.mark.parametrize("explorer", [AlphaExplorer, SoupMixer, *WORDS])
def test_before_anything_is_measured(
    explorer: type, tiny_evaluator: Evaluator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(NewestWins, "_set_to_work", lambda self: None)
    made = explorer(tiny_evaluator)
    if isinstance(made, Panel):
        assert made.view["words"] == f"starting: {made.title}"
        assert made.view["done"] < made.view["total"]
        return
    status = made.status.value
    assert WORDS[explorer] in status
    assert "<progress" in status
    # A live region: a screen reader says it too.
    assert 'role="status"' in status
    made.close()
