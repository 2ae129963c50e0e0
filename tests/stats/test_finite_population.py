"""What a sample says of a finite set: by hand, by counting all samples, and by simulation."""

from __future__ import annotations

from itertools import combinations, product
from math import comb, isnan, sqrt

import numpy as np
import pytest

from soupwidgets.stats.estimate import Estimate
from soupwidgets.stats.finite_population import Part, finite_interval, stratified_share
from soupwidgets.stats.intervals import clopper_pearson


def test_limits_by_hand() -> None:
    """None of 10 out of 20: with 4 in the whole the chance of that is C(16, 10) / C(20, 10), with 5 it is too small."""
    assert comb(16, 10) / comb(20, 10) > 0.025 > comb(15, 10) / comb(20, 10)
    assert finite_interval(0, 10, 20) == (0, 4)
    assert finite_interval(10, 10, 20) == (16, 20)
    assert finite_interval(0, 0, 7) == (0, 7)
    assert finite_interval(3, 20, 20) == (3, 3)
    for wrong in ((3, 2, 5), (1, 6, 5), (-1, 2, 5)):
        with pytest.raises(ValueError, match="cannot be"):
            finite_interval(*wrong)


@pytest.mark.parametrize("having", range(9))
def test_every_sample_counted_the_interval_holds(having: int) -> None:
    """All samples of 4 out of 8, not a simulation."""
    held = [finite_interval(sum(i < having for i in drawn), 4, 8) for drawn in combinations(range(8), 4)]
    assert np.mean([low <= having <= high for low, high in held]) >= 0.95


def test_of_a_very_large_set_it_is_clopper_and_pearsons() -> None:
    low, high = finite_interval(7, 40, 200_000)
    assert [low / 200_000, high / 200_000] == pytest.approx(clopper_pearson(7, 40).tolist(), abs=2e-4)


def test_the_share_by_hand_and_by_inverse_chances() -> None:
    parts = [Part(100, 10, 4), Part(900, 30, 3)]
    found = stratified_share(parts)
    # 4 images that stand for 10 each, and 3 that stand for 30 each, of 1000.
    assert found.value == pytest.approx((4 / (10 / 100) + 3 / (30 / 900)) / 1000) == pytest.approx(0.13)
    limits = [finite_interval(4, 10, 100), finite_interval(3, 30, 900)]
    below = sqrt(sum((seen - low) ** 2 for seen, (low, _) in zip((40, 90), limits, strict=True)))
    above = sqrt(sum((high - seen) ** 2 for seen, (_, high) in zip((40, 90), limits, strict=True)))
    assert (found.low, found.high) == (pytest.approx((130 - below) / 1000), pytest.approx((130 + above) / 1000))


def test_what_nobody_could_say_is_in_the_limits() -> None:
    all_seen = [Part(10, 10, 2, unknown=3), Part(10, 10, 5)]
    found = stratified_share(all_seen)
    assert (found.low, found.high) == (pytest.approx(7 / 20), pytest.approx(10 / 20))
    assert found.value == pytest.approx((10 * 2 / 7 + 5) / 20)
    assert stratified_share([Part(10, 10, 4)]) == Estimate(0.4, 0.4, 0.4)
    for parts in ([Part(10, 3, 0, unknown=3)], [Part(10, 3, 0), Part(5, 0, 0)], [], [Part(0, 0, 0)]):
        assert isnan(stratified_share(parts).value)
        assert isnan(stratified_share(parts).low)
    assert stratified_share([Part(0, 0, 0), Part(10, 10, 4)]).value == 0.4
    for wrong in ((5, 6, 0), (5, 3, 4), (5, 3, 2, 2), (5, 3, -1)):
        with pytest.raises(ValueError, match="no more can be counted"):
            Part(*wrong)


@pytest.mark.parametrize(("drawn", "having"), [*product([(10, 10), (40, 40)], [(0, 0), (30, 5), (100, 400)])])
def test_intervals_of_two_parts_hold(drawn: tuple[int, int], having: tuple[int, int]) -> None:
    rng, images = np.random.default_rng(0), (150, 2000)
    truth = sum(having) / sum(images)
    yes = [rng.hypergeometric(k, n - k, m, 1000) for k, n, m in zip(having, images, drawn, strict=True)]
    known: dict[tuple[int, int], Estimate] = {}
    for pair in zip(*yes, strict=True):
        key = int(pair[0]), int(pair[1])
        if key not in known:
            known[key] = stratified_share([Part(n, m, y) for n, m, y in zip(images, drawn, key, strict=True)])
    found = [known[int(a), int(b)] for a, b in zip(*yes, strict=True)]
    assert np.mean([one.low - 1e-12 <= truth <= one.high + 1e-12 for one in found]) >= 0.94
    assert (
        abs(np.mean([one.value for one in found]) - truth)
        < 4 * np.std([one.value for one in found]) / sqrt(1000) + 1e-12
    )
