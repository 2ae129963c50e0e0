"""Methods whose recipes have coefficients by tensor, against calculations on plain state dicts in float64."""

from __future__ import annotations

import math

import pytest
import torch

from soupwidgets import Pool, PoolError, Recipe, ema, lawa, lines, model_stock, slerp, swa, task_arithmetic
from soupwidgets.mixing import PoolMatrix, grams, mix_streamed
from soupwidgets.models.depth import layer_depth, network_order
from tests.fixtures import WriteCheckpoint


@pytest.fixture
def small_pool(write_checkpoint: WriteCheckpoint) -> Pool:
    torch.manual_seed(3)
    names = ["visual.conv1.weight", "visual.transformer.resblocks.0.w", "visual.transformer.resblocks.1.w",
             "visual.transformer.resblocks.2.w", "visual.ln_post.weight", "head.weight"]  # fmt: skip
    base = {name: torch.randn(5, 7) for name in names}
    shared = {name: torch.randn(5, 7) for name in names}
    write_checkpoint("zero-shot", base, role="zero_shot")
    for name in ("a", "b", "c"):
        moved = {k: v + 0.3 * shared[k] + 0.2 * torch.randn(5, 7) for k, v in base.items()}
        path = write_checkpoint(name, moved)
    return Pool.open(path.parent)


def weights(pool: Pool, name: str) -> dict[str, torch.Tensor]:
    return {tensor: value.double() for tensor, value in pool.checkpoints[name].read()}


def mixed(pool: Pool, recipe: Recipe) -> dict[str, torch.Tensor]:
    """What both engines say, which must be the same to the last bit."""
    matrix = PoolMatrix(pool, torch.device("cpu"))
    out = matrix.new_buffer()
    matrix.mix(recipe, out)
    streamed = dict(mix_streamed(pool, recipe))
    for name, view in matrix.layout.views(out).items():
        assert torch.equal(view, streamed[name])
    many = matrix.new_buffer(2)
    matrix.mix_many([recipe, Recipe({"a": 1})], many)
    torch.testing.assert_close(matrix.layout.views(many[0])["head.weight"], streamed["head.weight"])
    return {name: tensor.double() for name, tensor in streamed.items()}


def close(got: torch.Tensor, expected: torch.Tensor) -> None:
    torch.testing.assert_close(got, expected, rtol=1e-6, atol=1e-6)


def test_coefficients_by_tensor_hold_for_that_tensor_alone(small_pool: Pool) -> None:
    recipe = Recipe({"a": 0.25, "b": 0.75}, {"head.weight": {"c": 2, "a": -1}, "visual.conv1.weight": {}})
    found = mixed(small_pool, recipe)
    a, b, c = (weights(small_pool, name) for name in "abc")
    close(found["head.weight"], 2 * c["head.weight"] - a["head.weight"])
    assert not found["visual.conv1.weight"].any()
    other = "visual.transformer.resblocks.1.w"
    close(found[other], 0.25 * a[other] + 0.75 * b[other])
    with pytest.raises(PoolError, match=r"1 tensors that the pool does not have, first 'nowhere'"):
        mixed(small_pool, Recipe({"a": 1}, {"nowhere": {"b": 1}}))


def test_grams_are_inner_products(small_pool: Pool) -> None:
    zero, a, b = (weights(small_pool, name) for name in ("zero-shot", "a", "b"))
    seen = list(grams(small_pool, ["a", "b"], "zero-shot"))
    assert [name for name, _ in seen] == sorted(zero)
    for name, gram in seen:
        x, y = a[name] - zero[name], b[name] - zero[name]
        expected = torch.tensor([[(x * x).sum(), (x * y).sum()], [(x * y).sum(), (y * y).sum()]])
        torch.testing.assert_close(torch.from_numpy(gram), expected.double(), rtol=1e-6, atol=1e-6)


def test_model_stock_by_hand(write_checkpoint: WriteCheckpoint) -> None:
    # Task vectors (2, 0) and (1, sqrt 3): 60 degrees, cos 1/2, so t = 2 * 0.5 / (1 + 0.5) = 2/3.
    write_checkpoint("zero-shot", {"w": torch.zeros(2), "still": torch.ones(2)}, role="zero_shot")
    write_checkpoint("a", {"w": torch.tensor([2.0, 0.0]), "still": torch.ones(2)})
    path = write_checkpoint("b", {"w": torch.tensor([1.0, math.sqrt(3)]), "still": torch.ones(2)})
    pool = Pool.open(path.parent)
    recipe = model_stock(pool)
    assert recipe.at("w") == pytest.approx({"a": 1 / 3, "b": 1 / 3, "zero-shot": 1 / 3}, abs=1e-6)
    assert recipe.at("still") == {"zero-shot": 1}
    with pytest.raises(ValueError, match="at least two"):
        model_stock(pool, ["a"])
    # Opposite task vectors agree on nothing: stay with the zero-shot model.
    write_checkpoint("b", {"w": torch.tensor([-1.0, 0.0]), "still": torch.ones(2)})
    assert model_stock(Pool.open(path.parent)).at("w") == {"zero-shot": 1}


