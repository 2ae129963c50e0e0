from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import ipywidgets
import numpy as np
import pytest
import traitlets

import soupwidgets as sw
from soupwidgets import Evaluator, Recipe, uniform_soup, wise_ft
from soupwidgets.evaluation import score
from soupwidgets.figures.shown import plain_text
from soupwidgets.panel.view import Table, View
from soupwidgets.topics.landscape.panel import _where
from soupwidgets.widgets import LandscapeExplorer


@pytest.fixture
def explorer(tiny_evaluator: Evaluator) -> Iterator[LandscapeExplorer]:
    made = LandscapeExplorer(tiny_evaluator, grid=3)
    yield made
    made.close()


def traces(view: View, name: str = "plane") -> dict[str, Any]:
    return {trace.uid: trace for trace in view.figures[name].data}


def table(view: View, start: str) -> Table:
    return next(one for one in view.tables if one.title.startswith(start))


def place(explorer: LandscapeExplorer, name: str) -> tuple[float, float]:
    there = explorer._plane(explorer.state).place(name)
    return there.x, there.y


def test_the_grid_fills_by_itself_and_is_that_of_the_function(
    explorer: LandscapeExplorer, tiny_evaluator: Evaluator
) -> None:
    explorer.wait(background=True)
    assert explorer.corners == ["zero-shot", "ft-a", "ft-b"]
    alone = sw.landscape.plane(tiny_evaluator, ("zero-shot", "ft-a", "ft-b"), grid=3, progress=False)
    assert explorer.landscape is not None
    np.testing.assert_array_equal(explorer.landscape.loss, alone.loss)
    assert explorer.shown is not None
    drawn = traces(explorer.shown)
    np.testing.assert_array_equal(drawn["landscape"].z, alone.loss)
    assert explorer.filled["words"] == "the landscape is complete"
    assert explorer.error == ""
    assert [name for _, name in drawn["on"].customdata] == ["zero-shot", "ft-a", "ft-b", "uniform soup"]
    own = score(tiny_evaluator, Recipe({"ft-b": 1}), tiny_evaluator.suite.validation)
    assert f"loss {own.loss:.3f}, error {1 - own.accuracy:.1%}" in drawn["on"].hovertext[2]
    assert explorer.marks["ft-b"].own == own


def test_the_handle_shows_what_the_evaluator_says(explorer: LandscapeExplorer, tiny_evaluator: Evaluator) -> None:
    # It begins in the middle of the three.
    assert dict(explorer.recipe) == pytest.approx(dict.fromkeys(explorer.corners, 1 / 3))
    x, y = place(explorer, "ft-a")
    explorer.point = (0.3 * x, 0.3 * y)
    explorer.wait()
    expected = tiny_evaluator.evaluate(wise_ft(tiny_evaluator.pool, "ft-a", 0.3))
    assert dict(explorer.recipe) == pytest.approx(dict(expected.recipe))
    assert explorer.evaluation is not None
    assert explorer.evaluation.accuracy == expected.accuracy
    view = explorer.shown
    assert view is not None
    rows = {row[0]: row[1] for row in table(view, "Its scores, exact").rows}
    assert rows["test"] == f"{100 * expected.accuracy['test']:.2f}"
    assert ["ft-a", "+0.300"] in table(view, "The model under the ring").rows
    assert f"Model at ({0.3 * x:.3g}, 0): exact, 2,400 of 2,400 images" in view.words
    here = dict(zip(traces(view, "point")["here"].y, traces(view, "point")["here"].x, strict=True))
    assert here["ID test"] == expected.scores["test"].loss
    assert here["blur"] == expected.scores["blur"].loss


def test_a_click_on_a_model_and_a_button_move_the_handle_there(explorer: LandscapeExplorer) -> None:
    view = explorer.ask()
    assert view.clicks == {"plane": "point"}
    spots = {name: spot for spot, name in traces(view)["on"].customdata}
    explorer.point = spots["ft-b"]
    assert dict(explorer.recipe) == pytest.approx({"ft-b": 1})
    # The keyboard's way to the same models.
    assert explorer.do("onwards", point=spots["zero-shot"])["point"] == pytest.approx(spots["ft-a"])
    assert explorer.do("onwards", point=spots["uniform soup"])["point"] == pytest.approx(spots["zero-shot"])
    # What a hostile page sends moves nothing.
    for wrong in ("<nobody>", [1.0], [float("nan"), 0.0], {"x": 1}):
        with pytest.raises(traitlets.TraitError, match="point is"):
            explorer.point = wrong
    assert dict(explorer.recipe) == pytest.approx({"ft-b": 1})


