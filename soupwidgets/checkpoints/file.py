"""A checkpoint on disk: names and shapes at once, its tensors when asked for."""

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
    """A weight file of any origin, opened lazily and without running anything in it.

    Understood are safetensors (one file, or several with an index), what
    ``torch.save`` writes (state dicts, training checkpoints, whole modules; old
    format and new), TorchScript archives, and plain pickles of modules.

    Parameters
    ----------
    path
        The file. Only names and shapes are read now.
    part
        For a training checkpoint with several sets of weights, the key of the
        one to take, for example ``"model_ema"``. None takes the plain weights.

    Attributes
    ----------
    tensors
        Shape and dtype of every tensor, by name. What data-parallel training
        and compilation put in front of all names is taken off.
    metadata
        The texts in a safetensors file's header.
    card
        What the file says of itself.
    parts
        The keys that ``part`` may name.
    refused
        Functions and classes that the file names; none was called.

    Raises
    ------
    CheckpointError
        When the file is missing, truncated, damaged, hostile, or no weight file.
    """

    def __init__(self, path: str | Path, part: str | None = None) -> None:
        self.path = Path(path)
        self.part = part
        self._seen_as = part
        self._hash: str | None = None
        # Files with these stamps were read by this process, and had the content hash.
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
        """The format behind it; for adapters."""
        return self._source

    def replaced(self, source: Source, fingerprint: str) -> CheckpointFile:
        """The same file seen through another source.

        Parameters
        ----------
        source
            What is read instead.
        fingerprint
            Changes with everything that it reads otherwise; content hashes are remembered by it.
        """
        other = copy.copy(self)
        other._hash, other._verified = None, None
        other._source, other.tensors = source, source.tensors
        other._seen_as = f"{self._seen_as or ''}|{fingerprint}"
        return other

    @property
    def files(self) -> list[Path]:
        """All files that the checkpoint consists of: more than one when it has an index."""
        return self._source.files

    def __repr__(self) -> str:
        numbers = sum(math.prod(info.shape) for info in self.tensors.values())
        part = f", part={self.part!r}" if self.part else ""
        return f"CheckpointFile({str(self.path)!r}{part}, {numbers:,} numbers in {len(self.tensors)} tensors)"

    def read(self) -> Iterator[tuple[str, Tensor]]:
        """Yield every tensor with its name, one at a time, so that one is in memory at a time.

        Raises
        ------
        CheckpointError
            As in `pieces`.
        """
        for name, _, flat in self._verified_pieces(Pieces(1 << 62, fresh)):
            yield name, flat.view(self.tensors[name].shape)

    def pieces(self, longest: int = 1 << 17) -> Iterator[tuple[str, int, Tensor]]:
        """Yield every tensor in flat pieces, which is faster where each is needed but for a moment.

        Parameters
        ----------
        longest
            The numbers in a piece. Two checkpoints with the same shapes come in the same pieces.

        Yields
        ------
        str, int, Tensor
            Name, place of the piece in the flat tensor, and the piece, which lasts
            until the next one. A tensor without numbers is one empty piece.

        Raises
        ------
        CheckpointError
            When the file becomes unreadable; and after the last tensor, when what was read is not what was opened.

        Notes
        -----
        A checkpoint stays the one that was opened. What is read is compared with
        the content hash, once; after that it is enough that number, size, and times
        of modification and change of the file are those with which it was compared,
        before and after it is read.
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
                remember(self._source.files, before, self._seen_as, found)

    @property
    def content_hash(self) -> str:
        """SHA-256 of the tensors with their names, shapes and dtypes, as the file was when it was opened.

        The same weights have the same hash in every format; metadata does not
        count. It is remembered between processes.
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
        """Refuse at once what cannot be the file that was opened."""
        for (_, size, *times), (_, size_then, *times_then) in zip(now, self._source.stamps, strict=True):
            # Without a hash to compare with, the times decide. Inodes do not: some network drives number files anew.
            if size != size_then or (self._hash is None and times != times_then):
                raise self._changed("since it was opened")

    def _changed(self, when: str) -> CheckpointError:
        return CheckpointError(
            self.path,
            f"the file was replaced or changed {when}, so its weights are no longer those that were opened. "
            "Open it again (a new Pool), and it is taken as it is now; what was measured before stays filed "
            "under the weights that it was measured with",
        )
