"""Affinity against numbers worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from soupwidgets import Evaluator, Recipe
from soupwidgets.suites import Augmentation, augmentation
from soupwidgets.topics.augmentation.affinity import affinity, affinity_along_alpha, augmented
from soupwidgets.topics.soup.by_hyperparameter import by_hyperparameter as soups_by_hyperparameter
from soupwidgets.topics.soup.by_hyperparameter import numeric_hyperparameters

ZERO_SHOT = Recipe({"zero-shot": 1})


def test_identity_has_affinity_one(small_evaluator: Evaluator) -> None:
    found = affinity(small_evaluator, ZERO_SHOT, augmentation("identity"))
    assert (found.ratio.value, found.ratio.low, found.ratio.high) == (1.0, 1.0, 1.0)
    assert found.difference.value == 0.0
    assert found.clean == small_evaluator.evaluate(ZERO_SHOT, ["val"]).accuracy["val"]


def test_it_is_the_accuracy_on_augmented_images(evaluator: Evaluator) -> None:
    negative = Augmentation("negative", lambda image: 255 - image)
    found = affinity(evaluator, ZERO_SHOT, negative)
    split = augmented(evaluator.suite.validation, negative)
    np.testing.assert_array_equal(split.images[:3], 255.0 - evaluator.suite.validation.images[:3])
    assert found.ratio.value == pytest.approx(found.augmented / found.clean)
    assert found.difference.value == pytest.approx(found.augmented - found.clean)
    assert found.ratio.low < found.ratio.value < found.ratio.high < 1
    # The interval of a difference of paired shares.
    from soupwidgets.evaluation import probe
    from soupwidgets.stats.paired import mcnemar

    labels = evaluator.suite.validation.labels
    clean = evaluator.evaluate(ZERO_SHOT, ["val"]).logits["val"].argmax(1) == labels
    low, high = mcnemar(clean, probe(evaluator, ZERO_SHOT, split).argmax(1) == labels).interval
    assert found.difference.low == pytest.approx(low, abs=2e-3)
    assert found.difference.high == pytest.approx(high, abs=2e-3)


def test_mixup_keeps_the_label_of_the_larger_share(small_evaluator: Evaluator) -> None:
    val = small_evaluator.suite.validation
    split = augmented(val, augmentation("mixup", 0.5), seed=1)
    larger = np.where(split.weights[:, 0] >= 0.5, split.first, split.second)
    np.testing.assert_array_equal(split.labels, val.labels[larger])
    np.testing.assert_allclose(split.weights.sum(axis=1), 1, rtol=1e-6)
    assert 0.7 < affinity(small_evaluator, ZERO_SHOT, augmentation("mixup", 0.5)).ratio.value < 1


def test_repeats_are_averaged(tiny_evaluator: Evaluator) -> None:
    recipe, noise = Recipe({"ft-a": 1}), augmentation("rotate")
    single = [affinity(tiny_evaluator, recipe, noise, seed=s) for s in (0, 1)]
    both = affinity(tiny_evaluator, recipe, noise, repeats=2)
    assert single[0].augmented != single[1].augmented
    assert both.augmented == pytest.approx(np.mean([s.augmented for s in single]))
    assert both.repeats == 2
    with pytest.raises(ValueError, match="at least one repeat"):
        affinity(tiny_evaluator, recipe, noise, repeats=0)


def test_along_alpha(tiny_evaluator: Evaluator) -> None:
    recipes = {a: Recipe({"zero-shot": 1 - a, "ft-a": a}) for a in (0.0, 1.0)}
    found = affinity_along_alpha(tiny_evaluator, recipes, augmentation("flip"), progress=False)
    assert found[1.0] == affinity(tiny_evaluator, recipes[1.0], augmentation("flip"))


def test_soups_of_two_halves(small_evaluator: Evaluator) -> None:
    known = numeric_hyperparameters(small_evaluator.pool)
    assert "augmentation" in known
    assert "seed" not in known
    low, high = soups_by_hyperparameter(small_evaluator, "augmentation")
    pool = small_evaluator.pool
    values = {name: pool.hyperparameters(name)["augmentation"] for name in pool.fine_tuned}
    assert max(values[n] for n in low.names) < min(values[n] for n in high.names)
    assert sorted(low.names + high.names) == sorted(pool.fine_tuned)
    assert len(low.names) == len(high.names) == 11
    assert low.evaluation.recipe == Recipe(dict.fromkeys(low.names, 1 / 11))
    # Most have no mixup at all: they are one group.
    none, some = soups_by_hyperparameter(small_evaluator, "mixup")
    assert len(none.names) > len(some.names) > 0
    with pytest.raises(
        ValueError, match="'colour' does not divide the fine-tuned models into two groups; augmentation, epochs"
    ):
        soups_by_hyperparameter(small_evaluator, "colour")
