"""A checkpoint on disk: names and shapes are read at once, tensors on demand."""

from __future__ import annotations

import copy
import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from torch import Tensor

from soupwidgets.checkpoints.card import Card
from soupwidgets.checkpoints.errors import CheckpointError
from soupwidgets.checkpoints.file_bytes import Pieces, Scratch, fresh
from soupwidgets.checkpoints.hash_cache import recall, remember
from soupwidgets.checkpoints.safetensors_files import TensorInfo
from soupwidgets.checkpoints.sources import Source, open_source
from soupwidgets.checkpoints.stamps import Stamp, settled, stamps_of


class CheckpointFile:
    """A weight file of any supported format, opened lazily and without running anything in it.

    Supported are safetensors (one file, or several with an index), files written by
    ``torch.save`` (state dicts, training checkpoints, whole modules; old
    and new format), TorchScript archives, and plain pickles of modules.

    Parameters
    ----------
    path
        The file. Only names and shapes are read at first.
    part
        For a training checkpoint with several sets of weights, the key of the
        set to use, for example ``"model_ema"``. None uses the plain weights.

    Attributes
    ----------
    tensors
        Shape and dtype of every tensor, by name. Prefixes that data-parallel training
        and compilation add to all names are removed.
    metadata
        The strings in a safetensors file's header.
    card
        What the file states about itself.
    parts
        The keys that ``part`` may name.
    refused
        Functions and classes that the file refers to; none was called.

    Raises
    ------
    CheckpointError
        When the file is missing, truncated, damaged, hostile, or not a weight file.
    """

    def __init__(self, path: str | Path, part: str | None = None) -> None:
        self.path = Path(path)
        self.part = part
        self._seen_as = part
        self._hash: str | None = None
        # This process has read files with these stamps, and they had the content hash.
        self._verified: list[Stamp] | None = None
        if not self.path.is_file():
            raise CheckpointError(self.path, "there is no such file")
        try:
            self._source: Source = open_source(self.path, part)
            self.card = Card.from_metadata(self._source.metadata)
        except OSError as error:
            raise CheckpointError(self.path, f"cannot be read ({error})") from error
        except ValueError as error:
            raise CheckpointError(self.path, str(error)) from error
        self.tensors: Mapping[str, TensorInfo] = self._source.tensors
        self.metadata = self._source.metadata
        self.parts = self._source.parts
        self.refused = self._source.refused

    @property
    def source(self) -> Source:
        """The underlying format; for adapters."""
        return self._source

    def replaced(self, source: Source, fingerprint: str) -> CheckpointFile:
        """The same file seen through another source.

        Parameters
        ----------
        source
            The source to read instead.
        fingerprint
            Identifies how the tensors are transformed; part of the key under which content hashes are cached.
        """
        other = copy.copy(self)
        other._hash, other._verified = None, None
        other._source, other.tensors = source, source.tensors
        other._seen_as = f"{self._seen_as or ''}|{fingerprint}"
        return other

    @property
    def files(self) -> list[Path]:
        """All files that make up the checkpoint: more than one when it has an index."""
        return self._source.files

    def __repr__(self) -> str:
        numbers = sum(math.prod(info.shape) for info in self.tensors.values())
        part = f", part={self.part!r}" if self.part else ""
        return f"CheckpointFile({str(self.path)!r}{part}, {numbers:,} numbers in {len(self.tensors)} tensors)"

    def read(self) -> Iterator[tuple[str, Tensor]]:
        """Yield every tensor with its name; only one is in memory at a time.

        Raises
        ------
        CheckpointError
            As in `pieces`.
        """
        for name, _, flat in self._verified_pieces(Pieces(1 << 62, fresh)):
            yield name, flat.view(self.tensors[name].shape)

    def pieces(self, longest: int = 1 << 17) -> Iterator[tuple[str, int, Tensor]]:
        """Yield every tensor in flat pieces, which is faster when each is only needed briefly.

        Parameters
        ----------
        longest
            Maximum number of elements in a piece. Two checkpoints with the same shapes give the same pieces.

        Yields
        ------
        str, int, Tensor
            Name, offset of the piece in the flat tensor, and the piece, which is valid
            until the next one. A tensor without elements is one empty piece.

        Raises
        ------
        CheckpointError
            When the file becomes unreadable; or, after the last tensor, when it is not the file that was opened.

        Notes
        -----
        A checkpoint always means the file that was opened. What is read is compared with
        the content hash once; after that it is enough that inode, size, and times
        of modification and change of the file are the same as at that comparison,
        both before and after reading.
        """
        return self._verified_pieces(Pieces(longest, Scratch()))

    def _verified_pieces(self, pieces: Pieces) -> Iterator[tuple[str, int, Tensor]]:
        before = self._stamps_now()
        trusted = before == self._verified
        if not trusted:
            self._check_likely(before)
        lasting = settled(before)
        digest = hashlib.sha256()
        try:
            last, start = None, 0
            for name, piece in self._source.read(self.tensors, pieces):
                start = start if name == last else 0
                if not trusted:
                    if name != last:
                        info = self.tensors[name]
                        digest.update(json.dumps([name, str(info.dtype), list(info.shape)]).encode())
                    digest.update(piece.view(torch.uint8).numpy().data)
                yield name, start, piece
                last, start = name, start + len(piece)
        except (OSError, ValueError) as error:
            raise CheckpointError(self.path, str(error)) from error
        same = self._stamps_now() == before
        found = self._hash if trusted else digest.hexdigest()
        if not same and (trusted or self._hash is None):
            raise self._changed("while it was read")
        if found != (self._hash or found):
            raise self._changed("since it was opened")
        if same and lasting:
            self._verified = before
        if self._hash is None and found is not None:
            self._hash = found
            if same and lasting:
                remember(self._source.files, before, self._seen_as, sha256=found)

    @property
    def content_hash(self) -> str:
        """SHA-256 of the tensors with their names, shapes and dtypes, for the file as it was opened.

        The same weights have the same hash in every format; metadata is not
        included. The hash is cached across processes.
        """
        if self._hash is None:
            self._hash = recall(self._source.files, self._source.stamps, self._seen_as)
        if self._hash is None:
            for _ in self.pieces():
                pass
        return str(self._hash)

    def _stamps_now(self) -> list[Stamp]:
        try:
            return stamps_of(self._source.files)
        except OSError as error:
            raise CheckpointError(self.path, f"cannot be read any more ({error}): open it again") from error

    def _check_likely(self, now: list[Stamp]) -> None:
        """Fail early if this cannot be the file that was opened."""
        for (_, size, *times), (_, size_then, *times_then) in zip(now, self._source.stamps, strict=True):
            # Without a hash to compare with, the times decide. Inodes do not: some network drives renumber files.
            if size != size_then or (self._hash is None and times != times_then):
                raise self._changed("since it was opened")

    def _changed(self, when: str) -> CheckpointError:
        return CheckpointError(
            self.path,
            f"the file was replaced or changed {when}, so its weights are no longer those that were opened. "
            "Open it again (a new Pool) to use it as it is now; earlier measurements stay filed "
            "under the weights that they were made with",
        )
