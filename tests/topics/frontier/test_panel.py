from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import ipywidgets
import pytest

import soupwidgets as sw
from soupwidgets import Evaluator, Recipe, logit_ensemble, uniform_soup, wise_ft
from soupwidgets.widgets import AlphaExplorer, FrontierExplorer, SoupMixer


@pytest.fixture
def explorer(tiny_evaluator: Evaluator) -> Iterator[FrontierExplorer]:
    made = FrontierExplorer(tiny_evaluator)
    made.wait(background=True)
    yield made
    made.close()


def shown(explorer: FrontierExplorer, uid: str) -> dict:
    trace = next(t for t in explorer.figure.figure["data"] if t["uid"] == uid)
    return {**trace, **explorer.figure.patch.get("traces", {}).get(uid, {})}


def test_an_empty_store_fills_by_itself(explorer: FrontierExplorer, tiny_evaluator: Evaluator) -> None:
    assert explorer.frontier is not None
    assert [m.name for m in explorer.frontier.models] == ["zero-shot", "ft-a", "ft-b"]
    assert "every checkpoint is measured" in explorer.status.value
    for name, point in explorer.frontier.points().items():
        alone = tiny_evaluator.evaluate(Recipe({name: 1}))
        assert (point.id, point.ood) == (alone.accuracy["test"], alone.shift_accuracy)
    assert explorer.alert.value == ""


def test_choosing_mixing_and_sweeping(explorer: FrontierExplorer, tiny_evaluator: Evaluator) -> None:
    assert all(button.disabled for button in explorer.buttons.values())
    explorer.figure.selected = {"points": [["ft-a"], ["ft-b"], ["<nobody>"], 3], "at": 1}
    assert explorer.chosen == ["ft-a", "ft-b"]
    assert len(shown(explorer, "chosen")["x"]) == 2
    assert "ft-a" in explorer.details.value
    test = tiny_evaluator.suite.id_test
    right = [sw.evaluation.right_answers(tiny_evaluator.evaluate(Recipe({n: 1})), test) for n in ("ft-a", "ft-b")]
    assert f"p = {sw.stats.mcnemar(*right).p_value:.2g}" in explorer.comparison.value
    explorer.buttons["Soup"].click()
    explorer.wait()
    (soup,) = [m for m in explorer.frontier.models if m.kind == "soup"]
    assert soup.evaluation.recipe == uniform_soup(tiny_evaluator.pool)
    assert explorer.chosen == [soup.name]
    explorer.choose(["ft-a"])
    explorer.buttons["Sweep alpha"].click()
    explorer.wait()
    (curve,) = explorer.frontier.curves().values()
    assert [m.alpha for m in curve[1:-1]] == pytest.approx([i / 10 for i in range(1, 10)])
    # Any point can be mixed with any other: a mixture of mixtures is one recipe.
    explorer.choose([soup.name, "ft-a at alpha 0.5"])
    explorer.soup()
    explorer.wait()
    expected = (uniform_soup(tiny_evaluator.pool) + wise_ft(tiny_evaluator.pool, "ft-a", 0.5)) / 2
    assert expected in [m.evaluation.recipe for m in explorer.frontier.models]


def test_opening_other_explorers(explorer: FrontierExplorer, tiny_evaluator: Evaluator) -> None:
    tiny_evaluator.evaluate(wise_ft(tiny_evaluator.pool, "ft-b", 0.3))
    explorer._work.request(explorer._refresh())
    explorer.wait()
    explorer.figure.clicked = {"uid": "WiSE-FT", "customdata": ["ft-b at alpha 0.3"], "at": 1}
    explorer.buttons["Alpha explorer"].click()
    assert isinstance(explorer.opened, AlphaExplorer)
    assert (explorer.opened.fine_tuned, explorer.opened.alpha) == ("ft-b", pytest.approx(0.3))
    assert explorer.below.children == (explorer.opened,)
    explorer.choose(["ft-a", "zero-shot"])
    explorer.buttons["Soup mixer"].click()
    assert isinstance(explorer.opened, SoupMixer)
    explorer.opened.wait()
    assert explorer.opened.recipe == Recipe({"ft-a": 0.5, "zero-shot": 0.5})
    explorer.choose(["zero-shot"])
    explorer.buttons["Alpha explorer"].click()
    assert "choose a fine-tuned model" in explorer.alert.value