def test_model_stock_of_three(small_pool: Pool) -> None:
    zero = weights(small_pool, "zero-shot")
    tuned = [weights(small_pool, name) for name in "abc"]
    found = mixed(small_pool, model_stock(small_pool))
    for tensor, start in zero.items():
        moves = [(w[tensor] - start).flatten() for w in tuned]
        cosines = [torch.cosine_similarity(moves[i], moves[j], dim=0).item() for i, j in ((0, 1), (0, 2), (1, 2))]
        cos = sum(cosines) / 3
        t = 3 * cos / (1 + 2 * cos)
        assert 0 < t < 1
        close(found[tensor], t * sum(w[tensor] for w in tuned) / 3 + (1 - t) * start)


def test_task_arithmetic(small_pool: Pool) -> None:
    recipe = task_arithmetic(small_pool, ["a", "b"], scale=0.4)
    zero, a, b = (weights(small_pool, name) for name in ("zero-shot", "a", "b"))
    found = mixed(small_pool, recipe)
    for tensor, start in zero.items():
        close(found[tensor], start + 0.4 * ((a[tensor] - start) + (b[tensor] - start)))
    assert task_arithmetic(small_pool, ["a", "b", "zero-shot"], scale=0.4) == recipe


def test_lines_scales_by_depth(small_pool: Pool) -> None:
    zero, a, b = (weights(small_pool, name) for name in ("zero-shot", "a", "b"))
    found = mixed(small_pool, lines(small_pool, Recipe({"a": 0.5, "b": 0.5}), alpha=0.2, beta=0.6))
    block = "visual.transformer.resblocks.{}.w"
    scales = {"visual.conv1.weight": 0.2, block.format(0): 0.2, block.format(1): 0.5, block.format(2): 0.8,
              "visual.ln_post.weight": 0.8, "head.weight": 0.8}  # fmt: skip
    for tensor, scale in scales.items():
        move = (a[tensor] + b[tensor]) / 2 - zero[tensor]
        close(found[tensor], zero[tensor] + scale * move)
    assert lines(small_pool, "a", alpha=1, beta=0) == Recipe({"a": 1})


def test_lines_of_a_real_tower(pool: Pool) -> None:
    depth = layer_depth(network_order(list(pool.tensors)))
    assert {depth[n] for n in depth if "resblocks.1." in n} == {1}
    first = ["visual.class_embedding", "visual.conv1.weight", "visual.ln_pre.weight", "visual.positional_embedding"]
    last = ["visual.ln_post.bias", "visual.proj", "head.weight"]
    assert [depth[n] for n in (*first, *last)] == [0, 0, 0, 0, 2, 2, 2]


def test_lines_needs_layers(tiny_pool: Pool) -> None:
    with pytest.raises(ValueError, match="no two layers"):
        lines(tiny_pool, "ft-a")  # one block only


def test_slerp_keeps_the_length_of_unit_vectors(write_checkpoint: WriteCheckpoint) -> None:
    write_checkpoint("a", {"w": torch.tensor([1.0, 0.0]), "same": torch.ones(3), "none": torch.zeros(2)})
    path = write_checkpoint("b", {"w": torch.tensor([0.0, 1.0]), "same": 2 * torch.ones(3), "none": torch.ones(2)})
    pool = Pool.open(path.parent)
    for t in (0.0, 0.25, 1.0):
        found = dict(mix_streamed(pool, slerp(pool, "a", "b", t=t)))
        angle = t * math.pi / 2
        torch.testing.assert_close(found["w"], torch.tensor([math.cos(angle), math.sin(angle)]))
        torch.testing.assert_close(found["same"], (1 + t) * torch.ones(3))
        torch.testing.assert_close(found["none"], t * torch.ones(2))


def test_averages_along_a_trajectory(small_pool: Pool) -> None:
    run = ["a", "b", "c"]
    average = weights(small_pool, "a")
    for name in ("b", "c"):
        step = weights(small_pool, name)
        average = {tensor: 0.8 * average[tensor] + 0.2 * step[tensor] for tensor in average}
    found = mixed(small_pool, ema(small_pool, run, decay=0.8))
    for tensor, expected in average.items():
        close(found[tensor], expected)
    # PyTorch's own averaged model, fed with the same checkpoints.
    model = torch.nn.Linear(7, 5, bias=False)
    averaged = torch.optim.swa_utils.AveragedModel(model)
    for name in run[1:]:
        model.weight.data = weights(small_pool, name)["head.weight"].float()
        averaged.update_parameters(model)
    close(mixed(small_pool, swa(small_pool, run, start=1))["head.weight"], averaged.module.weight.double())
    assert swa(small_pool, run, start=1) == lawa(small_pool, run, last=2) == Recipe({"b": 0.5, "c": 0.5})
    assert lawa(small_pool, run, last=9) == swa(small_pool, run)
    for wrong in (lambda: ema(small_pool, run, 1.2), lambda: swa(small_pool, run, 3), lambda: lawa(small_pool, run, 0)):
        with pytest.raises(ValueError):
            wrong()
