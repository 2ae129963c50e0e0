from __future__ import annotations

from pathlib import Path

import pytest

from soupwidgets import Evaluator, Store
from soupwidgets.figures import text_alternative
from soupwidgets.topics.pareto import figures, pareto_front
from soupwidgets.widgets import ParetoExplorer
from tests.command import run
from tests.fixtures import ZOO

NAMES = ["zero-shot", "ft-03"]
ASKED = ["val", "noise"]


@pytest.fixture(scope="module")
def panel(small_evaluator: Evaluator) -> ParetoExplorer:
    return ParetoExplorer(small_evaluator, NAMES, ASKED)


def test_a_preference_shows_what_is_measured(panel: ParetoExplorer, small_evaluator: Evaluator) -> None:
    view = panel.ask(preference=0.5)
    assert set(view.figures) == {"front", "judged", "misses"}
    chosen = view.tables[0]
    assert [row[0] for row in chosen.rows] == ASKED
    assert "which was measured" in view.words
    assert panel.recipe is not None
    evaluation = small_evaluator.stored(panel.recipe, ["val"])
    assert evaluation is not None
    assert chosen.rows[0][1] == f"{evaluation['val'].accuracy:.1%}"
    assert panel.ask(preference=0.5).words == view.words
    # At its ends the slider picks the ends of the front.
    best = panel.ask(preference=1.0).tables[0].rows[0][1]
    assert float(str(best).rstrip("%")) >= float(str(chosen.rows[0][1]).rstrip("%"))


def test_foretold_and_measured_do_not_look_alike(small_evaluator: Evaluator) -> None:
    found = pareto_front(small_evaluator, NAMES, ASKED, rounds=1, progress=False)
    drawn = figures.front.plain(found, shown=found.knee())
    hollow, filled = drawn.trace("predicted"), drawn.trace("front")
    assert hollow["marker"]["symbol"] == "circle-open"
    assert filled["marker"]["symbol"] == "circle"
    assert hollow["marker"]["color"] != filled["marker"]["color"]
    assert len(filled["x"]) == len(found)
    assert f"{len(found.predicted)} more are foretold and not measured" in drawn.text
    assert "The preference picks" in drawn.text
    for one in (figures.front(found), figures.judged(found), figures.misses(found)):
        assert len(text_alternative(one)) > 40
    with pytest.raises(ValueError, match="'fog' is no objective of this front; there are val, noise"):
        figures.front(found, "fog")


def test_a_floor_is_typed(panel: ParetoExplorer) -> None:
    assert "keeps the floor: ask for less" in panel.ask(floor="99.9").words
    view = panel.ask(floor="50%")
    assert view.tables[0].rows
    with pytest.raises(ValueError, match="'high' is no number: type one, in percent"):
        panel.ask(floor="high")


def test_the_same_objective_twice(panel: ParetoExplorer) -> None:
    assert panel.ask(up=panel.across, floor="").words == "Choose two objectives that differ."


def test_code_gives_the_same_recipe(panel: ParetoExplorer, small_evaluator: Evaluator) -> None:
    state = {**panel.state, "preference": 1.0, "floor": "", "across": "val", "up": "noise"}
    lines = panel.code(state).splitlines()[-3:-1]
    import soupwidgets as sw

    scope = {"sw": sw, "ev": small_evaluator}
    exec("\n".join(lines), scope)
    assert scope["recipe"]["ft-03"] > 0.3  # type: ignore[index]


def test_the_command(small_folder: Path, zoo_store: Store, tmp_path: Path) -> None:
    out = tmp_path / "picked.safetensors"
    pool = tmp_path / "pool"
    pool.mkdir()
    for name in NAMES:
        (pool / f"{name}.safetensors").symlink_to(ZOO / f"{name}.safetensors")
    common = ["pareto", "--pool", str(pool), "--suite", str(small_folder), "--store", str(zoo_store.folder)]
    found = run(
        *common,
        "--rounds",
        "0",
        "--prefer",
        "val=0.8",
        "--objective",
        "val",
        "--objective",
        "noise",
        "--prefer",
        "noise=0.2",
        "--out",
        str(out),
    )
    assert "what is preferred is" in found.stdout
    assert out.exists()
    failed = run(*common, "--rounds", "0", "--floor", "val")
    assert "--floor 'val': write OBJECTIVE=NUMBER" in failed.stderr