def test_axes_colours_and_lines(explorer: FrontierExplorer, tmp_path: Path) -> None:
    explorer.shift_choice.value = "noise"
    explorer.scale_choice.value = "logit"
    assert "OOD (noise) accuracy, % (logit scale)" in explorer.figure.figure["layout"]["yaxis"]["title"]["text"]
    explorer.line_choice.value = "models of others"
    assert "upload a CSV file" in explorer.alert.value
    table = tmp_path / "others.csv"
    table.write_text("model,dataset,accuracy\nx,test,0.5\nx,Noise,0.25\ny,test,0.75\ny,Noise,0.5\nz,test,0.5\n")
    explorer.upload.value = (
        {
            "name": "../<x>.csv",
            "type": "text/csv",
            "size": 1,
            "content": memoryview(table.read_bytes()),
            "last_modified": datetime.now(UTC),
        },
    )
    assert explorer.alert.value == ""
    assert len(shown(explorer, "context")["x"]) == 2  # z was not measured under noise
    assert explorer.baseline is not None
    assert explorer.baseline.names == ("x", "y")
    explorer.choose(["ft-a"])
    assert "effective robustness" in explorer.details.value
    explorer.upload.value = (
        {
            "name": "b.csv",
            "type": "text/csv",
            "size": 1,
            "content": memoryview(b"a,b\n1,<i>\n"),
            "last_modified": datetime.now(UTC),
        },
    )
    assert "no column" in explorer.alert.value
    assert len(shown(explorer, "context")["x"]) == 2  # bad input loses nothing


def test_files_for_a_talk(explorer: FrontierExplorer, tiny_evaluator: Evaluator, tmp_path: Path) -> None:
    page = explorer.to_html(tmp_path / "frontier.html").read_text()
    start = page.index("{", page.index('id="state"'))
    state = json.loads(page[start : page.index("</script>", start)])
    assert [frame["value"] for frame in state["frames"]][:2] == ["mean of all shifts", "rotate"]
    ys = [frame["patches"][0]["traces"]["fine-tuned"]["y"] for frame in state["frames"]]
    assert ys[1] == [100 * tiny_evaluator.evaluate(Recipe({n: 1})).accuracy["rotate"] for n in ("ft-a", "ft-b")]
    explorer.export("csv")
    assert explorer.figure.exported["kind"] == "csv"
    assert explorer.figure.exported["text"].splitlines()[0].startswith("model,kind,alpha")
    explorer.export("svg")
    assert explorer.figure.exported["number"] == 2


def test_an_ensemble_is_shown_and_cannot_be_mixed(tiny_evaluator: Evaluator) -> None:
    ensemble = logit_ensemble(tiny_evaluator, uniform_soup(tiny_evaluator.pool))
    explorer = FrontierExplorer(tiny_evaluator, ensembles=[ensemble])
    explorer.wait(background=True)
    name = next(m.name for m in explorer.frontier.models if m.kind == "ensemble")
    explorer.choose([name])
    explorer.buttons["Soup"].click()
    assert "choose models to mix first" in explorer.alert.value
    explorer.close()


def test_closing_frees_every_widget(tiny_evaluator: Evaluator) -> None:
    before = set(ipywidgets.widgets.widget._instances)
    explorer = FrontierExplorer(tiny_evaluator)
    explorer.wait(background=True)
    explorer.choose(["ft-a"])
    explorer.open_alpha_explorer()
    explorer.close()
    assert set(ipywidgets.widgets.widget._instances) == before


def test_a_table_of_which_nothing_matches_is_told(explorer: FrontierExplorer, tmp_path: Path) -> None:
    table = tmp_path / "others.csv"
    table.write_text("model,test,<b>\nx,0.5,0.25\n")
    explorer.add_context(table)
    assert "no model of others is drawn" in explorer.alert.value
    assert "its data sets are test, &lt;b&gt;" in explorer.alert.value
    table.write_text("model,val,test,noise\nx,0.75,0.5,0.25\n")
    explorer.add_context(table)
    assert "Choose a shift that it has: noise<" in explorer.alert.value
    explorer.alert.value = ""
    explorer.shift_choice.value = "noise"
    explorer.add_context(table)
    assert explorer.alert.value == ""
    assert len(shown(explorer, "context")["x"]) == 1
