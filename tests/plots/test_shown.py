"""No name of anybody becomes a tag, an entity or a place to fill in, whatever figure shows it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from html import unescape
from inspect import isfunction
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
import plotly.io as pio
import pytest

from soupwidgets import GreedySoup, Recipe, Sweep, analysis, plots
from soupwidgets.analysis import (
    AlongAlpha,
    BarrierMatrix,
    BlockProfile,
    BootstrapMean,
    Calibration,
    ClassSpecialist,
    Diversity,
    DiversityMatrix,
    Estimate,
    FourierSensitivity,
    Frontier,
    FrontierModel,
    HelperStep,
    ImageSpectrum,
    Landscape,
    LandscapeLine,
    Mark,
    ModelFrequency,
    PairDiversity,
    PairGain,
    PathSpectrum,
    Place,
    Sharpness,
    SoupGroup,
    SoupVersusEnsemble,
    Specialisation,
    mcnemar,
)
from soupwidgets.evaluation import Evaluation, SplitScore
from soupwidgets.methods import GreedyStep, LearnedEpoch, LearnedSoup
from soupwidgets.plots import style
from soupwidgets.plots.patch import finished, make_patch
from soupwidgets.plots.shown import ShownFigure, bold, shown_template, shown_text, shown_trace
from soupwidgets.studies import AugmentationResult, AugmentationStudy, LabelNoiseStudy, NoiseResult

EVIL = "<a href=\"javascript:alert(1)\">x</a>&amp;%{customdata[0]}%{meta.text}<b>'y'</b>"
A, B, C = f"{EVIL} a", f"{EVIL} b", f"{EVIL} c"
VAL, TEST, FOG = f"{EVIL} val", f"{EVIL} test", f"{EVIL} fog"
OURS = re.compile(r"</?(?:b|extra)>|<br>")


def evaluation(correct: int, recipe: Recipe | None = None) -> Evaluation:
    roles = {VAL: "validation", TEST: "id_test", FOG: "shift"}
    scores = {name: SplitScore(role, 1000, 1000, correct, 0.1, loss_sd=0.5) for name, role in roles.items()}
    return Evaluation(recipe or Recipe({A: 0.5, B: 0.5}), scores)


def estimate(value: float) -> Estimate:
    return Estimate(value, value - 0.1, value + 0.1)


def line() -> LandscapeLine:
    scores = {t: SplitScore("validation", 1000, 1000, n, 0.5, loss_sd=0.7) for t, n in ((0.0, 900), (1.0, 800))}
    return LandscapeLine(A, B, VAL, scores, {t: Recipe({A: 1 - t, B: t}) for t in scores})


def landscape() -> Landscape:
    inner = np.zeros((1, 3, 3))
    inner[0, 1, 1], inner[0, 2, 2] = 4.0, 1.0
    geometry = analysis.WeightGeometry((A, B, C), A, ("w",), inner)
    corners = {name: Recipe({name: 1}) for name in geometry.names}
    plane = analysis.Plane(geometry, np.eye(3)[0], np.array([-0.5, 0.5, 0]), np.array([-1.0, 0, 1]), corners)
    loss = np.array([[3.0, 2.0, 3.0], [2.0, 1.0, 9.0]])
    return Landscape(plane, VAL, np.linspace(-1, 3, 3), np.linspace(-1, 2, 2), loss, loss / 10, np.full((2, 3), 10), 10)


def pair() -> PairDiversity:
    mean = BootstrapMean(0.01, -0.01, 0.05)
    return PairDiversity(
        A, B, TEST, 1000, "reinit", (0.8, 0.7), 500, 50, 30, 0.8, BootstrapMean(0.7, 0.6, 0.8), 0.8, 40, mean, mean
    )


def frontier() -> Frontier:
    scores = {"test": SplitScore("id_test", 9, 9, 7, 0.5), FOG: SplitScore("shift", 9, 9, 5, 0.5)}
    models = [
        FrontierModel(name, "fine-tuned", Evaluation(Recipe({name: 0.5, B: 0.5}), scores), hyperparameters={EVIL: rate})
        for name, rate in ((A, 1e-5), (C, 1e-3))
    ]
    lost = {name: replace(score, correct=0) for name, score in scores.items()}
    return Frontier((*models, FrontierModel(B, "fine-tuned", Evaluation(Recipe({B: 1}), lost))), (FOG,))


def path_spectrum() -> PathSpectrum:
    density = np.random.default_rng(0).uniform(0.5, 1.5, (20, 9))
    return PathSpectrum(f"to {FOG}", "probabilities", "cycles per path", np.arange(9.0), density, "hann", "linear", 20)


def along() -> list[AlongAlpha]:
    return [
        AlongAlpha(alpha, Diversity(0.1, 0.2, 0.5), Diversity(0.1, 0.2, 0.5), Calibration(0.1, 0.2, 1.1))
        for alpha in (0.0, 1.0)
    ]


def augmentations() -> AugmentationStudy:
    one = AugmentationResult(
        A, estimate(0.9), estimate(-0.1), estimate(3), estimate(0.2), estimate(1.2), None, estimate(0.8),
        estimate(0.02), (2.0, 1.0), (0.3, 0.5),
    )  # fmt: skip
    return AugmentationStudy((one, replace(one, name=B)), estimate(0.78), (2.0, 0.1), (0.3, 0.4), 3, {})


SWEEP = Sweep(A, {a: evaluation(n) for a, n in ((0.0, 700), (0.5, 820), (1.0, 800))}, VAL, TEST)
ALONE = {A: evaluation(800), B: evaluation(700), C: evaluation(100)}
MATRIX = DiversityMatrix((A, B), TEST, (pair(),), 1)
GREEDY = GreedySoup(
    Recipe({A: 1}), (GreedyStep(A, 0.80, 0.0, True, 100, 100), GreedyStep(B, 0.795, 0.80, False, 20, 100))
)
LEARNED = LearnedSoup(Recipe({A: 0.7, B: 0.3}), 1.1, (LearnedEpoch(0.5, 0.81, 1.05, {A: 0.7, B: 0.3}),))
RIGHT = np.array([[True, True], [True, False], [False, True], [False, False]])
CLASS = ClassSpecialist(A, 100, (0.9, 0.7), mcnemar(np.arange(100) < 90, np.arange(100) < 70), 0.001)
NOISE = LabelNoiseStudy(
    (NoiseResult("radial 1", EVIL, 1.0, 0.5, (2.0, 1.5), (2.1, 1.5), (0.1, 0.2), (0.2, 0.7)),), 1, {}
)
WAVES = np.array([[i, j] for i in range(-1, 2) for j in range(-1, 2) if (i, j) != (0, 0)])
SENSITIVITY = FourierSensitivity(VAL, (8, 8), 4.0, WAVES, np.arange(8), 5, 20, 20)
IMAGES = ImageSpectrum(FOG, np.arange(1.0, 9), np.ones(8), np.ones(8) / 2, np.ones(8) * 2, 20)
REFERENCES = {f"best single ({A})": ALONE[A], B: ALONE[B]}

BUILD: dict[str, Callable[[], Any]] = {
    "affinity_along_alpha": lambda: plots.affinity_along_alpha(
        {a: analysis.Affinity(EVIL, VAL, 0.8, 0.4, estimate(0.5), estimate(-0.4), 1) for a in (0.0, 1.0)}, A
    ),
    "affinity_diversity": lambda: plots.affinity_diversity(augmentations(), A),
    "along_alpha": lambda: plots.along_alpha(along(), FOG),
    "alpha_curves": lambda: plots.alpha_curves(SWEEP, shift=FOG),
    "alpha_curves_patch": lambda: plots.alpha_curves_patch(SWEEP, 0.5, SWEEP[0.5], FOG),
    "alpha_frontier": lambda: plots.alpha_frontier(SWEEP, shift=FOG),
    "alpha_frontier_patch": lambda: plots.alpha_frontier_patch(SWEEP, 0.5, SWEEP[0.5], FOG),
    "as_patch": lambda: plots.as_patch(plots.by_tensor(Recipe({A: 1}), [B])),
    "augmentation_curves": lambda: plots.augmentation_curves(augmentations(), A),
    "barrier_matrix": lambda: plots.barrier_matrix(BarrierMatrix((A, B), VAL, {(A, B): line()})),
    "block_profile": lambda: plots.block_profile(
        BlockProfile(A, B, VAL, "alone", (A, B), (0.0, 1.0), np.eye(2), np.ones((2, 2)))
    ),
    "by_tensor": lambda: plots.by_tensor(Recipe({A: 0.5, B: 0.5}), [A, "head"]),
    "confidences": lambda: plots.confidences(Specialisation(A, B, TEST, np.full((4, 2), 0.5), RIGHT)),
    "divergence_strip": lambda: plots.divergence_strip(MATRIX),
    "diversity_matrix": lambda: plots.diversity_matrix(MATRIX),
    "fourier_sensitivity": lambda: plots.fourier_sensitivity(SENSITIVITY, A),
    "frequency_against_accuracy": lambda: plots.frequency_against_accuracy(
        [ModelFrequency(A, {FOG: path_spectrum()}, evaluation(800))], FOG
    ),
    "frequency_along_alpha": lambda: plots.frequency_along_alpha({0.0: {A: estimate(1)}}, "cycles", B),
    "frontier": lambda: plots.frontier(frontier(), FOG, colour=EVIL, context=frontier().points(FOG), chosen=[A]),
    "frontier_patch": lambda: plots.frontier_patch(frontier(), FOG, chosen=[A]),
    "greedy_trace": lambda: plots.greedy_trace(GREEDY),
    "greedy_trace_patch": lambda: plots.greedy_trace_patch(GREEDY, 1),
    "helpers": lambda: plots.helpers(
        [HelperStep(A, 0.6, evaluation(800)), HelperStep(B, 0.6, evaluation(1))], VAL, FOG
    ),
    "hyperparameter": lambda: plots.hyperparameter({A: 1e-3, B: 2e-3}, ALONE, EVIL, VAL),
    "image_spectra": lambda: plots.image_spectra([IMAGES]),
    "landscape_contour": lambda: plots.landscape_contour(
        landscape(), marks={A: Mark(Place(0, 0, 0)), B: Mark(Place(1, 1, 0.5)), C: Mark(Place(2, 0, 0))}
    ),
    "landscape_contour_patch": lambda: plots.landscape_contour_patch(landscape(), "loss", {A: Mark(Place(0, 0, 0))}),
    "landscape_line": lambda: plots.landscape_line({C: line()}),
    "landscape_splits": lambda: plots.landscape_splits([landscape(), landscape()]),
    "landscape_surface": lambda: plots.landscape_surface(landscape()),
    "learned_trace": lambda: plots.learned_trace(LEARNED),
    "noise_fitting": lambda: plots.noise_fitting(NOISE, EVIL),
    "noise_followed": lambda: plots.noise_followed(NOISE, EVIL),
    "pair_gains": lambda: plots.pair_gains([PairGain(A, B, 40.0, 0.01, 0.02, 0.001)]),
    "path_predictions": lambda: plots.path_predictions(np.eye(2), [A, B], (0, 1), C, f"to {FOG}"),
    "path_spectra": lambda: plots.path_spectra({A: path_spectrum(), f"{A} ": path_spectrum()}),
    "path_spectra_patch": lambda: plots.path_spectra_patch({A: path_spectrum()}),
    "sharpness": lambda: plots.sharpness({A: Sharpness(Recipe({A: 1}), VAL, 256, (1.0, 4.0), 0.01, 1e-3)}),
    "soup_ensemble": lambda: plots.soup_ensemble(
        [SoupVersusEnsemble(A, B, 0.5, VAL, 1.0, 0.52, 0.51, 0.1, 0.16, 0.2, 0.19)]
    ),
    "soup_frontier": lambda: plots.soup_frontier(ALONE, evaluation(800), evaluation(810), B, FOG),
    "soup_frontier_patch": lambda: plots.soup_frontier_patch(ALONE, evaluation(800), evaluation(810), B, FOG),
    "soup_splits": lambda: plots.soup_splits(evaluation(800), evaluation(810), REFERENCES),
    "soup_splits_patch": lambda: plots.soup_splits_patch(evaluation(800), evaluation(810), REFERENCES),
    "soups_by_hyperparameter": lambda: plots.soups_by_hyperparameter([SoupGroup(EVIL, (A,), evaluation(800))]),
    "specialists": lambda: plots.specialists([CLASS], A, B),
    "split_accuracies": lambda: plots.split_accuracies(SWEEP),
    "split_accuracies_patch": lambda: plots.split_accuracies_patch(SWEEP, 0.5, SWEEP[0.5]),
    "weight_geometry": lambda: plots.weight_geometry(landscape().plane.geometry, "angle"),
}
# Patches that move marks alone have no name in them.
NAMELESS = {"alpha_curves_patch", "frontier_patch", "greedy_trace_patch"}


def seen(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Every text that plotly may show, with its key: not what clicks carry, nor the words, which are shown as text."""
    if isinstance(value, dict):
        for inner_key, inner in value.items():
            if inner_key not in ("customdata", "template") and not (inner_key == "meta" and isinstance(inner, dict)):
                yield from seen(inner, inner_key)
    elif isinstance(value, list):
        for inner in value:
            yield from seen(inner, key)
    elif isinstance(value, str):
        yield key, value


