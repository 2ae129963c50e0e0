"""Two models of a frontier on the same images, in the words of the split's metric."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from soupwidgets import Evaluator, Pool, Store, Suite
from soupwidgets.evaluation.answers import compared
from soupwidgets.topics.frontier.details import comparison


@pytest.mark.parametrize("metric", ["accuracy", "macro_f1"])
def test_two_models_on_the_same_images(metric: str, tiny_pool: Pool, small_suite: Suite, tmp_path: Any) -> None:
    suite = small_suite.scored_by(metric)
    ev = Evaluator(tiny_pool, suite, device="cpu", store=Store(tmp_path / "store"))
    first, second = (cast(Any, SimpleNamespace(name=name, evaluation=ev.evaluate(name))) for name in ("ft-a", "ft-b"))
    words = comparison(ev, first, second)
    difference = compared(first.evaluation, second.evaluation, suite.id_test).difference
    assert f"{100 * difference:+.2f} points (95% interval " in words
    assert words.startswith("ft-b against ft-a, on the same ")
    assert ("McNemar" in words) == (metric == "accuracy")
    assert ("ID macro-F1: " in words) == (metric == "macro_f1")
