"""WebDataset shards: tar archives in which an image and its label share a name."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path
from typing import Any

import numpy as np

from soupwidgets.json_files import read_text
from soupwidgets.suites.content import SuiteError
from soupwidgets.suites.listing import IMAGE_ENDINGS, MOST_IMAGE_BYTES, Listing, TarItem
from soupwidgets.suites.manifest import LONGEST_NAME, MOST_CLASSES
from soupwidgets.suites.readers.reader import reader
from soupwidgets.suites.split import Role
from soupwidgets.suites.tables import load_table

_MOST_LABEL_BYTES = 1 << 20
_LABEL_KEYS = ("label", "cls", "class", "y")


@reader("webdataset")
def webdataset(path: Path, _role: Role) -> Listing:
    """Every ``.tar`` of a folder, or one, with ``name.jpg`` and ``name.cls`` (or ``.json``, or ``.txt``).

    ``.cls`` holds the class's number or name, ``.txt`` its name, ``.json`` an
    object with ``label``; numbers are below 131,072, names have at most 200 characters, and an image with another
    label is left out. Names of numbered classes are the lines of
    ``classnames.txt`` beside the shards, where it is there.
    """
    shards = [path] if path.is_file() else sorted(path.glob("*.tar")) if path.is_dir() else []
    if not shards:
        raise SuiteError(f"{path}: no .tar archive there")
    items: list[TarItem] = []
    found: list[str | int] = []
    problems: list[str] = []
    for shard in shards:
        _read(shard, items, found, problems)
    if not items:
        raise SuiteError(f"{path}: no image with a label in it; name.jpg and name.cls belong together")
    names = shards[0].parent / "classnames.txt"
    try:
        listed = tuple(read_text(names, _MOST_LABEL_BYTES * 32).splitlines()) if names.is_file() else ()
    except ValueError as error:
        raise SuiteError(str(error)) from error
    if len(listed) > MOST_CLASSES:
        raise SuiteError(f"{names}: {len(listed):,} classes; a suite may have {MOST_CLASSES:,}")
    if all(isinstance(label, int) for label in found):
        labels = np.array(found, dtype=np.int64)
        classes = listed or tuple(f"class {i}" for i in range(int(labels.max()) + 1))
    else:
        classes = listed or tuple(sorted({str(label) for label in found}))
        if len(classes) > MOST_CLASSES:
            raise SuiteError(f"{path}: {len(classes):,} classes; a suite may have {MOST_CLASSES:,}")
        place = {name: i for i, name in enumerate(classes)}
        strangers = sorted({str(label) for label in found} - set(classes))
        if strangers:
            raise SuiteError(f"{path}: the class {strangers[0][:80]!r} is not among those of {names}")
        labels = np.array([place[str(label)] for label in found], dtype=np.int64)
    templates = tuple(load_table("templates.json")["plain"])
    return Listing(path, items, labels, classes, templates=templates, problems=problems)


def _read(shard: Path, items: list[TarItem], labels: list[str | int], problems: list[str]) -> None:
    images: dict[str, TarItem] = {}
    said: dict[str, str | int] = {}
    try:
        with tarfile.open(shard, "r:") as archive:
            # Members are only read, never unpacked: their paths lead nowhere.
            for member in archive:
                # A sparse member says any size, and lies elsewhere than it says.
                if not member.isfile() or member.issparse():
                    continue
                folder, _, base = member.name.rpartition("/")
                stem, _, ending = base.partition(".")
                key = f"{folder}/{stem}"
                if f".{ending.lower()}" in IMAGE_ENDINGS:
                    if member.size > MOST_IMAGE_BYTES:
                        problems.append(f"{shard}: {member.name!r:.200} has {member.size:,} bytes; it is left out")
                        continue
                    images[key] = TarItem(shard, member.name, member.offset_data, member.size)
                elif ending.lower() in ("cls", "txt", "json") and member.size < _MOST_LABEL_BYTES:
                    file = archive.extractfile(member)
                    label = _label(file.read() if file else b"", ending.lower())
                    if label is not None and not (ending == "txt" and key in said):
                        said[key] = label
    except (tarfile.TarError, OSError, EOFError, ValueError, OverflowError, RecursionError) as error:
        # Numbers and texts in headers are parsed by `tarfile`, which does not catch all that they may be.
        problems.append(f"{shard}: damaged archive ({error}); what came before is kept")
    without = [key for key in images if key not in said]
    if without:
        problems.append(f"{shard}: {len(without)} images without a label are left out, first {without[0]!r:.200}")
    for key, item in images.items():
        if key in said:
            items.append(item)
            labels.append(said[key])


def _label(content: bytes, ending: str) -> str | int | None:
    try:
        text: Any = content.decode("utf-8").strip()
        if ending == "json":
            record = json.loads(text)
            text = next((record[key] for key in _LABEL_KEYS if key in record), None)
    except (ValueError, TypeError, RecursionError):
        return None
    if isinstance(text, str) and text.isdecimal() and len(text) < 10:
        text = int(text)
    if isinstance(text, bool) or not isinstance(text, str | int) or text == "":
        return None
    if isinstance(text, int):
        return text if 0 <= text < MOST_CLASSES else None
    return text if len(text) <= LONGEST_NAME else None
