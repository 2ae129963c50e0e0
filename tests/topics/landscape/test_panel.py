from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import ipywidgets
import numpy as np
import pytest

import soupwidgets as sw
from soupwidgets import Evaluator, Recipe, uniform_soup, wise_ft
from soupwidgets.evaluation import score
from soupwidgets.widgets import LandscapeExplorer


@pytest.fixture
def explorer(tiny_evaluator: Evaluator) -> Iterator[LandscapeExplorer]:
    made = LandscapeExplorer(tiny_evaluator, grid=3)
    made.wait(background=True)
    yield made
    made.close()


def drawn(explorer: LandscapeExplorer, uid: str) -> dict:
    trace = next(t for t in explorer.figure.figure["data"] if t["uid"] == uid)
    return {**trace, **explorer.figure.patch.get("traces", {}).get(uid, {})}


def test_the_grid_fills_by_itself_and_is_that_of_the_function(
    explorer: LandscapeExplorer, tiny_evaluator: Evaluator
) -> None:
    assert explorer.corners == ["zero-shot", "ft-a", "ft-b"]
    alone = sw.landscape.plane(tiny_evaluator, ("zero-shot", "ft-a", "ft-b"), grid=3, progress=False)
    assert explorer.landscape is not None
    np.testing.assert_array_equal(explorer.landscape.loss, alone.loss)
    np.testing.assert_array_equal(drawn(explorer, "landscape")["z"], alone.loss)
    assert "complete" in explorer.status.value
    assert explorer.alert.value == ""
    marks = [name for (name,) in drawn(explorer, "on")["customdata"]]
    assert marks == ["zero-shot", "ft-a", "ft-b", "uniform soup"]
    own = score(tiny_evaluator, Recipe({"ft-b": 1}), tiny_evaluator.suite.validation)
    assert f"loss {own.loss:.3f}, error {1 - own.accuracy:.1%}" in drawn(explorer, "on")["hovertext"][2]


def test_the_handle_shows_what_the_evaluator_says(explorer: LandscapeExplorer, tiny_evaluator: Evaluator) -> None:
    # It begins in the middle of the three.
    assert dict(explorer.recipe) == pytest.approx(dict.fromkeys(explorer.corners, 1 / 3))
    place = explorer._plane.place("ft-a")
    explorer.figure.handle = {"x": 0.3 * place.x, "y": 0.3 * place.y, "dragging": True}
    explorer.wait()
    assert explorer.evaluation is not None
    expected = tiny_evaluator.evaluate(wise_ft(tiny_evaluator.pool, "ft-a", 0.3))
    assert dict(explorer.recipe) == pytest.approx(dict(expected.recipe))
    assert explorer.evaluation.accuracy == expected.accuracy
    assert f"{100 * expected.accuracy['test']:.2f}" in explorer.details.value
    assert "+0.300" in explorer.details.value
    assert "exact" in explorer.details.value
    # A click on a model moves the handle there.
    explorer.figure.clicked = {"uid": "on", "customdata": ["ft-b"], "at": 1}
    explorer.wait()
    assert dict(explorer.recipe) == pytest.approx({"ft-b": 1})
    assert explorer.evaluation.accuracy == tiny_evaluator.evaluate(Recipe({"ft-b": 1})).accuracy
    # What a hostile page sends moves nothing.
    explorer.figure.clicked = {"uid": "on", "customdata": ["<nobody>"], "at": 2}
    assert dict(explorer.recipe) == pytest.approx({"ft-b": 1})


def test_a_segment_ends_at_the_handle(explorer: LandscapeExplorer, tiny_evaluator: Evaluator) -> None:
    place = explorer._plane.place("ft-b")
    explorer.point = (place.x, place.y)
    explorer.measure_segment()
    explorer.wait()
    alone = sw.landscape.line(tiny_evaluator, "zero-shot", "ft-b", steps=11, beyond=0, progress=False)
    assert explorer.line is not None
    assert list(explorer.line.errors.values()) == pytest.approx(list(alone.errors.values()), abs=1e-3)
    assert explorer.segment.layout.display is None
    assert drawn(explorer, "segment")["x"] == pytest.approx([0, place.x], abs=1e-6)
    explorer.from_choice.value = "ft-b"
    explorer.segment_button.click()
    assert "the handle is on ft-b" in explorer.alert.value


