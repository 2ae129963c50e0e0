"""What large sweeps cost: bytes and FLOPs by counting, hours by the rates that this machine measures."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.table import RESULTS, median_seconds
from soupwidgets import Architecture, Evaluator, Pool, Recipe, Store, Suite
from soupwidgets.checkpoints import atomic_path, write_checkpoint
from tests.fixtures import TINY

# A rate that nobody has measured here: what hours on a card would follow from it.
ASSUMED = 100e12


@dataclass(frozen=True)
class Job:
    """A job of many recipes.

    Parameters
    ----------
    name
        Of the job.
    network
        The open_clip model.
    checkpoints
        In the pool.
    recipes, images
        How many mixtures are measured, each on how many images.
    ingredients
        Checkpoints in a mixture.
    """

    name: str
    network: str
    checkpoints: int
    recipes: int
    images: int
    ingredients: int = 2


JOBS = (
    Job("21 alphas on 5 shifts of 10,000 images, pool of 72 ViT-B/32", "ViT-B-32", 72, 21, 50_000),
    Job("greedy soup of 72 ViT-B/32 on 10,000 images, measured in full", "ViT-B-32", 72, 143, 10_000, 36),
    Job("1,000 ViT-L/14, each alone on 10,000 images", "ViT-L-14", 1000, 1000, 10_000, 1),
    Job("10,000 sweeps of 21 alphas of ViT-B/32 on 10,000 images", "ViT-B-32", 72, 210_000, 10_000),
)


@dataclass(frozen=True)
class Rates:
    """What this machine does in a second."""

    copied: float
    products: float
    orders: float


def counted(network: str) -> tuple[int, int]:
    """Parameters, and FLOPs of an image (a multiplication and an addition are two)."""
    architecture = Architecture.from_open_clip(network, classes=1000)
    module, size = architecture.build("meta"), architecture.vision_cfg.get("image_size", 224)
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        module(torch.empty(1, 3, size, size, device="meta"))
    return sum(parameter.numel() for parameter in module.parameters()), counter.get_total_flops()


def copied_per_second(numbers: int = 1 << 26) -> float:
    """Bytes read and written by adding two buffers into a third: what mixing two checkpoints moves."""
    a, b, into = (torch.zeros(numbers) for _ in range(3))
    return 3 * 4 * numbers / median_seconds(lambda: torch.add(a, b, out=into), repeats=5)


def products_per_second(images: int = 8) -> float:
    """FLOPs of forward passes of a ViT-B/32 in float32."""
    module = Architecture.from_open_clip("ViT-B-32", classes=1000).build()
    inputs = torch.zeros(images, 3, 224, 224)
    with torch.inference_mode():
        return images * counted("ViT-B-32")[1] / median_seconds(lambda: module(inputs), repeats=3)


def orders_per_second(number: int = 300) -> float:
    """Measurements of a tiny network that one driver orders from one worker and files: what limits its size."""
    import ray

    with tempfile.TemporaryDirectory() as temporary:
        folder, card = Path(temporary), {"architecture": TINY.to_json()}
        for name in ("a", "b"):
            write_checkpoint(folder / "pool" / f"{name}.safetensors", TINY.build().state_dict(), {**card, "name": name})
        few = np.zeros((16, 28, 28), dtype=np.uint8), np.arange(16) % 10
        suite = Suite.of("few", {"val": few, "test": few}, classes=[str(i) for i in range(10)])
        ev = Evaluator(
            Pool.open(folder / "pool"), suite, device="cpu", store=Store(folder / "store"), precision="float32",
            cluster="local",
        )  # fmt: skip
        ev.evaluate("a", "val")
        recipes = [Recipe({"a": 1 - i / number, "b": i / number}) for i in range(1, number + 1)]
        start = time.perf_counter()
        with ev.ahead(recipes, "val"):
            for recipe in recipes:
                ev.evaluate(recipe, "val")
        taken = time.perf_counter() - start
        del ev
        ray.shutdown()
    return number / taken


def table(rates: Rates, jobs: tuple[Job, ...] = JOBS) -> str:
    """The table of docs/scaling.md."""
    lines = [
        "| job | pool in float32 | mixing moves | FLOPs | mixing, here | passes, here | "
        "passes at an assumed 100 TFLOP/s: one card, eight | on a card |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for job in jobs:
        numbers, flops = counted(job.network)
        moved = 4 * numbers * (job.ingredients + 1) * job.recipes
        total = flops * job.images * job.recipes
        cards = " , ".join(_long(total / ASSUMED / cards) for cards in (1, 8)).replace(" ,", ",")
        lines.append(
            f"| {job.name} | {_bytes(4 * numbers * job.checkpoints)} | {_bytes(moved)} | {total:.2g} | "
            f"{_long(moved / rates.copied)} | {_long(total / rates.products)} | {cards} | not run |"
        )
    return "\n".join(lines)


def run_scaling(device: str) -> None:
    """Measure the rates, and write ``benchmarks/results/scaling.md``."""
    rates = Rates(copied_per_second(), products_per_second(), orders_per_second())
    said = (
        f"{device}: {rates.copied / 1e9:.1f} GB/s moved by mixing, {rates.products / 1e9:.0f} GFLOP/s in passes of a "
        f"ViT-B/32 in float32, {rates.orders:.0f} orders a second through one driver and one worker of a Ray cluster. "
        f"An image takes {counted('ViT-B-32')[1] / 1e9:.1f} GFLOPs of a ViT-B/32 and "
        f"{counted('ViT-L-14')[1] / 1e9:.0f} of a ViT-L/14."
    )
    with atomic_path(RESULTS / "scaling.md") as path:
        path.write_text(f"{said}\n\n{table(rates)}\n")
    print((RESULTS / "scaling.md").read_text())


def _bytes(number: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if number < 1000:
            return f"{number:.3g} {unit}"
        number /= 1000
    return f"{number:,.3g} TB" if number < 1000 else f"{number / 1000:,.3g} PB"


def _long(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.2g} s"
    if seconds < 3600:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 48 * 3600 else f"{seconds / 86400:,.0f} days"
