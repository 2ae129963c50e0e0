from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ipywidgets
import pytest

import soupwidgets as sw
from soupwidgets import Evaluator, Recipe, logit_ensemble, uniform_soup, wise_ft
from soupwidgets.panel.view import Table, View
from soupwidgets.widgets import AlphaExplorer, FrontierExplorer, SoupMixer


@pytest.fixture
def explorer(tiny_evaluator: Evaluator) -> Iterator[FrontierExplorer]:
    made = FrontierExplorer(tiny_evaluator)
    made.wait(background=True)
    yield made
    made.close()


def trace(view: View, uid: str) -> Any:
    return next(t for t in view.figures["frontier"].data if t.uid == uid)


def table(view: View, title: str = "chosen models") -> Table:
    return next(t for t in view.tables if t.title == title)


def test_an_empty_store_fills_by_itself(tiny_evaluator: Evaluator) -> None:
    explorer = FrontierExplorer(tiny_evaluator)
    first, second = explorer.answer(explorer.state)
    assert (first.words, first.exact) == ("looking up what is measured", False)
    assert second.words == "nothing is measured on all splits yet"
    explorer.wait(background=True)
    assert [m.name for m in explorer.frontier.models] == ["zero-shot", "ft-a", "ft-b"]
    assert explorer.filled["words"] == "every checkpoint is measured"
    assert explorer.shown is not None
    assert explorer.shown.words.startswith("3 models. Click one, draw around several, or choose them by name")
    for name, point in explorer.frontier.points().items():
        alone = tiny_evaluator.evaluate(Recipe({name: 1}))
        assert (point.id, point.ood) == (alone.accuracy["test"], alone.shift_accuracy)
    assert explorer.error == ""
    explorer.close()


def test_choosing_mixing_and_sweeping(explorer: FrontierExplorer, tiny_evaluator: Evaluator) -> None:
    view = explorer.ask(chosen=["ft-a", "ft-b", "<nobody>"])
    assert view.lassos == {"frontier": "chosen"}
    assert view.controls["chosen"]["options"] == ["zero-shot", "ft-a", "ft-b"]  # by keyboard what the lasso does
    assert len(trace(view, "chosen").x) == 3  # the third is nowhere
    assert "Chosen: ft-a (ID " in view.words
    assert view.notes == ["Chosen, and not shown here: <nobody>."]
    assert [row[0] for row in table(view).rows] == ["ft-a", "ft-b"]
    test = tiny_evaluator.suite.id_test
    right = [sw.evaluation.right_answers(tiny_evaluator.evaluate(Recipe({n: 1})), test) for n in ("ft-a", "ft-b")]
    assert f"p = {sw.stats.mcnemar(*right).p_value:.2g}" in table(view).note
    state = explorer.do("soup", chosen=["ft-a", "ft-b"])
    (soup,) = [m for m in explorer.frontier.models if m.kind == "soup"]
    assert soup.evaluation.recipe == uniform_soup(tiny_evaluator.pool)
    assert state["chosen"] == [soup.name]
    explorer.do("sweep", chosen=["ft-a"])
    (curve,) = explorer.frontier.curves().values()
    assert [m.alpha for m in curve[1:-1]] == pytest.approx([i / 10 for i in range(1, 10)])
    # Any point can be mixed with any other: a mixture of mixtures is one recipe.
    explorer.do("soup", chosen=[soup.name, "ft-a at alpha 0.5"])
    expected = (uniform_soup(tiny_evaluator.pool) + wise_ft(tiny_evaluator.pool, "ft-a", 0.5)) / 2
    assert expected in [m.evaluation.recipe for m in explorer.frontier.models]
    with pytest.raises(ValueError, match="choose fine-tuned models first"):
        explorer.do("sweep", chosen=["zero-shot"])


def test_a_button_on_screen_chooses_what_it_made(explorer: FrontierExplorer) -> None:
    explorer.soup = 1
    explorer.wait()
    assert explorer.error == "ValueError: choose models to mix first: click one, or draw around several"
    explorer.chosen = ["ft-a", "ft-b"]
    explorer.soup = 2
    explorer.wait()
    assert explorer.chosen[0].startswith("soup of 2")
    assert f"Chosen: {explorer.chosen[0]}" in explorer.shown.words
    assert explorer.error == ""


def test_a_part_of_what_the_store_knows(explorer: FrontierExplorer, tiny_evaluator: Evaluator) -> None:
    other = Evaluator(tiny_evaluator.pool, tiny_evaluator.suite, store=tiny_evaluator.store)
    other.evaluate(wise_ft(other.pool, "ft-b", 0.25))
    tiny_evaluator.evaluate(wise_ft(other.pool, "ft-a", 0.75))
    # What others file is seen with the next question.
    assert explorer.ask().words.startswith("5 models.")
    assert len(explorer.ask(asked_for="session").controls["chosen"]["options"]) == 4
    view = explorer.ask(search="FT-B wise")
    assert view.controls["chosen"]["options"] == ["ft-b at alpha 0.25"]
    assert view.words.startswith("1 of 5 models.")
    assert explorer.ask(search="nothing like it").words.startswith("none of 5 models")


