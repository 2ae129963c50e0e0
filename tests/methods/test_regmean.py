"""RegMean against least squares on the inputs themselves, and inputs against a network with hooks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from soupwidgets import Evaluator, Pool, Store, Suite, regmean
from soupwidgets.methods.regmean import Rows, input_grams
from tests.fixtures import WriteCheckpoint


def network() -> nn.Module:
    return nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3))


@pytest.fixture
def plain(write_checkpoint: WriteCheckpoint, tmp_path: Path) -> Evaluator:
    """Three networks of two linear layers, on arrays of four numbers."""
    rng = np.random.default_rng(0)
    data = {name: (rng.normal(size=(n, 4)).astype(np.float32), rng.integers(3, size=n)) for name, n in
            {"train": 300, "val": 40, "test": 40}.items()}  # fmt: skip
    for seed, name in enumerate("abc"):
        torch.manual_seed(seed)
        path = write_checkpoint(name, network().state_dict(), role="fine_tuned")
    suite = Suite.of("arrays", data, classes=["0", "1", "2"], progress=False)
    return Evaluator(Pool.open(path.parent), suite, model=network, device="cpu", store=Store(tmp_path / "store"))


def weights(ev: Evaluator, path: Path) -> dict[str, Tensor]:
    return dict(ev.pool.including(path).checkpoints[path.stem].read())


def test_it_is_least_squares_on_each_models_own_inputs(plain: Evaluator, tmp_path: Path) -> None:
    path = regmean(plain, tmp_path / "r.safetensors", images=200, off_diagonal=1.0, seed=7, progress=False)
    found = weights(plain, path)
    assert plain.suite.training is not None
    rows = np.random.default_rng(7).permutation(300)[:200]
    images, _ = plain.batch(plain.suite.training, rows)
    inputs, answers = [], []
    for name in "abc":
        own = dict(plain.pool.checkpoints[name].read())
        hidden = (images @ own["0.weight"].T + own["0.bias"]).relu().double().numpy()
        inputs.append(hidden)
        answers.append(hidden @ own["2.weight"].double().numpy().T)
    expected = np.linalg.lstsq(np.concatenate(inputs), np.concatenate(answers), rcond=None)[0].T
    np.testing.assert_allclose(found["2.weight"].numpy(), expected, rtol=1e-3, atol=1e-4)
    # The first layer has the same inputs in all, so the average answers best; biases are averaged.
    for tensor in ("0.weight", "0.bias", "2.bias"):
        mean = torch.stack([dict(plain.pool.checkpoints[name].read())[tensor] for name in "abc"]).mean(dim=0)
        torch.testing.assert_close(found[tensor], mean, rtol=1e-4, atol=1e-5)
    mean = torch.stack([dict(plain.pool.checkpoints[name].read())["2.weight"] for name in "abc"]).mean(dim=0)
    assert (found["2.weight"] - mean).abs().max() > 0.05


def test_without_products_of_different_inputs_each_input_is_weighed_by_its_size(
    plain: Evaluator, tmp_path: Path
) -> None:
    path = regmean(plain, tmp_path / "d.safetensors", images=200, off_diagonal=0.0, progress=False)
    own = {name: dict(plain.pool.checkpoints[name].read())["2.weight"].double() for name in "abc"}
    grams = {name: input_grams(plain, name, images=200, seed=0)[Rows("2.weight", 0, 3)] for name in "abc"}
    size = {name: gram.diagonal() + 1e-6 * gram.diagonal().mean() for name, gram in grams.items()}
    expected = sum(own[name] * size[name] for name in "abc") / sum(size.values())
    torch.testing.assert_close(weights(plain, path)["2.weight"].double(), expected, rtol=1e-5, atol=1e-6)


def test_one_model_is_itself_and_a_dead_input_is_averaged(plain: Evaluator, tmp_path: Path) -> None:
    one = weights(plain, regmean(plain, tmp_path / "one.safetensors", ["a"], images=100, progress=False))
    for tensor, value in plain.pool.checkpoints["a"].read():
        torch.testing.assert_close(one[tensor], value, rtol=1e-4, atol=1e-5)

    # Of three images no inner product has full rank; where nothing is known, nothing blows up.
    few = weights(plain, regmean(plain, tmp_path / "few.safetensors", images=3, off_diagonal=1.0, progress=False))
    assert all(value.isfinite().all() and value.abs().max() < 5 for value in few.values())


def test_inputs_are_those_of_the_network_that_is_measured(tiny_evaluator: Evaluator) -> None:
    """Against hooks on open_clip's own network, whose last block also computes tokens that nobody reads."""
    ev = tiny_evaluator
    found = input_grams(ev, "ft-a", images=50, seed=3)
    block = "visual.transformer.resblocks.0"
    assert sorted(found) == sorted(
        [Rows(f"{block}.attn.in_proj_weight", 0, 16), Rows(f"{block}.attn.in_proj_weight", 16, 48),
         Rows(f"{block}.attn.out_proj.weight", 0, 16), Rows(f"{block}.mlp.c_fc.weight", 0, 64),
         Rows(f"{block}.mlp.c_proj.weight", 0, 16), Rows("head.weight", 0, 10)]
    )  # fmt: skip
    model = ev.architecture.build()
    model.load_state_dict(dict(ev.pool.checkpoints["ft-a"].read()))
    kept: dict[str, Tensor] = {}
    for name, module in model.named_modules():
        if isinstance(module, nn.Linear | nn.LayerNorm):
            module.register_forward_hook(lambda _m, i, o, name=name: kept.update({name: i[0], f"{name} out": o}))
    assert ev.suite.training is not None
    rows = np.random.default_rng(3).permutation(len(ev.suite.training))[:50]
    with torch.no_grad():
        model.eval()(ev.batch(ev.suite.training, rows)[0])
    tokens = kept[f"{block}.ln_1 out"].double()
    expected = {
        Rows(f"{block}.attn.in_proj_weight", 0, 16): tokens[:, 0],
        Rows(f"{block}.attn.in_proj_weight", 16, 48): tokens.reshape(-1, 16),
        Rows(f"{block}.mlp.c_fc.weight", 0, 64): kept[f"{block}.mlp.c_fc"][:, 0].double(),
        Rows(f"{block}.mlp.c_proj.weight", 0, 16): kept[f"{block}.mlp.c_proj"][:, 0].double(),
        Rows("head.weight", 0, 10): kept["head"].double(),
    }
    for place, inputs in expected.items():
        torch.testing.assert_close(found[place], inputs.T @ inputs / len(inputs), rtol=1e-3, atol=1e-5)


def test_test_and_shifts_are_never_looked_at(tiny_evaluator: Evaluator, tmp_path: Path) -> None:
    asked = []
    reader = tiny_evaluator.reader
    tiny_evaluator.reader = lambda split: asked.append(split.role) or reader(split)  # type: ignore[method-assign]
    regmean(tiny_evaluator, tmp_path / "r.safetensors", images=20, progress=False)
    assert set(asked) == {"train"}
    tiny_evaluator.suite.training, training = None, tiny_evaluator.suite.training
    try:
        asked.clear()
        regmean(tiny_evaluator, tmp_path / "v.safetensors", images=20, progress=False)
    finally:
        tiny_evaluator.suite.training = training
    assert set(asked) == {"validation"}


def test_refusals(plain: Evaluator, tmp_path: Path) -> None:
    out = tmp_path / "x.safetensors"
    for options, why in (
        ({"images": 0}, "at least one is needed"),
        ({"off_diagonal": 1.5}, "must lie between 0 and 1"),
        ({"ingredients": ["nobody"]}, "nobody"),
    ):
        with pytest.raises(ValueError, match=why):
            regmean(plain, out, **options)  # type: ignore[arg-type]
    assert not out.exists()
