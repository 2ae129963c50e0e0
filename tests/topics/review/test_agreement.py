"""Krippendorff's alpha: its value against another implementation, its interval against simulated truth."""

from __future__ import annotations

import krippendorff
import numpy as np
import pytest

from soupwidgets.topics.review.agreement import Agreement, alpha_interval, krippendorff_alpha
from soupwidgets.topics.review.report import summary_text
from soupwidgets.topics.review.results import agreement_table


@pytest.mark.parametrize("values", [2, 3, 7])
@pytest.mark.parametrize("missing", [0.0, 0.3, 0.7])
def test_alpha_is_that_of_another_implementation(values: int, missing: float) -> None:
    rng = np.random.default_rng([values, round(10 * missing)])
    for reviewers in (2, 3, 8):
        truth = rng.integers(0, values, 50)
        table = np.where(rng.random((reviewers, 50)) < 0.6, truth, rng.integers(0, values, (reviewers, 50))).astype(
            float
        )
        table[rng.random(table.shape) < missing] = np.nan
        expected = krippendorff.alpha(reliability_data=table, level_of_measurement="nominal")
        assert krippendorff_alpha(table) == pytest.approx(expected, abs=1e-12)


def test_alpha_is_not_defined_without_pairs_or_without_variety() -> None:
    nan = np.nan
    for table in (np.full((2, 3), nan), np.ones((3, 4)), np.array([[1.0, nan], [nan, 0.0]]), np.empty((0, 0))):
        assert np.isnan(krippendorff_alpha(table))
        assert np.isnan(alpha_interval(table)).all()


def test_one_answer_to_an_image_says_nothing() -> None:
    pairs = np.array([[0.0, 1.0, 1.0, 0.0], [0.0, 1.0, 0.0, 0.0]])
    lonely = np.column_stack([pairs, [1.0, np.nan], [np.nan, 1.0]])
    assert krippendorff_alpha(lonely) == krippendorff_alpha(pairs)


def answers(rng: np.random.Generator, reviewers: int, images: int, yes: float, wrong: float) -> np.ndarray:
    """A yes with this probability, and reviewers who are wrong about it with that."""
    truth = rng.random(images) < yes
    return (truth ^ (rng.random((reviewers, images)) < wrong)).astype(float)


def true_alpha(yes: float, wrong: float) -> float:
    said_yes = yes * (1 - wrong) + (1 - yes) * wrong
    return 1 - 2 * wrong * (1 - wrong) / (2 * said_yes * (1 - said_yes))


@pytest.mark.parametrize(
    ("reviewers", "images", "yes", "wrong"),
    [
        (2, 40, 0.5, 0.3), (2, 80, 0.3, 0.15), (2, 150, 0.1, 0.15), (2, 500, 0.05, 0.05),
        (3, 30, 0.5, 0.15), (3, 60, 0.3, 0.3), (3, 400, 0.1, 0.01),
        (6, 20, 0.5, 0.5), (6, 30, 0.3, 0.3), (6, 80, 0.03, 0.3), (6, 150, 0.1, 0.05), (6, 40, 0.03, 0.15),
    ],
)  # fmt: skip
def test_the_interval_covers_where_it_is_given(reviewers: int, images: int, yes: float, wrong: float) -> None:
    rng = np.random.default_rng([reviewers, images])
    found = np.array([alpha_interval(answers(rng, reviewers, images, yes, wrong)) for _ in range(2000)])
    given = found[~np.isnan(found[:, 0])]
    covered = (given[:, 0] <= true_alpha(yes, wrong)) & (true_alpha(yes, wrong) <= given[:, 1])
    # Too few to say, or right in at least 93% of cases; over all samples in any case.
    assert (~covered).sum() <= 0.07 * len(found)
    if len(given) > 200:
        assert covered.mean() >= 0.93


@pytest.mark.parametrize("images", [3, 5, 8, 15])
def test_a_handful_of_images_is_too_few_to_say(images: int) -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        assert np.isnan(alpha_interval(answers(rng, 3, images, 0.5, 0.2))).all()


def test_many_images_make_a_narrow_interval() -> None:
    low, high = alpha_interval(answers(np.random.default_rng(1), 3, 4000, 0.4, 0.1))
    assert low < true_alpha(0.4, 0.1) < high
    assert high - low < 0.08


def test_where_it_is_shown_a_missing_interval_is_explained() -> None:
    def row(low: float | None) -> dict[str, object]:
        return {"question": "q", "alpha": 0.4, "low": low, "high": low, "images": 4, "answers": 9, "said_yes": 3}

    shown = [
        summary_text({"kinds": {}, "normalised": {}, "warning": "", "agreement": {"test": [row(x)]}})
        for x in (None, 0.3)
    ]
    assert ["too few images to say" in text for text in shown] == [True, False]
    nan = float("nan")
    assert agreement_table([Agreement("q", 0.4, nan, nan, 4, 9, 3)]).rows == [["q", 0.4, "too few to say", 4]]