def test_the_handle_stays_on_the_plane(explorer: LandscapeExplorer) -> None:
    explorer.point = (1e9, -1e9)
    (_, right), (low, _) = explorer._plane(explorer.state).extent()
    assert explorer.ask().words.startswith(f"Model at ({right:.3g}, {low:.3g})")


def test_a_segment_ends_at_the_handle(explorer: LandscapeExplorer, tiny_evaluator: Evaluator) -> None:
    x, y = place(explorer, "ft-b")
    assert "segment" not in explorer.ask().figures
    state = explorer.do("segment", point=(x, y))
    view = explorer.ask(**state)
    alone = sw.landscape.line(tiny_evaluator, "zero-shot", "ft-b", steps=11, beyond=0, progress=False)
    explorer.state = state
    assert explorer.line is not None
    assert list(explorer.line.errors.values()) == pytest.approx(list(alone.errors.values()), abs=1e-3)
    assert f"from zero-shot to the model at ({x:.3g}, {y:.3g})" in plain_text(view.figures["segment"].layout.title.text)
    assert traces(view)["segment"].x == pytest.approx([0, x], abs=1e-6)
    # The handle moves on, and the segment stays, until it is removed.
    assert "segment" in explorer.ask(point=(0, 0)).figures
    assert "segment" not in explorer.ask(**explorer.do("clear")).figures
    with pytest.raises(ValueError, match="the ring is on ft-b"):
        explorer.do("segment", source=2)


