"""A checkpoint that is another one plus an adapter."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from soupwidgets.checkpoints.file import CheckpointFile
from soupwidgets.checkpoints.file_bytes import Pieces
from soupwidgets.checkpoints.lora import Adapter, Change
from soupwidgets.checkpoints.products import Product, add_products
from soupwidgets.checkpoints.safetensors_files import TensorInfo


@dataclass(frozen=True)
class AdapterWeights:
    """An adapter's weights in memory, in float32, by the names of the base's tensors.

    Parameters
    ----------
    products
        Low-rank changes, with their scale.
    magnitudes
        DoRA: the norms of the changed weights, one for each output.
    full
        Tensors that stand in place of the base's.
    """

    products: dict[str, Product]
    magnitudes: dict[str, Tensor]
    full: dict[str, Tensor]

    def to(self, device: torch.device) -> AdapterWeights:
        """The same on a device."""
        return AdapterWeights(
            {name: Product(p.left.to(device), p.right.to(device)) for name, p in self.products.items()},
            {name: tensor.to(device) for name, tensor in self.magnitudes.items()},
            {name: tensor.to(device) for name, tensor in self.full.items()},
        )


class AdapterFile(CheckpointFile):
    """A base with an adapter: a checkpoint like any other, of which only the low-rank factors are its own.

    Parameters
    ----------
    base
        The checkpoint that the adapter was trained on.
    adapter
        The adapter.

    Attributes
    ----------
    base, adapter
        As given.
    tensors
        Those of the base, and those that the adapter adds. What it changes is in float32, as the sum is computed.

    Raises
    ------
    CheckpointError
        When the adapter does not fit the base.

    Notes
    -----
    LoRA (arXiv 2106.09685): W + scale B A. DoRA (arXiv 2402.09353), for every output i: ``m_i V_i / |V_i|`` with
    V = W + scale B A.
    """

    def __init__(self, base: CheckpointFile, adapter: Adapter) -> None:
        self._set(base, adapter, adapter.changes(base))

    def _set(self, base: CheckpointFile, adapter: Adapter, changes: Mapping[str, Change]) -> None:
        self.base, self.adapter = base, adapter
        self.path, self.part = adapter.path, None
        self.card = replace(adapter.file.card, name=adapter.file.card.name or adapter.name)
        self.metadata, self.parts = adapter.file.metadata, []
        self.refused = sorted({*base.refused, *adapter.file.refused})
        self._source = adapter.file.source
        self._hash: str | None = None
        self._changes = changes
        stored = adapter.file.tensors
        shapes = {n: (base.tensors[n] if n in base.tensors else stored[str(c.full)]).shape for n, c in changes.items()}
        own = {name: TensorInfo(shape, torch.float32) for name, shape in shapes.items()}
        self.tensors = dict(sorted({**base.tensors, **own}.items()))

    @property
    def files(self) -> list[Path]:
        """The files of the base and of the adapter."""
        return [*self.base.files, self.adapter.config_path, *self.adapter.file.files]

    @property
    def is_low_rank(self) -> bool:
        """Whether the adapter's own weights take less memory than a whole checkpoint, and mixing needs no more."""
        if any("m" in change.factors for change in self._changes.values()):
            # The norms are of whole matrices.
            return False
        held = sum(math.prod(info.shape) for info in self.adapter.file.tensors.values())
        return held < sum(math.prod(info.shape) for info in self.tensors.values() if info.dtype.is_floating_point)

    @property
    def content_hash(self) -> str:
        """SHA-256 of the base's content hash, and of the adapter's tensors with what they change and by which scale.

        The hash of the merged model in a file of its own is another one: that depends on how products are rounded.
        """
        if self._hash is None:
            digest = hashlib.sha256(json.dumps(["adapter", self.base.content_hash]).encode())
            stored = dict(self.adapter.file.read())
            for name, change in sorted(self._changes.items()):
                held = {"full": change.full, **change.factors}
                kinds = sorted((kind, raw) for kind, raw in held.items() if raw is not None)
                about = [[kind, str(stored[raw].dtype), list(stored[raw].shape)] for kind, raw in kinds]
                digest.update(json.dumps([name, change.scale, change.outputs_last, about]).encode())
                for _, raw in kinds:
                    digest.update(stored[raw].contiguous().view(-1).view(torch.uint8).numpy().data)
            self._hash = digest.hexdigest()
        return self._hash

    def on(self, base: CheckpointFile) -> AdapterFile:
        """The same adapter on another form of its base, such as one with a head."""
        return AdapterFile(base, self.adapter)

    def renamed(self, base: CheckpointFile, names: Mapping[str, str]) -> AdapterFile:
        """The same under other names: ``base`` has them already, ``names`` gives the old one of each.

        Parameters
        ----------
        base
            The base under the new names.
        names
            New name to old name of the tensors that the adapter may change; the others are the base's.
        """
        other = AdapterFile.__new__(AdapterFile)
        other._set(base, self.adapter, {n: self._changes[old] for n, old in names.items() if old in self._changes})
        other.card = self.card
        return other

    def weights(self) -> AdapterWeights:
        """Read the adapter.

        Raises
        ------
        CheckpointError
            When the file becomes unreadable, or is not the one that was opened.
        """
        stored = dict(self.adapter.file.read())
        products, magnitudes, full = {}, {}, {}
        for name, change in self._changes.items():
            if change.factors:
                products[name] = _product(stored, change)
            if "m" in change.factors:
                magnitudes[name] = stored[change.factors["m"]].float().flatten()
            if change.full is not None:
                full[name] = stored[change.full].float().contiguous()
                if change.factors and "m" not in change.factors:
                    add_products(full[name].view(-1), [(1.0, products.pop(name))])
        return AdapterWeights(products, magnitudes, full)

    def _verified_pieces(self, pieces: Pieces) -> Iterator[tuple[str, int, Tensor]]:
        weights = self.weights()
        stream = self.base._verified_pieces(pieces)
        for name, info in self.tensors.items():
            spans = list(pieces.spans(math.prod(info.shape)))
            known = name in self.base.tensors
            if name in weights.magnitudes:
                whole = torch.cat([next(stream)[2].to(torch.float32, copy=True) for _ in spans])
                merged = self._with_magnitudes(name, weights.full.get(name, whole).view(-1), weights)
                yield from ((name, start, merged[start:stop]) for start, stop in spans)
                continue
            for start, stop in spans:
                piece = next(stream)[2] if known else None
                if name in weights.full:
                    yield name, start, weights.full[name].view(-1)[start:stop]
                elif piece is not None and name in weights.products:
                    # Not in place: the piece may be a view of a tensor that others use.
                    changed = piece.to(torch.float32, copy=True)
                    add_products(changed, [(1.0, weights.products[name])], start)
                    yield name, start, changed
                elif piece is not None:
                    yield name, start, piece
        # After its last piece, the base is compared with what was opened.
        for _ in stream:
            pass

    def _with_magnitudes(self, name: str, flat: Tensor, weights: AdapterWeights) -> Tensor:
        """DoRA: the changed weight, with the given norm for each output."""
        product = weights.products[name]
        changed = flat.clone()
        add_products(changed, [(1.0, product)])
        matrix = changed.view(product.left.shape[0], -1)
        outputs = 1 if self._changes[name].outputs_last else 0
        norms = torch.linalg.vector_norm(matrix, dim=1 - outputs, keepdim=True)
        matrix *= weights.magnitudes[name].view(norms.shape) / norms
        return changed


def with_adapter(base: CheckpointFile, folder: str | Path) -> AdapterFile:
    """A checkpoint with a LoRA adapter added: what PEFT's ``merge_and_unload`` makes of the two.

    `Pool.open` does this for the adapters that it finds. Nothing is copied: factors are read when they are needed.

    Parameters
    ----------
    base
        The checkpoint that the adapter was trained on, with the tensor names of the model that it was trained in.
    folder
        The adapter's folder, with ``adapter_config.json``.

    Returns
    -------
    AdapterFile
        A checkpoint with a content hash of its own.

    Raises
    ------
    CheckpointError
        When the adapter is damaged, hostile, does not fit the base, or is not a LoRA adapter.
    """
    return AdapterFile(base, Adapter(folder))


def _product(stored: Mapping[str, Tensor], change: Change) -> Product:
    a, b = (stored[change.factors[kind]].float().flatten(1) for kind in "AB")
    if change.outputs_last:
        return Product((a.T * change.scale).contiguous(), b.T.contiguous())
    return Product(b * change.scale, a)
