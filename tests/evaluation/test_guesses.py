"""What users type first works, and what an object shows of itself is worth reading."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from soupwidgets import Evaluation, Evaluator, Pool, PoolError, Recipe, Store, Suite
from soupwidgets.evaluation import SplitScore
from soupwidgets.stats.figure import Figure


@pytest.fixture
def ev(tiny_pool: Pool, small_suite: Suite, tmp_path: Path) -> Evaluator:
    return Evaluator(tiny_pool, small_suite, device="cpu", store=Store(tmp_path / "small-store"))


def test_names_and_dictionaries_are_recipes(ev: Evaluator, tmp_path: Path) -> None:
    one, half = Recipe({"ft-a": 1}), Recipe({"ft-a": 0.5, "zero-shot": 0.5})
    expected = ev.evaluate(one, ["val"])
    assert ev.evaluate("ft-a", "val") == expected
    assert ev.evaluate({"ft-a": 0.5, "zero-shot": 0.5}, "val") == ev.evaluate(half, ["val"])
    assert ev.forward_images == 2 * len(ev.suite.validation)
    assert ev.stored("ft-a", "val") == expected
    assert ev.stored("ft-b", "val") is None
    assert [evaluation.recipe for evaluation in ev.measured("val")] == [half, one]
    assert list(ev.stream("ft-a", "val")) == [expected]
    assert ev.key("ft-a", ev.suite.validation) == ev.key(one, ev.suite.validation)
    assert ev.record("ft-a", ev.suite.validation, expected.logits["val"]).correct == expected["val"].correct
    with ev.model("ft-a"):
        assert ev.computation.network.mixed == one
    saved = ev.save({"ft-a": 0.5, "zero-shot": 0.5}, tmp_path / "soup.safetensors", progress=False)
    assert Pool.open([saved]).names == ["soup"]
    ev.warm_up("ft-b")


def test_wrong_guesses_are_one_sentence(ev: Evaluator) -> None:
    with pytest.raises(PoolError, match="not in the pool: 'ft-z'; it has"):
        ev.evaluate("ft-z")
    with pytest.raises(KeyError, match="no split 'fog'"):
        ev.evaluate("ft-a", "fog")
    with pytest.raises(TypeError, match="a recipe is expected, not int"):
        ev.evaluate(3)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="must be a finite number"):
        ev.evaluate({"ft-a": "half"})  # type: ignore[dict-item]


def strange() -> Evaluation:
    figure = Figure("macro_f1", 0.5, 0.25, 0.75)
    scores = {
        "test": SplitScore("id_test", 100, 100, 90, 0.5),
        "<b>fog</b>": SplitScore("shift", 100, 50, 20, float("nan"), figure=figure),
    }
    return Evaluation(Recipe({"<i>a</i>": 1}), scores)


def test_an_evaluation_is_a_mapping_and_a_table() -> None:
    evaluation = strange()
    assert evaluation["test"] is evaluation.scores["test"]
    assert list(evaluation) == ["test", "<b>fog</b>"]
    with pytest.raises(KeyError, match="'val' was not evaluated; there are test, <b>fog</b>"):
        evaluation["val"]
    frame = evaluation.to_frame()
    assert list(frame.columns) == ["split", "role", "accuracy", "low", "high", "correct", "images", "loss"]
    assert frame.iloc[0].to_list() == ["test", "id_test", 0.9, *evaluation["test"].interval, 90, 100, 0.5]
    assert frame.iloc[1].to_list()[:7] == ["<b>fog</b>", "shift", 0.5, 0.25, 0.75, 20, 50]
    assert np.isnan(frame["loss"][1])


def test_what_an_evaluation_shows() -> None:
    evaluation = strange()
    assert repr(evaluation) == (
        "Evaluation of Recipe({'<i>a</i>': 1.0})\n"
        "  test: 90.00% [82.38, 95.10] of 100 images\n"
        "  <b>fog</b>: macro_f1 50.00% [25.00, 75.00] of 50 of 100 images so far"
    )
    assert repr(evaluation["test"]) == "SplitScore(id_test: 90.00% [82.38, 95.10] of 100 images, loss 0.5)"
    html = evaluation._repr_html_()
    assert "<td>&lt;b&gt;fog&lt;/b&gt;</td><td>shift</td><td>macro_f1 50.00% [25.00, 75.00]" in html
    assert "<i>" not in html
    assert "<b>" not in html


def test_what_an_evaluator_shows(ev: Evaluator) -> None:
    said = repr(ev)
    assert said.startswith(f"Evaluator({ev.pool!r} on ")
    assert f"cpu, Store({str(ev.store.folder)!r}, 0 measurements))" in said
    assert ", ".join(ev.suite.splits) in said
