"""Multi-label accuracy as the score of a split: the numbers of mistakes, in every measurement."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from soupwidgets import Evaluator, Pool, Store, Suite, SuiteError, alpha_sweep, greedy_soup
from soupwidgets.evaluation.axis_names import column_label, ood_name
from soupwidgets.methods.selection import selection_metric
from soupwidgets.stats.label_metrics import NO_MORE, NOT_COUNTED, multi_label_accuracy, multi_label_top1
from soupwidgets.suites import SliceSplit, read_slice, write_slice
from soupwidgets.topics.mistakes import multi_labels
from soupwidgets.topics.mistakes.multi_labels import ImageLabels, MultiLabels

RNG = np.random.default_rng(0)
X = RNG.standard_normal((120, 6)).astype(np.float32)
W = RNG.standard_normal((6, 5)).astype(np.float32)
Y = np.where(RNG.random(120) < 0.7, (X @ W).argmax(axis=1), RNG.integers(0, 5, 120))


def review(rows: range) -> MultiLabels:
    def image(row: int) -> ImageLabels:
        chosen = RNG.permutation(5)
        correct, unclear = chosen[: row % 3], chosen[3 : 3 + row % 2]
        return ImageLabels(frozenset(map(int, correct)), frozenset(map(int, unclear)), problematic=row % 7 == 0)

    return MultiLabels("test", {row: image(row) for row in rows})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("linear")
    generator = torch.Generator().manual_seed(0)
    for number, noise in enumerate((2.0, 0.8, 0.6)):
        weight = torch.from_numpy(W.T) + noise * torch.randn(5, 6, generator=generator)
        torch.save({"weight": weight, "bias": torch.zeros(5)}, made / f"m{number}.pt")
    return made


SUITE = Suite.of("numbers", {"val": (X[:60], Y[:60]), "test": (X[60:], Y[60:])}, classes=list("abcde"))


def evaluator(folder: Path, suite: Suite, tmp_path: Path) -> Evaluator:
    return Evaluator(Pool.open(folder, zero_shot="m0"), suite, model=nn.Linear(6, 5), store=Store(tmp_path / "store"))


def predictions(folder: Path, name: str, rows: slice) -> np.ndarray:
    state = torch.load(folder / f"{name}.pt")
    return F.linear(torch.from_numpy(X[rows]), state["weight"], state["bias"]).argmax(dim=1).numpy()


def test_by_hand() -> None:
    # Class 0: one of two right; class 1: the only one is wrong, since nothing is accepted; the last does not count.
    accepted = np.array([[1, 2], [3, NO_MORE], [NO_MORE, NO_MORE], [NOT_COUNTED, NO_MORE]])
    figure = multi_label_accuracy(np.array([2, 0, 1, 0]), np.array([0, 0, 1, 0]), accepted)
    assert figure.value == pytest.approx((1 / 2 + 0) / 2)
    assert 0 <= figure.low < figure.value < figure.high <= 1
    # An output that is not finite is never right.
    assert multi_label_accuracy(np.array([-1]), np.array([0]), np.array([[0, NO_MORE]])).value == 0
    # A first sample without any that counts says nothing.
    none = multi_label_accuracy(np.array([0, 1]), np.array([0, 0]), np.array([[NOT_COUNTED]] * 2))
    assert (none.low, none.high) == (0, 1)


def test_numbers_are_those_of_mistakes(folder: Path, tmp_path: Path) -> None:
    multi = review(range(0, 60, 2))
    suite = SUITE.with_label_sets({"test": multi.label_sets})
    ev = evaluator(folder, suite, tmp_path)
    for name in ev.pool:
        score = ev.evaluate(name, "test")["test"]
        wanted = multi_labels.multi_label_accuracy(predictions(folder, name, slice(60, 120)), Y[60:], multi, 5)
        assert score.metric == "multi_label_accuracy"
        assert score.accuracy == pytest.approx(wanted.accuracy, abs=1e-12)
        assert score.interval == pytest.approx((wanted.low, wanted.high), abs=1e-12)
    # Nothing is lost on the way through the store, and nothing is measured again.
    again = evaluator(folder, suite, tmp_path)
    assert again.evaluate("m1", "test") == ev.evaluate("m1", "test")
    assert again.forward_images == 0


def test_measurements_are_filed_by_their_label_sets(folder: Path, tmp_path: Path) -> None:
    sets = review(range(60)).label_sets
    other = {row: range(5) for row in sets}
    suites = [SUITE, SUITE.with_label_sets({"test": sets}), SUITE.with_label_sets({"test": other})]
    assert len({suite["test"].content_hash for suite in suites}) == 3
    assert len({suite["val"].content_hash for suite in suites}) == 1
    # Without their metric they say nothing.
    assert suites[1].scored_by("accuracy")["test"].content_hash == SUITE["test"].content_hash
    values = {evaluator(folder, suite, tmp_path).evaluate("m1", "test")["test"].accuracy for suite in suites}
    assert len(values) == 3


@pytest.mark.filterwarnings("ignore:nothing to soup")
def test_selection_sweeps_and_slices(folder: Path, tmp_path: Path) -> None:
    val, test = review(range(60)), review(range(60))
    first = SliceSplit("first", SUITE["test"], range(30))
    suite = SUITE.with_slices([first]).with_label_sets({"val": val.label_sets, "test": test.label_sets})
    suite = suite.with_slices([SliceSplit("last", suite["test"], range(30, 60))])
    ev = evaluator(folder, suite, tmp_path)
    assert selection_metric(ev).words == "multi-label accuracy"
    greedy = greedy_soup(ev, progress=False)
    assert greedy.metric == "multi_label_accuracy"
    alone = [ev.evaluate(name, "val")["val"].accuracy for name in ev.pool.fine_tuned]
    assert ev.evaluate(greedy.recipe, "val")["val"].accuracy >= max(alone)
    sweep = alpha_sweep(ev, "m1", alphas=3, progress=False)
    assert sweep.metric == "multi_label_accuracy"
    ev.evaluate("m1", "test")
    images = ev.forward_images
    found = ev.evaluate("m1", ["first", "last"])
    for name, rows in (("first", range(30)), ("last", range(30, 60))):
        own = MultiLabels("test", {place: test.images[row] for place, row in enumerate(rows)})
        guessed = predictions(folder, "m1", slice(60 + rows.start, 60 + rows.stop))
        wanted = multi_labels.multi_label_accuracy(guessed, Y[60 + rows.start : 60 + rows.stop], own, 5)
        assert found[name].accuracy == pytest.approx(wanted.accuracy, abs=1e-12)
        assert column_label(found, name) == f"{name} (multi-label)"
    plain = evaluator(folder, SUITE.with_slices([first]), tmp_path)
    assert column_label(plain.evaluate("m1"), "first") == "first (single-label)"
    # Slices are made of what is stored of their split.
    assert images == ev.forward_images


def test_what_label_sets_cannot_be_is_said() -> None:
    for given, why in (
        ({"test": {60: [0]}}, r"has examples 0\.\.59, not \[60\]"),
        ({"test": {0: [5]}}, r"has classes 0\.\.4, not \[5\]"),
        ({"test": {}}, "no example would count"),
    ):
        with pytest.raises(SuiteError, match=why):
            SUITE.with_label_sets(given)
    with pytest.raises(KeyError, match="no split 'far'"):
        SUITE.with_label_sets({"far": {0: [0]}})
    with pytest.raises(SuiteError, match="has no sets of labels: name them with `with_label_sets`"):
        SUITE.scored_by("multi_label_accuracy")
    with pytest.raises(SuiteError, match="r2 is no metric of a single-label task"):
        SUITE.scored_by("r2")
    several = Suite.of("m", dict.fromkeys(("val", "test"), (X, np.eye(5)[Y].astype(int))), task="multi-label")
    with pytest.raises(SuiteError, match="of a multi-label task, where labels have no sets"):
        several.with_label_sets({"test": {0: [0]}})


def test_a_slice_with_labels_of_its_own(folder: Path, tmp_path: Path) -> None:
    sets = {3: [0, 1], 7: [2], 11: [4, 3, 0], 20: []}
    few = SliceSplit("few", SUITE["test"], [3, 7, 11, 20, 30], label_sets=sets)
    read = read_slice(write_slice(tmp_path / "few.json", few), SUITE)
    suite = SUITE.with_slices([read])
    assert read.content_hash == few.content_hash != SliceSplit("few", SUITE["test"], [3, 7, 11, 20, 30]).content_hash
    ev = evaluator(folder, suite, tmp_path)
    sweep = alpha_sweep(ev, "m1", alphas=3, progress=False)
    said = predictions(folder, "m1", slice(60, 120))
    score = sweep[1.0]["few"]
    right = sum(int(said[row]) in some for row, some in sets.items())
    # The image without a set does not count, and the one whose set is empty is a mistake of everybody.
    assert (score.metric, score.accuracy) == ("multi_label_top1", right / 4)
    assert column_label(sweep[1.0], "few") == "few (multi-label)"
    assert ood_name("few", sweep[1.0]) == "few (multi-label)"
    # Sets of its split do not take its own away.
    again = suite.with_label_sets({"test": {0: [1]}})
    assert again["few"].scoring.metric == "multi_label_top1"
    assert np.array_equal(again["few"].accepted, read.accepted)
    images = ev.forward_images
    other = SliceSplit("other", SUITE["test"], [3, 7], label_sets={3: [0], 7: [1]})
    mixed = Evaluator(ev.pool, SUITE.with_slices([other]), model=nn.Linear(6, 5), store=ev.store)
    assert mixed.evaluate("m1", "other")["other"].accuracy == ((said[3] == 0) + (said[7] == 1)) / 2
    assert (mixed.forward_images, ev.forward_images) == (0, images)


def test_every_image_of_a_slice_counts_the_same() -> None:
    accepted = np.array([[1, 2], [0, NO_MORE], [NO_MORE, NO_MORE], [NOT_COUNTED, NO_MORE]])
    labels = np.array([0, 0, 1, 1])
    figure = multi_label_top1(np.array([2, 0, 1, 1]), labels, accepted)
    assert figure.value == pytest.approx(2 / 3)
    # The same by classes is (1 + 0) / 2.
    assert multi_label_accuracy(np.array([2, 0, 1, 1]), labels, accepted).value == 0.5
    # Clopper-Pearson of 2 in 3, from a table of the beta distribution.
    assert (figure.low, figure.high) == pytest.approx((0.0943, 0.9916), abs=1e-4)
    none = multi_label_top1(np.array([0, 1]), np.array([0, 0]), np.array([[NOT_COUNTED]] * 2))
    assert (none.value, none.low, none.high) == (0.5, 0, 1)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"label_sets": [[5], [0]]}, r"a label is not of the classes 0\.\.4"),
        ({"label_sets": [[0]]}, "1 sets of labels for 2 rows"),
        ({"label_sets": [None, None]}, "no example would count"),
        ({"label_sets": [[-1], [0]]}, "malformed"),
        ({"format": "soupwidgets slice 1"}, "nor with sets of labels"),
    ],
)
def test_a_slice_of_somebody_is_checked(tmp_path: Path, change: dict[str, object], why: str) -> None:
    path = write_slice(tmp_path / "s.json", SliceSplit("s", SUITE["test"], [1, 2], label_sets={1: [0], 2: [1]}))
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(SuiteError, match=why):
        read_slice(path, SUITE)
    with pytest.raises(SuiteError, match="labels of images that are not in it"):
        SliceSplit("s", SUITE["test"], [1], label_sets={2: [0]})
    with pytest.raises(SuiteError, match=r"a label of its sets is not of the classes 0\.\.4"):
        SUITE.with_slices([SliceSplit("s", SUITE["test"], [1], label_sets={1: [7]})])
