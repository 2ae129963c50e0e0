"""The CUDA rows: ``python -m benchmarks.gpu``. The same code as on a CPU, beside what the card can do."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from benchmarks.landscape import vmap_row
from benchmarks.table import Row, median_seconds, write
from soupwidgets import Evaluator, Pool, Store, Suite, alpha_sweep, wise_ft
from soupwidgets.checkpoints import write_checkpoint
from soupwidgets.evaluation.split_reader import SplitReader
from soupwidgets.mixing import weighted_sum
from soupwidgets.models import Architecture, streamline

ALPHAS = 11
VIT_B_32 = Architecture(
    embed_dim=512,
    vision_cfg={"image_size": 224, "layers": 12, "width": 768, "patch_size": 32},
    classes=10,
    mean=0.45,
    std=0.27,
)
PARAMETERS = 151_277_313  # of both towers of a ViT-B/32


def gpu_rows(images: int = 8192) -> list[Row]:
    """All rows on the first CUDA device."""
    device = torch.device("cuda")
    return [mixing_row(device), sweep_row(device, VIT_B_32, images), vmap_row(device)]


def mixing_row(device: torch.device, size: int = PARAMETERS) -> Row:
    """Bytes per second of one WiSE-FT mixture, beside those of a plain copy."""
    rows, out = torch.randn(2, size, device=device), torch.empty(size, device=device)
    mix = _seconds(device, lambda: weighted_sum([rows[0], rows[1]], [0.6, 0.4], out))
    copy = _seconds(device, lambda: out.copy_(rows[0]))
    # A mixture reads two buffers and writes one; a copy reads one and writes one.
    ours, theirs = 3 * 4 * size / mix / 1e9, 2 * 4 * size / copy / 1e9
    return Row(
        "mixing one alpha of a ViT-B/32",
        f"{1000 * mix:.2f} ms, {ours:,.0f} GB/s",
        f"a copy on the same card: {theirs:,.0f} GB/s",
        ours / theirs,
        ">= 0.85 of the copy's bandwidth",
        ours / theirs >= 0.85,
    )


def sweep_row(device: torch.device, architecture: Architecture, images: int) -> Row:
    """A sweep of new alphas, beside nothing but its forward passes."""
    with tempfile.TemporaryDirectory() as folder:
        pool, suite = _pool(Path(folder) / "pool", architecture), _suite(Path(folder) / "suite", architecture, images)
        ev = Evaluator(pool, suite, device=str(device), store=Store(Path(folder) / "store"))
        # Opening files and moving images to the card is done once for all sweeps.
        warm = wise_ft(pool, "fine-tuned", 0.05)
        ev.evaluate(warm)
        before = ev.forward_images
        start = time.perf_counter()
        alpha_sweep(ev, "fine-tuned", alphas=ALPHAS, progress=False)
        mine = time.perf_counter() - start
        assert ev.forward_images - before == ALPHAS * 2 * images
        forward = ALPHAS * _forward_seconds(pool, suite, architecture, device)
    return Row(
        f"{ALPHAS}-alpha sweep of a ViT-B/32, {2 * images:,} images",
        f"{mine:.2f} s",
        f"its forward passes alone: {forward:.2f} s",
        mine / forward,
        "<= 1.15 times the forward passes",
        mine / forward <= 1.15,
    )


def _forward_seconds(pool: Pool, suite: Suite, architecture: Architecture, device: torch.device) -> float:
    """One forward pass of the streamlined model over all images, which lie on the card in full batches."""
    model = architecture.build()
    model.load_state_dict(dict(pool.checkpoints[pool.zero_shot].read()))
    streamline(model.visual)
    model.to(device)
    readers = [SplitReader(split, architecture, device) for split in suite.splits.values()]
    size = 2048
    batches = [
        reader.batch(start, min(start + size, len(reader)))
        for reader in readers
        for start in range(0, len(reader), size)
    ]

    def forward() -> None:
        for batch in batches:
            model(batch)

    with torch.inference_mode():
        return _seconds(device, forward, repeats=3)


def _seconds(device: torch.device, work: Callable[[], object], repeats: int = 20) -> float:
    """Median wall time between two moments at which the device had nothing left to do."""

    def finished() -> None:
        work()
        if device.type == "cuda":
            torch.cuda.synchronize(device)

    return median_seconds(finished, repeats)


def _pool(folder: Path, architecture: Architecture) -> Pool:
    torch.manual_seed(0)
    base = architecture.build().state_dict()
    card = {"architecture": architecture.to_json()}
    moved = {name: tensor + 0.01 * torch.randn_like(tensor) for name, tensor in base.items()}
    write_checkpoint(folder / "zero-shot.safetensors", base, {"name": "zero-shot", "role": "zero_shot", **card})
    write_checkpoint(folder / "fine-tuned.safetensors", moved, {"name": "fine-tuned", "role": "fine_tuned", **card})
    return Pool.open(folder)


def _suite(folder: Path, architecture: Architecture, images: int) -> Suite:
    folder.mkdir()
    size = architecture.vision_cfg["image_size"]
    random = np.random.default_rng(0)
    splits = []
    for name, role in (("val", "validation"), ("test", "id_test")):
        np.save(folder / f"{name}.images.npy", random.integers(0, 256, (images, size, size, 3), dtype=np.uint8))
        np.save(folder / f"{name}.labels.npy", random.integers(0, architecture.classes, images))
        splits.append({"name": name, "role": role, "images": f"{name}.images.npy", "labels": f"{name}.labels.npy"})
    manifest = {"name": "noise", "classes": [str(i) for i in range(architecture.classes)], "splits": splits}
    (folder / "suite.json").write_text(json.dumps(manifest))
    return Suite.open(folder)


if __name__ == "__main__":
    if torch.cuda.is_available():
        write({"gpu": gpu_rows()}, "gpu", torch.cuda.get_device_name())
    else:
        print("no CUDA device on this machine: the CUDA rows are not run")
