"""The CUDA rows: ``python -m benchmarks.gpu``. The same code as on a CPU, beside what the card can do.

It makes its models and images, and fetches nothing. Beside torch, numpy, safetensors and open_clip with what these
bring along it needs three small packages: msgspec, platformdirs and sqlalchemy.
"""

from __future__ import annotations

import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from benchmarks.rates import flops_an_image
from benchmarks.table import Row, median_seconds, remember, write
from soupwidgets import Evaluator, Pool, Recipe, Store, Suite, alpha_sweep, wise_ft
from soupwidgets.checkpoints import write_checkpoint
from soupwidgets.evaluation.network import halved
from soupwidgets.mixing import weighted_sum
from soupwidgets.mixing.fused import can_fuse_sums, fused_sums
from soupwidgets.models import Architecture
from soupwidgets.suites import Split
from soupwidgets.topics.landscape.plane import stream_plane
from soupwidgets.topics.landscape.span import plane_through

VIT_B_32 = Architecture(
    embed_dim=512,
    vision_cfg={"image_size": 224, "layers": 12, "width": 768, "patch_size": 32},
    classes=10,
    mean=0.45,
    std=0.27,
)
# Of both towers of a ViT-B/32; what a pool holds of each is filled up to a multiple of 16.
PARAMETERS = -(-151_277_313 // 16) * 16
_SIDE = 8192
_FLOPS = 8.8e9  # of an image in its image tower
_ALPHAS, _SHIFTS = 21, 5
# The sweep is most of the work: on a slow card it has fewer images, so that all rows take some minutes.
_SWEEP_SECONDS, _SHARE_OF_PRODUCTS = 120, 0.3


def gpu_rows(images: int = 10_000) -> Iterator[list[Row]]:
    """All rows on the first CUDA device, some at a time; what a small card has no memory for is left out."""
    device = torch.device("cuda")
    copy, product = copy_rate(device), product_rate(device)
    for pool, recipes in ((2, 1), (12, 1), (72, 1), (12, 64)):
        yield _that_fit(lambda pool=pool, recipes=recipes: [mixing_row(device, copy, pool=pool, recipes=recipes)])
    few = min(images, affordable(product))
    yield _that_fit(lambda: evaluator_rows(device, VIT_B_32, product, images=few))


def _that_fit(measured: Callable[[], list[Row]]) -> list[Row]:
    try:
        return measured()
    except torch.OutOfMemoryError as error:
        print(f"left out, as it does not fit into this card's memory: {error}")
        return []
    finally:
        torch.cuda.empty_cache()


def affordable(product: float) -> int:
    """Images of a split whose sweep takes two minutes at three tenths of the card's rate of products, in FLOP/s.

    Examples
    --------
    >>> affordable(800e12), affordable(20e12)
    (24350, 608)
    """
    # Validation and the slider's images are a fifth of a split each.
    splits = _SHIFTS + 1 + 2 / 5
    return max(100, int(_SWEEP_SECONDS * _SHARE_OF_PRODUCTS * product / (_FLOPS * _ALPHAS * splits)))


def copy_rate(device: torch.device, size: int = PARAMETERS) -> float:
    """Bytes read and written in a second by a plain copy."""
    source, target = torch.ones(size, device=device), torch.empty(size, device=device)
    return 2 * source.nbytes / _seconds(device, lambda: target.copy_(source))


def product_rate(device: torch.device, side: int = _SIDE) -> float:
    """FLOP/s of a product of two square matrices in bfloat16."""
    # Ones would be multiplied faster: a card's clock falls with the number of bits that change.
    first, second = torch.randn(2, side, side, device=device).to(torch.bfloat16)
    return 2 * side**3 / _seconds(device, lambda: first @ second)


def mixing_row(device: torch.device, copy: float, *, pool: int, recipes: int = 1, size: int = PARAMETERS) -> Row:
    """Bytes a second of mixtures of a resident pool in bfloat16, beside those of a plain copy.

    Parameters
    ----------
    device
        Where.
    copy
        The copy's rate, in bytes a second.
    pool, recipes
        How many rows are mixed to how many mixtures.
    size
        Parameters of a model.
    """
    data = torch.ones(pool, size, device=device, dtype=torch.bfloat16)
    out = torch.empty(recipes, size, device=device)
    shares = np.random.default_rng(0).dirichlet(np.ones(pool), recipes).tolist()

    def mix() -> None:
        if can_fuse_sums(device.type):
            fused_sums(data, range(pool), shares, out)
            return
        for own, target in zip(shares, out, strict=True):
            weighted_sum(list(data), own, target)

    # The pool is read once, and every mixture is written once.
    rate = (data.nbytes + out.nbytes) / _seconds(device, mix)
    what = "one recipe" if recipes == 1 else f"{recipes} recipes"
    return Row(
        f"mixing {what} of {pool} ViT-B/32 in bfloat16",
        f"{1e3 * (data.nbytes + out.nbytes) / rate:.2f} ms, {rate / 1e9:,.0f} GB/s",
        f"a copy on the same card: {copy / 1e9:,.0f} GB/s",
        rate / copy,
        ">= 0.85 of the copy's bandwidth",
        rate / copy >= 0.85,
    )


def evaluator_rows(
    device: torch.device,
    architecture: Architecture,
    product: float,
    *,
    images: int,
    alphas: int = _ALPHAS,
    shifts: int = _SHIFTS,
    grid: int = 9,
) -> list[Row]:
    """A forward pass beside the card's products, a sweep beside its passes and the usual loop, a slider, a plane.

    Parameters
    ----------
    device, architecture
        What is computed where.
    product
        The card's rate of products, in FLOP/s.
    images
        Of each split.
    alphas, shifts
        Of the sweep.
    grid
        Points along the longer side of the plane.
    """
    with tempfile.TemporaryDirectory() as folder:
        pool, suite = _pool(Path(folder) / "pool", architecture), _suite(architecture, images, shifts)
        ev = Evaluator(pool, suite, device=str(device), store=Store(Path(folder) / "store"))
        # Opening files, choosing the precision and moving images to the card is done once for all sweeps.
        ev.evaluate(wise_ft(pool, "fine-tuned", 0.0503))
        forward, rate = _forward(ev)
        start = time.perf_counter()
        sweep = alpha_sweep(ev, "fine-tuned", alphas=alphas, progress=False)
        mine = time.perf_counter() - start
        assert len(sweep) == alphas
        bare = alphas * sum(len(split) for split in suite.splits.values()) * forward
        start = time.perf_counter()
        first = next(iter(ev.stream(wise_ft(pool, "fine-tuned", 0.501), ["val"])))
        coarse = time.perf_counter() - start
        slider = _slider_seconds(ev)
        usual = _usual_seconds(pool, suite.splits["test"], architecture, device)
        usual *= alphas * sum(len(split) for split in suite.splits.values())
        start = time.perf_counter()
        *_, plane = stream_plane(ev, plane_through(pool, ("zero-shot", "fine-tuned", "other")), grid, "slider")
        drawn = time.perf_counter() - start
        points = plane.loss.size * len(suite.splits["slider"]) * forward
    return [
        Row(
            f"forward passes of the model, {ev.precision}",
            f"{rate / 1e12:,.1f} TFLOP/s",
            f"a product of matrices in bfloat16 on the same card: {product / 1e12:,.1f} TFLOP/s",
            rate / product,
            ">= 0.6 of the product's rate",
            rate / product >= 0.6,
        ),
        Row(
            f"{alphas}-alpha sweep over {len(suite.splits)} splits of up to {images:,} images",
            f"{mine:.2f} s",
            f"its forward passes alone: {bare:.2f} s",
            mine / bare,
            "<= 1.1 times the forward passes",
            mine / bare <= 1.1,
        ),
        Row(
            "the same sweep",
            f"{mine:.2f} s",
            f"load_state_dict, DataLoader, float32: {usual:.1f} s (one alpha on one split, times all)",
            usual / mine,
            ">= 10 times faster",
            usual / mine >= 10,
        ),
        Row(
            f"slider: a new alpha on {len(suite.splits['slider']):,} images",
            f"{1e3 * slider:.0f} ms",
            f"its first answer, of {first['val'].seen} images: {1e3 * coarse:.0f} ms",
            slider / 0.06,
            "<= 60 ms",
            slider <= 0.06,
        ),
        Row(
            f"{len(plane.x)} x {len(plane.y)} plane on {len(suite.splits['slider']):,} images",
            f"{drawn:.2f} s",
            f"its forward passes alone: {points:.2f} s",
            drawn / points,
            "<= 1.3 times the forward passes",
            drawn / points <= 1.3,
        ),
    ]


def _slider_seconds(ev: Evaluator, moves: int = 7) -> float:
    """Median seconds of a new alpha on the slider's images, after two that record its batches where that is faster."""
    taken = []
    for move in range(moves + 2):
        start = time.perf_counter()
        ev.evaluate(wise_ft(ev.pool, "fine-tuned", 0.502 + move / 1000), ["slider"])
        taken.append(time.perf_counter() - start)
    return statistics.median(taken[2:])


def _forward(ev: Evaluator) -> tuple[float, float]:
    """Seconds an image of the network that the evaluator uses, on a full batch that lies ready; and its FLOP/s."""
    split = ev.suite.splits["test"]
    inputs = ev.reader(split).batch(0, min(ev.computation.batch, len(split)))
    assert isinstance(inputs, torch.Tensor)
    network = ev.computation.network
    work = flops_an_image(ev.architecture.build(str(inputs.device)), inputs[:8])
    with ev.model(Recipe({"zero-shot": 1})), torch.inference_mode():
        half = ev.precision == "bfloat16"
        if half:
            network.update_half()
        ready, forward = halved(inputs) if half else inputs, network.forward(half=half)
        # In the way that was measured to be the fastest, which may be recorded in the second pass.
        forward(ready)
        seconds = _seconds(ev.device, lambda: forward(ready), repeats=9)
    return seconds / len(inputs), work * len(inputs) / seconds


class _Usual(Dataset[tuple[torch.Tensor, int]]):
    """An image at a time, as a data set's class gives them."""

    def __init__(self, split: Split, architecture: Architecture) -> None:
        self._split = split
        self._mean, self._std = (torch.as_tensor(x).view(-1, 1, 1) for x in (architecture.mean, architecture.std))

    def __len__(self) -> int:
        return len(self._split)

    def __getitem__(self, place: int) -> tuple[torch.Tensor, int]:
        image = torch.from_numpy(self._split.images[place]).permute(2, 0, 1).float() / 255
        return (image - self._mean) / self._std, int(self._split.labels[place])


def _usual_seconds(pool: Pool, split: Split, architecture: Architecture, device: torch.device) -> float:
    """Seconds an image of the usual loop: mix a state dict, load it, and show it a DataLoader's batches."""
    model = architecture.build(device)
    states = [{n: t.to(device) for n, t in pool.checkpoints[name].read()} for name in ("zero-shot", "fine-tuned")]
    # Workers hand batches over in shared memory, of which a container may have next to none.
    shared = shutil.disk_usage("/dev/shm").free if Path("/dev/shm").exists() else 0
    workers = 4 if device.type == "cuda" and shared > 4 << 30 else 0
    loader = DataLoader(_Usual(split, architecture), batch_size=256, num_workers=workers)
    with torch.no_grad():
        # The first pass of a process chooses kernels.
        model(next(iter(loader))[0].to(device))
    start, right = time.perf_counter(), 0
    with torch.no_grad():
        model.load_state_dict({name: 0.5 * states[0][name] + 0.5 * states[1][name] for name in states[0]})
        for images, labels in loader:
            right += int((model(images.to(device)).argmax(dim=1) == labels.to(device)).sum())
    assert 0 <= right <= len(split)
    return (time.perf_counter() - start) / len(split)


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
    other = {name: tensor + 0.01 * torch.randn_like(tensor) for name, tensor in base.items()}
    write_checkpoint(folder / "other.safetensors", other, {"name": "other", "role": "fine_tuned", **card})
    return Pool.open(folder)


def _suite(architecture: Architecture, images: int, shifts: int) -> Suite:
    """Noise of the model's size: a split and its shifts hold the same pixels, moved by some."""
    size, random = architecture.vision_cfg["image_size"], np.random.default_rng(0)
    pixels = random.integers(0, 256, (images, size, size, 3), dtype=np.uint8)
    labels = random.integers(0, architecture.classes, images)
    few = max(1, images // 5)
    splits = {"val": (pixels[:few], labels[:few]), "test": (pixels, labels), "slider": (pixels[-few:], labels[-few:])}
    moved = {f"moved-{by}": (np.roll(pixels, by, axis=2), labels) for by in range(1, shifts + 1)}
    return Suite.of("noise", {**splits, **moved}, progress=False)


if __name__ == "__main__":
    if torch.cuda.is_available():
        begun, name = time.perf_counter(), torch.cuda.get_device_name()
        found: list[Row] = []
        for some in gpu_rows():
            found += some
            write({"gpu": found}, "gpu", name)
        remember(found, name, "gpu")
        print(f"all rows: {time.perf_counter() - begun:.0f} s")
    else:
        print("no CUDA device on this machine: the CUDA rows are not run")
