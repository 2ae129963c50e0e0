from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import ipywidgets
import pytest

import soupwidgets as sw
from soupwidgets import Evaluator, PoolError, alpha_sweep, wise_ft
from soupwidgets.widgets import AlphaExplorer
from tests.fixtures import ROOT


@pytest.fixture
def explorer(tiny_evaluator: Evaluator) -> Iterator[AlphaExplorer]:
    made = AlphaExplorer(tiny_evaluator, "ft-a", alphas=3, alpha=0.25)
    yield made
    made.close()


def words(explorer: AlphaExplorer, figure: str, **state: object) -> str:
    return explorer.ask(**state).figures[figure].text


def test_shows_the_evaluators_numbers(explorer: AlphaExplorer, tiny_evaluator: Evaluator) -> None:
    expected = tiny_evaluator.evaluate(wise_ft(tiny_evaluator.pool, "ft-a", 0.25))
    said = words(explorer, "splits")
    assert "at alpha 0.25" in said
    assert f"{expected.scores['blur'].correct} of 200" in said
    explorer.wait()
    assert explorer.evaluation is not None
    assert explorer.evaluation.scores == expected.scores
    explorer.alpha = 0.7
    explorer.wait()
    assert explorer.evaluation.recipe == wise_ft(tiny_evaluator.pool, "ft-a", 0.7)
    assert explorer.view["words"] == "alpha 0.7: exact, 2,400 of 2,400 images"


def test_coarse_answers_come_first(explorer: AlphaExplorer) -> None:
    views = [view for view in explorer.answer(explorer.state) if view is not None]
    assert len(views) > 2
    assert [view.exact for view in views] == [False] * (len(views) - 2) + [True, True]  # the last has the pictures
    assert "coarse so far" in views[0].words


def test_its_sweep_is_the_sweep(explorer: AlphaExplorer, tiny_evaluator: Evaluator) -> None:
    explorer.wait(background=True)
    expected = alpha_sweep(tiny_evaluator, "ft-a", alphas=3, progress=False)
    got = explorer.sweep
    assert [a for a in got.alphas if a in expected.alphas] == expected.alphas
    assert all(got[a].scores == expected[a].scores for a in expected.alphas)
    assert explorer.filled == {"words": "the curve is complete", "done": 3, "total": 3}
    # The curve on screen has its points too: what is filled in meanwhile is shown.
    assert len(explorer.shown.figures["frontier"].trace("curve")["x"]) == 4


def test_another_model_another_curve(explorer: AlphaExplorer) -> None:
    explorer.wait(background=True)
    explorer.fine_tuned = "ft-b"
    explorer.wait(background=True)
    assert explorer.sweep.fine_tuned == "ft-b"
    assert "ft-b" in explorer.shown.figures["frontier"].text
    (slider,) = [control for control in explorer.controls if control["name"] == "alpha"]
    assert slider["high_label"] == "ft-b"
    with pytest.raises(ValueError, match=r"cannot be 'ft-c'. Did you mean ft-"):
        explorer.ask(fine_tuned="ft-c")


def test_bringing_out_one_shift(explorer: AlphaExplorer) -> None:
    explorer.wait(background=True)
    view = explorer.ask(shift="wave")
    assert "OOD (wave)" in view.figures["frontier"].text
    assert "Images of 'wave'" in view.strips[0].title
    assert view.clicks["frontier"] == "alpha"  # a click on the curve moves the slider


def test_every_class_and_which_ones_lose(explorer: AlphaExplorer) -> None:
    explorer.wait(background=True)
    view = explorer.ask(look="classes", alpha=1.0)
    assert list(view.figures) == ["frontier", "curves", "classes"]
    (table,) = view.tables
    assert table.columns[3] == "alpha 1"
    assert len(table.rows) == len(explorer.ev.suite.classes)
    assert "p-values adjusted" in table.note
    splits = explorer.ask()
    assert list(splits.figures) == ["frontier", "curves", "splits"]
    assert not splits.tables