def test_opening_other_explorers(explorer: FrontierExplorer, tiny_evaluator: Evaluator) -> None:
    tiny_evaluator.evaluate(wise_ft(tiny_evaluator.pool, "ft-b", 0.3))
    explorer.chosen = ["ft-b at alpha 0.3"]
    explorer.to_alpha = 1
    assert isinstance(explorer.opened, AlphaExplorer)
    assert (explorer.opened.fine_tuned, explorer.opened.alpha) == ("ft-b", pytest.approx(0.3))
    assert explorer.below[-1]["model"] == explorer.opened.model_id
    explorer.chosen = ["ft-a", "zero-shot"]
    explorer.to_mixer = 1
    assert isinstance(explorer.opened, SoupMixer)
    explorer.opened.wait()
    assert explorer.opened.recipe == Recipe({"ft-a": 0.5, "zero-shot": 0.5})
    explorer.chosen = ["zero-shot"]
    explorer.to_alpha = 2
    explorer.wait()
    assert "choose a fine-tuned model" in explorer.error


def test_axes_colours_and_lines(explorer: FrontierExplorer, tmp_path: Path) -> None:
    view = explorer.ask(shift="noise", scale="logit", line="others")
    assert "OOD (noise) accuracy, % (logit scale)" in view.figures["frontier"].layout.yaxis.title.text
    assert "upload a CSV file" in view.notes[0]
    explorer.state = {"shift": "noise", "scale": "logit", "line": "others"}
    text = "model,dataset,accuracy\nx,test,0.5\nx,Noise,0.25\ny,test,0.75\ny,Noise,0.5\nz,test,0.5\n"
    explorer.upload = [{"number": 1, "name": "../<x>.csv", "text": text}]
    explorer.wait()
    assert len(trace(explorer.shown, "context").x) == 2  # z was not measured under noise
    assert "2 published models: x (ID 50.0%, OOD 25.0%)" in explorer.view["figures"][0]["words"]
    assert explorer.baseline is not None
    assert explorer.baseline.names == ("x", "y")
    assert "effective robustness, points" in table(explorer.ask(chosen=["ft-a"])).columns
    explorer.upload = [{"number": 2, "name": "b.csv", "text": "a,b\n1,<i>\n"}]
    explorer.wait()
    assert "no column" in explorer.error
    assert len(trace(explorer.ask(), "context").x) == 2  # bad input loses nothing


def test_files_for_a_talk(explorer: FrontierExplorer, tiny_evaluator: Evaluator, tmp_path: Path) -> None:
    grids = explorer.recorded({"shift": [None, "rotate"], "scale": ["linear"], "line": ["none"]})
    assert list(grids) == ["shift", "scale"]
    page = explorer.to_html(tmp_path / "frontier.html", scale="linear").read_text()
    assert "Accuracy against robustness" in page
    assert "Click one" not in page.split("plotly.js")[0]
    ys = list(trace(explorer.ask(shift="rotate"), "fine-tuned").y)
    assert ys == [100 * tiny_evaluator.evaluate(Recipe({n: 1})).accuracy["rotate"] for n in ("ft-a", "ft-b")]
    numbers = table(explorer.ask(), "frontier")
    assert list(numbers.columns)[:3] == ["model", "kind", "alpha"]
    assert not numbers.drawn
    assert json.loads(json.dumps(explorer.view))["tables"][0]["rows"][1][0] == "ft-a"


@pytest.mark.parametrize("line", ["none", "others", "fine-tuned", "chosen"])
def test_its_python_runs_and_gives_the_same_numbers(
    explorer: FrontierExplorer, line: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    others = tmp_path / "others.csv"
    others.write_text("model,val,test,noise\nx,0.75,0.5,0.25\ny,0.75,0.6,0.5\n")
    explorer.add_context(others)
    code = explorer.code({**explorer.state, "shift": "noise", "line": line, "chosen": ["ft-a", "ft-b"]})
    lines = [one for one in code.splitlines() if not one.startswith(("import", "pool =", "suite =", "ev ="))]
    found: dict[str, Any] = {"sw": sw, "ev": explorer.ev}
    exec("\n".join(lines), found)
    assert str(explorer.frontier.points("noise")["ft-b"]) in capsys.readouterr().out
    assert ("line" in found) == (line != "none")
    shown = explorer.ask(shift="noise", line=line, chosen=["ft-a", "ft-b"]).figures["frontier"]
    assert found["figure"].to_plotly_json()["data"] == shown.to_plotly_json()["data"]


def test_an_ensemble_is_shown_and_cannot_be_mixed(tiny_evaluator: Evaluator) -> None:
    ensemble = logit_ensemble(tiny_evaluator, uniform_soup(tiny_evaluator.pool))
    explorer = FrontierExplorer(tiny_evaluator, ensembles=[ensemble])
    explorer.wait(background=True)
    name = next(m.name for m in explorer.frontier.models if m.kind == "ensemble")
    with pytest.raises(ValueError, match="choose models to mix first"):
        explorer.do("soup", chosen=[name])
    explorer.close()


def test_closing_frees_every_widget(tiny_evaluator: Evaluator) -> None:
    before = set(ipywidgets.widgets.widget._instances)
    explorer = FrontierExplorer(tiny_evaluator)
    explorer.wait(background=True)
    explorer.chosen = ["ft-a"]
    explorer.to_alpha = 1
    explorer.close()
    assert set(ipywidgets.widgets.widget._instances) == before


def test_a_table_of_which_nothing_matches_is_told(explorer: FrontierExplorer, tmp_path: Path) -> None:
    others = tmp_path / "others.csv"
    others.write_text("model,test,<b>\nx,0.5,0.25\n")
    explorer.add_context(others)
    (note,) = explorer.ask().notes
    assert "No model of others is drawn" in note
    assert "its data sets are test, <b>" in note
    others.write_text("model,val,test,noise\nx,0.75,0.5,0.25\n")
    explorer.add_context(others)
    assert explorer.ask().notes[0].endswith("Choose a shift that it has: noise.")
    view = explorer.ask(shift="noise")
    assert view.notes == []
    assert len(trace(view, "context").x) == 1
