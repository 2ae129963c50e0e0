"""Models from the cards of checkpoints: a card may name a source, and nothing else is run for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from soupwidgets.models.architecture import Architecture
from soupwidgets.models.model import Model
from soupwidgets.models.plain import require_moderate
from soupwidgets.models.sources import Transformers, timm, torchvision


def model_from_json(card: Mapping[str, Any]) -> Model:
    """The model that a card describes.

    Parameters
    ----------
    card
        From `Model.to_json`, or from a stranger's file. Only names that timm, torchvision, transformers and open_clip
        know are built, with plain options; no other code is imported.

    Raises
    ------
    ValueError
        When an entry is missing, unknown or not plain, or when the model is one that only its author's code builds.

    Examples
    --------
    >>> model_from_json({"source": "torchvision", "name": "resnet18", "classes": 3, "mean": 0.5, "std": 0.5}).classes
    3
    """
    said = dict(card)
    require_moderate(said, "a card's architecture")
    source = said.pop("source", "open_clip")
    if source == "open_clip":
        return Architecture.from_json(said)
    if source == "custom":
        raise ValueError(
            f"its network is built by code of its own ({said.get('name')!r:.200}), which a file cannot bring along: "
            "give it, as in Evaluator(pool, suite, model=build_my_net) or --model my_package.networks:build"
        )
    if source not in ("timm", "torchvision", "transformers"):
        raise ValueError(f"{source!r:.100} is not a source of networks that is known here")
    try:
        if source == "transformers":
            return Transformers(**said)
        options, size = said.pop("options", {}), said.pop("image_size", None)
        if not isinstance(options, Mapping) or not isinstance(said.get("name"), str):
            raise ValueError("not an architecture card: its options are not a JSON object, or its name is no string")
        known = timm if source == "timm" else torchvision
        return known(**said, image_size=None if size is None else tuple(size), **options)
    except TypeError as error:
        raise ValueError(f"not an architecture card: {error}") from error
