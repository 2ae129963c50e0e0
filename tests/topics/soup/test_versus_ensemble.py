from __future__ import annotations

import json
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch.nn.attention import SDPBackend, sdpa_kernel

from soupwidgets import Evaluator, Pool, Recipe, Store, Suite
from soupwidgets.topics.landscape.barrier import barrier
from soupwidgets.topics.soup.pairs import pair_gains
from soupwidgets.topics.soup.versus_ensemble import versus_ensemble as soup_versus_ensemble
from tests.fixtures import TINY, WriteCheckpoint


def test_the_formula_against_automatic_differentiation(tiny_evaluator: Evaluator) -> None:
    """Second derivative and variance in float64 through plain mixing and open_clip's own forward pass."""
    ev, alpha, beta = tiny_evaluator, 0.4, 2.0
    found = soup_versus_ensemble(ev, "ft-a", "ft-b", alpha=alpha, beta=beta)
    split = ev.suite.validation
    images, labels = ev.batch(split, np.arange(len(split)))
    images = images.double()
    a, b = ({k: v.double() for k, v in ev.pool.checkpoints[name].read()} for name in ("ft-a", "ft-b"))
    model = TINY.build().double()

    def logits(at: torch.Tensor) -> torch.Tensor:
        return torch.func.functional_call(model, {k: (1 - at) * a[k] + at * b[k] for k in a}, (images,))

    at = torch.tensor(alpha, dtype=torch.float64, requires_grad=True)
    with sdpa_kernel(SDPBackend.MATH):  # the one that can be differentiated twice
        loss = F.cross_entropy(beta * logits(at), labels)
    (slope,) = torch.autograd.grad(loss, at, create_graph=True)
    (curvature,) = torch.autograd.grad(slope, at)
    with torch.no_grad():
        soup, first, second = (logits(torch.tensor(x)) for x in (alpha, 0.0, 1.0))
        chance, apart = (beta * soup).softmax(1), second - first
        mean = (chance * apart).sum(1)
        variance = beta**2 * ((chance * apart**2).sum(1) - mean**2).mean()
        ensemble = F.cross_entropy(beta * ((1 - alpha) * first + alpha * second), labels)
    assert found.soup_loss == pytest.approx(loss.item(), rel=1e-6)
    assert found.difference == pytest.approx((loss - ensemble).item(), rel=1e-3, abs=1e-6)
    assert found.variance == pytest.approx(variance.item(), rel=1e-4)
    assert found.curvature == pytest.approx(curvature.item(), rel=0.01, abs=1e-4)
    assert found.approximation == pytest.approx(0.4 * 0.6 / 2 * (variance - curvature).item(), rel=0.01, abs=1e-5)


def test_where_only_the_head_differs_soup_and_ensemble_are_one(
    write_checkpoint: WriteCheckpoint, suite: Suite, tmp_path: object
) -> None:
    torch.manual_seed(0)
    base = TINY.build().state_dict()
    for name in ("a", "b"):
        path = write_checkpoint(name, {**base, "head.weight": torch.randn(10, 8)}, architecture=TINY.to_json())
    ev = Evaluator(Pool.open(path.parent), suite, device="cpu", store=Store(path.parent / "store"))
    found = soup_versus_ensemble(ev, "a", "b", alpha=0.3)
    assert found.difference == pytest.approx(0, abs=1e-6)
    # Logits linear in alpha: both terms are the same number, up to the finite difference.
    assert found.curvature == pytest.approx(found.variance, rel=1e-2)
    assert found.variance > 0
    assert found.soup_error == found.ensemble_error


def test_the_approximation_is_near_for_siblings(small_evaluator: Evaluator) -> None:
    found = soup_versus_ensemble(small_evaluator, "ft-00", "ft-03", alpha=0.5)
    assert abs(found.approximation - found.difference) < max(0.5 * abs(found.difference), 0.01)


def test_barrier_by_hand_and_of_the_bad_ingredient(small_evaluator: Evaluator) -> None:
    line = barrier(small_evaluator, "ft-03", "bad-lr", alphas=5)
    errors = {
        alpha: 1 - small_evaluator.evaluate(Recipe({"ft-03": 1 - alpha, "bad-lr": alpha}), ["val"]).accuracy["val"]
        for alpha in (0, 0.25, 0.5, 0.75, 1)
    }
    assert line.errors == errors
    assert line.barrier == max(errors.values()) - (errors[0] + errors[1]) / 2 > 0.1
    assert barrier(small_evaluator, "ft-03", "ft-08", alphas=3).barrier < 0.02
    with pytest.raises(ValueError, match="two ends"):
        barrier(small_evaluator, "ft-03", "ft-08", alphas=1)


def test_pairs(tiny_evaluator: Evaluator) -> None:
    ev = tiny_evaluator
    (pair,) = pair_gains(ev, progress=False)
    state = {name: load_file(ev.pool.checkpoints[name].path) for name in ev.pool.names}
    a, b = (
        torch.cat([(state[name][k] - state["zero-shot"][k]).double().flatten() for k in state[name]])
        for name in ("ft-a", "ft-b")
    )
    angle = math.degrees(math.acos(torch.cosine_similarity(a, b, dim=0).item()))
    assert pair.angle == pytest.approx(angle, rel=1e-5)
    alone = [ev.evaluate(Recipe({name: 1}), ["val"]) for name in ("ft-a", "ft-b")]
    mean = sum(e.accuracy["val"] for e in alone) / 2
    soup = ev.evaluate(Recipe({"ft-a": 0.5, "ft-b": 0.5}), ["val"])
    assert pair.gain == pytest.approx(soup.accuracy["val"] - mean, abs=1e-12)
    summed = alone[0].logits["val"] + alone[1].logits["val"]
    right = (summed.argmax(1) == ev.suite.validation.labels).mean()
    assert pair.ensemble_gain == pytest.approx(right - mean, abs=1e-12)
    assert 0 < pair.standard_error < 0.02
    assert json.dumps(vars(pair))
    with pytest.raises(ValueError, match="at least two"):
        pair_gains(ev, ["ft-a"])
