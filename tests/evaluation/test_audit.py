from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from soupwidgets.evaluation.audit import Audit, Rounding
from soupwidgets.suites import ClassMap

N, CLASSES = 3000, 10


def _exact(seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).normal(size=(N, CLASSES)).astype(np.float32)


def _run(audit: Audit, exact: NDArray[np.float32], most: int = 192) -> None:
    while len(rows := audit.due(most)):
        assert len(rows) <= most
        audit.add(exact[rows])


def test_every_prediction_is_that_of_float32() -> None:
    exact = _exact()
    for seed in range(20):
        noise = np.random.default_rng(100 + seed).normal(scale=0.01, size=exact.shape).astype(np.float32)
        audit = Audit(exact + noise, Rounding(), seed=seed)
        assert (audit.logits.argmax(axis=1) != exact.argmax(axis=1)).sum() > 5
        _run(audit, exact)
        assert (audit.logits.argmax(axis=1) == exact.argmax(axis=1)).all()
        assert not audit.failed
        assert audit.again < 0.25 * N


def test_classes_with_common_errors_need_fewer_examples() -> None:
    exact = _exact()
    rng = np.random.default_rng(1)
    # The first nine logits err together; only the last, which never wins, errs by itself.
    exact[:, -1] -= 8
    noise = np.repeat(rng.normal(scale=0.05, size=(N, 1)), CLASSES, axis=1) + rng.normal(scale=1e-3, size=exact.shape)
    noise[:, -1] += rng.normal(scale=0.3, size=N)
    audit = Audit((exact + noise).astype(np.float32), Rounding())
    _run(audit, exact)
    assert (audit.logits.argmax(axis=1) == exact.argmax(axis=1)).all()
    assert audit.again < 0.12 * N


def test_a_change_that_nobody_expects_is_found_and_float32_takes_over() -> None:
    exact = _exact()
    wrong = exact + np.random.default_rng(2).normal(scale=1e-3, size=exact.shape).astype(np.float32)
    rounding = Rounding()
    # The rounding is learned where all is well.
    _run(Audit(wrong.copy(), rounding), exact)
    broken = np.random.default_rng(3).permutation(N)[: N // 5]
    wrong[broken] = np.roll(wrong[broken], 1, axis=1)
    audit = Audit(wrong, rounding)
    _run(audit, exact)
    assert audit.failed
    assert audit.again == N
    assert np.array_equal(audit.logits, exact)


def test_a_larger_error_than_allowed_widens_the_allowance() -> None:
    exact = _exact()
    rng = np.random.default_rng(4)
    rounding = Rounding()
    _run(Audit(exact + rng.normal(scale=1e-3, size=exact.shape).astype(np.float32), rounding), exact)
    before = rounding.allowance
    audit = Audit(exact + rng.normal(scale=0.02, size=exact.shape).astype(np.float32), rounding)
    _run(audit, exact)
    assert rounding.allowance > before
    assert (audit.logits.argmax(axis=1) == exact.argmax(axis=1)).all()


def test_the_largest_error_is_counted_in_standard_deviations_of_the_pair() -> None:
    # Errors of classes 0 and 1 are one apart, those of 0 and 2 three: (1, 9, 4) / 2 are the pairs' mean squares.
    errors = np.array([[1, 0, -2], [0, 0, 0]], dtype=np.float32)
    rounding = Rounding()
    found = rounding.add(errors, np.array([0, 0]))
    assert found == pytest.approx([np.sqrt(2), 0])
    assert rounding.largest == pytest.approx(np.sqrt(2))
    # Gaps of 2 and 3 above classes 1 and 2, whose errors differ by sqrt(1/2) and sqrt(9/2): the second is nearer.
    margins = rounding.margins(np.array([[5, 3, 2]], dtype=np.float32), np.array([0]))
    assert margins == pytest.approx([3 / np.sqrt(4.5)])


def test_logits_that_are_not_finite_and_short_splits() -> None:
    exact = _exact()[:50]
    exact[3, 2] = np.nan
    rough = exact + np.float32(0.01)
    rough[7] = np.inf
    audit = Audit(rough, Rounding())
    _run(audit, exact, most=20)
    assert np.array_equal(audit.logits, exact, equal_nan=True)
    assert audit.again == 50


def test_a_class_map_decides_what_a_change_is() -> None:
    exact = _exact()
    # Two groups of five: a change within a group is none.
    groups = ClassMap(((0, 1, 2, 3, 4), (5, 6, 7, 8, 9)))
    wrong = exact + np.random.default_rng(5).normal(scale=1e-4, size=exact.shape).astype(np.float32)
    rounding = Rounding()
    _run(Audit(wrong.copy(), rounding, class_map=groups), exact)
    swapped = np.concatenate([np.roll(wrong[:, :5], 1, axis=1), np.roll(wrong[:, 5:], 1, axis=1)], axis=1)
    audit = Audit(swapped, rounding, class_map=groups)
    _run(audit, exact)
    assert not audit.failed
    assert (groups.scores(audit.logits).argmax(axis=1) == groups.scores(exact).argmax(axis=1)).all()
