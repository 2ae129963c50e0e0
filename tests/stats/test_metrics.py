"""Metrics against torchmetrics, and their intervals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torchmetrics.functional as oracle
from torchmetrics.classification import MulticlassAccuracy
from torchmetrics.regression import MeanSquaredError

from soupwidgets.stats import METRICS, Metric, metric_named

RNG = np.random.default_rng(0)
N, CLASSES = 200, 5
LOGITS = RNG.standard_normal((N, CLASSES)).round(1).astype(np.float32)
LABELS = RNG.integers(0, CLASSES, N)
SEVERAL = (RNG.random((N, CLASSES)) < 0.3).astype(np.float32)
NUMBERS = RNG.standard_normal((N, 2)).astype(np.float32)
NEAR = NUMBERS + 0.5 * RNG.standard_normal((N, 2)).astype(np.float32)
PIXELS = RNG.integers(0, CLASSES, (N, 6, 6))
GUESSED = np.where(RNG.random(PIXELS.shape) < 0.5, PIXELS, RNG.integers(0, CLASSES, PIXELS.shape))
UNKNOWN = np.where(RNG.random(PIXELS.shape) < 0.1, 255, PIXELS)


def t(array: Any) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(array))


def iou(guessed: np.ndarray, true: np.ndarray) -> float:
    # torchmetrics averages over images; over all pixels at once its Jaccard index is the same formula.
    return float(oracle.jaccard_index(t(guessed), t(true), "multiclass", num_classes=CLASSES, ignore_index=255))


def one_against_rest(scores: np.ndarray, labels: np.ndarray) -> float:
    # torchmetrics' own macro average is of softmaxed values, which order examples otherwise than logits do.
    areas = [oracle.auroc(t(scores[:, c]), t((labels == c).astype(int)), "binary") for c in range(CLASSES)]
    return float(np.mean(areas))


# Of values that are probabilities already torchmetrics takes no softmax.
SHARES = np.exp(LOGITS) / np.exp(LOGITS).sum(axis=1, keepdims=True)
PREDICTED = LOGITS.argmax(axis=1)
SAID = (LOGITS > 0).astype(np.int64)
CASES: dict[str, tuple[str, np.ndarray, np.ndarray, float]] = {
    "accuracy": ("accuracy", PREDICTED, LABELS, float(
        oracle.accuracy(t(PREDICTED), t(LABELS), "multiclass", num_classes=CLASSES))),
    "macro-F1": ("macro_f1", PREDICTED, LABELS, float(
        oracle.f1_score(t(PREDICTED), t(LABELS), "multiclass", num_classes=CLASSES, average="macro"))),
    "balanced accuracy": ("balanced_accuracy", PREDICTED, LABELS, float(
        oracle.recall(t(PREDICTED), t(LABELS), "multiclass", num_classes=CLASSES, average="macro"))),
    "AUROC of one label": ("auroc", LOGITS, LABELS, one_against_rest(LOGITS, LABELS)),
    "AUROC of probabilities": ("auroc", SHARES, LABELS, float(
        oracle.auroc(t(SHARES), t(LABELS), "multiclass", num_classes=CLASSES, average="macro"))),
    "AUROC of several": ("auroc", LOGITS, SEVERAL, float(
        oracle.auroc(t(LOGITS), t(SEVERAL.astype(int)), "multilabel", num_labels=CLASSES))),
    "average precision": ("average_precision", LOGITS, SEVERAL, float(
        oracle.average_precision(t(LOGITS), t(SEVERAL.astype(int)), "multilabel", num_labels=CLASSES))),
    "exact match": ("exact_match", SAID, SEVERAL, float(
        oracle.exact_match(t(SAID), t(SEVERAL.astype(int)), "multilabel", num_labels=CLASSES))),
    "R2": ("r2", NEAR, NUMBERS, float(oracle.r2_score(t(NEAR), t(NUMBERS)))),
    "RMSE": ("rmse", NEAR, NUMBERS, float(oracle.mean_squared_error(t(NEAR), t(NUMBERS), squared=False))),
    "mean IoU": ("mean_iou", GUESSED, UNKNOWN, iou(GUESSED, UNKNOWN)),
    "pixel accuracy": ("pixel_accuracy", GUESSED, PIXELS, float((GUESSED == PIXELS).mean())),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_values_are_those_of_torchmetrics(case: str) -> None:
    name, outputs, targets, expected = CASES[case]
    figure = METRICS[name].measure(outputs, targets)
    assert figure.value == pytest.approx(expected, abs=1e-5)
    assert figure.low < figure.value < figure.high
    assert figure.metric == name


def test_an_interval_of_a_mean_covers_as_often_as_it_says() -> None:
    squares = Metric("mean_square", lambda outputs, targets: (outputs[:, 0] - targets) ** 2)
    rng = np.random.default_rng(1)
    covered = 0
    for _ in range(400):
        figure = squares.measure(rng.standard_normal((150, 1)), np.zeros(150))
        covered += figure.low <= 1 <= figure.high
    assert covered / 400 >= 0.92


def test_a_bootstrap_covers_nearly_as_often_as_it_says() -> None:
    rng = np.random.default_rng(2)
    covered = 0
    for _ in range(100):
        targets = rng.standard_normal(120)
        # R2 of the best predictor of y = x + e with equal variances is one half.
        outputs = targets[:, None]
        figure = METRICS["r2"].measure(outputs, targets + rng.standard_normal(120), draws=100)
        covered += figure.low <= 0.5 <= figure.high
    assert covered / 100 >= 0.88


def test_an_object_of_torchmetrics_is_a_metric() -> None:
    given = MulticlassAccuracy(CLASSES, average="micro")
    metric = Metric.from_torchmetrics("micro", given)
    assert metric.measure(LOGITS, LABELS).value == pytest.approx((PREDICTED == LABELS).mean())
    assert metric.higher_is_better
    error = Metric.from_torchmetrics("mse", MeanSquaredError())
    assert not error.higher_is_better
    assert error.merit(2.0) == -2.0
    other = Metric.from_torchmetrics("micro", MulticlassAccuracy(CLASSES, average="macro"))
    assert other.identity != metric.identity or repr(given) == repr(MulticlassAccuracy(CLASSES, average="macro"))


def test_by_example_where_each_has_a_score() -> None:
    found = METRICS["rmse"].by_example(NEAR, NUMBERS)
    assert found is not None
    assert METRICS["rmse"].measure(NEAR, NUMBERS).value == pytest.approx(np.sqrt(found.mean()))
    assert METRICS["r2"].by_example(NEAR, NUMBERS) is None


def test_a_metric_of_ones_own_has_a_name_of_its_own() -> None:
    def close(outputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
        return np.abs(outputs[:, 0] - targets) < 1

    mine = Metric("close", close)
    try:
        assert metric_named(mine) is mine
        assert metric_named("close") is mine
        with pytest.raises(ValueError, match="there is a metric 'close' already"):
            metric_named(Metric("close", lambda outputs, targets: 0.0))
        with pytest.raises(ValueError, match="there is a metric 'accuracy' already"):
            metric_named(Metric("accuracy", close))
    finally:
        METRICS.pop("close")
    with pytest.raises(ValueError, match="'f3' is not a metric; known are accuracy, macro_f1"):
        metric_named("f3")
    assert metric_named("accuracy") is METRICS["accuracy"]


def test_values_without_intervals_are_the_same() -> None:
    for case, (name, outputs, targets, _) in CASES.items():
        metric = METRICS[name]
        assert metric.value(outputs, targets) == pytest.approx(metric.measure(outputs, targets).value, abs=1e-12), case
    groups = RNG.integers(-1, 3, N)
    worst = min(float((PREDICTED == LABELS)[groups == group].mean()) for group in range(3))
    assert METRICS["worst_group"].value(PREDICTED, LABELS, groups=groups) == pytest.approx(worst)
    assert METRICS["macro_f1"].by_example(PREDICTED, LABELS) is None
