"""Features of two models on another task, and how few of them are enough."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

import soupwidgets as sw
from soupwidgets import Evaluator, Suite
from soupwidgets.stats.linear_probe import PENALTIES
from soupwidgets.topics.diversity.members import Member
from tests.topics.diversity.test_representations import knowing


@pytest.fixture(scope="module")
def digits() -> Suite:
    """Handwritten digits, enlarged to the size of the models' images."""
    images, labels = load_digits(return_X_y=True)
    pixels = np.kron(images.reshape(-1, 8, 8), np.ones((3, 3))) * 15.9
    pixels = np.pad(pixels, ((0, 0), (2, 2), (2, 2))).astype(np.uint8)
    parts = {"train": slice(400), "val": slice(400, 500), "test": slice(500, 800)}
    return Suite.of("digits", {name: (pixels[rows], labels[rows]) for name, rows in parts.items()}, progress=False)


def test_models_are_read_on_a_task_that_they_were_never_shown(tiny_evaluator: Evaluator, digits: Suite) -> None:
    """Real images of another data set, through the networks; one probe is scikit-learn's."""
    models = sw.diversity.members(tiny_evaluator, splits=["test"], progress=False)
    found = sw.diversity.transfer(models, tiny_evaluator.suite, digits, progress=False)
    assert (found.suite, found.task, found.fit, found.split) == (tiny_evaluator.suite.name, "digits", "train", "test")
    names = [one.name for one in models]
    assert list(found.inconsistency) == list(combinations(names, 2))
    test = tiny_evaluator.suite.id_test
    rights = {one.name: one.right(test) for one in models}
    for (first, second), share in found.inconsistency.items():
        assert share == np.not_equal(rights[first], rights[second]).mean()
    assert found.accuracies == {name: right.mean() for name, right in rights.items()}

    first, second, _ = models
    train = digits.training
    assert train is not None
    scaler = [StandardScaler().fit(one.features(train)) for one in (first, second)]
    inside, outside = (
        np.hstack([s.transform(one.features(split)) for s, one in zip(scaler, models[:2], strict=True)])
        for split in (train, digits.id_test)
    )
    reading = found.pairs["all"][first.name, second.name]
    assert reading.penalty in PENALTIES
    expected = LogisticRegression(C=1 / (400 * reading.penalty), max_iter=5000, tol=1e-9)
    expected.fit(inside, train.labels)
    assert reading.right["test"].mean() == pytest.approx(expected.score(outside, digits.id_test.labels), abs=0.01)
    assert reading.features == 16
    assert found.pairs["half"][first.name, second.name].features == 8


def test_what_differs_transfers_better(small_suite: Suite) -> None:
    """Two that know different facts gain by each other; two that know the same do not."""
    facts = {"a": (0,), "b": (1,), "c": (0,), "d": (2,)}
    members = []
    for name, known in facts.items():
        one = knowing(name, small_suite, *known)
        # Right where the label is what it knows of: those who know the same err alike.
        logits = {
            split: np.eye(10, dtype=np.float32)[np.where(labels % (2 + known[0]) == 0, labels, (labels + 1) % 10)]
            for split, labels in ((s, small_suite.splits[s].labels) for s in ("val", "test"))
        }
        members.append(Member(name, one.splits, logits.__getitem__, run=one.run))
    found = sw.diversity.transfer(members, small_suite, small_suite, fit="val", progress=False)
    assert found.fit == "val"
    assert found.inconsistency["a", "c"] == 0
    assert found.gain(("a", "b")).interval[0] > 0 > found.gain(("a", "c")).interval[0]
    assert found.better(("a", "b")) in "ab"
    correlation, p_value = found.trend(draws=200)
    assert correlation > 0.5
    assert 0 < p_value < 0.5
    frame = found.to_frame()
    assert len(frame) == 4 + 2 * 6
    row = frame[(frame["models"] == "a + b") & (frame["taken"] == "half")].iloc[0]
    assert row["gain over better"] == pytest.approx(found.gain(("a", "b")).difference)
    drawn = sw.diversity.figures.transfer(found)
    assert [len(trace.x) for trace in drawn.data] == [6, 6]
    assert "With half of each, in points: a and b +" in drawn.layout.meta["text"]


def test_what_cannot_be_transferred_is_said(small_suite: Suite) -> None:
    a, b = knowing("a", small_suite, 0), knowing("b", small_suite, 1)
    with pytest.raises(ValueError, match="two or more models with different names are compared, not a, a"):
        sw.diversity.transfer([a, a], small_suite, small_suite)
    with pytest.raises(KeyError, match="'elsewhere' has no logits on 'test'"):
        sw.diversity.transfer([a, Member("elsewhere", ("val",), a.load, run=a.run)], small_suite, small_suite)
    found = sw.diversity.transfer([a, b], small_suite, small_suite, progress=False)
    with pytest.raises(ValueError, match="three models at least"):
        found.trend()


def test_fewer_features_are_enough_where_models_differ(small_suite: Suite) -> None:
    a, b, twin = (knowing(name, small_suite, *facts) for name, facts in (("a", (0,)), ("b", (1,)), ("twin", (0,))))
    apart = sw.diversity.compressed_features(a, b, small_suite, order="components")
    alike = sw.diversity.compressed_features(a, twin, small_suite, order="components")
    assert list(apart.probes) == [4, 8]
    accuracy = apart.probes[4].right["test"].mean()
    assert apart.needed("test", accuracy) == 4
    assert alike.needed("test", accuracy) is None
    # The order of features does not matter to a probe on all of them.
    by_variance = sw.diversity.compressed_features(a, b, small_suite, counts=[2, 8])
    assert (by_variance.probes[8].right["test"] == apart.probes[8].right["test"]).mean() > 0.99
    drawn = sw.diversity.figures.compressed_features([apart, alike], "test", accuracy)
    assert "a and b (4 are enough for" in drawn.layout.meta["text"]
    assert "a and twin (none is enough for" in drawn.layout.meta["text"]
    assert apart.to_frame()["features"].tolist() == [4, 8]
    with pytest.raises(ValueError, match="1 to 8 features of these two models, not"):
        sw.diversity.compressed_features(a, b, small_suite, counts=[9])


def test_the_highest_variance_comes_first_whatever_the_scale(small_suite: Suite) -> None:
    """One feature in four of each model varies more than its others; a model with larger outputs is not preferred."""

    def scaled(name: str, fact: int, scale: float) -> Member:
        one = knowing(name, small_suite, fact)
        run = one.run
        assert run is not None
        spread = scale * np.array([1, 1, 3, 1], dtype=np.float32)
        return Member(name, one.splits, one.load, run=lambda split: run(split) * spread)

    small, large = scaled("small", 0, 1), scaled("large", 1, 100)
    found = sw.diversity.compressed_features(small, large, small_suite, counts=[2])
    both = np.stack([one.features(small_suite.validation)[:, 2] for one in (small, large)], axis=1)
    model = LogisticRegression(C=1 / (len(both) * (found.probes[2].penalty or 1)), max_iter=5000)
    model.fit(StandardScaler().fit_transform(both), small_suite.validation.labels)
    scaler = StandardScaler().fit(both)
    outside = np.stack([one.features(small_suite.id_test)[:, 2] for one in (small, large)], axis=1)
    expected = model.score(scaler.transform(outside), small_suite.id_test.labels)
    assert found.probes[2].right["test"].mean() == pytest.approx(expected, abs=0.006)
