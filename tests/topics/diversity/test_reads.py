"""Logits are read of the split that is asked for, and of no other: all of a large data set are gigabytes."""

from __future__ import annotations

import warnings

import pytest

import soupwidgets as sw
from soupwidgets import Evaluator, Pool, SoupWarning, Store, Suite, alpha_sweep, greedy_soup
from soupwidgets.topics.alpha.flip_strips import flips_near


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every reading of logits from a store."""
    asked: list[str] = []
    plain = Store.logits
    monkeypatch.setattr(Store, "logits", lambda self, key: asked.append(key) or plain(self, key))
    return asked


def test_only_the_split_that_was_asked_for_is_read(
    tiny_pool: Pool, small_suite: Suite, tmp_path_factory: pytest.TempPathFactory, reads: list[str]
) -> None:
    ev = Evaluator(tiny_pool, small_suite, device="cpu", store=Store(tmp_path_factory.mktemp("store")))
    sweep = alpha_sweep(ev, "ft-a", alphas=3, progress=False)
    assert len(sweep[0.0].scores) > 5
    reads.clear()

    def expected(split: str, *alphas: float) -> list[str]:
        return sorted(ev.key(sweep[alpha].recipe, small_suite.splits[split]) for alpha in alphas)

    sw.stats.mcnemar(*(sw.evaluation.right_answers(sweep[a], small_suite.id_test) for a in (0.0, 1.0)))
    assert sorted(reads) == expected("test", 0.0, 1.0)
    reads.clear()
    sw.alpha.concavity(sweep.evaluations, small_suite, "blur")
    assert sorted(reads) == expected("blur", 0.0, 0.5, 1.0)
    reads.clear()
    assert "flip" in flips_near(small_suite, sweep.evaluations, 0.5, small_suite.splits["blur"]).title
    assert sorted(reads) == expected("blur", 0.0, 1.0)
    reads.clear()
    sw.alpha.along_alpha(sweep.evaluations, small_suite, "test")
    assert set(reads) == {*expected("test", 0.0, 0.5, 1.0), *expected("val", 0.0, 0.5, 1.0)}
    reads.clear()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SoupWarning)
        soup = greedy_soup(ev, progress=False)
    names = {step.candidate for step in soup.steps}
    assert len(reads) <= 2 * len(names)
