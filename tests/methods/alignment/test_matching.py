"""Weight matching finds what it should: against all permutations there are, and on networks that were trained."""

from __future__ import annotations

from itertools import pairwise, permutations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from timm.models.resnet import Bottleneck, ResNet
from torch import Tensor, nn

from soupwidgets.methods.alignment import Groups, find_groups, match_weights, matching
from tests.fixtures import SUITE
from tests.methods.alignment import networks

Tensors = dict[str, Tensor]


def random_mlp(seed: int, *widths: int) -> Tensors:
    random = torch.Generator().manual_seed(seed)
    found: Tensors = {}
    for i, (read, written) in enumerate(pairwise(widths)):
        found[f"{2 * i}.weight"] = torch.randn(written, read, generator=random)
        found[f"{2 * i}.bias"] = torch.randn(written, generator=random)
    return found


def inner(one: Tensors, other: Tensors) -> float:
    return sum(float((one[name].double() * other[name].double()).sum()) for name in one)


def permuted(groups: Groups, tensors: Tensors, found: dict[str, Tensor]) -> Tensors:
    return {name: groups.permuted(name, tensor, found) for name, tensor in tensors.items()}


@pytest.mark.parametrize("seed", range(5))
def test_one_hidden_layer_has_the_best_of_all_permutations(seed: int) -> None:
    reference, moving = random_mlp(seed, 3, 5, 2), random_mlp(seed + 100, 3, 5, 2)
    found = match_weights(find_groups(networks.infos(reference)), reference, moving)
    # By hand, without the code that permutes: rows of the first layer, columns of the second.
    products = {
        p: inner(
            reference,
            {
                "0.weight": moving["0.weight"][list(p)], "0.bias": moving["0.bias"][list(p)],
                "2.weight": moving["2.weight"][:, list(p)], "2.bias": moving["2.bias"],
            },
        )
        for p in permutations(range(5))
    }  # fmt: skip
    best = max(products, key=lambda p: products[p])
    assert tuple(found.permutations["0"].tolist()) == best
    lengths = (inner(reference, reference) * inner(moving, moving)) ** 0.5
    assert found.after == pytest.approx(products[best] / lengths)
    assert found.before == pytest.approx(products[tuple(range(5))] / lengths)


@pytest.mark.parametrize("seed", range(5))
def test_at_the_end_no_layer_alone_can_do_better(seed: int) -> None:
    reference, moving = random_mlp(seed, 3, 4, 4, 4, 2), random_mlp(seed + 100, 3, 4, 4, 4, 2)
    groups = find_groups(networks.infos(reference))
    found = match_weights(groups, reference, moving, seed=seed)
    at_the_end = permuted(groups, moving, dict(found.permutations))
    reached = inner(reference, at_the_end)
    assert reached > inner(reference, moving)
    for group in groups.sizes:
        for p in permutations(range(4)):
            assert inner(reference, permuted(groups, at_the_end, {group: torch.tensor(p)})) <= reached + 1e-4


def test_statistics_of_batch_normalisation_move_along_and_do_not_count() -> None:
    reference = {**random_mlp(0, 3, 4, 2)}
    reference = {{"2.weight": "3.weight", "2.bias": "3.bias"}.get(name, name): t for name, t in reference.items()}
    reference |= {f"1.{leaf}": torch.ones(4) for leaf in ("weight", "bias")}
    reference |= {"1.running_mean": torch.tensor([1e3, 2e3, 3e3, 4e3]), "1.running_var": torch.arange(1.0, 5.0)}
    groups = find_groups(networks.infos(reference))
    moving = permuted(groups, reference, {"0": torch.tensor([2, 0, 3, 1])})
    assert moving["1.running_var"].tolist() == [3, 1, 4, 2]
    # Statistics in another order than the weights, and large enough to decide if they were asked.
    odd = {**moving, "1.running_mean": moving["1.running_mean"].flip(0)}
    for tensors in (moving, odd):
        back = match_weights(groups, reference, tensors).permutations["0"]
        assert back.tolist() == [1, 3, 0, 2]


@pytest.mark.parametrize("name", ["MLP", "VGG with batch normalisation", "timm, deep stem, pooled shortcuts"])
def test_the_same_seed_gives_the_same_permutations(name: str) -> None:
    torch.manual_seed(0)
    reference, moving = (dict(networks.KNOWN[name]().state_dict()) for _ in range(2))
    groups = find_groups(networks.infos(reference))
    first, again = (match_weights(groups, reference, moving, seed=1) for _ in range(2))
    assert all(torch.equal(first.permutations[group], again.permutations[group]) for group in groups.sizes)
    assert first.after > first.before


