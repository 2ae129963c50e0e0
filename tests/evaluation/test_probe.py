"""Logits on blended images are those of the evaluator on the same images."""

from __future__ import annotations

import numpy as np
import pytest

from soupwidgets import Evaluator, PoolError, Recipe
from soupwidgets.evaluation import probe, stream_probe
from soupwidgets.suites import BlendSplit


def plain(ev: Evaluator, n: int = 300) -> BlendSplit:
    split = ev.suite.id_test
    rows = np.arange(n) % len(split)
    return BlendSplit("as they are", split.images, rows, rows, np.tile([1.0, 0.0], (n, 1)), split.labels[rows])


def test_the_same_images_have_the_same_logits(small_evaluator: Evaluator) -> None:
    recipe = Recipe({"zero-shot": 0.5, "ft-03": 0.5})
    whole = small_evaluator.evaluate(recipe, ["test"]).logits["test"][:300]
    np.testing.assert_allclose(probe(small_evaluator, recipe, plain(small_evaluator)), whole, atol=2e-4)


def test_halfway_is_shown_as_a_float_image(tiny_evaluator: Evaluator) -> None:
    # Even pixels: their mean with black is a whole number, so a stored image says the same.
    even = (tiny_evaluator.suite.id_test.images[:4] // 2 * 2).astype(np.uint8)
    black = np.zeros_like(even[:1])
    recipe = Recipe({"ft-a": 1})
    blend = BlendSplit("half", np.concatenate([even, black]), range(4), [4] * 4, [[0.5, 0.5]] * 4, [0] * 4)
    stored = BlendSplit("stored", even // 2, range(4), range(4), [[1, 0]] * 4, [0] * 4)
    np.testing.assert_allclose(probe(tiny_evaluator, recipe, blend), probe(tiny_evaluator, recipe, stored), atol=1e-5)


def test_it_is_computed_once_and_can_be_stopped(tiny_evaluator: Evaluator) -> None:
    ev, recipe = tiny_evaluator, Recipe({"ft-a": 1})
    split = plain(ev, 500)
    first = next(stream_probe(ev, recipe, split))
    assert 0 < len(first) < len(split)
    whole = probe(ev, recipe, split)
    np.testing.assert_array_equal(whole[: len(first)], first)
    seen = ev.forward_images
    np.testing.assert_array_equal(probe(ev, recipe, split), whole)
    assert ev.forward_images == seen


def test_bad_input_is_said(tiny_evaluator: Evaluator) -> None:
    small = BlendSplit("small", np.zeros((1, 8, 8), np.uint8), [0], [0], [[1, 0]], [0])
    with pytest.raises(ValueError, match=r"the model takes images of 28 x 28 pixels"):
        probe(tiny_evaluator, Recipe({"ft-a": 1}), small)
    with pytest.raises(PoolError, match="nobody"):
        probe(tiny_evaluator, Recipe({"nobody": 1}), plain(tiny_evaluator))