def test_an_image_is_followed_along_alpha(explorer: AlphaExplorer) -> None:
    explorer.wait(background=True)
    view = explorer.ask(image=3)
    label = explorer.ev.suite.classes[explorer.ev.suite.id_test.labels[3]]
    assert view.figures["image"].text.startswith(f"Probabilities of an image labelled {label}: ")
    assert view.strips[0].pictures[0].key == -1  # a click on the large picture closes it
    assert "image" not in explorer.ask(image=10**6).figures


def test_errors_are_shown(explorer: AlphaExplorer, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("<script>alert(1)</script>")

    explorer.wait(background=True)
    monkeypatch.setattr(explorer.ev, "stream", broken)
    explorer.alpha = 0.123
    explorer.wait()
    assert explorer.error == "RuntimeError: <script>alert(1)</script>"  # shown as text by the front end
    monkeypatch.undo()
    explorer.alpha = 0.124
    explorer.wait()
    assert explorer.error == ""


def test_unknown_model(tiny_evaluator: Evaluator) -> None:
    before = set(ipywidgets.widgets.widget._instances)
    with pytest.raises(PoolError, match="nobody"):
        AlphaExplorer(tiny_evaluator, "nobody")
    assert set(ipywidgets.widgets.widget._instances) == before


def test_page_is_one_file_and_safe(explorer: AlphaExplorer, tmp_path: Path) -> None:
    page = explorer.to_html(tmp_path / "page.html", shift=None, look="splits").read_text()
    assert re.search(r'<(script|link|img)[^>]+(src|href)="(?!data:)', page) is None
    content = page.split('id="content">')[1].split("</script>")[0]
    assert "<" not in content
    assert content.count('"words": "alpha ') == 3
    assert "{{" not in page.split('id="content">')[0]
    assert explorer.alpha == 0.25


@pytest.mark.slow
def test_the_python_of_a_state_runs_as_it_stands(evaluator: Evaluator, tmp_path: Path) -> None:
    """Slow: it opens pool and suite in another process."""
    explorer = AlphaExplorer(evaluator, "ft-03")
    code = explorer.code({**explorer.state, "alpha": 0.4})
    assert "sw.wise_ft(pool, 'ft-03', 0.4)" in code
    # The test's evaluator was opened from the repository's folder.
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    expected = evaluator.evaluate(wise_ft(evaluator.pool, "ft-03", 0.4))
    assert f"{expected.accuracy['test']:.4f}" in done.stdout


def test_what_is_taken_for_what(small_evaluator: Evaluator) -> None:
    explorer = AlphaExplorer(small_evaluator, "ft-03", alphas=3)
    explorer.wait(background=True)
    view = explorer.ask(look="mistakes", alpha=0.5)
    ends = [small_evaluator.evaluate(name, ["test"]) for name in ("zero-shot", "ft-03")]
    half = small_evaluator.evaluate(wise_ft(small_evaluator.pool, "ft-03", 0.5), ["test"])
    found = sw.alpha.between(*ends, half, small_evaluator.suite.id_test)
    (table,) = view.tables
    assert [row[:4] for row in table.rows if row[:3] == ["wrong", "wrong", "right"]] == [
        ["wrong", "wrong", "right", len(found.gained)]
    ]
    assert sum(int(row[3]) for row in table.rows) == 400
    (strip,) = view.strips
    assert [picture.key for picture in strip.pictures] == found.gained[:12].tolist()
    drawn = view.figures["confusion"]
    shares = sw.alpha.confusion(half, small_evaluator.suite.id_test, 10)
    assert drawn.trace("confusion")["z"][6][0] == pytest.approx(100 * shares[6, 0] / shares[6].sum(), abs=0.01)
    assert drawn.trace("confusion")["z"][6][6] is None
    explorer.close()
