"""TIES, DARE, Fisher and batch normalisation, each against a plain calculation or PyTorch's own."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from torch.optim.swa_utils import update_bn

from soupwidgets import (
    Evaluator,
    Pool,
    Recipe,
    Store,
    Suite,
    dare,
    fisher_soup,
    ties,
    uniform_soup,
)
from soupwidgets.checkpoints import CARD_KEY
from soupwidgets.evaluation import Recalibration
from soupwidgets.methods.fisher import fisher_information
from soupwidgets.methods.merging import _bounds
from soupwidgets.models import Architecture
from soupwidgets.suites.split import Source, Split
from tests.fixtures import WriteCheckpoint


def flat(pool: Pool, name: str) -> torch.Tensor:
    return torch.cat([tensor.reshape(-1).float() for _, tensor in pool.checkpoints[name].read()])


@pytest.fixture
def odd_pool(write_checkpoint: WriteCheckpoint) -> Pool:
    """Scalars, empty tensors, several precisions, counters, equal and zero differences."""
    torch.manual_seed(1)

    def state(scale: float) -> dict[str, torch.Tensor]:
        moved = torch.randn(40, 50) * scale
        moved[:5] = 0.0
        return {"w": moved, "half": (torch.randn(333) * scale).half(), "one": torch.randn(()) * scale,
                "empty": torch.empty(0, 3), "steps": torch.tensor(int(10 * scale))}  # fmt: skip

    write_checkpoint("zero-shot", state(0.0), role="zero_shot")
    for name, scale in (("a", 1.0), ("b", 0.3), ("c", 2.0)):
        path = write_checkpoint(name, state(scale))
    return Pool.open(path.parent)


@pytest.mark.parametrize("density", [0.001, 0.2, 0.5, 1.0])
def test_ties_is_what_sorting_whole_task_vectors_gives(odd_pool: Pool, tmp_path: Path, density: float) -> None:
    names = ["a", "b", "c"]
    zero = flat(odd_pool, "zero-shot")
    moves = torch.stack([flat(odd_pool, name) for name in names]) - zero
    counters = odd_pool.checkpoints["zero-shot"].tensors
    is_float = torch.cat(
        [torch.full((int(np.prod(info.shape)),), info.dtype.is_floating_point) for info in counters.values()]
    )
    moves = moves[:, is_float]
    keep = max(1, round(density * moves.shape[1]))
    bounds = moves.abs().sort(dim=1, descending=True).values[:, keep - 1]
    assert _bounds(odd_pool, names, density).tolist() == bounds.tolist()

    trimmed = torch.where(moves.abs() >= bounds[:, None], moves, 0.0)
    expected = torch.zeros(moves.shape[1])
    for i in range(moves.shape[1]):  # entry by entry, as the paper tells it
        column = trimmed[:, i]
        elected = np.sign(float(column.sum()))
        agreeing = [v for v in column.tolist() if v and np.sign(v) == elected]
        expected[i] = 0.7 * sum(agreeing) / len(agreeing) if agreeing else 0.0
    path = ties(odd_pool, tmp_path / "ties.safetensors", density=density, scale=0.7, progress=False)
    larger = odd_pool.including(path)
    torch.testing.assert_close(flat(larger, "ties")[is_float], zero[is_float] + expected, rtol=1e-5, atol=1e-6)
    with safe_open(path, "pt") as file:
        card = json.loads(file.metadata()[CARD_KEY])
    assert card["merge"]["density"] == density
    assert [entry["ingredient"] for entry in card["merge"]["of"]] == ["zero-shot", *names]
    assert card["merge"]["of"][1]["sha256"] == odd_pool.checkpoints["a"].content_hash


def test_ties_by_hand(write_checkpoint: WriteCheckpoint, tmp_path: Path) -> None:
    write_checkpoint("zero-shot", {"w": torch.tensor([1.0, 1.0, 1.0, 1.0])}, role="zero_shot")
    write_checkpoint("a", {"w": torch.tensor([4.0, 1.1, -1.0, 1.0])})  # moves 3, 0.1, -2, 0: keeps 3 and -2
    path = write_checkpoint("b", {"w": torch.tensor([2.5, 1.2, 6.0, 1.0])})  # moves 1.5, 0.2, 5, 0: keeps 1.5 and 5
    out = ties(Pool.open(path.parent), tmp_path / "t.safetensors", density=0.5, progress=False)
    # First: both positive, mean 2.25. Third: -2 and 5 elect plus, which 5 alone follows.
    assert flat(Pool.open([out]), "t").tolist() == [3.25, 1.0, 6.0, 1.0]


def test_dare(odd_pool: Pool, tmp_path: Path) -> None:
    zero, moved = flat(odd_pool, "zero-shot"), flat(odd_pool, "a")
    path = dare(odd_pool, tmp_path / "dare.safetensors", ["a"], drop=0.75, seed=5, progress=False)
    found = flat(odd_pool.including(path), "dare") - zero
    w = slice(-2000, None)  # the tensor 'w' is the last
    delta = (moved - zero)[w]
    kept = found[w] != 0
    torch.testing.assert_close(found[w][kept], 4 * delta[kept])
    # 1,750 entries moved; each stays with probability 1/4: mean 437, standard deviation 18.
    assert abs(int(kept.sum()) - 1750 / 4) < 5 * 18
    again = dare(odd_pool, tmp_path / "again.safetensors", ["a"], drop=0.75, seed=5, progress=False)
    other = dare(odd_pool, tmp_path / "other.safetensors", ["a"], drop=0.75, seed=6, progress=False)
    pool = odd_pool.including(again, other)
    assert torch.equal(flat(pool, "again") - zero, found)
    assert not torch.equal(flat(pool, "other") - zero, found)
    # Nothing dropped is the plain average.
    average = dare(odd_pool, tmp_path / "all.safetensors", ["a", "b"], drop=0, progress=False)
    expected = zero[w] + (delta + (flat(odd_pool, "b") - zero)[w]) / 2
    torch.testing.assert_close(flat(odd_pool.including(average), "all")[w], expected)


def test_refusals_come_before_anything_is_written(odd_pool: Pool, tmp_path: Path) -> None:
    out = tmp_path / "x.safetensors"
    for call in (
        lambda: ties(odd_pool, out, density=0),
        lambda: dare(odd_pool, out, drop=1),
        lambda: ties(odd_pool, out, ["zero-shot"]),
        lambda: ties(odd_pool, odd_pool.checkpoints["a"].path),
        lambda: dare(odd_pool, tmp_path / "x.bin"),
    ):
        with pytest.raises(ValueError):
            call()
    assert not out.exists()


def test_fisher_information_is_that_of_single_backward_passes(tiny_evaluator: Evaluator) -> None:
    ev = tiny_evaluator
    found = fisher_information(ev, "ft-a", images=40, seed=2)
    rng = np.random.default_rng(2)
    rows = rng.permutation(len(ev.suite.validation))[:40]
    dice = rng.random(40)
    model = ev.architecture.build()
    model.load_state_dict(dict(ev.pool.checkpoints["ft-a"].read()))
    expected = {name: torch.zeros_like(value) for name, value in model.named_parameters()}
    images, _ = ev.batch(ev.suite.validation, rows)
    for image, thrown in zip(images, dice, strict=True):
        model.zero_grad()
        log_p = model(image[None]).log_softmax(dim=1)[0]
        drawn = int(np.searchsorted(log_p.detach().double().exp().cumsum(0).numpy(), thrown))
        log_p[drawn].backward()
        for name, value in model.named_parameters():
            expected[name] += value.grad.square() / 40
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=1e-3, atol=1e-7 + 1e-4 * float(value.max()))


def test_fisher_soup_weights_by_information(tiny_evaluator: Evaluator, tmp_path: Path) -> None:
    ev = tiny_evaluator
    path = fisher_soup(ev, tmp_path / "fisher.safetensors", images=40, progress=False)
    weights = dict(ev.pool.including(path).checkpoints["fisher"].read())
    own = {name: dict(ev.pool.checkpoints[name].read()) for name in ("ft-a", "ft-b")}
    information = {name: fisher_information(ev, name, images=40) for name in own}
    total = sum(int(np.prod(info.shape)) for info in ev.pool.tensors.values())
    floors = {n: 1e-6 * float(sum(v.sum() for v in f.values())) / total for n, f in information.items()}
    for tensor, value in weights.items():
        share = {name: information[name][tensor].double() + floors[name] for name in own}
        expected = sum(share[name] * own[name][tensor] for name in own) / sum(share.values())
        torch.testing.assert_close(value.double(), expected, rtol=1e-4, atol=1e-5)
        low = torch.minimum(own["ft-a"][tensor], own["ft-b"][tensor])
        high = torch.maximum(own["ft-a"][tensor], own["ft-b"][tensor])
        assert ((value >= low - 1e-6) & (value <= high + 1e-6)).all()


RESNET = Architecture(
    embed_dim=8,
    vision_cfg={"image_size": 32, "layers": [1, 1, 1, 1], "width": 8, "patch_size": None, "head_width": 16},
    classes=10,
    mean=0.286,
    std=0.353,
)


def test_batch_norm_is_recalibrated_to_the_mixture(
    write_checkpoint: WriteCheckpoint, tmp_path: Path, suite: Suite
) -> None:
    torch.manual_seed(0)
    for name in ("a", "b"):
        state = RESNET.build().state_dict()
        path = write_checkpoint(name, state, architecture=RESNET.to_json())
    pool = Pool.open(path.parent)
    padded = _padded(suite, tmp_path)
    again = Recalibration(images=256, seed=4)
    ev = Evaluator(pool, padded, device="cpu", store=Store(tmp_path / "store"), batch_norm=again)
    assert ev.note == "Batch-normalisation statistics of mixtures are recomputed from 256 validation examples."
    recipe = uniform_soup(pool)
    measured = ev.evaluate(recipe, ["val"])
    out = ev.save(recipe, tmp_path / "bn.safetensors", progress=False)
    found = dict(pool.including(out).checkpoints["bn"].read())

    rows = np.random.default_rng(4).permutation(len(padded.validation))[:256]
    images, _ = ev.batch(padded.validation, rows)
    model = RESNET.build()
    half = {n: (t + dict(pool.checkpoints["b"].read())[n]) / 2 for n, t in pool.checkpoints["a"].read()}
    model.load_state_dict({n: t.to(model.state_dict()[n].dtype) for n, t in half.items()})
    # By hand for the first layer: mean and variance of the two batches of 128, averaged with equal weights.
    first = model.visual.conv1(images).detach().view(2, 128, -1, 16, 16)
    expected_mean = torch.stack([batch.mean(dim=(0, 2, 3)) for batch in first]).mean(0)
    expected_var = torch.stack([batch.var(dim=(0, 2, 3)) for batch in first]).mean(0)
    torch.testing.assert_close(found["visual.bn1.running_mean"], expected_mean, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(found["visual.bn1.running_var"], expected_var, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(found["visual.conv1.weight"], half["visual.conv1.weight"])
    # What was measured is what was saved, and PyTorch's own way of doing it.
    alone = Evaluator(Pool.open([out]), padded, device="cpu", store=Store(tmp_path / "other"))
    assert np.array_equal(alone.evaluate("bn", ["val"]).logits["val"], measured.logits["val"])
    update_bn((images[start : start + 128].contiguous() for start in (0, 128)), model)
    with torch.no_grad():
        oracle = model.eval()(ev.batch(padded.validation, np.arange(600))[0])
    np.testing.assert_allclose(measured.logits["val"], oracle.numpy(), rtol=1e-3, atol=1e-4)
    # A checkpoint keeps its own statistics; averaged ones are another measurement in the same store.
    plain = Evaluator(pool, padded, device="cpu", store=ev.store, batch_norm="average")
    assert plain.evaluate("a", ["val"])["val"] == ev.evaluate("a", ["val"])["val"]
    assert ev.key(Recipe({"a": 1}), padded.validation) == plain.key(Recipe({"a": 1}), padded.validation)
    assert not np.array_equal(plain.evaluate(recipe, ["val"]).logits["val"], measured.logits["val"])
    assert "averaged statistics" in plain.note


def test_without_batch_norm_there_is_nothing_to_recalibrate(tiny_evaluator: Evaluator) -> None:
    assert tiny_evaluator.note == ""
    with pytest.raises(ValueError, match="no batch normalisation"):
        Evaluator(tiny_evaluator.pool, tiny_evaluator.suite, store=tiny_evaluator.store, batch_norm="recompute")
    with pytest.raises(ValueError, match="it may be 'recompute', 'average'"):
        Evaluator(tiny_evaluator.pool, tiny_evaluator.suite, store=tiny_evaluator.store, batch_norm="often")  # type: ignore[arg-type]


def _padded(suite: Suite, folder: Path) -> Suite:
    """The first validation images in a frame: a CLIP ResNet halves its images five times."""
    np.save(folder / "i.npy", np.pad(suite.validation.images[:600], ((0, 0), (2, 2), (2, 2))))
    np.save(folder / "l.npy", suite.validation.labels[:600])
    return Suite(
        "padded", suite.classes, {"val": Split("val", "validation", Source(folder / "i.npy", folder / "l.npy"))}
    )
