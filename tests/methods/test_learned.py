from __future__ import annotations

from typing import Literal

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from soupwidgets import Evaluator, Recipe, SoupWarning, learned_soup, uniform_soup
from soupwidgets.evaluation.gradients import coefficient_gradient


def test_the_gradient_is_that_of_the_loss(tiny_evaluator: Evaluator) -> None:
    """Against autograd in float64 through plain mixing and open_clip's own forward pass."""
    ev, names = tiny_evaluator, ["ft-a", "ft-b"]
    split, rows = ev.suite.validation, np.arange(64)
    recipe = Recipe({"ft-a": 0.3, "ft-b": 0.7})
    found = coefficient_gradient(ev, recipe, names, split, rows, beta=1.3)

    own = {name: {k: v.double() for k, v in ev.pool.checkpoints[name].read()} for name in names}
    tensors = sorted(own["ft-a"])
    coefficients = torch.tensor([[0.3, 0.7]] * len(tensors), dtype=torch.float64, requires_grad=True)
    beta = torch.tensor(1.3, dtype=torch.float64, requires_grad=True)
    model = ev.architecture.build().double()
    mixed = {t: sum(coefficients[i, j] * own[n][t] for j, n in enumerate(names)) for i, t in enumerate(tensors)}
    images, labels = ev.batch(split, rows)
    logits = torch.func.functional_call(model, mixed, (images.double(),))
    loss = F.cross_entropy(beta * logits, labels)
    by_tensor, by_beta = torch.autograd.grad(loss, [coefficients, beta])
    assert found.loss == pytest.approx(loss.item(), rel=1e-5)
    assert found.beta == pytest.approx(by_beta.item(), rel=1e-3, abs=1e-6)
    torch.testing.assert_close(torch.from_numpy(found.by_tensor), by_tensor, rtol=1e-3, atol=1e-6)
    assert found.correct == int((logits.argmax(1) == labels).sum())


@pytest.mark.slow
@pytest.mark.parametrize("by", ["model", "layer"])
def test_a_bad_ingredient_is_turned_down(evaluator: Evaluator, by: Literal["model", "layer"]) -> None:
    names = [*evaluator.pool.fine_tuned, "bad-lr"]
    soup = learned_soup(evaluator, names, by=by, epochs=2, progress=False)
    assert soup.recipe["bad-lr"] < 0.02 < min(soup.recipe[name] for name in names[:-1])
    assert sum(soup.recipe.values()) == pytest.approx(1, abs=1e-9)
    assert bool(soup.recipe.by_tensor) == (by == "layer")
    for own in soup.recipe.by_tensor.values():
        assert sum(own.values()) == pytest.approx(1, abs=1e-9)
        assert all(value > 0 for value in own.values())
    first, last = soup.epochs
    assert last.loss < first.loss
    assert last.beta == soup.beta != 1
    assert last.coefficients == pytest.approx(dict(soup.recipe), abs=1e-9)
    start = evaluator.evaluate(uniform_soup(evaluator.pool, names), ["val"])
    assert evaluator.evaluate(soup.recipe, ["val"]).accuracy["val"] > start.accuracy["val"] + 0.2


def test_a_descent_that_stays_behind_a_barrier_is_pointed_out(small_evaluator: Evaluator) -> None:
    with pytest.warns(SoupWarning, match=r"worse validation accuracy \(.*%\) than 'ft-03' alone \(.*%\)"):
        learned_soup(small_evaluator, ["ft-03", "bad-lr"], epochs=1, progress=False)


def test_only_validation_is_looked_at_and_the_seed_decides(tiny_evaluator: Evaluator) -> None:
    reader = tiny_evaluator.reader
    asked = []
    tiny_evaluator.reader = lambda split: asked.append(split.role) or reader(split)  # type: ignore[method-assign]
    soups = [learned_soup(tiny_evaluator, epochs=1, seed=seed, progress=False) for seed in (0, 0, 1)]
    assert set(asked) == {"validation"}
    assert soups[0].recipe == soups[1].recipe != soups[2].recipe


def test_one_backward_pass_needs_the_memory_of_one_model(small_evaluator: Evaluator) -> None:
    names = small_evaluator.pool.fine_tuned
    recipe = Recipe({name: 1 / len(names) for name in names})
    rows = np.arange(1)  # few activations: what is left is the model's own
    coefficient_gradient(small_evaluator, recipe, names, small_evaluator.suite.validation, rows)
    with torch.profiler.profile(profile_memory=True) as profile:
        coefficient_gradient(small_evaluator, recipe, names, small_evaluator.suite.validation, rows)
    live = peak = 0
    for event in profile.profiler.kineto_results.events():
        if event.name() == "[memory]":
            live += event.nbytes()
            peak = max(peak, live)
    one_model = 4 * small_evaluator.matrix.layout.size
    assert 0 < peak < 4 * one_model


def test_other_ways_are_refused(tiny_evaluator: Evaluator) -> None:
    with pytest.raises(ValueError, match="by 'model' or by 'layer'"):
        learned_soup(tiny_evaluator, by="tensor")  # type: ignore[arg-type]
