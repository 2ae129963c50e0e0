"""Blocks of layers, and how deep in its network each tensor lies."""

from __future__ import annotations

import re
from collections.abc import Sequence

from soupwidgets.models.architecture import Architecture
from soupwidgets.models.execution import execution_order
from soupwidgets.models.named_order import named_order

# Names of open_clip, timm, torchvision and transformers. The outermost number counts, or that of a stage and its block.
_BLOCK = re.compile(
    r"^((?:.*?\.)??(?:"
    r"stages\.\d+\.(?:blocks\.)?\d+|layers\.\d+\.blocks\.\d+|blocks\.\d+\.\d+|layer\d+\.\d+"
    r"|(?:stages|layers)\.\d+(?!\d|\.downsample)|(?:resblocks|blocks|block|layer|h)\.\d+|encoder_layer_\d+|s\d+\.b\d+"
    r"))\."
)


def block_of(name: str) -> str:
    """The block of layers that a tensor belongs to, or its own name.

    Examples
    --------
    >>> block_of("visual.transformer.resblocks.3.mlp.c_fc.weight"), block_of("visual.proj")
    ('visual.transformer.resblocks.3', 'visual.proj')
    >>> block_of("bert.encoder.layer.11.output.dense.bias"), block_of("visual.layer2.0.downsample.0.weight")
    ('bert.encoder.layer.11', 'visual.layer2.0')
    """
    match = _BLOCK.match(name)
    return match[1] if match else name


def network_order(tensors: Sequence[str], architecture: Architecture | None = None) -> list[str]:
    """The tensors in the order in which their network uses them.

    Parameters
    ----------
    tensors
        Names.
    architecture
        What they belong to, if that is known: it is then run. By their names otherwise, as in `named_order`.

    Raises
    ------
    ValueError
        When the names are of no network whose order is known; the message names them.
    """
    if architecture is not None:
        try:
            order = execution_order(architecture)
        except Exception:
            # Whatever a network says that cannot be built, or run without memory: its names may still tell.
            order = []
        if set(order) >= set(tensors):
            return [name for name in order if name in set(tensors)]
    return named_order(tensors)


def layer_depth(order: Sequence[str]) -> dict[str, int]:
    """The layer of every tensor, counted from 0; blocks are the layers.

    Parameters
    ----------
    order
        Names in the order of the network, as `network_order` gives them.

    Returns
    -------
    dict[str, int]
        What lies before a block (stem, embeddings, the downsampling between two stages) has the
        depth of that block; what lies behind the last (final norm, pooling, head) has the depth of the last.

    Examples
    --------
    >>> layer_depth(["conv1.weight", "layer1.0.conv1.weight", "layer1.1.conv1.weight", "fc.weight"])
    {'conv1.weight': 0, 'layer1.0.conv1.weight': 0, 'layer1.1.conv1.weight': 1, 'fc.weight': 1}
    """
    blocks = list(dict.fromkeys(block for name in order if (block := block_of(name)) != name))
    layers = {block: layer for layer, block in enumerate(blocks)}
    last = max(len(blocks) - 1, 0)
    found: dict[str, int] = {}
    ahead = last
    for name in reversed(order):
        ahead = layers.get(block_of(name), ahead)
        found[name] = ahead
    return {name: found[name] for name in order}
