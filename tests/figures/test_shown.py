"""No name of anybody becomes a tag, an entity or a place to fill in, whatever figure shows it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from html import unescape
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import numpy as np
import plotly.graph_objects as go
import plotly.io as pio
import pytest

import soupwidgets as sw
import soupwidgets.topics
from soupwidgets import GreedySoup, Recipe, Sweep
from soupwidgets.evaluation import Evaluation, SplitScore
from soupwidgets.figures import colours, drawing, style
from soupwidgets.figures.shown import ShownFigure, bold, plain_text, shown_template, shown_text, shown_trace
from soupwidgets.methods import GreedyStep, HeldOut, Judged, LearnedEpoch, LearnedSoup
from soupwidgets.stats.calibration import Calibration
from soupwidgets.stats.estimate import Estimate
from soupwidgets.stats.figure import Figure
from soupwidgets.stats.paired import mcnemar
from soupwidgets.topics.alpha.along_alpha import AlongAlpha, Diversity
from soupwidgets.topics.augmentation.study import AugmentationResult, AugmentationStudy
from soupwidgets.topics.augmentation.variants import VariantResult, VariantStudy
from soupwidgets.topics.diversity.compression import CompressedFeatures
from soupwidgets.topics.diversity.downstream import Transfer
from soupwidgets.topics.diversity.helpers import HelperStep
from soupwidgets.topics.diversity.matrices import DiversityMatrix
from soupwidgets.topics.diversity.pairs import PairDiversity
from soupwidgets.topics.diversity.representations import CombinedFeatures, Reading
from soupwidgets.topics.diversity.single_helpers import HelperGain
from soupwidgets.topics.diversity.specialists import ClassSpecialist, Specialisation
from soupwidgets.topics.frontier.models import Frontier, FrontierModel
from soupwidgets.topics.landscape.barrier import BarrierMatrix
from soupwidgets.topics.landscape.blocks import BlockProfile
from soupwidgets.topics.landscape.line import LandscapeLine
from soupwidgets.topics.landscape.marks import Mark
from soupwidgets.topics.landscape.plane import Landscape
from soupwidgets.topics.landscape.sharpness import Sharpness
from soupwidgets.topics.landscape.span import Place
from soupwidgets.topics.soup.by_hyperparameter import SoupGroup
from soupwidgets.topics.soup.pairs import PairGain
from soupwidgets.topics.soup.versus_ensemble import SoupVersusEnsemble
from soupwidgets.topics.spectrum import (
    LabelNoiseStudy,
    NoiseResult,
    NoiseRun,
    TrainedModel,
    TrainingResult,
    TrainingStudy,
)
from soupwidgets.topics.spectrum.class_frequency import ClassFrequencies, ClassFrequency
from soupwidgets.topics.spectrum.frequency_table import ModelFrequency
from soupwidgets.topics.spectrum.image_spectrum import FourierSensitivity, ImageSpectrum
from soupwidgets.topics.spectrum.path_spectrum import PathSpectrum
from soupwidgets.topics.spectrum.sensitivity import Sensitivity, TreatedAnswer

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
    geometry = sw.landscape.WeightGeometry((A, B, C), A, ("w",), inner)
    corners = {name: Recipe({name: 1}) for name in geometry.names}
    plane = sw.landscape.Plane(geometry, np.eye(3)[0], np.array([-0.5, 0.5, 0]), np.array([-1.0, 0, 1]), corners)
    loss = np.array([[3.0, 2.0, 3.0], [2.0, 1.0, 9.0]])
    return Landscape(plane, VAL, np.linspace(-1, 3, 3), np.linspace(-1, 2, 2), loss, loss / 10, np.full((2, 3), 10), 10)


def pair() -> PairDiversity:
    mean = Estimate(0.01, -0.01, 0.05)
    return PairDiversity(
        A, B, TEST, 1000, "reinit", (0.8, 0.7), 500, 50, 30, 0.8, Estimate(0.7, 0.6, 0.8), 0.8, 40, mean, mean
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
    return PathSpectrum(f"to {FOG}", sw.spectrum.OURS, "cycles per path", np.arange(9.0), density, 20)


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


def augmentation_variants() -> VariantStudy:
    one = VariantResult(A, "dynamic", None, estimate(0.8), estimate(0.02), None, (2.0, 1.0), (0.3, 0.5))
    return VariantStudy((one, replace(one, variant="switched off")), 1, estimate(0.78), (2.0, 0.1), (0.3, 0.4), 3, {})


def joint_model() -> sw.augmentation.JointModel:
    fit = sw.augmentation.LinearFit(estimate(0), estimate(2), estimate(1), 0.5, 1.5)
    fits = dict.fromkeys(("nothing", "affinity", "diversity", "both"), fit)
    return sw.augmentation.JointModel((A, B), 2, (1.0, 2.0), (1.5, 1.5), fits, {}, {})


SWEEP = Sweep(A, {a: evaluation(n) for a, n in ((0.0, 700), (0.5, 820), (1.0, 800))}, VAL, TEST)
ALONE = {A: evaluation(800), B: evaluation(700), C: evaluation(100)}
MATRIX = DiversityMatrix((A, B), TEST, (pair(),), 1)
GREEDY = GreedySoup(
    Recipe({A: 1}), (GreedyStep(A, 0.80, 0.0, True, 100, 100), GreedyStep(B, 0.795, 0.80, False, 20, 100))
)
LEARNED = LearnedSoup(
    Recipe({A: 0.7, B: 0.3}),
    1.1,
    (LearnedEpoch(0.5, 0.81, 1.05, {A: 0.7, B: 0.3}, Judged(0.4, (0.3, 0.5), 0.9)),),
    HeldOut(10, 50, 0, 3, Judged(0.6, (0.5, 0.7), 0.8)),
)
RIGHT = np.array([[True, True], [True, False], [False, True], [False, False]])
CLASS = ClassSpecialist(A, 100, (0.9, 0.7), mcnemar(np.arange(100) < 90, np.arange(100) < 70), 0.001)
NOISE_RUN = NoiseRun(0, (2.0, 1.5), (2.1, 1.5), (0.1, 0.2), (0.2, 0.7))
NOISE = LabelNoiseStudy(
    (NoiseResult("radial 1", EVIL, 1.0, 0.5, (NOISE_RUN,)), NoiseResult(A, B, 0.0, 0.5, (NOISE_RUN,))), {}
)
TRAINED = (TrainedModel(0, 0.5, {("within a class", sw.spectrum.OURS, "centroid"): 1.0}),)
TRAININGS = TrainingStudy(TrainingResult("base", "base", TRAINED), (TrainingResult(A, B, TRAINED),), {})
WAVES = np.array([[i, j] for i in range(-1, 2) for j in range(-1, 2) if (i, j) != (0, 0)])
SENSITIVITY = FourierSensitivity(VAL, (8, 8), 4.0, WAVES, np.arange(8), 5, 20, 20)
IMAGES = ImageSpectrum(FOG, np.arange(1.0, 9), np.ones(8), np.ones(8) / 2, np.ones(8) * 2, 20)
REFERENCES = {f"best single ({A})": ALONE[A], B: ALONE[B]}


def class_curve(name: str) -> sw.alpha.ClassCurve:
    return sw.alpha.ClassCurve(name, 10, (0.0, 1.0), np.array([0.5, 0.7]), np.array([[0.2, 0.8], [0.4, 0.9]]))


def diagnosed() -> sw.diagnosis.Diagnosis:
    facts = sw.diagnosis.WeightFacts(
        (A, B, C), A, {}, np.eye(3), {A: 0.0, B: 0.1, C: 0.9}, {}, {}, {}, {}, {}
    )  # fmt: skip
    finding = sw.diagnosis.Finding("too far", (C,), "went too far", "leave it out", "It lies far away.")
    intervals = dict.fromkeys((A, B, C), (0.4, 0.9))
    return sw.diagnosis.Diagnosis(
        (A, B, C), "accuracy", VAL, facts, (finding,), A, B, {A: 0.7, B: 0.8, C: 0.5}, intervals,
        {A: 0.01, C: 0.3}, {A: 0.01, C: 0.02}, 0.8, 0,
        sw.diagnosis.Pairs((A, B, C), {(A, C): sw.diagnosis.PairBarrier(0.3, True, 50)}, 3, 100), 1, 1,
    )  # fmt: skip


def pareto_front() -> sw.pareto.ParetoFront:
    objectives = (
        sw.pareto.Objective(VAL, VAL, "accuracy", "validation"),
        sw.pareto.Objective(FOG, FOG, "accuracy", "shift"),
    )
    one, two = Recipe({A: 0.5, B: 0.5}), Recipe({A: 1})
    foretold = ((0.7, 0.01), (0.5, 0.02))
    judged = dict.fromkeys((one, two), (Figure("accuracy", 0.7, 0.6, 0.8), Figure("accuracy", 0.5, 0.4, 0.6)))
    measured = (sw.pareto.Candidate(one, (0.7, 0.5), 1, foretold), sw.pareto.Candidate(two, (0.8, 0.4)))
    predicted = (sw.pareto.Foretold(Recipe({A: 0.2, B: 0.8}), foretold),)
    return sw.pareto.ParetoFront((A, B), objectives, {VAL: 0.6}, measured, predicted, (), judged, 2, 2)


def kind_curves() -> list[sw.alpha.KindCurve]:
    return [
        sw.alpha.KindCurve(name, 100, (0.0, 1.0), np.array([3, 9]), np.array([[1.0, 8.0], [4.0, 17.0]]))
        for name in (A, "not judged")
    ]


def near_duplicates() -> sw.mistakes.NearDuplicates:
    copies = sw.mistakes.PlantedCopies(EVIL, np.array([0.99, 1.0], dtype=np.float32), 1, (0.1, 0.9))
    return sw.mistakes.NearDuplicates(
        TEST, VAL, np.array([0, 1]), np.array([0.9, 0.999], dtype=np.float32), 0.98, (copies,)
    )


BUILD: dict[str, Callable[[], Any]] = {
    "augmentation.affinity_along_alpha": lambda: sw.augmentation.figures.affinity_along_alpha(
        {a: sw.augmentation.Affinity(EVIL, VAL, 0.8, 0.4, estimate(0.5), estimate(-0.4), 1) for a in (0.0, 1.0)}, A
    ),
    "augmentation.affinity_diversity": lambda: sw.augmentation.figures.affinity_diversity(augmentations(), A),
    "augmentation.joint": lambda: sw.augmentation.figures.joint(joint_model()),
    "augmentation.variant_curves": lambda: sw.augmentation.figures.variant_curves(augmentation_variants(), A),
    "augmentation.variants": lambda: sw.augmentation.figures.variants(augmentation_variants()),
    "alpha.along": lambda: sw.alpha.figures.along(along(), FOG),
    "alpha.classes": lambda: sw.alpha.figures.classes([class_curve(A), class_curve(B)], 0.5),
    "alpha.confusion": lambda: sw.alpha.figures.confusion(np.array([[5, 3], [1, 9]]), [A, B], TEST, 0.5),
    "diagnosis.members": lambda: sw.diagnosis.figures.members(diagnosed()),
    "alpha.kinds": lambda: sw.alpha.figures.kinds(kind_curves(), TEST, 0.5),
    "diagnosis.pairs": lambda: sw.diagnosis.figures.pairs(diagnosed()),
    "diagnosis.barriers": lambda: sw.diagnosis.figures.barriers(diagnosed()),
    "pareto.front": lambda: sw.pareto.figures.front(pareto_front(), shown=pareto_front().measured[0]),
    "pareto.judged": lambda: sw.pareto.figures.judged(pareto_front()),
    "pareto.misses": lambda: sw.pareto.figures.misses(pareto_front()),
    "prediction.predictions": lambda: sw.prediction.figures.predictions(
        [sw.prediction.Question("half", EVIL, lambda: (1.0, 0.5, 1.5))],
        {"half": 40.0},
        {"half": sw.prediction.Measured(60.0, 50.0, 70.0)},
    ),
    "alpha.curves": lambda: sw.alpha.figures.curves(SWEEP, shift=FOG),
    "alpha.image_path": lambda: sw.alpha.figures.image_path([0.0, 1.0], np.eye(2), [A, B], 0, 0.5),
    "alpha.frontier": lambda: sw.alpha.figures.frontier(SWEEP, shift=FOG),
    "augmentation.curves": lambda: sw.augmentation.figures.curves(augmentations(), A),
    "mistakes.similarities": lambda: sw.mistakes.figures.similarities(near_duplicates()),
    "landscape.barrier_matrix": lambda: sw.landscape.figures.barrier_matrix(
        BarrierMatrix((A, B), VAL, {(A, B): line()})
    ),
    "landscape.block_profile": lambda: sw.landscape.figures.block_profile(
        BlockProfile(A, B, VAL, "alone", (A, B), (0.0, 1.0), np.eye(2), np.ones((2, 2)))
    ),
    "soup.by_tensor": lambda: sw.soup.figures.by_tensor(Recipe({A: 0.5, B: 0.5}), [A, "head"]),
    "diversity.combined_features": lambda: sw.diversity.figures.combined_features(
        CombinedFeatures(
            A,
            B,
            VAL,
            "components",
            8,
            {share: Reading(f"{EVIL} {share}", 8, {FOG: RIGHT[:, 0]}) for share in (0.0, 0.5, 1.0)},
            {
                key: Reading(f"{EVIL} {key}", 16, {FOG: RIGHT[:, 1]})
                for key in ("all", "probes", "ensemble", "soup", "soup's features")
            },
            8,
        ),
        FOG,
    ),
    "diversity.compressed_features": lambda: sw.diversity.figures.compressed_features(
        [CompressedFeatures(A, B, VAL, "variance", 8, {4: Reading(EVIL, 4, {FOG: RIGHT[:, 0]})})], FOG, 0.5
    ),
    "diversity.transfer": lambda: sw.diversity.figures.transfer(
        Transfer(
            EVIL,
            EVIL,
            VAL,
            FOG,
            {A: 0.5, B: 0.5},
            {(A, B): 0.5},
            {name: Reading(name, 4, {FOG: RIGHT[:, 0]}) for name in (A, B)},
            {taken: {(A, B): Reading(EVIL, 8, {FOG: RIGHT[:, 1]})} for taken in ("all", "half")},
        )
    ),
    "diversity.helper_gains": lambda: sw.diversity.figures.helper_gains(
        [HelperGain(B, "framework", 0.5, 0.6, mcnemar(RIGHT[:, 0], RIGHT[:, 1]), 0.5, RIGHT[:, 1])], A, FOG
    ),
    "diversity.confidences": lambda: sw.diversity.figures.confidences(
        Specialisation(A, B, TEST, np.full((4, 2), 0.5), RIGHT)
    ),
    "diversity.divergence_strip": lambda: sw.diversity.figures.divergence_strip(MATRIX),
    "diversity.matrix": lambda: sw.diversity.figures.matrix(MATRIX),
    "spectrum.class_frequency": lambda: sw.spectrum.figures.class_frequency(
        ClassFrequencies(
            tuple(ClassFrequency(name, estimate(1), 20, place) for name, place in ((A, 1.0), (B, 2.0))),
            "centroid",
            sw.spectrum.OURS,
            "cycles per path",
            estimate(0.5),
            0.2,
        ),
        C,
    ),
    "spectrum.treatments": lambda: sw.spectrum.figures.treatments(
        Sensitivity(
            A,
            B,
            f"to {FOG}",
            "difference",
            tuple(
                TreatedAnswer(one, statistic, estimate(0.05), 1.0)
                for one in sw.spectrum.all_treatments()
                for statistic in ("centroid", "power", "share")
            ),
        )
    ),
    "spectrum.fourier_sensitivity": lambda: sw.spectrum.figures.fourier_sensitivity(SENSITIVITY, A),
    "spectrum.frequency_against_accuracy": lambda: sw.spectrum.figures.frequency_against_accuracy(
        [ModelFrequency(A, {FOG: path_spectrum()}, evaluation(800))], FOG
    ),
    "spectrum.frequency_along_alpha": lambda: sw.spectrum.figures.frequency_along_alpha(
        {0.0: {A: estimate(1)}}, "cycles", B
    ),
    "frontier.models": lambda: sw.frontier.figures.models(
        frontier(), FOG, colour=EVIL, context=frontier().points(FOG), chosen=[A]
    ),
    "soup.greedy_trace": lambda: sw.soup.figures.greedy_trace(GREEDY),
    "diversity.helpers": lambda: sw.diversity.figures.helpers(
        [HelperStep(A, 0.6, evaluation(800)), HelperStep(B, 0.6, evaluation(1))], VAL, FOG
    ),
    "soup.hyperparameter": lambda: sw.soup.figures.hyperparameter({A: 1e-3, B: 2e-3}, ALONE, name=EVIL, split=VAL),
    "spectrum.accuracy_and_frequency": lambda: sw.spectrum.figures.accuracy_and_frequency(TRAININGS, "within a class"),
    "spectrum.image_spectra": lambda: sw.spectrum.figures.image_spectra([IMAGES]),
    "landscape.alignment": lambda: sw.landscape.figures.alignment({"as trained": line(), "aligned": line()}),
    "landscape.contour": lambda: sw.landscape.figures.contour(
        landscape(), marks={A: Mark(Place(0, 0, 0)), B: Mark(Place(1, 1, 0.5)), C: Mark(Place(2, 0, 0))}
    ),
    "landscape.line": lambda: sw.landscape.figures.line({C: line()}),
    "landscape.point": lambda: sw.landscape.figures.point(evaluation(800)),
    "landscape.splits": lambda: sw.landscape.figures.splits([landscape(), landscape()]),
    "landscape.surface": lambda: sw.landscape.figures.surface(landscape()),
    "soup.learned_curve": lambda: sw.soup.figures.learned_curve(LEARNED),
    "soup.learned_trace": lambda: sw.soup.figures.learned_trace(LEARNED),
    "spectrum.minimum_noise_fitting": lambda: sw.spectrum.figures.minimum_noise_fitting(NOISE),
    "spectrum.noise_fitting": lambda: sw.spectrum.figures.noise_fitting(NOISE, EVIL),
    "spectrum.noise_followed": lambda: sw.spectrum.figures.noise_followed(NOISE, EVIL),
    "soup.pair_gains": lambda: sw.soup.figures.pair_gains([PairGain(A, B, 40.0, 0.01, 0.02, 0.001)]),
    "spectrum.path_predictions": lambda: sw.spectrum.figures.path_predictions(
        np.eye(2), [A, B], (0, 1), C, f"to {FOG}"
    ),
    "spectrum.path_spectra": lambda: sw.spectrum.figures.path_spectra({A: path_spectrum(), f"{A} ": path_spectrum()}),
    "landscape.sharpness": lambda: sw.landscape.figures.sharpness(
        {A: Sharpness(Recipe({A: 1}), VAL, 256, (1.0, 4.0), 0.01, 1e-3)}
    ),
    "soup.versus_ensemble": lambda: sw.soup.figures.versus_ensemble(
        [SoupVersusEnsemble(A, B, 0.5, VAL, 1.0, 0.52, 0.51, 0.1, 0.16, 0.2, 0.19)]
    ),
    "soup.frontier": lambda: sw.soup.figures.frontier(ALONE, evaluation(800), evaluation(810), B, FOG),
    "soup.splits": lambda: sw.soup.figures.splits(evaluation(800), evaluation(810), REFERENCES),
    "soup.by_hyperparameter": lambda: sw.soup.figures.by_hyperparameter([SoupGroup(EVIL, (A,), evaluation(800))]),
    "diversity.specialists": lambda: sw.diversity.figures.specialists([CLASS], A, B),
    "alpha.splits": lambda: sw.alpha.figures.splits(SWEEP),
    "landscape.weight_geometry": lambda: sw.landscape.figures.weight_geometry(landscape().plane.geometry, "angle"),
}
# Losses of a whole soup have no name in them.
NAMELESS = {"soup.learned_curve"}


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
    topics = {topic: getattr(sw, topic) for topic in (m.name for m in iter_modules(soupwidgets.topics.__path__))}
    rooms = {name: topic.figures for name, topic in topics.items() if hasattr(topic, "figures")} | {
        "figures": sw.figures
    }
    public = {
        f"{room}.{name}"
        for room, module in rooms.items()
        for name, made in vars(module).items()
        if isinstance(made, drawing.figure)
    }
    assert set(public) == set(BUILD)


@pytest.mark.parametrize("name", BUILD)
def test_names_are_shown_as_they_are(name: str) -> None:
    made = BUILD[name]()
    texts = list(seen(plain(made)))
    for key, text in texts:
        # A long title goes on in the next line in place of a space.
        left = OURS.sub("", text.replace("<br>", " "))
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
        assert len(sw.figures.text_alternative(made)) > 40


def test_our_own_tags_survive() -> None:
    hover = BUILD["frontier.models"]().data
    text = next(trace.text[0] for trace in hover if trace.uid == "fine-tuned")
    assert text.startswith(f"<b>{shown_text(A)}</b> (fine-tuned)<br>ID 77.78%")
    axis = BUILD["spectrum.noise_fitting"]().layout.yaxis.title.text
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
        shown_trace({"customdata": [["name"]], "hovertemplate": "%{customdata[0]}"})
    drawn = style.drawing("title", {}, {})
    drawn.add(customdata=np.array([["name"]]), hovertemplate="%{customdata[0]}", uid="a")
    with pytest.raises(ValueError, match="'a' shows names"):
        drawn.done("words")


def test_a_figure_by_itself_has_no_button_that_uploads(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    flat, solid, lasso = (BUILD[name]() for name in ("soup.by_tensor", "landscape.surface", "soup.frontier"))
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
    area = style.band([0, 1, 2, 3], [1, 1, nothing[0], 1], [2, 2, nothing[1], 2], colour=colours.BLUE, uid="band")
    assert area["x"] == [0, 1, 1, 0, None, 3, 3]
    assert area["y"] == [2, 2, 1, 1, None, 2, 1]


def test_figures_of_class_means_without_intervals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SplitScore, "interval", property(lambda self: (float("nan"), float("nan"))))
    for name in ("alpha.splits", "soup.splits", "alpha.curves", "alpha.frontier", "soup.frontier", "frontier.models"):
        figure = BUILD[name]()
        plain = figure.to_json()
        assert "NaN" not in plain
        for key in ("error_x", "error_y"):
            lengths = [n for t in json.loads(plain)["data"] for n in t.get(key, {}).get("array", [])]
            assert set(lengths) <= {"too few to say"}
        assert "nan" not in sw.figures.text_alternative(figure)
        for axis in (figure.layout.xaxis, figure.layout.yaxis):
            assert axis.range is None or np.isfinite(axis.range).all()


def test_a_slice_says_which_of_its_accuracies_it_is() -> None:
    scores = {name: replace(score, role="slice") if name == FOG else score for name, score in SWEEP[0.5].scores.items()}
    sweep = replace(SWEEP, evaluations={0.5: replace(SWEEP[0.5], scores=scores)})
    said = shown_text(f"{FOG} (single-label)")
    assert sw.alpha.figures.frontier(sweep, shift=FOG).layout.yaxis.title.text == f"{said} accuracy, %"
    assert said in next(t for t in sw.alpha.figures.splits(sweep).data if t.uid == "here").y
    curves = sw.alpha.figures.curves(sweep, shift=FOG)
    assert next(t for t in curves.data if t.uid == "curve-ood").name == f"{said}, with 95% interval"
    assert sw.figures.text_alternative(curves).count(f"{FOG} (single-label) ") == 2


def test_titles_fit_on_a_telephone() -> None:
    drawn = style.drawing("one two " * 12, {}, {}).done("words")
    (title,) = (drawn.layout["title"]["text"],)
    lines = title.split("<br>")
    assert max(map(len, lines)) <= 44
    assert plain_text(title) == "one two " * 12
    # What it takes at the top is no less for the plot.
    one = style.drawing("one", {}, {}).done("words").layout
    more = drawn.layout["height"] - one["height"]
    assert more == drawn.layout["margin"]["t"] - one["margin"]["t"] == 20 * (len(lines) - 1) > 0
    assert style.drawing("in" * 40, {}, {}).done("words").layout["title"]["text"] == "in" * 40
