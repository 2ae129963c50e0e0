"""Pools with one fault each, planted into a model of the zoo."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from soupwidgets import Pool
from soupwidgets.checkpoints import CARD_KEY
from tests.fixtures import ROOT

Weights = dict[str, Tensor]
FASHION, RESNET = ROOT / "data" / "zoo" / "fashion", ROOT / "data" / "zoo" / "resnet"
FOUR = ("zero-shot", "ft-00", "ft-03", "ft-05", "ft-10")


def weights(path: Path) -> tuple[Weights, dict[str, object]]:
    with safe_open(path, "pt") as file:
        card = json.loads(file.metadata()[CARD_KEY])
    return {name: one.float() if one.is_floating_point() else one for name, one in load_file(path).items()}, card


def planted_pool(
    folder: Path,
    change: Callable[[Weights], Weights],
    *,
    source: Path = FASHION,
    of: str = "ft-03",
    beside: tuple[str, ...] = FOUR,
    dtype: torch.dtype = torch.float16,
) -> Pool:
    """Models of a zoo, and ``planted``, which is a changed copy of one of them."""
    own, card = weights(source / f"{of}.safetensors")
    changed = {
        name: (one.to(dtype) if one.is_floating_point() else one).contiguous() for name, one in change(own).items()
    }
    path = folder / "planted.safetensors"
    save_file(changed, path, metadata={CARD_KEY: json.dumps({**card, "name": "planted", "role": "fine_tuned"})})
    return Pool.open([*(source / f"{name}.safetensors" for name in beside), path])


def random() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def noisy(own: Mapping[str, Tensor], size: float) -> Weights:
    seeded = random()
    return {
        name: one + size * one.std() * torch.randn(one.shape, generator=seeded) if one.ndim > 1 else one
        for name, one in own.items()
    }


def reordered(own: Mapping[str, Tensor]) -> Weights:
    """The same function: hidden units of all MLPs are in another order."""
    seeded, moved = random(), dict(own)
    for block in range(3):
        fc, proj = (f"visual.transformer.resblocks.{block}.mlp.{name}" for name in ("c_fc", "c_proj"))
        order = torch.randperm(len(own[f"{fc}.bias"]), generator=seeded)
        for name in (f"{fc}.weight", f"{fc}.bias"):
            moved[name] = own[name][order]
        moved[f"{proj}.weight"] = own[f"{proj}.weight"][:, order]
    return moved


def inflated(own: Mapping[str, Tensor], factor: float = 6.0) -> Weights:
    """The same function of a ResNet: what goes into batch normalisation is larger, and its statistics with it."""
    changed = dict(own)
    for name in own:
        if name.endswith("running_var"):
            norm = name.removesuffix(".running_var")
            conv = norm.removesuffix(".1") + ".0" if "downsample" in norm else re.sub(r"bn(\d)$", r"conv\1", norm)
            for scaled, by in ((f"{conv}.weight", factor), (f"{norm}.running_mean", factor), (name, factor**2)):
                changed[scaled] = own[scaled] * by
    return changed


def fresh_statistics(own: Mapping[str, Tensor]) -> Weights:
    new = {"running_mean": torch.zeros_like, "running_var": torch.ones_like}
    return {name: new.get(name.rpartition(".")[2], lambda one: one)(one) for name, one in own.items()}