def test_a_point_becomes_a_checkpoint(
    explorer: LandscapeExplorer, tiny_evaluator: Evaluator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    explorer.point = (1.0, 0.5)
    explorer.file_name.value = "there.safetensors"
    explorer.save_button.click()
    explorer.wait()
    assert "saved as there.safetensors" in explorer.saved.value
    both = tiny_evaluator.pool.including(tmp_path / "there.safetensors")
    file = Evaluator(both, tiny_evaluator.suite, device="cpu").evaluate(Recipe({"there": 1}))
    assert file.accuracy == tiny_evaluator.evaluate(explorer.recipe).accuracy
    before = (tmp_path / "there.safetensors").read_bytes()
    explorer.point = (2.0, 0.5)
    explorer.save()
    explorer.wait()
    assert "there already" in explorer.saved.value
    assert (tmp_path / "there.safetensors").read_bytes() == before


def test_views_quantities_and_splits(explorer: LandscapeExplorer, tiny_evaluator: Evaluator) -> None:
    explorer.quantity_choice.value = "error"
    assert (
        explorer.figure.figure["layout"]["title"]["text"] == "Error on the plane through zero-shot, ft-a and ft-b (val)"
    )
    explorer.view_choice.value = "surface"
    assert explorer.figure.figure["data"][0]["type"] == "surface"
    explorer.view_choice.value = "all splits"
    explorer.wait(background=True)
    assert explorer.alert.value == ""
    titles = [a["text"] for a in explorer.figure.figure["layout"]["annotations"]]
    assert [t.split(":")[0] for t in titles[: len(tiny_evaluator.suite.splits)]] == list(tiny_evaluator.suite.splits)
    explorer.view_choice.value = "contours"
    explorer.split_choice.value = "train"
    explorer.wait(background=True)
    assert explorer.landscape is not None
    assert (explorer.landscape.split, explorer.landscape.exact) == ("train", True)
    # A second look costs no forward pass.
    before = tiny_evaluator.forward_images
    explorer.split_choice.value = "val"
    explorer.wait(background=True)
    assert explorer.landscape.exact
    assert tiny_evaluator.forward_images - before <= 1  # one image warms the model up for the next drag


def test_models_that_span_no_plane_are_named(explorer: LandscapeExplorer) -> None:
    explorer.corner_choices[2].value = "ft-a"
    explorer.wait(background=True)
    assert "a plane needs three different models" in explorer.alert.value
    with pytest.raises(ValueError, match="no plane yet"):
        _ = explorer.recipe
    explorer.corner_choices[2].value = "ft-b"
    explorer.wait(background=True)
    assert explorer.alert.value == ""
    assert explorer.landscape is not None
    assert explorer.landscape.exact


def test_what_is_asked_at_first(tiny_evaluator: Evaluator) -> None:
    with pytest.raises(ValueError, match="goes through three models, got 2"):
        LandscapeExplorer(tiny_evaluator, ("ft-a", "ft-b"))
    with pytest.raises(KeyError, match="no split 'fog'"):
        LandscapeExplorer(tiny_evaluator, split="fog")


def test_files_for_a_talk(explorer: LandscapeExplorer, tiny_evaluator: Evaluator, tmp_path: Path) -> None:
    page = explorer.to_html(tmp_path / "plane.html").read_text()
    start = page.index("{", page.index('id="state"'))
    state = json.loads(page[start : page.index("</script>", start)])
    landscape = explorer.landscape
    assert landscape is not None
    np.testing.assert_array_equal(state["error"], landscape.error)
    assert state["recipes"][1][2] == dict(landscape.recipe(1, 2))
    explorer.export("csv")
    lines = explorer.figure.exported["text"].splitlines()
    assert lines[0] == "x,y,split,loss,error,images,recipe"
    assert len(lines) == 1 + landscape.loss.size
    explorer.export("png")
    assert (explorer.figure.exported["kind"], explorer.figure.exported["number"]) == ("png", 2)


def test_own_soups_are_marked(tiny_evaluator: Evaluator) -> None:
    soup = uniform_soup(tiny_evaluator.pool)
    made = LandscapeExplorer(tiny_evaluator, grid=2, soups={"<b>mine</b>": soup})
    made.wait(background=True)
    on = drawn(made, "on")
    assert "&lt;b&gt;mine&lt;/b&gt;" in on["text"]
    assert (on["x"][-1], on["y"][-1]) == pytest.approx((made._plane.place(soup).x, made._plane.place(soup).y), abs=1e-9)
    made.close()


def test_closing_frees_every_widget(tiny_evaluator: Evaluator) -> None:
    before = set(ipywidgets.widgets.widget._instances)
    made = LandscapeExplorer(tiny_evaluator, grid=2)
    made.close()  # while it still fills
    assert set(ipywidgets.widgets.widget._instances) == before
