"""Image classifiers of timm that have tensors of given names and shapes, looked up in a list of all of its networks.

To build timm's networks one after the other until one fits took seconds, and left out those of which there are many.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from soupwidgets.models.model import Model
from soupwidgets.models.sources import timm

Shapes = Mapping[str, tuple[int, ...]]
# By the names of the last layers: the networks of each signature. `make timm-index` writes it.
INDEX = Path(__file__).with_name("timm_index.json")
# What the sizes of images and patches decide, which are options.
_FREE = ("pos_embed", "patch_embed.proj.weight", "relative_position_index", "relative_coords_table", "attn_mask")
_PATCH = re.compile(r"patch(\d+)_")
_USUAL_PATCH = "16"
_MOST_CLASSES = 1 << 20


def signature(shapes: Shapes, last: Sequence[str]) -> str:
    """A hash of the names and shapes of a network's tensors, but for what options and the number of classes decide.

    Parameters
    ----------
    shapes
        By name.
    last
        Names of the last layers.

    Examples
    --------
    >>> small, large = ({"conv.weight": (8, 3, 3, 3), "fc.weight": (n, 8)} for n in (2, 1000))
    >>> signature(small, ["fc"]) == signature(large, ["fc"])
    True
    """
    lines = sorted(
        f"{name} {list(shape)}"
        for name, shape in shapes.items()
        if name.rpartition(".")[0] not in last and not name.endswith(_FREE)
    )
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:10]


def timm_candidates(shapes: Shapes) -> Iterator[Model]:
    """Networks of timm with these tensors, whatever the number of classes and the size of images and patches.

    Parameters
    ----------
    shapes
        By name.
    """
    found = [
        (name, shapes[f"{last[0]}.weight"][0])
        for last, networks in _index()
        if all(f"{one}.weight" in shapes for one in last)
        for name in networks.get(signature(shapes, last), ())
    ]
    names = _of_patches([name for name, rows in found if rows <= _MOST_CLASSES], shapes)
    sizes: dict[str, tuple[str, int, dict[str, Any]]] = {}
    for name, rows in found:
        if name not in names:
            continue
        options: dict[str, Any] = {}
        if "patch_embed.proj.weight" in shapes and len(shapes.get("pos_embed", ())) == 3:
            patch = shapes["patch_embed.proj.weight"][-1]
            side = math.isqrt(shapes["pos_embed"][1]) * patch
            options = {} if name.endswith(f"_{side}") else {"img_size": side}
            options |= {} if f"patch{patch}_" in name else {"patch_size": patch}
        # Names that differ in the size of images are one network, of which the one without options is the plainest.
        plain = re.sub(r"_\d+$", "", name)
        if plain not in sizes or len(options) < len(sizes[plain][2]):
            sizes[plain] = name, rows, options
    for name, rows, options in sizes.values():
        try:
            yield timm(name, rows, **options)
        except ValueError:
            # An option that this one has not, or a network that this version of timm has not.
            continue


def _of_patches(names: Sequence[str], shapes: Shapes) -> list[str]:
    """Those named after the size of patches at hand, else after the usual one; and those that name none."""
    if "patch_embed.proj.weight" not in shapes:
        return list(names)
    sizes = {name: found[1] for name in names if (found := _PATCH.search(name))}
    own = str(shapes["patch_embed.proj.weight"][-1])
    wanted = next((size for size in (own, _USUAL_PATCH) if size in sizes.values()), None)
    return [name for name in names if name not in sizes or wanted in (None, sizes[name])]


@cache
def _index() -> list[tuple[list[str], dict[str, list[str]]]]:
    networks = json.loads(INDEX.read_text("utf-8"))["networks"]
    return [(last.split(" "), by_signature) for last, by_signature in networks.items()]
