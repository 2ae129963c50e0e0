"""The text suite: training, validation and test descriptions, and six shifts."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from soupwidgets.checkpoints import atomic_path
from soupwidgets.zoo.text.splits import CLASSES, Example
from soupwidgets.zoo.text.tokens import cut, encode

if TYPE_CHECKING:
    from tokenizers import Tokenizer

NAME = "Debian descriptions"
_ROLES = {"val": "validation", "test": "id_test", "train": "train"}
_ORDER = ("val", "test", "typos", "capitals", "opening", "details", "older", "newer", "train")


def write_text_suite(
    folder: Path,
    splits: Mapping[str, Sequence[Example]],
    *,
    tokenizer: Tokenizer,
    lists: Mapping[str, Mapping[str, str]],
) -> Path:
    """Write texts, token ids, labels, where each text comes from, and the manifest.

    Parameters
    ----------
    folder
        Target folder; files of the same names are replaced.
    splits
        The result of `soupwidgets.zoo.text.splits.divide`.
    tokenizer
        Is saved as ``tokenizer.json``.
    lists
        The result of `soupwidgets.zoo.text.packages.provenance`.

    Returns
    -------
    Path
        ``folder``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with atomic_path(folder / "tokenizer.json") as path:
        tokenizer.save(str(path))
    entries, packages = [], {}
    for name in _ORDER:
        examples = splits[name]
        texts = [one.text for one in examples]
        write_array(folder / f"{name}.input_ids.npy", encode(tokenizer, texts))
        write_array(folder / f"{name}.labels.npy", np.array([one.label for one in examples], dtype=np.uint8))
        write_json(folder / f"{name}.texts.json", cut(tokenizer, texts), indent=0)
        packages[name] = [f"{one.package.source}/{one.package.name}" for one in examples]
        entries.append(
            {
                "name": name,
                "role": _ROLES.get(name, "shift"),
                "inputs": {"input_ids": f"{name}.input_ids.npy"},
                "labels": f"{name}.labels.npy",
                "texts": f"{name}.texts.json",
            }
        )
    write_json(folder / "packages.json", {"lists": lists, "packages": packages}, indent=0)
    write_json(folder / "suite.json", {"name": NAME, "kind": "text", "classes": list(CLASSES), "splits": entries})
    return folder


def write_array(path: Path, array: NDArray[Any]) -> None:
    """Write one array atomically."""
    with atomic_path(path) as temporary, open(temporary, "wb") as file:
        np.save(file, array)


def write_json(path: Path, content: Any, indent: int = 1) -> None:
    """Write JSON atomically, with texts as they are."""
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(content, indent=indent, ensure_ascii=False) + "\n", encoding="utf-8")


def read_split(folder: Path, name: str) -> tuple[NDArray[np.uint16], NDArray[np.uint8]]:
    """Token ids ``[n, length]`` and labels ``[n]`` of a split of the written suite."""
    return np.load(folder / f"{name}.input_ids.npy"), np.load(folder / f"{name}.labels.npy")


def split_names(folder: Path) -> list[str]:
    """Names of the splits that models are measured on: validation, test, and the shifts."""
    manifest = json.loads((folder / "suite.json").read_text(encoding="utf-8"))
    return [entry["name"] for entry in manifest["splits"] if entry["role"] != "train"]
