"""The written file: the same function, the same card, the same precision."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
import torchvision
from torch import Tensor, nn

import soupwidgets as sw
from soupwidgets import CheckpointError, Pool, PoolError
from soupwidgets.methods.alignment import find_groups
from tests.command import run
from tests.fixtures import WriteCheckpoint
from tests.methods.alignment import networks

Tensors = dict[str, Tensor]


def shuffled(tensors: Tensors, seed: int = 0) -> Tensors:
    groups = find_groups(networks.infos(tensors))
    random = torch.Generator().manual_seed(seed)
    orders = {group: torch.randperm(size, generator=random) for group, size in groups.sizes.items()}
    return {name: groups.permuted(name, tensor, orders).contiguous() for name, tensor in tensors.items()}


def fresh(name: str, seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return networks.with_statistics(networks.KNOWN[name](), seed)


@pytest.fixture
def two(write_checkpoint: WriteCheckpoint) -> Pool:
    """A network, the same with its units shuffled, and another one."""
    card = {"architecture": {"any": 1}, "hyperparameters": {"lr": 0.1}, "training": {"framework": "torch"}}
    tensors = dict(fresh("CIFAR names").state_dict())
    write_checkpoint("a", tensors, role="fine_tuned", **card)
    write_checkpoint("b", shuffled(tensors), role="zero_shot", **card)
    return Pool.open(write_checkpoint("c", dict(fresh("CIFAR names", 1).state_dict()), **card).parent)


@pytest.mark.parametrize(
    "name", ["MLP", "conv1, conv2, fc1, fc", "VGG", "VGG with batch normalisation", "timm, deep stem, pooled shortcuts"]
)
def test_a_shuffled_copy_is_put_back_exactly(name: str, write_checkpoint: WriteCheckpoint, tmp_path: Path) -> None:
    tensors = dict(fresh(name).state_dict())
    moved = shuffled(tensors)
    assert not all(torch.equal(moved[key], tensors[key]) for key in tensors)
    write_checkpoint("original", tensors)
    pool = Pool.open(write_checkpoint("shuffled", moved).parent)
    found = sw.align(pool, "shuffled", to="original", path=tmp_path / "back.safetensors", progress=False)
    back = dict(sw.CheckpointFile(found.path).read())
    assert all(torch.equal(back[key], tensors[key]) for key in tensors)
    assert found.matching.after == pytest.approx(1)
    assert found.matching.before < 0.9


def test_torchvisions_own_resnet_is_put_back(write_checkpoint: WriteCheckpoint, tmp_path: Path) -> None:
    torch.manual_seed(0)
    tensors = dict(networks.with_statistics(torchvision.models.resnet18()).state_dict())
    write_checkpoint("original", tensors)
    pool = Pool.open(write_checkpoint("shuffled", shuffled(tensors)).parent)
    back = sw.align(pool, "shuffled", to="original", path=tmp_path / "back.safetensors", progress=False).path
    assert sw.CheckpointFile(back).content_hash == pool["original"].content_hash


@pytest.mark.parametrize("ending", [".pt", ".safetensors"])
def test_the_aligned_network_computes_the_same(write_checkpoint: WriteCheckpoint, tmp_path: Path, ending: str) -> None:
    name = "timm, deep stem, pooled shortcuts"
    write_checkpoint("reference", dict(fresh(name).state_dict()))
    other = fresh(name, 1)
    pool = Pool.open(write_checkpoint("other", dict(other.state_dict())).parent)
    aligned = sw.align(pool, "other", to="reference", path=tmp_path / f"aligned{ending}", progress=False)
    assert aligned.matching.after > aligned.matching.before
    assert sum(aligned.moved.values()) > 100
    images = torch.randn(4, 3, 64, 64, dtype=torch.float64)
    with torch.no_grad():
        before = other.double()(images)
        other.load_state_dict(dict(sw.CheckpointFile(aligned.path).read()))
        torch.testing.assert_close(other(images), before, rtol=1e-10, atol=1e-10)


def test_the_card_and_the_precision_are_kept(write_checkpoint: WriteCheckpoint, two: Pool, tmp_path: Path) -> None:
    found = sw.align(two, "b", to="a", path=tmp_path / "b-aligned.safetensors", progress=False)
    card = sw.CheckpointFile(found.path).card
    assert (card.name, card.note) == ("b-aligned", "aligned to a by weight matching")
    assert (card.architecture, card.hyperparameters) == ({"any": 1}, {"lr": 0.1})
    assert card.training == {"framework": "torch"}
    # `b` stays the one zero-shot model of the pool that it joins.
    assert two.including(found.path).zero_shot == "b"
    for dtype in (torch.float16, torch.float64):
        for name in ("a", "b"):
            stored = {key: t.to(dtype) if t.is_floating_point() else t for key, t in two[name].read()}
            path = write_checkpoint(f"{name}-{dtype}"[:12], stored)
        pool = Pool.open([path.with_name(f"{name}-{dtype}"[:12] + ".safetensors") for name in ("a", "b")])
        first, second = pool.names
        written = sw.align(pool, second, to=first, path=tmp_path / f"{dtype}.safetensors", progress=False).path
        assert dict(sw.CheckpointFile(written).tensors) == dict(pool.tensors)
        assert sw.CheckpointFile(written).content_hash == pool[first].content_hash


def test_what_moved_is_counted(two: Pool, tmp_path: Path) -> None:
    found = sw.align(two, "b", to="a", path=tmp_path / "b2.safetensors", progress=False)
    again = sw.align(two.including(found.path), "b", to="c", path=tmp_path / "c.safetensors", progress=False)
    for one in (found, again):
        told = one.to_json()
        assert json.loads(json.dumps(told)) == told
        assert {group: row["units"] for group, row in told["groups"].items()} == {
            "stem": 8, "layer1.0.conv1": 8, "layer2.0": 12, "layer2.0.conv1": 12, "layer2.1.conv1": 12
        }  # fmt: skip
    shuffled_units = dict(two["b"].read())["conv1.weight"]
    first = dict(two["a"].read())["conv1.weight"]
    assert found.moved["stem"] == int((shuffled_units != first).flatten(1).any(1).sum())


def test_what_is_wrong_is_said(two: Pool, pool: Pool, write_checkpoint: WriteCheckpoint, tmp_path: Path) -> None:
    out = tmp_path / "out.safetensors"
    with pytest.raises(PoolError, match="not in the pool: 'd'"):
        sw.align(two, "d", to="a", path=out)
    with pytest.raises(ValueError, match="'a' cannot be aligned to itself"):
        sw.align(two, "a", to="a", path=out)
    with pytest.raises(ValueError, match="is the file of the ingredient 'c'"):
        sw.align(two, "b", to="a", path=two["c"].path, overwrite=True)
    with pytest.raises(ValueError, match=r"must end with \.safetensors or \.pt"):
        sw.align(two, "b", to="a", path=tmp_path / "out.bin")
    with pytest.raises(ValueError, match="does not understand this network: it has attention"):
        sw.align(pool, "ft-00", to="ft-01", path=out)
    broken = dict(two["b"].read())
    broken["linear.weight"] = torch.full_like(broken["linear.weight"], torch.nan)
    spoilt = two.including(write_checkpoint("broken", broken))
    for name, to in (("broken", "a"), ("a", "broken")):
        with pytest.raises(ValueError, match=r"'broken' has values that are not finite, in linear\.weight"):
            sw.align(spoilt, name, to=to, path=out, progress=False)
    assert not out.exists()
    out.write_text("mine")
    with pytest.raises(CheckpointError, match="there is a file already"):
        sw.align(two, "b", to="a", path=out)
    assert out.read_text() == "mine"


def test_the_command_says_the_same(two: Pool, tmp_path: Path) -> None:
    folder, out = str(two["a"].path.parent), tmp_path / "out.safetensors"
    done = run("align", folder, "b", "--to", "a", "--out", str(out), "--json", "-")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told == sw.align(two, "b", to="a", path=out, overwrite=True, progress=False).to_json()
    assert sw.CheckpointFile(out).content_hash == two["a"].content_hash
    refused = run("align", folder, "b", "--to", "a", "--out", str(out))
    assert refused.returncode == 2
    assert "--overwrite" in refused.stderr
    words = run("align", folder, "b", "--to", "a", "--out", str(out), "--overwrite")
    assert "b aligned to a by weight matching" in words.stdout
    assert "1.0000 after" in words.stdout
    wrong = run("align", folder, "nobody", "--to", "a", "--out", str(out), "--overwrite")
    assert (wrong.returncode, "not in the pool: 'nobody'" in wrong.stderr) == (2, True)
