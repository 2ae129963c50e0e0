from __future__ import annotations

import pytest
import torch
from torch import nn

from soupwidgets import Pool, PoolError, Recipe
from soupwidgets.checkpoints import TensorInfo
from soupwidgets.mixing import Layout, PoolMatrix, bind
from tests.fixtures import WriteCheckpoint

CPU = torch.device("cpu")


def plain_mix(pool: Pool, recipe: Recipe) -> dict[str, torch.Tensor]:
    """The simple version: float64, one tensor after the other."""
    tensors = {name: dict(pool.checkpoints[name].read()) for name in recipe}
    first = next(iter(tensors.values()))
    return {
        key: sum((c * tensors[name][key].double() for name, c in recipe.items()), torch.zeros(()).double())
        for key in first
    }


def test_mix_equals_the_dictionary_comprehension(tiny_pool: Pool) -> None:
    matrix = PoolMatrix(tiny_pool, CPU)
    out = matrix.new_buffer()
    for coefficients in (
        {"zero-shot": 0.6, "ft-a": 0.4},
        {"zero-shot": 1},
        {"ft-a": 1 / 3, "ft-b": 1 / 3, "zero-shot": 1 / 3},
        {"zero-shot": 1, "ft-a": 0.5, "ft-b": -0.5},
    ):
        recipe = Recipe(coefficients)
        matrix.mix(recipe, out)
        views = matrix.layout.views(out)
        for key, exact in plain_mix(tiny_pool, recipe).items():
            torch.testing.assert_close(views[key].double(), exact, rtol=1e-6, atol=1e-7)


def test_many_at_once_equal_one_by_one(tiny_pool: Pool) -> None:
    matrix = PoolMatrix(tiny_pool, CPU)
    recipes = [Recipe({"zero-shot": 1 - a, "ft-b": a}) for a in (0, 0.3, 1)] + [Recipe({"ft-a": 2, "ft-b": -1})]
    many, one = matrix.new_buffer(len(recipes)), matrix.new_buffer()
    matrix.mix_many(recipes, many)
    for row, recipe in zip(many, recipes, strict=True):
        matrix.mix(recipe, one)
        for name, view in matrix.layout.views(row).items():
            torch.testing.assert_close(view, matrix.layout.views(one)[name], rtol=1e-5, atol=1e-6)


def test_many_skip_rows_that_were_never_read(tiny_pool: Pool) -> None:
    matrix = PoolMatrix(tiny_pool, CPU)
    matrix._rows.data.fill_(float("nan"))
    recipes = [Recipe({"ft-a": 0.5, "zero-shot": 0.5})]  # ft-b lies between the two
    out = matrix.new_buffer(1)
    matrix.mix_many(recipes, out)
    assert all(view.isfinite().all() for view in matrix.layout.views(out[0]).values())


def test_only_the_files_of_the_recipe_are_read(tiny_pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiny_pool.checkpoints["ft-b"], "read", lambda: pytest.fail("ft-b was read"))
    matrix = PoolMatrix(tiny_pool, CPU)
    matrix.mix(Recipe({"zero-shot": 0.5, "ft-a": 0.5}), matrix.new_buffer())


def test_mixing_does_not_allocate(tiny_pool: Pool) -> None:
    matrix = PoolMatrix(tiny_pool, CPU)
    out = matrix.new_buffer()
    recipe = Recipe({"zero-shot": 0.5, "ft-a": 0.5})
    matrix.mix(recipe, out)
    with torch.profiler.profile(profile_memory=True) as profile:
        matrix.mix(recipe, out)
    assert sum(max(0, event.self_cpu_memory_usage) for event in profile.key_averages()) < 1000


def test_views_are_aligned_and_apart() -> None:
    layout = Layout({name: TensorInfo((n,), torch.float32) for name, n in {"a": 1, "b": 17, "c": 0, "d": 3}.items()})
    flat = torch.zeros(layout.size)
    for name, view in layout.views(flat).items():
        assert layout.places[name].offset % 16 == 0
        assert (view == 0).all()
        view.fill_(1)
    assert flat.sum() == 1 + 17 + 3


