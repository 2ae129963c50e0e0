"""The engine on the bundled text zoo: it counts what transformers alone had counted."""

from __future__ import annotations

import json
from typing import Any

import pytest

from soupwidgets import Evaluator, Pool, Recipe, Store, Suite, alpha_sweep, greedy_soup, logit_ensemble, uniform_soup
from soupwidgets.evaluation import Evaluation
from tests.fixtures import ROOT

pytest.importorskip("transformers")

ZOO = ROOT / "data" / "zoo" / "text"
MEASURED = json.loads((ZOO / "measured.json").read_text())
# A text between two classes may fall to the other side on another processor.
ON_THE_EDGE = 1


@pytest.fixture(scope="module")
def texts(zoo_store: Store) -> Evaluator:
    """The bundled texts and their pool; the store is that of the whole run, so members are measured once."""
    return Evaluator(Pool.open(ZOO), Suite.open(ROOT / "data" / "suites" / "text"), device="cpu", store=zoo_store)


def counts(evaluation: Evaluation) -> dict[str, int]:
    assert evaluation.exact
    return {name: score.correct for name, score in evaluation.scores.items()}


def stated(name: str, *splits: str) -> Any:
    return pytest.approx({split: MEASURED["correct"][name][split] for split in splits}, abs=ON_THE_EDGE)


def test_every_text_is_seen(texts: Evaluator) -> None:
    sizes = {name: len(split) for name, split in texts.suite.splits.items() if split.role != "train"}
    assert sizes == MEASURED["texts"]


@pytest.mark.parametrize("name", ["start", "ft-03"])
def test_checkpoints_on_validation_and_a_shift(texts: Evaluator, name: str) -> None:
    assert counts(texts.evaluate(name, ["val", "details"])) == stated(name, "val", "details")


def test_the_uniform_soup_on_the_test(texts: Evaluator) -> None:
    assert counts(texts.evaluate(uniform_soup(texts.pool), "test")) == stated("uniform soup", "test")


def test_a_bad_ingredient_is_none_of_the_uniform_soups(texts: Evaluator) -> None:
    members = uniform_soup(texts.pool)
    assert "bad-lr" not in members
    spoilt = uniform_soup(texts.pool, [*members, "bad-lr"])
    assert counts(texts.evaluate(spoilt, "opening")) == stated("uniform soup with bad-lr", "opening")


def test_greedy_keeps_the_same_in_the_same_order(texts: Evaluator) -> None:
    greedy = greedy_soup(texts, progress=False)
    assert greedy.ingredients == MEASURED["greedy"]
    assert greedy.steps[0].candidate == MEASURED["best"]
    assert greedy.recipe == Recipe(dict.fromkeys(MEASURED["greedy"], 1 / len(MEASURED["greedy"])))
    assert counts(texts.evaluate(greedy.recipe, ["val", "older"])) == stated("greedy soup", "val", "older")


def test_the_ensemble_of_logits(texts: Evaluator) -> None:
    found = logit_ensemble(texts, uniform_soup(texts.pool), ["val", "older"])
    assert counts(found) == stated("ensemble of logits", "val", "older")
    # No soup has these counts: logits were mixed, not weights.
    assert counts(found)["val"] > MEASURED["correct"]["uniform soup"]["val"] + 2 * ON_THE_EDGE


def test_a_sweep_from_start_to_the_best(texts: Evaluator) -> None:
    from soupwidgets.zoo.text.measure import logits_of, mix

    best, alphas = MEASURED["best"], [0, 0.25, 0.5, 0.75, 1]
    sweep = alpha_sweep(texts, best, alphas=alphas, splits=["val"], progress=False)
    split = texts.suite.validation
    by_transformers = {}
    for alpha in alphas:
        logits = logits_of(mix({"start": 1 - alpha, best: alpha}, ZOO), split.examples["input_ids"])
        by_transformers[alpha] = int((logits.argmax(1) == split.labels).sum())
    own = {alpha: sweep[alpha].scores["val"].correct for alpha in alphas}
    assert own == pytest.approx(by_transformers, abs=ON_THE_EDGE)
    for alpha, name in ((0, "start"), (0.5, "WiSE-FT 0.5"), (1, best)):
        assert counts(sweep[alpha]) == stated(name, "val")
    # Two alphas may be a single text apart, so that another processor could choose another: by its own counts, then.
    assert sweep.best_alpha() == min(alphas, key=lambda alpha: (-own[alpha], alpha))
    assert by_transformers[sweep.best_alpha()] >= max(by_transformers.values()) - 2 * ON_THE_EDGE
