from __future__ import annotations

import numpy as np
import pytest

from soupwidgets.suites import Suite, write_slice
from soupwidgets.topics.mistakes.multi_labels import ImageLabels, multi_label_accuracy
from soupwidgets.topics.mistakes.taxonomy import CATEGORIES, mistake_table
from soupwidgets.topics.review.agreement import agreement, krippendorff_alpha
from soupwidgets.topics.review.label_set import (
    distribution,
    distributions,
    label_set,
    minority_views,
    reviewed_mistakes,
    settle,
)
from soupwidgets.topics.review.major import major_slice
from soupwidgets.topics.review.records import ReviewError
from soupwidgets.topics.review.session import ReviewSession
from soupwidgets.topics.review.storage import ReviewStore
from soupwidgets.topics.review.views import Image, Judgement
from tests.fixtures import SUITE


def says(row: int = 0, **what: object) -> Judgement:
    sets = {k: frozenset(v) if k in ("correct", "unclear", "wrong") else v for k, v in what.items()}
    return Judgement(Image("test", row), **sets)  # type: ignore[arg-type]


THREE = [says(correct={1, 2}), says(correct={1}, unclear={2}), says(wrong={1, 3}, problematic=True)]


def test_every_view_is_counted() -> None:
    counted = distribution(THREE)
    assert counted.reviewers == 3
    assert (counted.correct, counted.unclear, counted.wrong) == ({1: 2, 2: 1}, {2: 1}, {1: 1, 3: 1})
    assert counted.problematic == 1
    assert counted.disputed
    assert not distribution(THREE[:1]).disputed


def test_a_disputed_label_is_unclear_unless_the_group_asks_for_the_majority() -> None:
    counted = distribution(THREE)
    assert settle(counted, "all views") == ImageLabels(frozenset(), frozenset({1, 2}), frozenset({3}))
    majority = settle(counted, "majority")
    assert majority == ImageLabels(frozenset({1}), frozenset({2}), frozenset({3}))
    assert minority_views(counted, majority) == {1: {"wrong": 1}, 2: {"correct": 1}}
    assert settle(distribution([says(problematic=True)] * 2 + [says()]), "majority").problematic
    assert not settle(distribution([says(problematic=True)] * 2 + [says()]), "all views").problematic


@pytest.fixture
def together(tmp_path, suite) -> ReviewSession:
    store = ReviewStore(tmp_path / "r.sqlite")
    first = ReviewSession.create(store, suite, "two people")
    second = ReviewSession(store, first.id)
    (major, minor), fine = list(first.view.severities), next(iter(first.view.categories))
    label = int(suite.id_test.labels[0])
    other = (label + 1) % 10
    first.judge(says(0, correct={label, other}, prediction=other, category=fine, severity=minor, shared=True))
    second.judge(says(0, correct={label}, wrong={other}, prediction=other, severity=major))
    first.judge(says(1, problematic=True))
    second.judge(says(2, correct={3}, prediction=3, category=fine, severity=minor))
    first.refresh()
    return first


def test_the_label_set_scores_models(together: ReviewSession, suite) -> None:
    labels = suite.id_test.labels
    reviewed = label_set(together.view, "test")
    assert sorted(reviewed.images) == [0, 1, 2]
    assert reviewed.images[1].problematic
    assert reviewed.major == (0,)
    assert label_set(together.view, "test", "majority").major == ()
    assert sorted(label_set(together.view, "test", shared=True).images) == [0]
    predictions = labels.copy()
    predictions[0] = (labels[0] + 1) % 10
    predictions[2] = 3
    score = multi_label_accuracy(predictions, labels, reviewed, 10)
    assert (score.right, score.images, score.problematic) == (2, 2, 1)
    assert sorted(distributions(together.view, "test")) == [0, 1, 2]


def test_every_judged_mistake_is_in_the_table(together: ReviewSession) -> None:
    table = mistake_table(reviewed_mistakes(together.view, "test"))
    assert table.loc[CATEGORIES[0], "minor"] == 2
    assert table.loc["not said", "major"] == 1
    assert table.loc["all", "all"] == 3
    assert len(reviewed_mistakes(together.view, "test", shared=True)) == 1


def alpha_by_hand(table: np.ndarray) -> float:
    """Nominal alpha from the coincidence matrix, as in Krippendorff's book."""
    values = np.unique(table[~np.isnan(table)])
    coincidences = np.zeros((len(values), len(values)))
    for column in table.T:
        said = [np.flatnonzero(values == v)[0] for v in column if not np.isnan(v)]
        for i, a in enumerate(said):
            for j, b in enumerate(said):
                if i != j:
                    coincidences[a, b] += 1 / (len(said) - 1)
    totals = coincidences.sum(axis=1)
    n = totals.sum()
    observed = n - np.trace(coincidences)
    expected = (n**2 - (totals**2).sum()) / (n - 1)
    return float(1 - observed / expected)


def test_alpha_is_krippendorffs() -> None:
    # Hayes and Krippendorff (2007), 'Answering the call for a standard reliability measure', nominal: .743.
    nan = np.nan
    table = np.array([
        [1, 2, 3, 3, 2, 1, 4, 1, 2, nan, nan, nan],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, nan, 3],
        [nan, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, nan],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, nan],
    ])  # fmt: skip
    assert krippendorff_alpha(table) == pytest.approx(0.743, abs=5e-4)
    rng = np.random.default_rng(0)
    drawn = np.where(rng.random((5, 40)) < 0.3, nan, rng.integers(0, 2, (5, 40)))
    assert krippendorff_alpha(drawn) == pytest.approx(alpha_by_hand(drawn[:, (~np.isnan(drawn)).sum(0) > 1]))
    assert np.isnan(krippendorff_alpha(np.ones((3, 4))))
    assert np.isnan(krippendorff_alpha(np.array([[1.0, nan], [nan, 0.0]])))


def test_agreement_is_asked_for_each_question(together: ReviewSession) -> None:
    found = {one.question: one for one in agreement(together.view, "test")}
    assert set(found) == {
        *CATEGORIES, "severity: major", "severity: minor", "problematic", "the prediction is a right label",
        "the prediction is right or perhaps right",
    }  # fmt: skip
    right = found["the prediction is a right label"]
    assert (right.images, right.answers, right.said_yes) == (1, 2, 1)
    # One image, one yes and one no: by hand 1 - 1 / 1.
    assert right.alpha == pytest.approx(0.0)
    assert np.isnan(found[CATEGORIES[0]].alpha)


def test_the_major_slice_is_a_split_of_what_is_shared(together: ReviewSession, suite, tmp_path) -> None:
    with pytest.raises(ReviewError, match="no shared judgement calls a mistake on 'test' major"):
        major_slice(together.view, suite.id_test)
    labels, major = suite.id_test.labels, next(iter(together.view.severities))
    doubted = int(labels[5])
    other = (doubted + 3) % 10
    together.judge(says(5, wrong={doubted}, correct={other}, severity=major, shared=True))
    together.judge(says(6, severity=major, shared=True))
    together.judge(says(7, severity=major))
    found = major_slice(together.refresh(), suite.id_test)
    assert found.rows.tolist() == [5, 6]
    assert found.labels.tolist() == [other, labels[6]]
    opened = Suite.open(SUITE, slices=[write_slice(tmp_path / "major.json", found)])
    assert opened.splits["major"].labels.tolist() == [other, labels[6]]
