from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import ipywidgets
import plotly.graph_objects as go
import pytest

from soupwidgets import Evaluator, PoolError, alpha_sweep, wise_ft
from soupwidgets.panel.live_figure import LiveFigure
from soupwidgets.widgets import AlphaExplorer


@pytest.fixture
def explorer(tiny_evaluator: Evaluator) -> Iterator[AlphaExplorer]:
    made = AlphaExplorer(tiny_evaluator, "ft-a", alphas=3, alpha=0.25)
    made.wait(background=True)
    yield made
    made.close()


def test_shows_the_evaluators_numbers(explorer: AlphaExplorer, tiny_evaluator: Evaluator) -> None:
    assert explorer.evaluation is not None
    expected = tiny_evaluator.evaluate(wise_ft(tiny_evaluator.pool, "ft-a", 0.25))
    assert explorer.evaluation.scores == expected.scores
    assert "at alpha 0.25" in explorer.bars.text
    assert f"{expected.scores['blur'].correct} of 200" in explorer.bars.text
    explorer.alpha = 0.7
    explorer.wait()
    assert explorer.evaluation.recipe == wise_ft(tiny_evaluator.pool, "ft-a", 0.7)
    assert "alpha 0.7: exact, 2,400 of 2,400 images" in explorer.status.value


def test_its_sweep_is_the_sweep(explorer: AlphaExplorer, tiny_evaluator: Evaluator) -> None:
    expected = alpha_sweep(tiny_evaluator, "ft-a", 3, progress=False)
    got = explorer.sweep
    assert [a for a in got.alphas if a in expected.alphas] == expected.alphas
    assert all(got[a].scores == expected[a].scores for a in expected.alphas)
    assert "the curve is complete" in explorer.sweep_status.value


def test_another_model_another_curve(explorer: AlphaExplorer) -> None:
    explorer.model_choice.value = "ft-b"
    explorer.wait(background=True)
    assert explorer.sweep.fine_tuned == "ft-b"
    assert "ft-b" in explorer.frontier.text
    assert explorer.slider.high_label == "ft-b"
    assert (
        repr(explorer)
        == "<AlphaExplorer from zero-shot to ft-b: show it in a notebook, or write a page with .to_html(path)>"
    )


def test_bringing_out_one_shift(explorer: AlphaExplorer) -> None:
    explorer.shift_choice.value = "wave"
    explorer.wait()
    assert "OOD (wave)" in explorer.frontier.text
    assert "Images of &#x27;wave&#x27;" in explorer.flips.value


def test_a_click_on_the_curve_moves_the_slider(explorer: AlphaExplorer) -> None:
    explorer.frontier.clicked = {"uid": "curve", "customdata": [0.5], "at": 1}
    assert explorer.alpha == 0.5
    explorer.frontier.clicked = {"uid": "curve", "customdata": "<script>", "at": 2}
    assert explorer.alpha == 0.5


def test_small_moves_send_small_messages(explorer: AlphaExplorer) -> None:
    figure = explorer.frontier.figure
    explorer.alpha = 0.5
    explorer.wait()
    assert explorer.frontier.figure is figure  # only the patch changed
    assert len(str(explorer.frontier.patch)) < 3000


def test_errors_are_shown_and_escaped(explorer: AlphaExplorer, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("<script>alert(1)</script>")

    monkeypatch.setattr(explorer.ev, "stream", broken)
    explorer.alpha = 0.123
    explorer.wait()
    assert 'role="alert"' in explorer.alert.value
    assert "&lt;script&gt;" in explorer.alert.value
    assert "<script>" not in explorer.alert.value
    monkeypatch.undo()
    explorer.alpha = 0.124
    explorer.wait()
    assert explorer.alert.value == ""


def test_close_leaves_no_widget_behind(tiny_evaluator: Evaluator) -> None:
    before = set(ipywidgets.widgets.widget._instances)
    for _ in range(10):
        made = AlphaExplorer(tiny_evaluator, "ft-a", alphas=2)
        made.close()
    assert set(ipywidgets.widgets.widget._instances) == before


def test_unknown_model(tiny_evaluator: Evaluator) -> None:
    before = set(ipywidgets.widgets.widget._instances)
    with pytest.raises(PoolError, match="nobody"):
        AlphaExplorer(tiny_evaluator, "nobody")
    assert set(ipywidgets.widgets.widget._instances) == before


def test_page_is_one_file_and_safe(explorer: AlphaExplorer, tmp_path: Path) -> None:
    page = explorer.to_html(tmp_path / "page.html").read_text()
    assert re.search(r'<(script|link|img)[^>]+(src|href)="(?!data:)', page) is None
    state = page.split('id="state">')[1].split("</script>")[0]
    assert "<" not in state
    assert page.count("{{") == page.count("{{", page.index("plotly.js"))  # no place left unfilled before the library


def test_a_name_is_no_uid() -> None:
    """Plotly looks for ``.cb`` and the uid in the page: a name with a point and a digit is no selector."""
    figure = LiveFigure()
    with pytest.raises(ValueError, match=r"'shift-cifar10\.1' cannot be the uid of a trace"):
        figure.show(go.Figure(go.Scatter(uid="shift-cifar10.1")))
    figure.close()
