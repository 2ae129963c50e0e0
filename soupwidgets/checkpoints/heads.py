"""The head of a classifier: which tensors it is, how many classes it has, and those of other classes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from soupwidgets.checkpoints.adapters import with_tensors
from soupwidgets.checkpoints.downloads import locate
from soupwidgets.checkpoints.errors import CheckpointError
from soupwidgets.checkpoints.file import CheckpointFile
from soupwidgets.checkpoints.safetensors_files import TensorInfo

_NAMED = re.compile(
    r"^(?:(?!.*visual\.).*\.)?(?:classification_head|head|heads|head_dist|classifier|fc|last_linear|score)"
    r"(?:\.[\w.]+)?\.(?:weight|bias)$"
)
_SHOWN = 8


def head_of(tensors: Mapping[str, TensorInfo]) -> list[str]:
    """The weight and bias of the last linear layer that is named as a head.

    Parameters
    ----------
    tensors
        Shapes by name.

    Returns
    -------
    list[str]
        Empty when no name says so: then only a comparison with another checkpoint can tell.

    Examples
    --------
    >>> def info(*shape): return TensorInfo(shape, torch.float32)
    >>> features, hidden = {"features.0.weight": info(8, 3, 3, 3)}, {"classifier.0.weight": info(16, 8)}
    >>> head_of({**features, **hidden, "classifier.3.weight": info(5, 16), "classifier.3.bias": info(5)})
    ['classifier.3.weight', 'classifier.3.bias']
    """
    layers = {}
    for name, info in tensors.items():
        if _NAMED.match(name) and name.endswith(".weight") and _is_linear(info.shape):
            layers[name.removesuffix(".weight")] = [int(part) for part in name.split(".") if part.isdigit()]
    if not layers:
        return []
    last = max(layers, key=lambda layer: (layers[layer], layer))
    return [name for name in (f"{last}.weight", f"{last}.bias") if name in tensors]


def different_heads(checkpoints: Mapping[str, CheckpointFile]) -> list[str]:
    """The tensors in which checkpoints have different numbers of classes, if that is all in which shapes differ.

    Parameters
    ----------
    checkpoints
        By name, with tensors of the same names.

    Returns
    -------
    list[str]
        Tensors of one layer (or of layers named as heads) that differ in their first axis alone; empty when nothing
        differs, or other tensors do too.
    """
    first, *others = checkpoints.values()
    if any(file.tensors.keys() != first.tensors.keys() for file in others):
        return []
    found = []
    for name, info in first.tensors.items():
        shapes = {tuple(file.tensors[name].shape) for file in (first, *others)}
        if len(shapes) == 1:
            continue
        if len({shape[1:] for shape in shapes}) > 1 or not info.shape:
            return []
        found.append(name)
    counts = {tuple(file.tensors[name].shape[0] for file in checkpoints.values()) for name in found}
    one_layer = len({name.rpartition(".")[0] for name in found}) == 1 or all(map(_NAMED.match, found))
    return found if len(counts) == 1 and one_layer else []


def with_head_of(file: CheckpointFile, lender: CheckpointFile, names: Sequence[str]) -> CheckpointFile:
    """The checkpoint with some tensors of another one, and so its classes.

    Parameters
    ----------
    file
        Whose other tensors are kept.
    lender
        Whose head it gets; the model that its card states is stated for both.
    names
        The head's tensors.
    """
    head = {name: tensor.clone() for name, tensor in lender.read() if name in set(names)}
    other = with_tensors(file, head, without=head_of(file.tensors))
    if file.card.architecture is not None:
        other.card = replace(file.card, architecture=lender.card.architecture)
    return other


def with_classes(
    file: str | Path | CheckpointFile, old_names: Sequence[str], new_names: Sequence[str]
) -> CheckpointFile:
    """A checkpoint whose head has other classes, or the same ones in another order: rows are chosen by name.

    Parameters
    ----------
    file
        A checkpoint, or the path or published name of one.
    old_names
        Names of the classes, in the order of the head's rows.
    new_names
        Those that are wanted, in the order that is wanted; each is one of the old ones.

    Returns
    -------
    CheckpointFile
        To open in a pool: ``Pool.open([with_classes("a.pt", old, suite.classes), "b.pt"])``. Nothing else is changed.

    Raises
    ------
    ValueError
        When a name is missing, or there twice.
    CheckpointError
        When no tensor is named as a head, or it has another number of rows than there are names.

    Examples
    --------
    >>> from soupwidgets.suites import Suite
    >>> names = list(Suite.open("data/suites/fashion").classes)
    >>> two = with_classes("data/zoo/fashion/ft-03.safetensors", names, [names[7], names[2]])
    >>> two.tensors["head.weight"].shape[0], two.card.architecture["classes"]
    (2, 2)
    """
    opened = file if isinstance(file, CheckpointFile) else CheckpointFile(locate(file))
    for which, names in (("old", old_names), ("new", new_names)):
        twice = sorted({name for name in names if list(names).count(name) > 1})
        if twice:
            raise ValueError(f"the {which} names have {_some(twice)} more than once")
    missing = [name for name in new_names if name not in set(old_names)]
    if missing:
        raise ValueError(
            f"{opened.path}: its head has no class {_some(missing)}; it has {_some(old_names)}. A class that it was "
            "never trained for has no row to choose: leave it out, or take the head of another checkpoint"
        )
    names_of_head = head_of(opened.tensors)
    if not names_of_head:
        raise CheckpointError(
            opened.path, "none of its tensors is named as a head (head, heads, fc, classifier, score)"
        )
    rows = opened.tensors[names_of_head[0]].shape[0]
    if rows != len(old_names):
        raise CheckpointError(
            opened.path, f"its head {names_of_head[0]} has {rows} classes, but {len(old_names)} names were given"
        )
    chosen = torch.tensor([list(old_names).index(name) for name in new_names], dtype=torch.int64)
    head: dict[str, Tensor] = {n: t[chosen].clone() for n, t in opened.read() if n in set(names_of_head)}
    other = with_tensors(opened, head)
    other.card = replace(opened.card, architecture=_with_labels(opened.card.architecture, new_names))
    return other


def _with_labels(card: Mapping[str, Any] | None, names: Sequence[str]) -> Mapping[str, Any] | None:
    """What a card says of the model, with these classes."""
    if card is None:
        return None
    if "classes" in card:
        return {**card, "classes": len(names)}
    if isinstance(card.get("config"), Mapping):
        config = {key: value for key, value in card["config"].items() if key != "num_labels"}
        config |= {"id2label": {str(i): name for i, name in enumerate(names)}}
        config |= {"label2id": {name: i for i, name in enumerate(names)}}
        return {**card, "config": config}
    return card


def _is_linear(shape: Sequence[int]) -> bool:
    return len(shape) == 2 or (len(shape) == 4 and tuple(shape[2:]) == (1, 1))


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(map(repr, names[:_SHOWN])) + more
