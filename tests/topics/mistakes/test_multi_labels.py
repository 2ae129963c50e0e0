"""Multi-label accuracy against numbers worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest

from soupwidgets.suites import Suite
from soupwidgets.topics.mistakes.multi_labels import ImageLabels, MultiLabels, multi_label_accuracy, slice_score
from soupwidgets.topics.mistakes.taxonomy import agreement_with_later_labels, confusion_pairs


def labels_of(correct: set[int] = frozenset(), unclear: set[int] = frozenset(), **other: object) -> ImageLabels:  # type: ignore[assignment]
    return ImageLabels(frozenset(correct), frozenset(unclear), **other)  # type: ignore[arg-type]


# Classes 0 to 3; class 3 has one image, and it is problematic.
LABELS = np.array([0, 0, 0, 1, 1, 2, 3, 0])
SAID = np.array([0, 1, 2, 0, 0, 2, 3, 3])
REVIEWED = MultiLabels(
    "test",
    {
        0: labels_of({0}),  # right by the label and by the review
        1: labels_of({0, 1}),  # right by the review alone
        2: labels_of({0}, {2}),  # unclear counts as right
        3: labels_of({1}),  # wrong
        4: labels_of({1}, wrong=frozenset({0})),  # wrong
        5: labels_of({1}),  # the label itself was wrong: right by the label alone
        6: labels_of({3}, problematic=True),
    },
    major=(3, 1),
)


def test_the_mean_is_over_the_classes_that_can_be_scored() -> None:
    score = multi_label_accuracy(SAID, LABELS, REVIEWED, 4)
    assert score.accuracy == pytest.approx((3 / 3 + 0 / 2 + 0 / 1) / 3)
    assert score.single_label == pytest.approx((1 / 3 + 0 / 2 + 1 / 1) / 3)
    assert (score.right, score.images, score.problematic) == (3, 6, 1)
    assert score.perhaps == 1  # image 2; told apart, and counted as the authors do
    assert (score.classes, score.missing) == (3, 1)  # class 3 has no image that is scored
    assert score.low <= score.accuracy <= score.high


def test_the_interval_is_that_of_each_class_put_together() -> None:
    labels = np.repeat([0, 1], [400, 100])
    said = np.where(np.arange(500) % 400 < 300, labels, 2)  # 75% of class 0; all of class 1
    reviewed = MultiLabels("test", {}).completed(_Labels(labels))  # type: ignore[arg-type]
    score = multi_label_accuracy(said, labels, reviewed, 3)
    assert score.accuracy == pytest.approx((0.75 + 1.0) / 2)
    # Half the distance of class 0's share to its exact limit; class 1, all right, may be worse and not better.
    first, second = binomtest(300, 400).proportion_ci(0.95), binomtest(100, 100).proportion_ci(0.95)
    assert score.high - score.accuracy == pytest.approx(0.5 * (first.high - 0.75))
    assert score.high - score.accuracy == pytest.approx(1.96 * 0.5 * np.sqrt(0.75 * 0.25 / 400), rel=0.08)
    assert score.accuracy - score.low == pytest.approx(0.5 * np.hypot(0.75 - first.low, 1 - second.low))


def test_one_image_a_class_has_the_interval_of_a_share() -> None:
    labels = np.arange(40)
    said = np.where(labels < 30, labels, 0)
    score = multi_label_accuracy(said, labels, MultiLabels("test", {}).completed(_Labels(labels)), 50)  # type: ignore[arg-type]
    expected = binomtest(30, 40).proportion_ci(0.95)
    assert (score.accuracy, score.missing) == (0.75, 10)
    assert (score.low, score.high) == pytest.approx((expected.low, expected.high))


def test_the_two_accuracies_of_a_slice_have_their_names() -> None:
    score = slice_score(SAID, REVIEWED)
    assert (score.metric, score.accuracy) == ("multi-label accuracy", 0.5)
    assert str(score) == "multi-label accuracy 50.0%: 1 of 2 images"
    # What is right only perhaps is told apart.
    assert [slice_score(SAID, REVIEWED, rows=rows).perhaps for rows in ([0, 1, 3], [0, 2], [2])] == [0, 1, 1]
    assert slice_score(SAID, REVIEWED, rows=[0, 2, 3]).words == "2 of 3, 1 of them perhaps"


class _Labels:
    def __init__(self, labels: np.ndarray) -> None:
        self.labels = labels


def test_a_review_of_mistakes_alone_is_completed_with_the_labels(suite: Suite) -> None:
    labels = suite.id_test.labels
    first, second, third = (int(label) for label in labels[:3])
    other = (first + 1) % 10
    given = {
        0: labels_of({other}),  # nobody doubts the label
        1: labels_of(wrong=frozenset({second})),
        2: labels_of(unclear={third}),
    }
    reviewed = MultiLabels("test", given, (0,)).completed(suite.id_test)
    assert len(reviewed) == len(suite.id_test)
    assert reviewed.images[0].correct == {first, other}
    assert reviewed.images[1].accepted == frozenset()
    assert reviewed.images[2] == given[2]
    assert reviewed.images[4].correct == {int(labels[4])}
    assert reviewed.major == (0,)
    score = multi_label_accuracy(labels, labels, reviewed, 10)
    assert score.single_label == 1
    assert score.right == len(labels) - 1


def test_a_slice_is_counted() -> None:
    assert slice_score(SAID, REVIEWED).right == 1
    assert slice_score(SAID, REVIEWED).images == 2
    assert slice_score(SAID, REVIEWED, rows=[0, 1, 2]).right == 3
    assert slice_score(SAID, REVIEWED).interval == pytest.approx((0.0126, 0.9874), abs=1e-3)
    with pytest.raises(ValueError, match=r"no reviewed labels for images \[7\]"):
        slice_score(SAID, REVIEWED, rows=[7])
    with pytest.raises(ValueError, match="has no images"):
        slice_score(SAID, MultiLabels("test", {}))


def test_what_cannot_be_scored_is_told() -> None:
    with pytest.raises(ValueError, match=r"images 0\.\.7, not \[8\]"):
        multi_label_accuracy(SAID, LABELS, MultiLabels("test", {8: labels_of({0})}), 4)
    with pytest.raises(ValueError, match="no image to score"):
        multi_label_accuracy(SAID, LABELS, MultiLabels("test", {6: labels_of(problematic=True)}), 4)
    with pytest.raises(ValueError, match="7 predictions for 8 labels"):
        multi_label_accuracy(SAID[1:], LABELS, REVIEWED, 4)


def test_mistakes_that_were_none() -> None:
    found = agreement_with_later_labels(SAID, LABELS, REVIEWED)
    # By the labels 1, 2, 3, 4 and 7 are mistakes; nobody looked at 7.
    assert (found.accepted, found.rejected, found.problematic, found.not_reviewed) == (2, 2, 0, 1)


def test_confusions_are_counted_both_ways() -> None:
    pairs = confusion_pairs(SAID, LABELS, ["a", "b", "c", "d"])
    assert [(p.first, p.second, p.first_as_second, p.second_as_first, p.images) for p in pairs] == [
        ("a", "b", 1, 2, 6),
        ("a", "c", 1, 0, 5),
        ("a", "d", 1, 0, 5),
    ]
    assert pairs[0].count == 3
    assert confusion_pairs(np.array([-1]), np.array([0]), ["a", "b"]) == []
