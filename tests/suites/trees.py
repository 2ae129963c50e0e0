"""Small data sets in the layouts of the published ones: real JPEG files, real class ids, random pixels."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from soupwidgets.suites.readers.imagenet import wordnet_ids


def picture(seed: int, size: tuple[int, int] = (40, 32)) -> Image.Image:
    """Coarse random blobs, so that resizing leaves something to see."""
    rng = np.random.default_rng(seed)
    blobs = Image.fromarray(rng.integers(0, 256, (5, 6, 3), dtype=np.uint8))
    return blobs.resize(size, Image.Resampling.BICUBIC)


def write_image(path: Path, seed: int, size: tuple[int, int] = (40, 32)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    picture(seed, size).save(path, quality=95) if path.suffix != ".png" else picture(seed, size).save(path)
    return path


def by_folder(root: Path, folders: Sequence[str], per_folder: int = 2, ending: str = ".JPEG") -> Path:
    """``root/folder/i.JPEG``; every image has its own seed."""
    for i, folder in enumerate(folders):
        for j in range(per_folder):
            write_image(root / folder / f"{folder}_{j}{ending}", 1000 * i + j)
    return root


def imagenet(root: Path, classes: Sequence[int] = (0, 7, 423, 559, 999), per_class: int = 3) -> Path:
    names = [wordnet_ids()[c] for c in classes]
    by_folder(root / "val", names, per_class)
    by_folder(root / "train", names, per_class + 1)
    return root


def cifar_binary(root: Path, name: str, n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """One batch of CIFAR-10's binary version."""
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (n, 32, 32, 3), dtype=np.uint8)
    labels = rng.integers(0, 10, n, dtype=np.uint8)
    records = np.concatenate([labels[:, None], images.transpose(0, 3, 1, 2).reshape(n, -1)], axis=1)
    folder = root / "cifar-10-batches-bin"
    folder.mkdir(parents=True, exist_ok=True)
    records.tofile(folder / f"{name}.bin")
    return images, labels


def shard(path: Path, entries: Sequence[tuple[str, bytes]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as archive:
        for name, content in entries:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def jpeg(seed: int) -> bytes:
    buffer = io.BytesIO()
    picture(seed).save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


def label_json(label: object) -> bytes:
    return json.dumps({"label": label}).encode()
