"""The spectrum explorer shows what the functions find, and runs nothing that others wrote."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import soupwidgets as sw
from soupwidgets import Evaluator, Recipe, wise_ft
from soupwidgets.figures.shown import plain_text
from soupwidgets.panel.view import View
from soupwidgets.stats.estimate import Estimate
from soupwidgets.topics.spectrum import LabelNoiseStudy, NoiseResult, NoiseRun
from soupwidgets.topics.spectrum.strip import path_strip
from soupwidgets.widgets import SpectrumExplorer


@pytest.fixture
def explorer(tiny_evaluator: Evaluator) -> Iterator[SpectrumExplorer]:
    made = SpectrumExplorer(tiny_evaluator, alphas=3, pairs=12, samples=16)
    yield made
    made.close()


def text(view: View, name: str) -> str:
    return sw.figures.text_alternative(view.figures[name])


def test_it_shows_what_the_functions_find(explorer: SpectrumExplorer, tiny_evaluator: Evaluator) -> None:
    explorer.wait(background=True)
    assert explorer.error == ""
    paths = sw.spectrum.image_paths(tiny_evaluator.suite.id_test, "between", 12, 16)
    alone = sw.spectrum.path_spectrum(tiny_evaluator, wise_ft(tiny_evaluator.pool, "ft-a", 0.5), paths, progress=False)
    assert explorer.spectrum is not None
    np.testing.assert_array_equal(explorer.spectrum.density, alone.density)
    view = explorer.shown
    assert view is not None
    assert list(view.figures) == ["spectrum", "along", "predictions"]
    assert f"alpha 0.5 of ft-a: mean frequency {alone.centroid}" in text(view, "spectrum")
    zero = sw.spectrum.path_spectrum(tiny_evaluator, Recipe({"zero-shot": 1}), paths, progress=False)
    assert f"zero-shot: mean frequency {zero.centroid}" in text(view, "spectrum")
    assert view.words == "alpha 0.5 of ft-a: exact, 24 of 24 paths"
    assert explorer.filled["words"] == "the line is complete"
    assert list(explorer.centroids) == [0.0, 0.5, 1.0]
    assert explorer.centroids[0.5]["between classes"] == alone.centroid
    assert len(view.strips[0].pictures) == 9


def test_the_slider_and_a_click_move_it(explorer: SpectrumExplorer) -> None:
    view = explorer.ask(alpha=0.3)
    assert "alpha 0.3 of ft-a" in text(view, "spectrum")
    assert view.clicks == {"along": "alpha"}
    assert [list(one) for one in view.figures["along"].data[1].customdata] == [[0.0], [0.5], [1.0]]
    other = explorer.ask(alpha=0.3, fine_tuned="ft-b")
    assert "alpha 0.3 of ft-b" in text(other, "spectrum")
    assert "alpha (0 zero-shot, 1 ft-b)" in other.figures["along"].layout.xaxis.title.text
    assert other.controls["alpha"]["high_label"] == "ft-b"


def test_paths_values_and_the_other_model(explorer: SpectrumExplorer, tiny_evaluator: Evaluator) -> None:
    explorer.state = {"kind": "to invert", "follow": "logits", "compare": "uniform soup"}
    view = explorer.ask()
    paths = sw.spectrum.paths_to(tiny_evaluator.suite.id_test, tiny_evaluator.suite.splits["invert"], 12, 16)
    soup = Recipe({"ft-a": 0.5, "ft-b": 0.5})
    alone = sw.spectrum.path_spectrum(tiny_evaluator, soup, paths, "logits", progress=False)
    assert explorer.other is not None
    np.testing.assert_array_equal(explorer.other.density, alone.density)
    assert "Predictions to invert" in view.figures["spectrum"].layout.title.text
    first, fifth = view.strips[0].pictures[0], explorer.ask(path=5).strips[0].pictures[0]
    assert (first.image != fifth.image).any()


def test_the_release_and_another_number(explorer: SpectrumExplorer, tiny_evaluator: Evaluator) -> None:
    explorer.state = {"follow": "release", "statistic": "power", "alpha": 1}
    view = explorer.ask()
    paths = sw.spectrum.image_paths(tiny_evaluator.suite.id_test, "between", 12, 16)
    alone = sw.spectrum.path_spectrum(
        tiny_evaluator, Recipe({"ft-a": 1}), paths, treatment=sw.spectrum.RELEASE, progress=False
    )
    assert f"alpha 1 of ft-a: mean frequency {alone.centroid}" in text(view, "spectrum")
    axis = plain_text(view.figures["spectrum"].layout.yaxis.title.text)
    assert "distance of the probabilities from the start (nothing subtracted, no window" in axis
    assert f"between classes: {explorer.centroids[0.0]['between classes']} at alpha 0" in text(view, "along")
    assert explorer.centroids[1.0]["between classes"] == alone.power
    assert "Power along alpha" in view.figures["along"].layout.title.text
    # Another number has its own line.
    line = next(t for t in explorer.ask(statistic="share").figures["along"].data if t.uid == "line-1")
    assert (line.name, line.y[-1]) == ("between classes, with 95% interval", alone.share.value)


def test_window_and_trend_alone(explorer: SpectrumExplorer, tiny_evaluator: Evaluator) -> None:
    paths = sw.spectrum.image_paths(tiny_evaluator.suite.id_test, "between", 12, 16)
    how = sw.spectrum.Treatment("logits", "boxcar", "constant")
    view = explorer.ask(follow="logits", window="boxcar", detrend="constant", alpha=1)
    alone = sw.spectrum.path_spectrum(tiny_evaluator, Recipe({"ft-a": 1}), paths, treatment=how, progress=False)
    assert f"alpha 1 of ft-a: mean frequency {alone.centroid}" in text(view, "spectrum")
    assert "(mean subtracted, no window" in plain_text(view.figures["spectrum"].layout.yaxis.title.text)
    # Heard as well as seen, and in the table that is saved.
    assert "between classes (mean subtracted, no window)." in text(view, "spectrum")
    assert text(view, "along").startswith(f"Mean frequency (cycles per path) of {how} along alpha.")
    assert str(how) in view.tables[0].title
    explorer.state = {"follow": "logits", "window": "boxcar", "detrend": "constant"}
    code = explorer.code(explorer.state)
    assert "treatment=sw.spectrum.Treatment(values='logits', window='boxcar', detrend='constant'))" in code
    # The paper's release is one way as a whole: there is nothing to choose.
    for follow, hidden in (("distance", False), ("release", True)):
        controls = explorer.ask(follow=follow).controls
        assert [controls[name]["hidden"] for name in ("window", "detrend")] == [hidden, hidden]


def test_every_way_to_measure(explorer: SpectrumExplorer, tiny_evaluator: Evaluator) -> None:
    view = explorer.ask(look="treatments", alpha=1, compare="uniform soup", kind="within a class")
    recipes = {"alpha 1 of ft-a": Recipe({"ft-a": 1}), "uniform soup": Recipe({"ft-a": 0.5, "ft-b": 0.5})}
    paths = sw.spectrum.image_paths(tiny_evaluator.suite.id_test, "within", 12, 16)
    expected = sw.spectrum.sensitivity(tiny_evaluator, recipes, paths)
    assert view.words == expected.words
    assert text(view, "treatments").startswith(view.words)
    assert [row[-1] for row in view.tables[0].rows] == [answer.sign for answer in expected.answers]
    assert list(view.figures) == ["treatments"]
    shown = {name for name, control in view.controls.items() if not control.get("hidden")}
    assert {"compare", "kind", "alpha"} <= shown
    assert not {"follow", "window", "detrend", "statistic", "path"} & shown
    seen = tiny_evaluator.forward_images
    # A model against itself.
    again = explorer.ask(look="treatments", alpha=1, compare="ft-a", kind="within a class")
    assert "0 say that alpha 1 of ft-a is rougher than ft-a, 0 that it is smoother, and 45 cannot tell" in again.words
    assert tiny_evaluator.forward_images == seen


def test_a_model_beside_itself(explorer: SpectrumExplorer) -> None:
    lines = [t.name for t in explorer.ask(alpha=1, compare="ft-a").figures["spectrum"].data if t.name]
    assert lines == ["alpha 1 of ft-a, with 95% band", "ft-a, with 95% band"]


def test_waves_and_images(explorer: SpectrumExplorer) -> None:
    assert list(explorer.ask(look="images").figures) == ["images"]
    state = explorer.do("waves", alpha=1.0)
    view = explorer.ask(**state)
    assert "on 100 images of test with one wave of norm 4" in text(view, "waves")
    # It is told of the model that was asked for, wherever the slider goes.
    assert "alpha 1 of ft-a" in plain_text(explorer.ask(**state | {"alpha": 0.2}).figures["waves"].layout.title.text)
    assert "waves" not in explorer.ask(**state | {"fine_tuned": "ft-b"}).figures


def test_the_spectrum_as_a_file(explorer: SpectrumExplorer) -> None:
    (table,) = explorer.ask().tables
    assert not table.drawn
    assert list(table.columns) == ["frequency", "density", "low", "high"]
    assert explorer.spectrum is not None
    assert [row[1] for row in table.rows] == explorer.spectrum.mean.tolist()


def test_label_noise_beside(tiny_evaluator: Evaluator) -> None:
    runs = (NoiseRun(0, (1.0,), (1.1,), (0.0,), (0.5,)),)
    results = tuple(NoiseResult(f"{d} 0.1", d, 0.1, 0.5, runs) for d in ("radial", "random"))
    explorer = SpectrumExplorer(tiny_evaluator, alphas=2, pairs=4, samples=8, noise=LabelNoiseStudy(results, {}))
    view = explorer.ask(look="noise")
    assert "radial noise" in plain_text(view.figures["followed"].layout.title.text)
    assert not view.controls["direction"]["hidden"]
    assert view.controls["alpha"]["hidden"]
    other = explorer.ask(look="noise", direction="random")
    assert "random noise" in plain_text(other.figures["followed"].layout.title.text)
    assert "random label noise" in plain_text(other.figures["fitting"].layout.title.text)
    explorer.close()


def test_a_page_without_a_kernel(explorer: SpectrumExplorer, tmp_path: Path) -> None:
    page = explorer.to_html(tmp_path / "x.html").read_text()
    content = json.loads(page.split('id="content">')[1].split("</script>")[0])
    assert content["varied"] == {"alpha": [0.0, 0.5, 1.0]}
    answers = [content["shared"][answer["$"]] for answer in content["answers"].values()]
    assert len(answers) == 3
    for answer, alpha in zip(answers, (0, 0.5, 1), strict=True):
        assert answer["words"] == f"alpha {alpha:g} of ft-a: exact, 24 of 24 paths"


def test_its_code_gives_the_same_numbers(explorer: SpectrumExplorer) -> None:
    ways = (("probabilities", "hann", "linear"), ("release", "hann", "linear"), ("logits", "boxcar", "constant"))
    for kind, (follow, window, detrend) in zip(("between classes", "to invert", "to invert"), ways, strict=True):
        explorer.state = {"kind": kind, "follow": follow, "window": window, "detrend": detrend}
        lines = explorer.code(explorer.state).splitlines()
        names: dict[str, Any] = {"sw": sw, "pool": explorer.ev.pool, "suite": explorer.ev.suite, "ev": explorer.ev}
        exec("\n".join(lines[5:]), names)
        explorer.ask()
        assert explorer.spectrum is not None
        np.testing.assert_array_equal(names["spectrum"].density, explorer.spectrum.density)


def test_its_code_gives_the_same_comparison(explorer: SpectrumExplorer) -> None:
    view = explorer.ask(look="treatments", compare="uniform soup", alpha=0.5)
    names: dict[str, Any] = {"sw": sw, "pool": explorer.ev.pool, "suite": explorer.ev.suite, "ev": explorer.ev}
    lines = explorer.code(
        {**explorer.state, "look": "treatments", "compare": "uniform soup", "alpha": 0.5}
    ).splitlines()
    exec("\n".join(lines[5:]), names)
    assert names["found"].to_frame().to_numpy().tolist() == [list(row) for row in view.tables[0].rows]


def test_texts_are_texts() -> None:
    evil = "<img src=x onerror=alert(1)>"
    strip = path_strip(np.zeros((9, 4, 4), np.uint8), [evil] * 9, (evil, "b"))
    # The front end shows texts as texts; nothing is made HTML here.
    assert [one.said for one in strip.pictures] == [evil] * 9
    assert (strip.pictures[0].label, strip.pictures[4].label, strip.pictures[8].label) == (evil, "50%", "b")
    assert strip.pictures[0].alt == f"0% of the way, labelled {evil}"


def test_bad_input_is_said(tiny_evaluator: Evaluator) -> None:
    with pytest.raises(ValueError, match="nobody"):
        SpectrumExplorer(tiny_evaluator, "nobody")
    with pytest.raises(ValueError, match="8 points on a path"):
        SpectrumExplorer(tiny_evaluator, samples=3)


@pytest.mark.parametrize("unit", ["cycles per path", "cycles per unit of L2 distance"])
def test_the_axis_of_a_low_figure_is_not_cut(unit: str) -> None:
    known = {alpha: {"within a class": Estimate(alpha, alpha - 0.1, alpha + 0.1)} for alpha in (0.0, 1.0)}
    axis = sw.spectrum.figures.frequency_along_alpha(known, unit, "ft-a").layout.yaxis.title.text
    # Thirty letters are as high as the axis of a figure of 240 pixels in a panel.
    assert max(map(len, axis.split("<br>"))) <= 30
    assert plain_text(axis) == f"Mean frequency, {unit} (band: 95%)"
