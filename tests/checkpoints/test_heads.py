"""Heads of other classes: taken from one checkpoint, or chosen by the names of classes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import timm
import torch
import torchvision
from torch import Tensor, nn

import soupwidgets as sw
from soupwidgets import CheckpointError, CheckpointFile, Pool, PoolError, models, with_classes
from soupwidgets.checkpoints import head_of
from soupwidgets.checkpoints.safetensors_files import TensorInfo
from tests.fixtures import TINY, WriteCheckpoint


class Net(nn.Module):
    def __init__(self, classes: int, bias: bool = True) -> None:
        super().__init__()
        self.trunk, self.fc = nn.Linear(4, 5), nn.Linear(5, classes, bias=bias)

    def forward(self, rows: Tensor) -> Tensor:
        logits: Tensor = self.fc(self.trunk(rows).relu())
        return logits


@pytest.fixture
def nets(tmp_path: Path) -> dict[str, Net]:
    """Networks of 3 and of 2 classes, saved in ``tmp_path / "runs"``."""
    torch.manual_seed(0)
    found = {"a": Net(3), "b": Net(2), "c": Net(3)}
    (tmp_path / "runs").mkdir()
    for name, net in found.items():
        torch.save(net.state_dict(), tmp_path / "runs" / f"{name}.pt")
    return found


def test_the_refusal_says_which_heads_and_what_can_be_done(nets: dict[str, Net], tmp_path: Path) -> None:
    with pytest.raises(PoolError) as caught:
        Pool.open(tmp_path / "runs")
    text = str(caught.value)
    assert "only their heads differ (fc.bias, fc.weight), which are for 3 classes: a, c; 2 classes: b" in text
    assert "Pool.open(..., head_from='a', heads='replace')" in text
    assert "with_classes(file, old_names, new_names)" in text
    assert "prompt_head" in text
    # Anything else that differs is no question of heads.
    torch.save(nn.Sequential(nn.Linear(4, 6)).state_dict(), tmp_path / "runs" / "d.pt")
    with pytest.raises(PoolError) as caught:
        Pool.open(tmp_path / "runs")
    assert "only their heads" not in str(caught.value)


def test_trunks_are_mixed_under_the_head_of_one(nets: dict[str, Net], tmp_path: Path) -> None:
    pool = Pool.open(tmp_path / "runs", head_from="a", heads="replace")
    assert pool.opened == f"sw.Pool.open({str(tmp_path / 'runs')!r}, head_from='a', heads='replace')"
    made, own = dict(pool["b"].read()), nets["b"].state_dict()
    for name in ("trunk.weight", "trunk.bias"):
        assert torch.equal(made[name], own[name])
    for name in ("fc.weight", "fc.bias"):
        assert torch.equal(made[name], nets["a"].state_dict()[name])
        # Also where the number of classes is the same.
        assert torch.equal(dict(pool["c"].read())[name], nets["a"].state_dict()[name])
    assert dict(pool["a"].read()).keys() == own.keys()
    rows = torch.rand(6, 4)
    split = (rows.numpy(), torch.tensor([0, 1, 2, 0, 1, 2]).numpy())
    suite = sw.Suite.of("rows", {"val": split, "test": split}, classes=["x", "y", "z"])
    ev = sw.Evaluator(pool, suite, model=lambda: Net(3), store=sw.Store(tmp_path / "store"))
    with torch.no_grad():
        features = nets["b"].trunk(rows).relu()
        mixed = (0.5 * nets["a"].trunk(rows) + 0.5 * nets["b"].trunk(rows)).relu()
        found = torch.from_numpy(ev.evaluate("b", "val").logits["val"])
        torch.testing.assert_close(found, nets["a"].fc(features))
        found = torch.from_numpy(ev.evaluate({"a": 0.5, "b": 0.5}, "val").logits["val"])
        torch.testing.assert_close(found, nets["a"].fc(mixed))
    with pytest.raises(PoolError, match="head_from='a', for example"):
        Pool.open(tmp_path / "runs", heads="replace")


def test_a_head_with_a_bias_gives_way_to_one_without(tmp_path: Path) -> None:
    torch.save(Net(3).state_dict(), tmp_path / "with.pt")
    torch.save(Net(2, bias=False).state_dict(), tmp_path / "without.pt")
    pool = Pool.open(tmp_path, head_from="without", heads="replace")
    assert list(pool.tensors) == ["fc.weight", "trunk.bias", "trunk.weight"]


def test_a_head_without_a_name_is_the_one_layer_that_differs(tmp_path: Path) -> None:
    def net(classes: int, width: int = 5) -> dict[str, Any]:
        return nn.Sequential(nn.Linear(4, width), nn.ReLU(), nn.Linear(width, classes)).state_dict()

    torch.save(net(3), tmp_path / "a.pt")
    torch.save(net(2), tmp_path / "b.pt")
    assert Pool.open(tmp_path, head_from="b", heads="replace").tensors["2.weight"].shape == (2, 5)
    torch.save(net(3, width=6), tmp_path / "c.pt")
    with pytest.raises(PoolError, match="which tensors of 'b' are its head"):
        Pool.open(tmp_path, head_from="b", heads="replace")


def test_classes_are_chosen_by_name(nets: dict[str, Net], tmp_path: Path) -> None:
    file = with_classes(tmp_path / "runs" / "a.pt", ["cat", "dog", "owl"], ["owl", "cat"])
    rows = torch.rand(7, 4)
    other = Net(2)
    other.load_state_dict(dict(file.read()))
    with torch.no_grad():
        assert torch.equal(other(rows), nets["a"](rows)[:, [2, 0]])
    pool = Pool.open([file, tmp_path / "runs" / "b.pt"])
    assert pool.tensors["fc.weight"].shape == (2, 5)
    assert file.content_hash != CheckpointFile(tmp_path / "runs" / "a.pt").content_hash
    turned = with_classes(tmp_path / "runs" / "a.pt", ["cat", "dog", "owl"], ["cat", "owl"])
    assert file.content_hash != turned.content_hash
    for old, new, words in [
        (["cat", "dog", "owl"], ["cat", "cow"], "its head has no class 'cow'; it has 'cat', 'dog', 'owl'"),
        (["cat", "dog", "owl"], ["cat", "cat"], "the new names have 'cat' more than once"),
        (["cat", "cat", "owl"], ["cat"], "the old names have 'cat' more than once"),
        (["cat", "dog"], ["cat"], r"fc\.weight has 3 classes, but 2 names were given"),
    ]:
        with pytest.raises((ValueError, CheckpointError), match=words):
            with_classes(tmp_path / "runs" / "a.pt", old, new)
    torch.save({"0.weight": torch.rand(3, 2)}, tmp_path / "plain.pt")
    with pytest.raises(CheckpointError, match="none of its tensors is named as a head"):
        with_classes(tmp_path / "plain.pt", ["a", "b", "c"], ["a"])


def test_cards_say_the_classes_there_are(write_checkpoint: WriteCheckpoint) -> None:
    path = write_checkpoint("a", TINY.build().state_dict(), architecture=TINY.to_json())
    names = [str(number) for number in range(TINY.classes)]
    file = with_classes(path, names, ["3", "1"])
    assert models.model_from_json(file.card.architecture).classes == 2
    transformers = pytest.importorskip("transformers")
    config = transformers.BertConfig(vocab_size=9, hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
                                     intermediate_size=8, num_labels=3)  # fmt: skip
    card = models.transformers(config).to_json()
    text = write_checkpoint("b", transformers.BertForSequenceClassification(config).state_dict(), architecture=card)
    model = models.model_from_json(with_classes(text, ["x", "y", "z"], ["z", "x"]).card.architecture)
    assert model.classes == 2
    assert models.guess(with_classes(text, ["x", "y", "z"], ["z", "x"]).tensors) == []
    assert models.fits(model, with_classes(text, ["x", "y", "z"], ["z", "x"]).tensors)
    other = write_checkpoint("c", TINY.build().state_dict(), architecture=TINY.to_json())
    pool = Pool.open([file, other], head_from="a", heads="replace")
    assert pool.architecture_card == file.card.architecture


def test_which_tensors_are_the_head() -> None:
    networks: dict[str, tuple[nn.Module, str]] = {
        "resnet": (torchvision.models.resnet18(num_classes=3), "fc"),
        "vgg": (timm.create_model("vgg11", num_classes=3), "head.fc"),
        "alexnet": (torchvision.models.alexnet(num_classes=3), "classifier.6"),
        "squeezenet": (torchvision.models.squeezenet1_1(num_classes=3), "classifier.1"),
        "vit": (timm.create_model("test_vit", num_classes=3), "head"),
        "torchvision's vit": (
            torchvision.models.VisionTransformer(16, 8, 1, 2, 16, 32, num_classes=3), "heads.head"
        ),
        "clip": (TINY.build("meta"), "head"),
    }  # fmt: skip
    for kind, (network, layer) in networks.items():
        infos = {n: TensorInfo(tuple(t.shape), t.dtype) for n, t in network.state_dict().items()}
        wanted = [name for name in (f"{layer}.weight", f"{layer}.bias") if name in infos]
        assert head_of(infos) == wanted, kind
