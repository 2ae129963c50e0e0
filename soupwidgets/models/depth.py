"""Blocks of layers, and how deep in the network each tensor is."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from soupwidgets.models.execution import execution_order
from soupwidgets.models.model import Model
from soupwidgets.models.named_order import named_order

# Names used by open_clip, timm, torchvision and transformers. The outermost number counts, or those of stage and block.
_BLOCK = re.compile(
    r"^((?:.*?\.)??(?:"
    r"stages\.\d+\.(?:blocks\.)?\d+|layers\.\d+\.blocks\.\d+|blocks\.\d+\.\d+|layer\d+\.\d+"
    r"|(?:stages|layers)\.\d+(?!\d|\.downsample)|(?:resblocks|blocks|block|layer|h)\.\d+|encoder_layer_\d+|s\d+\.b\d+"
    r"))\."
)


def block_of(name: str) -> str:
    """The block of layers that a tensor belongs to, or the tensor's own name if it belongs to none.

    Examples
    --------
    >>> block_of("visual.transformer.resblocks.3.mlp.c_fc.weight"), block_of("visual.proj")
    ('visual.transformer.resblocks.3', 'visual.proj')
    >>> block_of("bert.encoder.layer.11.output.dense.bias"), block_of("visual.layer2.0.downsample.0.weight")
    ('bert.encoder.layer.11', 'visual.layer2.0')
    """
    match = _BLOCK.match(name)
    return match[1] if match else name


def network_order(
    tensors: Sequence[str],
    architecture: Model | None = None,
    *,
    form: Mapping[str, tuple[tuple[int, ...], str]] | None = None,
) -> list[str]:
    """The tensors in the order in which their network uses them.

    Parameters
    ----------
    tensors
        Names of the tensors.
    architecture
        What they belong to, if known: it is then run to find the order. Otherwise names decide, as in `named_order`.
    form
        Of an example, as in ``split.form``, if it is known: a network that takes arrays cannot be run without.

    Raises
    ------
    ValueError
        When the names belong to no known kind of network; the message lists them.
    """
    if architecture is not None:
        try:
            order = execution_order(architecture, tensors, form=form)
        except Exception:
            # Any error of a network that cannot be built, or run on the meta device: its names may still be known.
            order = []
        if set(order) >= set(tensors):
            return [name for name in order if name in set(tensors)]
    return named_order(tensors)


def layer_depth(order: Sequence[str]) -> dict[str, int]:
    """The layer of every tensor, counted from 0; each block is a layer.

    Parameters
    ----------
    order
        Names in the order of the network, as `network_order` gives them.

    Returns
    -------
    dict[str, int]
        Tensors before a block (stem, embeddings, the downsampling between two stages) have the
        depth of that block; those after the last (final norm, pooling, head) have the depth of the last.

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
