"""Training files keep their weights under any key: what is taken, and what is said when it is not clear."""

from __future__ import annotations

import types
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from soupwidgets import CheckpointError
from soupwidgets.checkpoints import CheckpointFile

MODEL = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))
STATE = MODEL.state_dict()
OTHER = {name: tensor + 1 for name, tensor in STATE.items()}


def saved(path: Path, value: Any) -> Path:
    torch.save(value, path)
    return path


def assert_taken(file: CheckpointFile, expected: dict[str, torch.Tensor]) -> None:
    read = dict(file.read())
    assert sorted(read) == sorted(expected)
    assert all(torch.equal(read[name], tensor) for name, tensor in expected.items())


def imagenet_example() -> dict[str, Any]:
    """What PyTorch's own ImageNet example saves: the best accuracy is a tensor."""
    optimizer = torch.optim.SGD(MODEL.parameters(), 0.1, momentum=0.9)
    MODEL(torch.randn(5, 3)).sum().backward()
    optimizer.step()
    return {
        "epoch": 3,
        "arch": "resnet18",
        "state_dict": {name: tensor.clone() for name, tensor in STATE.items()},
        "best_acc1": torch.tensor(71.5),
        "optimizer": optimizer.state_dict(),
        "scheduler": {"last_epoch": 3},
    }


def test_a_tensor_at_the_top_makes_no_weights(tmp_path: Path) -> None:
    value = imagenet_example()
    value |= {"epoch": torch.tensor(3), "rng_state": torch.get_rng_state(), "losses": torch.rand(50)}
    assert_taken(CheckpointFile(saved(tmp_path / "m.pth.tar", value)), value["state_dict"])
    for left in ({"best_acc1": torch.tensor(71.5)}, {"rng_state": torch.get_rng_state()}, {"epoch": torch.tensor([3])}):
        path = saved(tmp_path / "none.pt", {"arch": "resnet18", **left})
        with pytest.raises(CheckpointError, match=r"no weights were found in it \(it holds: arch, "):
            CheckpointFile(path)


@pytest.mark.parametrize("key", ["sd", "model_sd", "student", "teacher", "encoder", "backbone", "state", "whatever"])
@pytest.mark.parametrize("pack", [dict, OrderedDict, "module"])
def test_any_key(tmp_path: Path, key: str, pack: Callable[[Any], Any] | str) -> None:
    history = {"loss": torch.rand(1000), "accuracy": torch.rand(1000), "val.acc": torch.tensor(0.5)}
    beside = {"history": history, "hyper_parameters": {"lr": 1e-3}, "args": types.SimpleNamespace(lr=1e-3)}
    inner = MODEL if isinstance(pack, str) else pack(STATE)
    value = {"curves": history, **beside, key: inner, "optimizer": torch.optim.AdamW(MODEL.parameters()).state_dict()}
    file = CheckpointFile(saved(tmp_path / "m.pt", value))
    assert_taken(file, STATE)
    assert file.parts == [key]


def test_nested_parts_are_named_with_dots(tmp_path: Path) -> None:
    value = {"state": {"model": STATE, "epoch": 3}, "config": {"model": {"width": 3}}, "ema": {"shadow": OTHER}}
    path = saved(tmp_path / "m.pt", value)
    assert CheckpointFile(path).parts == ["state.model", "ema.shadow"]
    assert_taken(CheckpointFile(path), STATE)
    assert_taken(CheckpointFile(path, "state.model"), STATE)
    assert_taken(CheckpointFile(path, "ema.shadow"), OTHER)
    assert_taken(CheckpointFile(saved(path, {"a.b": {"c": OTHER}}), "a.b.c"), OTHER)
    assert_taken(CheckpointFile(saved(path, [3, {"model": OTHER}])), OTHER)


def test_what_is_not_clear_is_listed_and_can_be_chosen(tmp_path: Path) -> None:
    path = saved(tmp_path / "m.pt", {"student": STATE, "teacher": OTHER, "epoch": 3})
    with pytest.raises(CheckpointError) as caught:
        CheckpointFile(path)
    for words in ("2 sets of weights", "student (9 tensors), teacher (9 tensors)", "part='student'", "--part student"):
        assert words in str(caught.value)
    assert_taken(CheckpointFile(path, "teacher"), OTHER)
    with pytest.raises(CheckpointError, match=r"no part 'techer'; it has student \(9 tensors\), teacher"):
        CheckpointFile(path, "techer")
    # A backbone alone would be a model without its head.
    saved(path, {"backbone": STATE, "head": nn.Linear(4, 2).state_dict()})
    with pytest.raises(CheckpointError, match=r"2 sets of weights: backbone \(9 tensors\), head \(2 tensors\)"):
        CheckpointFile(path)
    # Two averages, and nothing else.
    saved(path, {"ema_0.99": STATE, "ema_0.999": OTHER})
    with pytest.raises(CheckpointError, match="2 sets of weights"):
        CheckpointFile(path)
    assert_taken(CheckpointFile(path, "ema_0.999"), OTHER)


def test_what_stands_beside_the_weights_is_taken_when_it_is_asked_for(tmp_path: Path) -> None:
    value = {"sd": STATE, "optimizer": {"momentum": OTHER}}
    path = saved(tmp_path / "m.pt", value)
    assert CheckpointFile(path).parts == ["sd"]
    assert_taken(CheckpointFile(path, "optimizer.momentum"), OTHER)


def test_arrays_at_the_top_are_not_dropped_for_what_lies_deeper(tmp_path: Path) -> None:
    value = {"embedding": torch.rand(4, 4), "blocks": STATE}
    path = saved(tmp_path / "m.pt", value)
    with pytest.raises(CheckpointError, match=r"2 sets of weights: blocks \(9 tensors\), \. \(1 tensors\)"):
        CheckpointFile(path)
    assert_taken(CheckpointFile(path, "."), {"embedding": value["embedding"]})
    assert_taken(
        CheckpointFile(saved(path, {"w": torch.ones(2), "v": torch.ones(1)})), {"w": torch.ones(2), "v": torch.ones(1)}
    )


def test_names_and_modules_without_end(tmp_path: Path) -> None:
    module: dict[str, Any] = {"state": STATE}
    for _ in range(200):
        module = {"x" * 900: module, "y": module}  # twice the same: 2 ** 200 paths
    with pytest.raises(CheckpointError, match="no weights"):
        CheckpointFile(saved(tmp_path / "m.pt", module))


def test_notes_among_flat_weights_are_none(tmp_path: Path) -> None:
    notes = {"best_acc1": torch.tensor(71.5), "epoch": torch.tensor(3), "rng_state": torch.get_rng_state()}
    assert_taken(CheckpointFile(saved(tmp_path / "m.pt", {**STATE, **notes})), STATE)
    # A single number that is a weight.
    scaled = {**STATE, "logit_scale": torch.tensor(4.6)}
    assert_taken(CheckpointFile(saved(tmp_path / "clip.pt", {**scaled, **notes})), scaled)
