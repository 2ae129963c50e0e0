"""--model: what checkpoints belong to, where no card says it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import timm
import torch
from torch import nn

import soupwidgets as sw
from soupwidgets import Evaluator, Pool, Store, Suite, models
from soupwidgets.commands.options import named_model
from tests.command import run

FILE = """
import soupwidgets as sw
from torch import nn

def build():
    return nn.Sequential(nn.Flatten(), nn.Linear(3 * 28 * 28, 10))

def described():
    return sw.models.Custom(build, sw.models.Images(0.5, 0.5))
"""


@pytest.fixture
def pool(tmp_path: Path) -> Path:
    """Three linear classifiers without a card."""
    torch.manual_seed(0)
    folder = tmp_path / "runs"
    folder.mkdir()
    for name in ("zero", "one", "two"):
        torch.save(nn.Sequential(nn.Flatten(), nn.Linear(3 * 28 * 28, 10)).state_dict(), folder / f"{name}.pt")
    (tmp_path / "nets_of_mine.py").write_text(FILE)
    return folder


COMMANDS = {
    "sweep": "sweep --zero-shot zero --fine-tuned one --alphas 2 --model",
    "frontier": "frontier --model",
    "line": "landscape line --grid 2 --split val --checkpoints zero one --model",
    "diversity": "diversity --split test --model",
    "affinity": "augment affinity --zero-shot zero --augmentation flip --model zero --network",
    "paths": "spectrum paths --pairs 2 --samples 8 --model zero --network",
    "images": "spectrum images --images 2 --zero-shot zero --network",
    "soup": "soup uniform --out OUT --model",
    "a merge": "soup ties --zero-shot zero --out OUT --model",
}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_function_in_a_file_is_the_model_of_every_command(
    command: str, pool: Path, small_folder: Path, tmp_path: Path
) -> None:
    words = COMMANDS[command].replace("OUT", str(tmp_path / "out.pt")).split()
    places = ["--pool", str(pool), "--suite", str(small_folder), "--store", str(tmp_path / "store")]
    done = run(*words, f"{tmp_path}/nets_of_mine.py:described", *places, "--json", str(tmp_path / "found.json"))
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "found.json").read_text())
    if command == "sweep":
        given = models.Custom(lambda: nn.Sequential(nn.Flatten(), nn.Linear(3 * 28 * 28, 10)), models.Images(0.5, 0.5))
        ev = Evaluator(Pool.open(pool), Suite.open(small_folder), model=given, store=Store(tmp_path / "other"))
        assert found["alphas"][-1]["splits"]["test"]["accuracy"] == ev.evaluate("one").accuracy["test"]
    if command == "a merge":
        assert found["splits"]["test"]["accuracy"] > 0


def test_what_is_named_is_what_is_built(tmp_path: Path) -> None:
    assert named_model("timm:resnet10t", 7) == models.timm("resnet10t", 7)
    assert named_model("torchvision:resnet18", 7) == models.torchvision("resnet18", 7)
    with pytest.raises(ValueError, match="timm has no model 'resnet10'"):
        named_model("timm:resnet10", 7)
    with pytest.raises(ValueError, match=r"config\.json is missing"):
        named_model(f"transformers:{tmp_path}", 7)


def test_a_network_of_timm_by_its_name(small_folder: Path, tmp_path: Path) -> None:
    torch.manual_seed(0)
    (tmp_path / "runs").mkdir()
    for name in ("a", "b"):
        torch.save(timm.create_model("test_resnet", num_classes=10).state_dict(), tmp_path / "runs" / f"{name}.pt")
    done = run(
        "sweep", "--pool", str(tmp_path / "runs"), "--suite", str(small_folder), "--zero-shot", "a", "--fine-tuned",
        "b", "--alphas", "2", "--store", str(tmp_path / "store"), "--model", "timm:test_resnet",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_wrong_names_are_errors_not_tracebacks(pool: Path, small_folder: Path, tmp_path: Path) -> None:
    command = ["sweep", "--pool", str(pool), "--suite", str(small_folder), "--zero-shot", "zero", "--fine-tuned", "one"]
    for named, words in {
        f"{tmp_path}/nets_of_mine.py:builds": "has no function 'builds'; it has build, described",
        f"{tmp_path}/nets_of_mine.py:build": "give inputs=sw.Images(mean=..., std=...) with the model",
        "resnet18": "name a module and its function",
        "timm:resnet18": "the checkpoints have 1.bias",
    }.items():
        told = run(*command, "--store", str(tmp_path / "store"), "--model", named)
        assert (told.returncode, words in told.stderr) == (2, True), told.stderr
    told = run(*command)
    assert "no checkpoint of the pool states its architecture" in told.stderr
    assert sw.models.guess(Pool.open(pool).tensors) == []