def plain(made: Any) -> Any:
    return json.loads(made.to_json() if isinstance(made, go.Figure) else json.dumps(made, default=np.ndarray.tolist))


def test_no_figure_is_forgotten() -> None:
    public = {name: getattr(plots, name) for name in plots.__all__}
    draws = {n for n, f in public.items() if isfunction(f) and f.__annotations__["return"] in ("go.Figure", "Patch")}
    assert draws - {"apply_patch"} == set(BUILD)


@pytest.mark.parametrize("name", BUILD)
def test_names_are_shown_as_they_are(name: str) -> None:
    made = BUILD[name]()
    texts = list(seen(plain(made)))
    for key, text in texts:
        left = OURS.sub("", text)
        assert "<" not in left
        if key not in ("hovertemplate", "texttemplate"):
            assert "%{" not in left
        if "alert" in left:
            # Exactly the name, once plotly has read its entities; in a template it would be filled in.
            assert EVIL in unescape(left)
            assert "template" not in key
    assert name in NAMELESS or any("alert" in text for _, text in texts)
    if isinstance(made, go.Figure):
        assert isinstance(made, ShownFigure)
        assert len(plots.text_alternative(made)) > 40


def test_our_own_tags_survive() -> None:
    hover = BUILD["frontier"]().data
    text = next(trace.text[0] for trace in hover if trace.uid == "fine-tuned")
    assert text.startswith(f"<b>{shown_text(A)}</b> (fine-tuned)<br>ID 77.78%")
    axis = BUILD["noise_fitting"]().layout.yaxis.title.text
    assert axis == "Noise fitting, nats<br>(loss on clean minus loss on noisy labels:<br>up = noise is fitted)"
    template = "%{hovertext}<br><b>%{x:.2f}%</b><extra>a & b</extra>"
    assert shown_template(template) == template.replace("&", "&amp;")


