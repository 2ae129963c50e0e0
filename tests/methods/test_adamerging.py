from __future__ import annotations

import numpy as np
import pytest
import torch

from soupwidgets import Evaluator, Recipe, Suite, adamerging, uniform_soup
from soupwidgets.evaluation.gradients import coefficient_gradient
from soupwidgets.methods import adamerging_steps
from soupwidgets.methods.adamerging import _entropies


def test_entropy_by_hand() -> None:
    logits = torch.log(torch.tensor([[0.5, 0.25, 0.25], [1 / 3, 1 / 3, 1 / 3]])) + 7.0
    # 1.5 bits are 1.5 ln 2 nats.
    expected = torch.tensor([1.5 * np.log(2), np.log(3)], dtype=torch.float32)
    torch.testing.assert_close(_entropies(logits, torch.zeros(2, dtype=torch.long), "single-label"), expected)


def test_the_gradient_is_that_of_the_entropy_along_task_vectors(tiny_evaluator: Evaluator) -> None:
    """Against autograd in float64, through theta_0 + sum of lambda times task vector and open_clip's own network."""
    ev, names = tiny_evaluator, ["ft-a", "ft-b", "zero-shot"]
    rows = np.arange(48)
    recipe = Recipe({"ft-a": 0.3, "ft-b": 0.6, "zero-shot": 0.1})
    found = coefficient_gradient(ev, recipe, names, ev.suite.validation, rows, losses=_entropies)
    own = {name: {k: v.double() for k, v in ev.pool.checkpoints[name].read()} for name in names}
    tensors = sorted(own["ft-a"])
    lambdas = torch.tensor([[0.3, 0.6]] * len(tensors), dtype=torch.float64, requires_grad=True)
    start = own["zero-shot"]
    mixed = {
        t: start[t] + sum(lambdas[i, j] * (own[n][t] - start[t]) for j, n in enumerate(names[:2]))
        for i, t in enumerate(tensors)
    }
    images, _ = ev.batch(ev.suite.validation, rows)
    logits = torch.func.functional_call(ev.architecture.build().double(), mixed, (images.double(),))
    entropy = torch.distributions.Categorical(logits=logits).entropy().mean()
    (expected,) = torch.autograd.grad(entropy, [lambdas])
    assert found.loss == pytest.approx(entropy.item(), rel=1e-5)
    by_lambda = torch.from_numpy(found.by_tensor[:, :-1] - found.by_tensor[:, -1:])
    torch.testing.assert_close(by_lambda, expected, rtol=1e-3, atol=1e-5)


@pytest.mark.filterwarnings("ignore:the result has worse validation")
def test_entropy_falls_and_the_first_step_is_adams(tiny_evaluator: Evaluator) -> None:
    ev = tiny_evaluator
    first = next(iter(adamerging_steps(ev, batch=100, learning_rate=0.01)))
    assert first[:2] == (1, 20)
    # Adam's first step is the learning rate, wherever the gradient points.
    for tensor in ("head.weight", "visual.proj"):
        own = first[2].recipe.at(tensor)
        assert sorted(round(abs(own[name] - 0.5), 4) for name in ("ft-a", "ft-b")) == [0.01, 0.01]
        assert sum(own.values()) == pytest.approx(1)
    made = adamerging(ev, epochs=3, learning_rate=0.05, progress=False)
    assert made.entropies[0] > made.entropies[1] > made.entropies[2]
    lambdas = [own[name] for own in made.recipe.by_tensor.values() for name in ("ft-a", "ft-b") if name in own]
    assert 0 <= min(lambdas) < 0.4
    assert max(lambdas) <= 1
    assert [epoch["loss"] for epoch in made.to_json()["epochs"]] == list(made.entropies)
    assert repr(made).startswith("AdaMerged(3 checkpoints by layer, 3 epochs, entropy ")


@pytest.mark.filterwarnings("ignore:the result has worse validation")
def test_neither_labels_nor_test_nor_shifts_are_looked_at(tiny_evaluator: Evaluator) -> None:
    ev = tiny_evaluator
    asked = []
    reader = ev.reader
    ev.reader = lambda split: asked.append(split.role) or reader(split)  # type: ignore[method-assign]
    *_, (_, _, made) = adamerging_steps(ev, epochs=1, seed=4)
    assert set(asked) == {"validation"}
    batch = ev.batch
    ev.batch = lambda split, rows: (batch(split, rows)[0], torch.zeros(len(rows), dtype=torch.long))  # type: ignore[method-assign]
    *_, (_, _, blind) = adamerging_steps(ev, epochs=1, seed=4)
    assert blind.recipe == made.recipe != uniform_soup(ev.pool)


def test_refusals(tiny_evaluator: Evaluator, small_suite: Suite) -> None:
    with pytest.raises(ValueError, match="no ingredient besides the zero-shot model"):
        adamerging(tiny_evaluator, ["zero-shot"], progress=False)
    with pytest.raises(ValueError, match="epochs is 0 and batch 64"):
        adamerging(tiny_evaluator, epochs=0, progress=False)
