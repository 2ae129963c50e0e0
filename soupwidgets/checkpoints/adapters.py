"""Checkpoints from other projects as image classifiers: tensors renamed, text tower dropped, head replaced."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from soupwidgets.checkpoints.adapted import AdapterFile
from soupwidgets.checkpoints.errors import CheckpointError
from soupwidgets.checkpoints.file import CheckpointFile
from soupwidgets.checkpoints.file_bytes import Pieces
from soupwidgets.checkpoints.safetensors_files import TensorInfo
from soupwidgets.checkpoints.sources import Source

_HEAD = re.compile(r"^(?:(?!.*visual\.).*\.)?(?:classification_head|head|classifier|fc)\.(weight|bias)$")
_VISUAL = re.compile(r"^(.*?)visual\.")


class RenamedSource:
    """Some tensors of another source under new names, plus some extra ones.

    Parameters
    ----------
    source
        The source that is read.
    names
        New name to old name; tensors without a new name are left out.
    extra
        Tensors that are not in the file, by new name.
    """

    def __init__(self, source: Source, names: Mapping[str, str], extra: Mapping[str, Tensor]) -> None:
        self.files, self.stamps, self.metadata = source.files, source.stamps, source.metadata
        self.parts, self.refused = source.parts, source.refused
        self._source, self._extra = source, dict(extra)
        self._names = dict(names)
        infos = {new: source.tensors[old] for new, old in names.items()}
        infos |= {name: TensorInfo(tuple(t.shape), t.dtype) for name, t in extra.items()}
        self.tensors: Mapping[str, TensorInfo] = dict(sorted(infos.items()))

    def read(self, names: Iterable[str], pieces: Pieces) -> Iterator[tuple[str, Tensor]]:
        """Yield the flat pieces of tensors, in the order of their new names."""
        wanted = list(names)
        stream = self._source.read([self._names[name] for name in wanted if name not in self._extra], pieces)
        for name in wanted:
            extra = self._extra.get(name)
            for start, stop in pieces.spans(math.prod(self.tensors[name].shape)):
                yield name, next(stream)[1] if extra is None else extra.reshape(-1)[start:stop]


def as_classifier(
    file: CheckpointFile,
    head: Literal["own", "none"] | Tensor | str | Path | CheckpointFile = "own",
    *,
    head_bias: bool | Tensor = False,
    keep_text: bool = False,
) -> CheckpointFile:
    """Rename a checkpoint's tensors to ``visual.*``, ``head.weight`` and ``head.bias``.

    Understands the names used by open_clip and OpenAI (``visual.*``), by the
    released model soups (``model.visual.*``, ``classification_head.*``) and by
    the WiSE-FT release (``image_encoder.model.visual.*``). Nothing is copied:
    tensors are read when they are asked for. For a whole pool:
    ``Pool.open("models/*.pt", prepare=as_classifier)``.

    Parameters
    ----------
    file
        The checkpoint.
    head
        ``"own"`` takes the head in the file, ``"none"`` leaves it out (the
        backbone only). Or pass weights ``[classes, features]`` (from `prompt_head`), or
        another checkpoint to take the head from: this gives a zero-shot backbone the
        fine-tuned head.
    head_bias
        True adds a bias of zeros to a head without one, as in the releases; or pass the bias ``[classes]`` itself.
    keep_text
        Whether to keep everything else (the text tower), with the prefix stripped from its names.

    Returns
    -------
    CheckpointFile
        The same file with the new names and its own content hash.

    Raises
    ------
    CheckpointError
        When there is no image tower, more than one, or no head although one was requested.
    """
    stems = {match[1] for name in file.tensors if (match := _VISUAL.match(name))}
    if len(stems) != 1:
        found = f"several: {', '.join(sorted(s + 'visual' for s in stems))}" if stems else "none"
        raise CheckpointError(file.path, f"an image classifier needs one image tower named 'visual', found {found}")
    stem = stems.pop()
    own_head = _head_names(file)
    names = {name[len(stem) :]: name for name in file.tensors if name.startswith(f"{stem}visual.")}
    if keep_text:
        taken = {*names.values(), *own_head.values()}
        names |= {name.removeprefix(stem): name for name in file.tensors if name not in taken}
    extra: dict[str, Tensor] = {}
    if isinstance(head, Tensor):
        extra["head.weight"] = head
    elif head == "own":
        if "head.weight" not in own_head:
            raise CheckpointError(
                file.path,
                "it has no classification head. Give one: head=prompt_head(...) makes it from prompts, head='tuned.pt' "
                "takes it from another checkpoint, head='none' leaves it out",
            )
        names |= own_head
    elif head != "none":
        other = head if isinstance(head, CheckpointFile) else CheckpointFile(head)
        theirs = {old: new for new, old in _head_names(other).items()}
        if "head.weight" not in theirs.values():
            raise CheckpointError(other.path, "it has no classification head to copy")
        extra |= {theirs[name]: tensor.clone() for name, tensor in other.read() if name in theirs}
    if isinstance(head_bias, Tensor):
        extra["head.bias"] = head_bias
    elif head_bias and head != "none" and "head.bias" not in {**names, **extra}:
        classes = extra["head.weight"].shape[0] if extra else file.tensors[names["head.weight"]].shape[0]
        extra["head.bias"] = torch.zeros(classes)
    return _renamed(file, names, extra)


def with_tensors(file: CheckpointFile, extra: Mapping[str, Tensor], *, without: Collection[str] = ()) -> CheckpointFile:
    """The checkpoint with extra tensors that are not in its file; they are part of its content hash.

    Parameters
    ----------
    file
        The checkpoint.
    extra
        By name; these replace tensors of the same name.
    without
        Names of tensors that are left out.
    """
    names = {name: name for name in file.tensors if name not in extra and name not in without}
    return _renamed(file, names, extra)


def _renamed(file: CheckpointFile, names: Mapping[str, str], extra: Mapping[str, Tensor]) -> CheckpointFile:
    if isinstance(file, AdapterFile):
        # The base is renamed, and the adapter stays low-rank.
        theirs = {new: old for new, old in names.items() if old in file.base.tensors}
        return file.renamed(_renamed(file.base, theirs, extra), {n: o for n, o in names.items() if n not in extra})
    return file.replaced(RenamedSource(file.source, names, extra), _fingerprint(names, extra))


def _head_names(file: CheckpointFile) -> dict[str, str]:
    return {f"head.{match[1]}": name for name in file.tensors if (match := _HEAD.match(name))}


def _fingerprint(names: Mapping[str, str], extra: Mapping[str, Tensor]) -> str:
    digest = hashlib.sha256(repr(sorted(names.items())).encode())
    for name, tensor in sorted(extra.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