def test_what_a_text_becomes() -> None:
    assert shown_text("a<b>&lt;\"'") == "a&lt;b&gt;&amp;lt;\"'"
    assert shown_text("%{x} 5% {y}") == "&#37;{x} 5% {y}"
    assert shown_text("one\ntwo") == "one<br>two"
    # Whoever knows our signs for bold can make no tag that stays open.
    assert shown_text("\x02a\x03 \x02b \x03\x03") == "<b>a</b> <b>b </b>"
    assert shown_text("\x03a\x02") == "a"
    assert shown_text(bold("\x02<i>\x03")) == "<b>&lt;i&gt;</b>"
    assert shown_template("%{meta.text} %{layout.meta} %{x:<b}") == "&#37;{meta.text} &#37;{layout.meta} &#37;{x:&lt;b}"


def test_a_template_cannot_show_what_clicks_carry() -> None:
    numbers = {"customdata": [[1], [2]], "hovertemplate": "%{customdata[0]}"}
    assert shown_trace(numbers) == {}
    with pytest.raises(ValueError, match="use hovertext"):
        make_patch("words", {"a": {"customdata": [["name"]], "hovertemplate": "%{customdata[0]}"}})
    figure = ShownFigure(go.Scatter(customdata=np.array([["name"]]), hovertemplate="%{customdata[0]}", uid="a"))
    with pytest.raises(ValueError, match="'a' shows names"):
        finished(figure, make_patch("words", {}))
    with pytest.raises(TypeError, match="base_figure"):
        finished(go.Figure(), make_patch("words", {}))