def test_a_point_becomes_a_checkpoint(
    explorer: LandscapeExplorer, tiny_evaluator: Evaluator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    explorer.state = {"point": (1.0, 0.5), "file": "there.safetensors"}
    explorer.do("save")
    assert explorer.ask().notes[-1] == "saved as there.safetensors"
    both = tiny_evaluator.pool.including(tmp_path / "there.safetensors")
    file = Evaluator(both, tiny_evaluator.suite, device="cpu").evaluate(Recipe({"there": 1}))
    assert file.accuracy == tiny_evaluator.evaluate(explorer.recipe).accuracy
    before = (tmp_path / "there.safetensors").read_bytes()
    explorer.point = (2.0, 0.5)
    with pytest.raises(ValueError, match="there already"):
        explorer.do("save")
    assert "another point" in explorer.ask().notes[-1]
    assert (tmp_path / "there.safetensors").read_bytes() == before


def test_views_quantities_and_splits(explorer: LandscapeExplorer, tiny_evaluator: Evaluator) -> None:
    error = explorer.ask(quantity="error")
    title = plain_text(error.figures["plane"].layout.title.text)
    assert title == "Error on the plane through zero-shot, ft-a and ft-b (val)"
    surface = explorer.ask(look="surface")
    assert surface.figures["plane"].data[0].type == "surface"
    assert surface.clicks == {}
    splits = explorer.ask(look="all splits").figures["splits"]
    titles = [a.text for a in splits.layout.annotations]
    assert [t.split("<br>")[0] for t in titles[: len(tiny_evaluator.suite.splits)]] == list(tiny_evaluator.suite.splits)
    explorer.split = "train"
    explorer.wait(background=True)
    assert explorer.landscape is not None
    assert (explorer.landscape.split, explorer.landscape.exact) == ("train", True)
    # A second look costs no forward pass.
    before = tiny_evaluator.forward_images
    explorer.split = "val"
    explorer.wait(background=True)
    assert explorer.landscape.exact
    assert tiny_evaluator.forward_images - before <= 1  # one image warms the model up for the next drag


def test_the_ring_measured_on_one_split(explorer: LandscapeExplorer) -> None:
    view = explorer.ask(scope="split", split="blur")
    assert [row[0] for row in table(view, "Its scores").rows] == ["blur"]


def test_models_that_span_no_plane_are_named(explorer: LandscapeExplorer) -> None:
    explorer.up = "ft-a"
    explorer.wait(background=True)
    assert "a plane needs three different models" in explorer.error
    with pytest.raises(ValueError, match="a plane needs three different models"):
        _ = explorer.recipe
    explorer.up = "ft-b"
    explorer.wait(background=True)
    assert explorer.error == ""
    assert explorer.landscape is not None
    assert explorer.landscape.exact


def test_what_is_asked_at_first(tiny_evaluator: Evaluator) -> None:
    with pytest.raises(ValueError, match="goes through three models, got 2"):
        LandscapeExplorer(tiny_evaluator, ("ft-a", "ft-b"))
    with pytest.raises(KeyError, match="no split 'fog'"):
        LandscapeExplorer(tiny_evaluator, split="fog")


def test_a_page_holds_every_model_of_the_grid(explorer: LandscapeExplorer, tmp_path: Path) -> None:
    page = explorer.to_html(tmp_path / "plane.html").read_text()
    start = page.index("{", page.index('id="content"'))
    content = json.loads(page[start : page.index("</script>", start)])
    landscape = explorer.landscape
    assert landscape is not None
    assert landscape.exact
    places = [[x, y] for y in landscape.y for x in landscape.x]
    assert content["varied"] == {"quantity": ["loss", "error"], "look": ["contours", "surface"], "point": places}
    assert len(content["answers"]) == 4 * len(places)
    assert content["state"]["point"] in places
    row = explorer.ask(scope="split", point=places[-1]).tables[0].rows[0]
    assert row[:2] == ["val", f"{100 * (1 - landscape.error[-1, -1]):.2f}"]
    assert row[3] == f"{landscape.loss[-1, -1]:.3f}"
    # More models than a page has room for: every second one.
    assert len(explorer._walk.places(replace(_where(explorer.state), grid=25), 250)) <= 250


def test_the_grid_as_a_file(explorer: LandscapeExplorer) -> None:
    view = explorer.ask()
    saved = table(view, "Landscape on val")
    assert not saved.drawn
    assert list(saved.columns) == [
        "x", "y", "split", "loss", "error", "images", "how", "loss standard error", "error standard error", "recipe",
    ]  # fmt: skip
    assert {row[6] for row in saved.rows} == {"measured"}
    assert explorer.landscape is not None
    assert len(saved.rows) == explorer.landscape.loss.size
    assert saved.rows[1][3] == explorer.landscape.loss[0, 1]


def test_what_is_predicted_is_said_until_it_is_measured(explorer: LandscapeExplorer) -> None:
    *_, view = explorer.answer(explorer.state)
    assert view.exact
    assert "predicted-0" in traces(view)
    assert any(note.startswith("Hatched: not measured yet") for note in view.notes)
    saved = table(view, "Landscape on val")
    assert [row[6] for row in saved.rows].count("predicted") == 8
    # The model under the ring is measured itself, wherever it is.
    assert table(view, "Its scores, exact")
    whole = explorer.ask()
    assert "predicted-0" not in traces(whole)
    assert not any("Hatched" in note for note in whole.notes)


def test_own_soups_are_marked(tiny_evaluator: Evaluator) -> None:
    soup = uniform_soup(tiny_evaluator.pool)
    made = LandscapeExplorer(tiny_evaluator, grid=2, soups={"<b>mine</b>": soup})
    on = traces(made.ask())["on"]
    assert "&lt;b&gt;mine&lt;/b&gt;" in on.text
    there = made._plane(made.state).place(soup)
    assert (on.x[-1], on.y[-1]) == pytest.approx((there.x, there.y), abs=1e-9)
    made.close()


def test_its_code_gives_the_same_numbers(explorer: LandscapeExplorer, capsys: pytest.CaptureFixture[str]) -> None:
    explorer.point = (0.5, 0.25)
    lines = explorer.code(explorer.state).splitlines()
    names: dict[str, Any] = {"sw": sw, "pool": explorer.ev.pool, "ev": explorer.ev}
    exec("\n".join(lines[5:]), names)
    explorer.ask()
    assert explorer.evaluation is not None
    assert names["evaluation"].scores == explorer.evaluation.scores
    assert "blur" in capsys.readouterr().out


def test_closing_frees_every_widget(tiny_evaluator: Evaluator) -> None:
    before = set(ipywidgets.widgets.widget._instances)
    made = LandscapeExplorer(tiny_evaluator, grid=2)
    made.wait()
    made.close()  # while it still fills
    assert set(ipywidgets.widgets.widget._instances) == before