def test_whole_tensors_come_from_the_largest_coefficient(write_checkpoint: WriteCheckpoint) -> None:
    for name, value in (("a", 1), ("b", 2)):
        statistics = {"w": torch.full((2,), float(value)), "count": torch.tensor(value)}
        path = write_checkpoint(name, statistics)
    matrix = PoolMatrix(Pool.open(path.parent), CPU)
    assert matrix.layout.whole == ["count"]
    assert matrix.whole_tensors(Recipe({"a": 0.3, "b": 0.7}))["count"].item() == 2
    assert matrix.whole_tensors(Recipe({"a": 0.5, "b": 0.5}))["count"].item() == 1
    assert matrix.whole_tensors(Recipe({"a": 0.6, "b": -0.7}))["count"].item() == 1


def test_normalisation_statistics_are_averaged(write_checkpoint: WriteCheckpoint) -> None:
    for name, value in (("a", 1.0), ("b", 3.0)):
        norm = nn.BatchNorm1d(2)
        norm.running_mean.fill_(value)
        norm.num_batches_tracked.fill_(int(value))
        path = write_checkpoint(name, norm.state_dict())
    pool = Pool.open(path.parent)
    matrix = PoolMatrix(pool, CPU)
    out = matrix.new_buffer()
    recipe = Recipe({"a": 0.25, "b": 0.75})
    matrix.mix(recipe, out)
    with torch.device("meta"):
        model = nn.BatchNorm1d(2)
    bind(model, {**matrix.layout.views(out), **matrix.whole_tensors(recipe)})
    assert model.running_mean.tolist() == [2.5, 2.5]
    assert model.num_batches_tracked.item() == 3


def test_bind_shares_memory_and_lists_what_does_not_fit(tiny_pool: Pool) -> None:
    with torch.device("meta"):
        model = nn.Linear(3, 2)
    weights = {"weight": torch.zeros(2, 3), "bias": torch.zeros(2)}
    bind(model, weights)
    weights["weight"].fill_(1)
    assert model(torch.ones(1, 3)).tolist() == [[3, 3]]
    with pytest.raises(ValueError) as caught:
        bind(nn.Linear(3, 2), {"weight": torch.zeros(3, 2), "extra": torch.zeros(1)})
    for part in ("the model has bias", "the checkpoints have extra", "weight: (3, 2)"):
        assert part in str(caught.value)


def test_unknown_and_empty_recipes(tiny_pool: Pool) -> None:
    matrix = PoolMatrix(tiny_pool, CPU)
    with pytest.raises(PoolError, match="nobody"):
        matrix.mix(Recipe({"nobody": 1}), matrix.new_buffer())
    with pytest.raises(ValueError, match="empty"):
        matrix.mix(Recipe({}), matrix.new_buffer())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_pools_stay_in_the_precision_of_their_files(write_checkpoint: WriteCheckpoint, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    tensors = {name: {"w": torch.randn(300, 7).to(dtype), "b": torch.randn(9).to(dtype)} for name in "abc"}
    for name in "abc":
        path = write_checkpoint(name, tensors[name])
    matrix = PoolMatrix(Pool.open(path.parent), CPU)
    assert matrix.dtype == dtype
    for name in "abc":
        write_checkpoint(f"wide-{name}", {key: tensor.float() for key, tensor in tensors[name].items()})
    wide = PoolMatrix(Pool.open(sorted(path.parent.glob("wide-*"))), CPU)
    assert wide.dtype == torch.float32
    assert matrix.held_bytes * 2 == wide.held_bytes
    assert matrix.row("a").dtype == torch.float32
    shares = [{"a": 0.3, "b": 0.7}, {"a": 1.5, "b": -1, "c": 0.5}, {"c": 1}]
    ours, theirs = matrix.new_buffer(3), wide.new_buffer(3)
    for share, one, two in zip(shares, ours, theirs, strict=True):
        matrix.mix(Recipe(share), one)
        wide.mix(Recipe({f"wide-{name}": value for name, value in share.items()}), two)
        for key, view in matrix.layout.views(one).items():
            assert torch.equal(view, wide.layout.views(two)[key])
    together = matrix.new_buffer(3)
    matrix.mix_many([Recipe(share) for share in shares], together)
    for one, two in zip(together, ours, strict=True):
        for key, view in matrix.layout.views(one).items():
            torch.testing.assert_close(view, matrix.layout.views(two)[key], rtol=1e-5, atol=1e-5)


def test_one_tensor_in_another_precision_makes_it_float32(write_checkpoint: WriteCheckpoint) -> None:
    write_checkpoint("a", {"w": torch.randn(3).half(), "b": torch.randn(3).half()})
    path = write_checkpoint("b", {"w": torch.randn(3).half(), "b": torch.randn(3)})
    assert PoolMatrix(Pool.open(path.parent), CPU).dtype == torch.float32
