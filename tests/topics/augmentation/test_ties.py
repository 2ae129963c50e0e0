"""Pairs that tie, counted by hand; and an interval that knows that pairs share their augmentations."""

from __future__ import annotations

import numpy as np
import pytest

from soupwidgets.stats.bootstrap import percentile_limits, resampled
from soupwidgets.topics.augmentation.ties import TiedPair, ties
from tests.topics.augmentation.test_joint import study_of

# a, b and the crop tie in affinity, b and c in diversity; d ties with nothing; half the width of each interval is 0.05.
NAMES = ("a", "b", "c", "d", "crop", "crop 0.5")
AFFINITY = (0.9, 0.85, 0.5, 0.1, 0.82, 0.84)
DIVERSITY = (1.0, 2.0, 2.05, 9.0, 4.0, 5.0)
POINTS = (0.0, 1.0, -5.0, -9.0, 0.5, 0.0)
STUDY = study_of(AFFINITY, DIVERSITY, POINTS, half=0.05, names=NAMES)


def test_pairs_by_hand() -> None:
    found = ties(STUDY, "affinity")
    assert [(p.more, p.less) for p in found.pairs] == [
        ("b", "a"), ("crop", "a"), ("crop 0.5", "a"), ("crop", "b"), ("crop 0.5", "b"),
    ]  # fmt: skip
    assert [p.ahead for p in found.pairs] == pytest.approx([1.0, 0.5, 0.0, -0.5, -1.0])
    # Right, right, equal, wrong, wrong.
    assert found.ordered.value == 0.5
    assert (found.other, found.both) == ("diversity", 0)
    assert found.sentence.startswith(
        "of 5 pairs that tie in affinity, more diversity goes with more accuracy in 2: 50%"
    )
    (pair,) = ties(STUDY, "diversity").pairs
    assert pair == TiedPair("b", "c", pytest.approx(6.0))
    frame = found.to_frame()
    assert frame.columns.tolist() == ["more diversity", "less diversity", "ahead, points"]
    assert frame["ahead, points"].is_monotonic_decreasing
    assert "<td>crop 0.5</td>" in found._repr_html_()


def test_the_interval_is_over_kinds() -> None:
    right = np.array([1, 1, 0.5, 0, 0])
    # a and b; a and crop, twice; b and crop, twice. The kinds are a, b, c, d, crop.
    counts = resampled(5)
    times = np.stack(
        [counts[:, 0] * counts[:, 1], *[counts[:, 0] * counts[:, 4]] * 2, *[counts[:, 1] * counts[:, 4]] * 2]
    )
    some = times.sum(axis=0) > 0
    low, high = percentile_limits((right @ times)[some] / times.sum(axis=0)[some])
    found = ties(STUDY, "affinity").ordered
    assert (found.low, found.high) == (float(low), float(high))


def test_nothing_ties() -> None:
    apart = study_of((0.1, 0.5, 0.9), (1.0, 2.0, 3.0), (0.0, 1.0, 2.0), names=("a", "b", "c"))
    found = ties(apart, "diversity")
    assert (found.pairs, np.isnan(found.ordered.value)) == ((), True)
    assert repr(found) == "Ties(no two augmentations tie in diversity and differ in affinity)"
    same = study_of((0.5, 0.5), (2.0, 2.0), (0.0, 1.0), names=("a", "b"))
    assert (ties(same, "affinity").pairs, ties(same, "affinity").both) == ((), 1)
    # What has no interval differs from nothing.
    unknown = study_of((0.1, 0.9), (1.0, 9.0), (0.0, 1.0), names=("a", "b"), half=float("nan"))
    assert ties(unknown, "affinity").both == 1


def test_what_is_refused() -> None:
    with pytest.raises(ValueError, match="there is no measure 'speed'; known are affinity, diversity"):
        ties(STUDY, "speed")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="with one seed nothing has an interval"):
        ties(study_of(AFFINITY, DIVERSITY, POINTS, names=NAMES, seeds=1), "affinity")