@pytest.mark.parametrize("seed", range(6))
def test_shuffled_bottlenecks_come_back_exactly(seed: int) -> None:
    torch.manual_seed(0)
    channels = (4, 8, 16, 32)
    network = networks.with_statistics(
        ResNet(Bottleneck, (3, 4, 6, 3), num_classes=10, stem_width=4, channels=channels)
    )
    tensors = dict(network.state_dict())
    groups = find_groups(networks.infos(tensors))
    random = torch.Generator().manual_seed(seed)
    orders = {group: torch.randperm(size, generator=random) for group, size in groups.sizes.items()}
    found = match_weights(groups, tensors, permuted(groups, tensors, orders), seed=seed)
    assert all(
        torch.equal(orders[group][found.permutations[group]], torch.arange(n)) for group, n in groups.sizes.items()
    )
    # Nothing is better than that, so no other start was tried.
    assert (found.after, found.starts) == (pytest.approx(1), 1)


def test_the_best_of_several_starts_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    reference, moving = random_mlp(3, 8, 12, 12, 12, 4), random_mlp(103, 8, 12, 12, 12, 4)
    groups = find_groups(networks.infos(reference))
    several = [match_weights(groups, reference, moving, seed=seed) for seed in range(8)]
    assert {found.starts for found in several} > {2}
    monkeypatch.setattr(matching, "_MOST_STARTS", 1)
    once = [match_weights(groups, reference, moving, seed=seed) for seed in range(8)]
    assert all(best.after >= one.after for best, one in zip(several, once, strict=True))
    assert any(best.after > one.after + 1e-3 for best, one in zip(several, once, strict=True))
    for found in several:
        reached = inner(reference, permuted(groups, moving, dict(found.permutations)))
        lengths = (inner(reference, reference) * inner(moving, moving)) ** 0.5
        assert found.after == pytest.approx(reached / lengths)


def _images(split: str, count: int) -> tuple[Tensor, Tensor]:
    pixels, labels = (np.load(SUITE / f"{split}.{kind}.npy")[:count] for kind in ("images", "labels"))
    images = (torch.from_numpy(pixels.astype(np.float32)).flatten(1) / 255 - 0.286) / 0.353
    return images, torch.from_numpy(labels.astype(np.int64))


def _trained(seed: int, images: Tensor, labels: Tensor) -> Tensors:
    torch.manual_seed(seed)
    network = _mlp()
    optimizer = torch.optim.Adam(network.parameters(), 1e-3)
    for _ in range(200):
        rows = torch.randint(len(labels), (100,))
        optimizer.zero_grad()
        F.cross_entropy(network(images[rows]), labels[rows]).backward()
        optimizer.step()
    return {name: tensor.detach() for name, tensor in network.state_dict().items()}


def _mlp() -> nn.Module:
    return nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 10))


def _barriers(one: Tensors, other: Tensors, images: Tensor, labels: Tensor) -> tuple[float, float]:
    """Largest error and largest loss on the straight line, above the mean of both ends."""
    network, errors, losses = _mlp(), [], []
    for t in np.linspace(0, 1, 11):
        network.load_state_dict({name: (1 - t) * one[name] + t * other[name] for name in one})
        with torch.no_grad():
            logits = network(images)
        errors.append(float((logits.argmax(1) != labels).float().mean()))
        losses.append(float(F.cross_entropy(logits, labels)))
    assert max(errors[0], errors[-1]) < 0.25
    return max(errors) - (errors[0] + errors[-1]) / 2, max(losses) - (losses[0] + losses[-1]) / 2


def test_the_barrier_between_trained_networks_falls() -> None:
    images, labels = _images("train", 2000)
    one, other = (_trained(seed, images, labels) for seed in (0, 1))
    groups = find_groups(networks.infos(one))
    found = match_weights(groups, one, other)
    held_out = _images("val", 1000)
    error, loss = _barriers(one, other, *held_out)
    error_after, loss_after = _barriers(one, permuted(groups, other, dict(found.permutations)), *held_out)
    assert error > 0.05
    assert error_after < error / 2
    assert loss_after < loss / 2
