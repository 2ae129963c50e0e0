"""Every block of Python on the page for one's own checkpoints runs, with small networks and arrays made first."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
import torchvision
from torch import nn

import soupwidgets as sw
from tests.fixtures import ROOT

peft = pytest.importorskip("peft")
transformers = pytest.importorskip("transformers")

BLOCKS = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "your-own.md").read_text(), re.DOTALL)
NETWORKS = """
from torch import nn

def build():
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3))
"""
SIZES = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8, "num_labels": 3}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The files that the page opens, in the working folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    np.save("images.npy", rng.integers(0, 256, (24, 32, 32, 3), dtype=np.uint8))
    np.save("labels.npy", np.arange(24) % 3)
    np.save("tokens.npy", rng.integers(1, 30, (24, 6)))
    np.save("rows.npy", rng.random((24, 5)))
    (tmp_path / "my_networks.py").write_text(NETWORKS)
    # Another test of this process may have had a file of that name.
    sys.modules.pop("my_networks", None)
    from my_networks import build

    def resnet(classes: int = 3) -> nn.Module:
        return torchvision.models.resnet18(num_classes=classes)

    small = {"img_size": 32, "depth": 2}
    for name, make in {
        "resnet": resnet,
        "heads": resnet,
        "vit": lambda: timm.create_model("vit_tiny_patch16_224", num_classes=3, **small),
        "own": build,
        "mlp": lambda: nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Linear(8, 3)),
    }.items():
        Path(name).mkdir()
        for which in ("before", "after"):
            other = name == "heads" and which == "after"
            torch.save((resnet(4) if other else make()).state_dict(), f"{name}/{which}.pt")
    text = transformers.BertConfig(vocab_size=30, max_position_embeddings=8, **SIZES)
    picture = transformers.ViTConfig(image_size=32, patch_size=16, **SIZES)
    for which in ("before", "after"):
        transformers.ViTForImageClassification(picture).save_pretrained(f"hf-vit/{which}")
        transformers.BertForSequenceClassification(text).save_pretrained(f"bert/{which}")
    base = transformers.BertForSequenceClassification.from_pretrained("bert/before")
    adapted = peft.get_peft_model(base, peft.LoraConfig(task_type="SEQ_CLS", r=2))
    for name, parameter in adapted.named_parameters():
        if "lora_B" in name:
            # Not trained yet, it would change nothing.
            nn.init.normal_(parameter)
    adapted.save_pretrained("lora")
    yield tmp_path
    sys.modules.pop("my_networks", None)


def test_the_page_is_short_and_every_way_ends_with_a_slider() -> None:
    assert len(BLOCKS) >= 10
    for block in BLOCKS:
        assert len([line for line in block.splitlines() if line]) <= 8
        assert "AlphaExplorer(" in block.splitlines()[-1] or "sw.Suite.of(" in block.splitlines()[-1]


def test_every_block_runs_and_its_slider_has_numbers(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[Any] = []
    explorer = sw.widgets.AlphaExplorer
    monkeypatch.setattr(sw.widgets, "AlphaExplorer", lambda ev: opened.append(explorer(ev)))
    names: dict[str, Any] = {}
    try:
        for block in BLOCKS:
            exec(block, names)
        assert len(opened) == sum("AlphaExplorer" in block for block in BLOCKS)
        for one in opened:
            ev = one.ev
            first, second = ev.pool.zero_shot, ev.pool.fine_tuned[0]
            found = [ev.evaluate({first: 1 - alpha, second: alpha}, "val").logits["val"] for alpha in (0.25, 0.75)]
            assert np.isfinite(found).all()
            assert not np.allclose(*found)
    finally:
        for one in opened:
            one.close()
