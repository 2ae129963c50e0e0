"""The list of timm's networks by which weights are recognised: `python -m tests.models.timm_index` writes it.

Builds every network of timm on the meta device, which takes some minutes.
"""

from __future__ import annotations

import json
from typing import Any

import timm
import torch

from soupwidgets.models.guess_timm import INDEX, signature


def entry(name: str) -> tuple[str, str] | None:
    """Names of the last layers, and the signature; None for a network that does not classify."""
    config = timm.get_pretrained_cfg(name)
    if config is None or not config.classifier:
        return None
    last = [config.classifier] if isinstance(config.classifier, str) else list(config.classifier)
    with torch.device("meta"):
        tensors = timm.create_model(name, pretrained=False).state_dict()
    return " ".join(last), signature({key: tuple(tensor.shape) for key, tensor in tensors.items()}, last)


def write() -> None:
    """Make the list anew."""
    networks: dict[str, dict[str, list[str]]] = {}
    for name in timm.list_models():
        if found := entry(name):
            networks.setdefault(found[0], {}).setdefault(found[1], []).append(name)
    said: dict[str, Any] = {"timm": timm.__version__, "networks": networks}
    INDEX.write_text(json.dumps(said, indent=0) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write()