def test_a_figure_by_itself_has_no_button_that_uploads(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    flat, solid, lasso = (BUILD[name]() for name in ("by_tensor", "landscape_surface", "soup_frontier"))
    for figure in (flat, solid, lasso):
        config = figure.config
        assert (config["showSendToCloud"], config["displaylogo"], config["displayModeBar"]) == (False, False, "hover")
    assert flat.config["modeBarButtons"] == [["toImage", "resetScale2d"]]
    assert solid.config["modeBarButtons"] == [["toImage", "resetCameraDefault3d"]]
    assert lasso.config["modeBarButtons"] == [["toImage", "resetScale2d", "lasso2d", "zoom2d"]]
    # In a notebook, in every form that its front end may choose.
    monkeypatch.setattr(pio.renderers, "_default_renderers", [pio.renderers["plotly_mimetype"]])
    bundle = flat._repr_mimebundle_()
    assert bundle["application/vnd.plotly.v1+json"]["config"] == flat.config
    monkeypatch.setattr(pio.renderers, "_default_renderers", [pio.renderers["notebook_connected"]])
    assert '"showSendToCloud": false' in flat._repr_mimebundle_()["text/html"]
    shown: list[dict[str, Any]] = []
    monkeypatch.setattr(go.Figure, "show", lambda self, **kwargs: shown.append(kwargs))
    flat.show()
    flat.show(config={"scrollZoom": True})
    assert shown == [{"config": flat.config}, {"config": {**flat.config, "scrollZoom": True}}]
    # As files.
    assert '"showSendToCloud": false' in flat.to_html(include_plotlyjs=False)
    flat.write_html(tmp_path / "figure.html", include_plotlyjs=False)
    assert '"showSendToCloud": false' in (tmp_path / "figure.html").read_text()


def test_too_few_images_to_say_is_no_bar_of_no_width() -> None:
    nothing = (float("nan"), float("nan"))
    assert style.error_bar(0.5, nothing)["array"] == ["too few to say"]  # plotly draws no bar for a word
    assert style.error_bar(0.5, (0.4, 0.7))["array"] == pytest.approx([20])
    assert style.limits([0.0, float("nan"), 1.0], 0.5) == (-0.5, 1.5)
    area = style.band([0, 1, 2, 3], [1, 1, nothing[0], 1], [2, 2, nothing[1], 2], style.BLUE, "band")
    assert area.x == (0, 1, 1, 0, None, 3, 3)
    assert area.y == (2, 2, 1, 1, None, 2, 1)


def test_figures_of_class_means_without_intervals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SplitScore, "interval", property(lambda self: (float("nan"), float("nan"))))
    for name in ("split_accuracies", "soup_splits", "alpha_curves", "alpha_frontier", "soup_frontier", "frontier"):
        figure = BUILD[name]()
        plain = figure.to_json()
        assert "NaN" not in plain
        for key in ("error_x", "error_y"):
            lengths = [n for t in json.loads(plain)["data"] for n in t.get(key, {}).get("array", [])]
            assert set(lengths) <= {"too few to say"}
        assert "nan" not in plots.text_alternative(figure)
        for axis in (figure.layout.xaxis, figure.layout.yaxis):
            assert axis.range is None or np.isfinite(axis.range).all()


def test_a_slice_says_which_of_its_accuracies_it_is() -> None:
    scores = {name: replace(score, role="slice") if name == FOG else score for name, score in SWEEP[0.5].scores.items()}
    sweep = replace(SWEEP, evaluations={0.5: replace(SWEEP[0.5], scores=scores)})
    said = shown_text(f"{FOG} (single-label)")
    assert plots.alpha_frontier(sweep, shift=FOG).layout.yaxis.title.text == f"{said} accuracy, %"
    assert said in next(t for t in plots.split_accuracies(sweep).data if t.uid == "here").y
    curves = plots.alpha_curves(sweep, shift=FOG)
    assert next(t for t in curves.data if t.uid == "curve-ood").name == f"{said}, with 95% interval"
    assert plots.text_alternative(curves).count(f"{FOG} (single-label) ") == 2  # from one end to the other, and here
