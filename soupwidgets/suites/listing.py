"""What a data set on disk holds, before any image is decoded."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from io import BytesIO
from pathlib import Path
from typing import IO, Any, Protocol

import numpy as np
from numpy.typing import NDArray

IMAGE_ENDINGS = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".gif", ".tif", ".tiff", ".webp"})
_FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF")
# Pillow warns from a little more on: a quarter of a gigabyte as it is decoded.
MOST_PIXELS = 80_000_000
# Of an image's file within an archive.
MOST_IMAGE_BYTES = 1 << 28
_NAMED = 3


class Item(Protocol):
    """One image that was not read yet."""

    @property
    def name(self) -> str:
        """What an error message calls it."""

    @property
    def file_name(self) -> str:
        """What the data set calls it, without a folder: annotations from elsewhere find it by this."""

    @property
    def identity(self) -> str:
        """Changes when the image does: a build that finds another one here decodes it again."""

    def open(self) -> Any:
        """A Pillow image."""


def _state(path: Path) -> str:
    """Which file lies here. `cp -p` and `touch` forge the time of modification, but not that of the last change."""
    try:
        found = path.stat()
    except (OSError, ValueError):
        return "gone"
    return f"{found.st_size} {found.st_mtime_ns} {found.st_ctime_ns} {found.st_ino}"


def _pillow(file: Path | IO[bytes]) -> Any:
    """Open an image of the formats that data sets have; nothing is decoded yet.

    Pillow looks at the content and not at the name, and some of its formats start other programs
    (PostScript: Ghostscript). Decoded, an image takes three bytes a pixel and more.
    """
    from PIL import Image

    image = Image.open(file, formats=_FORMATS)
    if image.width * image.height > MOST_PIXELS:
        image.close()
        raise ValueError(f"{image.width:,} x {image.height:,} pixels; images have at most {MOST_PIXELS:,} in all")
    return image


@dataclass(frozen=True)
class FileItem:
    """An image file."""

    path: Path

    @property
    def name(self) -> str:
        """Its path."""
        return str(self.path)

    @property
    def file_name(self) -> str:
        """Its name without the folder."""
        return self.path.name

    @property
    def identity(self) -> str:
        """Size, times and inode of the file."""
        return _state(self.path)

    def open(self) -> Any:
        """A Pillow image."""
        return _pillow(self.path)


@dataclass(frozen=True)
class TarItem:
    """An image in an uncompressed tar archive."""

    archive: Path
    member: str
    offset: int
    size: int

    @property
    def name(self) -> str:
        """Archive and member."""
        return f"{self.archive}:{self.member}"

    @property
    def file_name(self) -> str:
        """The member's name without its folder."""
        return Path(self.member).name

    @property
    def identity(self) -> str:
        """Where it lies in the archive, and which file that is."""
        return f"{self.offset} {self.size} {_state(self.archive)}"

    def open(self) -> Any:
        """A Pillow image."""
        with open(self.archive, "rb") as file:
            file.seek(self.offset)
            return _pillow(BytesIO(file.read(self.size)))


@dataclass(frozen=True, eq=False)
class PixelItem:
    """An image that its data set stores as numbers."""

    source: Path
    row: int
    pixels: NDArray[np.uint8]

    @property
    def name(self) -> str:
        """File and row."""
        return f"{self.source}, image {self.row}"

    @property
    def file_name(self) -> str:
        """The row."""
        return str(self.row)

    @property
    def identity(self) -> str:
        """SHA-256 of its pixels."""
        return hashlib.sha256(np.ascontiguousarray(self.pixels).data).hexdigest()

    def open(self) -> Any:
        """A Pillow image."""
        from PIL import Image

        return Image.fromarray(self.pixels)


@dataclass
class Listing:
    """The images of one split of a data set, with what is known about its classes.

    Parameters
    ----------
    source
        The folder or file that was read.
    items
        The images, in a fixed order.
    labels
        Their classes ``[n]``.
    classes
        Names of the classes that labels count.
    columns
        The suite's classes for each of them, where the suite has others.
    metric, groups, group_names
        As in `Scoring`.
    border
        Pixels to cut off each side before anything else.
    templates
        Prompts for a zero-shot head of these classes.
    problems
        What is missing or odd, one sentence each; it does not stop the build.
    """

    source: Path
    items: Sequence[Item]
    labels: NDArray[np.int64]
    classes: tuple[str, ...]
    columns: tuple[tuple[int, ...], ...] | None = None
    metric: str = "accuracy"
    groups: NDArray[np.int64] | None = None
    group_names: tuple[str, ...] = ()
    border: int = 0
    templates: tuple[str, ...] = ()
    problems: list[str] = field(default_factory=list)

    def restricted(self, kept: Sequence[int], classes: Sequence[str]) -> Listing:
        """The images of some of the suite's classes, which are numbered anew.

        Parameters
        ----------
        kept
            The suite's classes that stay, rising.
        classes
            The suite's names of all classes.

        Returns
        -------
        Listing
            Another one. With a class map, a class stays as long as one of those that mean it does.
        """
        place = {old: new for new, old in enumerate(kept)}
        if self.columns is None:
            left = {old: place[old] for old in kept}
            columns, names = None, tuple(classes[c] for c in kept)
        else:
            groups = [tuple(place[c] for c in group if c in place) for group in self.columns]
            left = {old: new for new, old in enumerate(i for i, group in enumerate(groups) if group)}
            columns, names = tuple(g for g in groups if g), tuple(self.classes[i] for i in left)
        rows = [row for row, label in enumerate(self.labels.tolist()) if label in left]
        return replace(
            self,
            items=[self.items[row] for row in rows],
            labels=np.array([left[int(self.labels[row])] for row in rows], dtype=np.int64),
            classes=names,
            columns=columns,
            groups=None if self.groups is None else self.groups[rows],
        )

    def expect(self, images: int, what: str) -> Listing:
        """Note a problem unless there are as many images as the data set is published with."""
        if len(self.items) != images:
            self.problems.append(f"{self.source}: {len(self.items):,} images, {what} has {images:,}")
        return self


def images_in(folder: Path) -> list[Path]:
    """The image files right in a folder, by name."""
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in IMAGE_ENDINGS and path.is_file())


def folders_in(folder: Path) -> list[Path]:
    """The folders right in a folder, by name; hidden ones are left out."""
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))


def some(names: Sequence[str]) -> str:
    """The first few names, and how many more there are."""
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(f"{name:.100}" for name in names[:_NAMED]) + more
