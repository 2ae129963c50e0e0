"""WebDataset shards: tar archives in which an image and its label share a name."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path
from typing import Any

import numpy as np

from soupwidgets.suites.listing import IMAGE_ENDINGS, Listing, TarItem
from soupwidgets.suites.split import Role, SuiteError
from soupwidgets.suites.tables import load_table

_LARGEST_LABEL = 1 << 20
_LABEL_KEYS = ("label", "cls", "class", "y")


def webdataset(path: Path, _role: Role) -> Listing:
    """Every ``.tar`` of a folder, or one, with ``name.jpg`` and ``name.cls`` (or ``.json``, or ``.txt``).

    ``.cls`` holds the class's number or name, ``.txt`` its name, ``.json`` an
    object with ``label``. Names of numbered classes are the lines of
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
    listed = tuple(names.read_text("utf-8").splitlines()) if names.is_file() else ()
    if all(isinstance(label, int) for label in found):
        labels = np.array(found, dtype=np.int64)
        classes = listed or tuple(f"class {i}" for i in range(int(labels.max()) + 1))
    else:
        classes = listed or tuple(sorted({str(label) for label in found}))
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
                if not member.isfile():
                    continue
                folder, _, base = member.name.rpartition("/")
                stem, _, ending = base.partition(".")
                key = f"{folder}/{stem}"
                if f".{ending.lower()}" in IMAGE_ENDINGS:
                    images[key] = TarItem(shard, member.name, member.offset_data, member.size)
                elif ending.lower() in ("cls", "txt", "json") and member.size < _LARGEST_LABEL:
                    file = archive.extractfile(member)
                    label = _label(file.read() if file else b"", ending.lower())
                    if label is not None and not (ending == "txt" and key in said):
                        said[key] = label
    except (tarfile.TarError, OSError, EOFError) as error:
        problems.append(f"{shard}: damaged archive ({error}); what came before is kept")
    without = [key for key in images if key not in said]
    if without:
        problems.append(f"{shard}: {len(without)} images without a label are left out, first {without[0]!r}")
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
    return text if not isinstance(text, int) or 0 <= text < _LARGEST_LABEL else None
