"""Which tensors share their hidden units, read from names and shapes; what is not understood is refused.

Names do not show everything: see `find_groups` on what they leave open.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from soupwidgets.checkpoints import TensorInfo
from soupwidgets.methods.alignment.groups import Groups
from soupwidgets.methods.alignment.tracing import Modules, Tracing, not_understood

# Modules that are called one after the other, in the order of the patterns and of the number in a name.
CHAINS: Mapping[str, Sequence[str]] = {
    # nn.Sequential numbers its modules in the order in which it calls them.
    "a plain sequence of layers": (r"(\d+)",),
    # Numbers in hand-written classifiers count the layers.
    "convolutions and linear layers in a row": (r"conv(\d+)", r"fc(\d*)"),
    # VGG and AlexNet of torchvision, CIFAR versions with one linear layer at the end, and timm's VGG.
    "a VGG-like network": (r"features\.(\d+)", r"pre_logits\.fc(\d+)", r"classifier(?:\.(\d+))?", r"head\.fc"),
}
# torchvision and timm; the second as CIFAR versions call it.
_SHORTCUTS, _HEADS = ("downsample", "shortcut"), ("fc", "linear")
# Where open_clip keeps a tower of timm's; what comes after it reads its output.
_TOWER, _AFTER = "visual.trunk.", ("visual.head.proj", "head")
_BLOCK = re.compile(r"layer(\d+)\.(\d+)\.(.+)")
_CONV = re.compile(r"(?:.*\.)?layer\d+\.\d+\.conv\d+")


def find_groups(tensors: Mapping[str, TensorInfo]) -> Groups:
    """Find the groups of hidden units that may be permuted.

    Parameters
    ----------
    tensors
        Names and shapes of all tensors of a network.

    Returns
    -------
    Groups
        Every axis of every tensor is along a group or stays as it is (inputs, classes, kernels).

    Raises
    ------
    ValueError
        When the network is of no known family, or its shapes are not those of the family; says what was not
        understood.

    Notes
    -----
    Known are plain sequences of linear layers, convolutions and batch normalisation (MLPs, VGG, AlexNet) and plain
    ResNets with basic or bottleneck blocks. Names and shapes do not show what is computed without weights: a
    hand-written model with such names that adds shortcuts of its own, shuffles channels, or flattens with channels
    last is not noticed. Compare the logits of both files where that may be so.

    Examples
    --------
    >>> import torch
    >>> shapes = {"0.weight": (5, 3), "0.bias": (5,), "2.weight": (2, 5), "2.bias": (2,)}
    >>> find_groups({name: TensorInfo(shape, torch.float32) for name, shape in shapes.items()}).sizes
    {'0': 5}
    """
    modules = Modules(tensors)
    residual = any(_CONV.fullmatch(name) for name in modules)
    groups = (_resnet(modules) if residual else _chain(modules)).groups()
    if not groups.sizes:
        raise not_understood("it has no hidden layer, so there is nothing to permute")
    groups.check({name: info.shape for name, info in tensors.items()})
    return groups


def _chain(modules: Modules) -> Tracing:
    for family, patterns in CHAINS.items():
        placed = {}
        for name in modules:
            for i, pattern in enumerate(patterns):
                if found := re.fullmatch(pattern, name):
                    # A name without a number comes after those with one.
                    number = next(iter(found.groups()), None)
                    placed[name] = (i, int(number) if number else float("inf"))
        if len(placed) == len(modules):
            tracing = Tracing(family, modules)
            in_order = sorted(placed, key=lambda name: placed[name])
            layers = [name for name in in_order if modules.is_layer(name)]
            if not layers or in_order[-1] != layers[-1]:
                raise not_understood("it does not end with a linear layer or a convolution")
            tracing.chain(in_order, None, last=None)
            return tracing
    raise not_understood(
        f"modules are named {modules.some()}. Known are ResNets (layer1.0.conv1), VGG-like networks (features.0, "
        "classifier.0), sequences (0, 2, ...) and layers in a row (conv1, fc1)"
    )


def _resnet(modules: Modules) -> Tracing:
    prefix = _TOWER if any(name.startswith(_TOWER) for name in modules) else ""
    own = [name.removeprefix(prefix) for name in modules if name.startswith(prefix)]
    tracing = Tracing("a ResNet", modules)
    stem = _numbered("conv1", own)
    if f"{prefix}bn1" not in modules:
        raise not_understood("no batch normalisation bn1 after the first convolution: are its blocks pre-activated?")
    stream = tracing.chain([prefix + name for name in (*stem, "bn1")], None, last="stem")
    blocks: dict[tuple[int, int], list[str]] = {}
    for name in own:
        if found := _BLOCK.fullmatch(name):
            blocks.setdefault((int(found[1]), int(found[2])), []).append(found[3])
    for stage, number in sorted(blocks):
        within = f"{prefix}layer{stage}.{number}."
        stream = _residual_block(tracing, within, blocks[stage, number], stream)
    ends = [name for name in (*(prefix + head for head in _HEADS), *(_AFTER if prefix else ())) if name in modules]
    if not ends:
        raise not_understood("no linear layer at its end (fc or linear)")
    tracing.layer(ends[0], stream, None)
    # They read embeddings, whose order stays.
    for name in ends[1:]:
        tracing.layer(name, None, None)
    return tracing


def _residual_block(tracing: Tracing, within: str, names: Sequence[str], stream: str | None) -> str | None:
    """Follow a block: its branch and its shortcut are added, so both end in the same order of channels."""
    shortcut = [name for short in _SHORTCUTS for name in _numbered(short, names) if name in names]
    count = sum(bool(re.fullmatch(r"conv\d+", name)) for name in names)
    branch = [f"{kind}{i}" for i in range(1, count + 1) for kind in ("conv", "bn")]
    if set(branch) | set(shortcut) != set(names) or count < 2:
        odd = sorted(set(branch) ^ (set(names) - set(shortcut))) or sorted(names)
        raise not_understood(f"{within[:-1]} is no plain residual block: look at {', '.join(odd[:3])} in it")
    end = stream
    if shortcut:
        end = tracing.chain([within + name for name in shortcut], stream, last=within[:-1])
        kinds = [tracing.modules.is_layer(within + name) for name in shortcut]
        if kinds != [True, False]:
            raise not_understood(f"{within}{shortcut[0]} is no convolution with one batch normalisation")
    elif end is not None and tracing.width(within + branch[-2]) != tracing.sizes[end]:
        raise not_understood(
            f"{within[:-1]} goes from {tracing.sizes[end]} to {tracing.width(within + branch[-2])} channels without a "
            "convolution on its shortcut: padded channels cannot be reordered on their own"
        )
    tracing.chain([within + name for name in branch], stream, last=end)
    return end


def _numbered(name: str, names: Sequence[str]) -> list[str]:
    """The module of a name, or the numbered modules within it, in their order."""
    inside = [other for other in names if re.fullmatch(rf"{name}\.\d+", other)]
    return sorted(inside, key=lambda other: int(other.rpartition(".")[2])) or [name]
