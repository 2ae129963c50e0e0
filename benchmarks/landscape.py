"""A 25 x 25 plane through three models of the zoo on the full test split, beside the same grid by other means."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import loss_landscapes
import torch
import torch.nn.functional as F
from loss_landscapes.metrics import Loss
from torch.func import functional_call, stack_module_state, vmap
from torch.nn.attention import SDPBackend, sdpa_kernel

import soupwidgets as sw
from benchmarks.sweep import ROOT, UsualDataset, floor_row, usual_loop, usual_model
from benchmarks.table import Row, interleaved_seconds, median_seconds
from soupwidgets import Evaluator, Pool, Recipe, Store, Suite
from soupwidgets.evaluation.computation import BATCH
from soupwidgets.evaluation.network import halved
from soupwidgets.evaluation.split_reader import SplitReader
from soupwidgets.models import ImageClassifier, streamline
from soupwidgets.suites import Split
from soupwidgets.topics.landscape.anytime import SAMPLE
from soupwidgets.topics.landscape.plane import Landscape, stream_plane
from soupwidgets.topics.landscape.span import plane_through

CORNERS = ("zero-shot", "ft-03", "ft-08")
GRID = 25
_VMAP = 8


def landscape_rows(folder: Path, grid: int = GRID, split: str = "test") -> list[Row]:
    """Ours measures the whole grid; the others, and the forward passes alone, a sample of its models.

    Parameters
    ----------
    folder
        Where the store is made.
    grid
        Points along the longer side.
    split
        Whose images.
    """
    pool, suite = Pool.open(ROOT / "data" / "zoo" / "fashion"), Suite.open(ROOT / "data" / "suites" / "fashion")
    where = suite.splits[split]
    _ = where.content_hash  # shifts are made now, for all sides
    ev = Evaluator(pool, suite, device="cpu", store=Store(folder))
    sides: dict[str, Callable[[], float]] = {
        "bare": partial(_bare_seconds, ev, where),
        "plain": partial(_plain_seconds, pool, where),
        "library": partial(_library_seconds, pool, where),
    }
    before = {name: side() for name, side in sides.items()}
    start, before_ours = time.perf_counter(), ev.forward_images
    first = 0.0
    for state in stream_plane(ev, plane_through(pool, CORNERS), grid, split):
        if not first and state.seen.any():
            sw.landscape.figures.contour(state)
            first = time.perf_counter() - start
    mine, passed = time.perf_counter() - start, ev.forward_images - before_ours
    # Half before ours and half after it, so that a slow spell of the machine hits all of them.
    each = {name: (before[name] + side()) / 2 for name, side in sides.items()}
    _same_numbers(pool, where, state, 1e-4 if ev.precision == "float32" else 5e-3)
    models = state.loss.size
    what = f"{len(state.x)} x {len(state.y)} plane on {len(where):,} images"
    ours = f"{mine:.0f} s, {models * len(where) / mine:,.0f} images/s, {ev.precision}"
    rows = []
    for side, words in (("plain", "load_state_dict, DataLoader"), ("library", "loss-landscapes, images in memory")):
        ratio = each[side] * models / mine
        there = f"{words}: {each[side]:.2f} s a model, {each[side] * models:.0f} s"
        rows.append(Row(what, ours, there, ratio, ">= 5 times faster", ratio >= 5))
    floor = each["bare"] * models
    return [
        *rows,
        Row(
            "the same, to the full picture", ours, f"the forward passes alone: {floor:.0f} s", mine / floor,
            "<= 1.3 times", mine / floor <= 1.3,
        ),
        Row(
            "the same, to the first picture", f"{first:.2f} s", f"the full one: {mine:.0f} s", first / mine,
            "<= 3 s", first <= 3,
        ),
        # Every point is looked at with a sample first.
        floor_row(ev, mine, passed, models * (len(where) + SAMPLE)),
    ]  # fmt: skip


def vmap_row(device: torch.device, images: int = 512) -> Row:
    """Eight small models in one batched pass, beside one after the other as the evaluator does it."""
    pool, suite = Pool.open(ROOT / "data" / "zoo" / "fashion"), Suite.open(ROOT / "data" / "suites" / "fashion")
    models = []
    for name in pool.fine_tuned[:_VMAP]:
        model = usual_model(pool)
        model.load_state_dict({key: tensor.float() for key, tensor in pool.checkpoints[name].read()})
        models.append(model.to(device))
    batch = SplitReader(suite.validation, Evaluator(pool, suite, device="cpu").architecture, device).batch(0, images)
    parameters, buffers = stack_module_state(models)
    skeleton = usual_model(pool).to("meta")

    def together() -> torch.Tensor:
        def one(p: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> torch.Tensor:
            return functional_call(skeleton, (p, b), (batch,))

        # Attention's fused form has no rule for batches of weights.
        with sdpa_kernel(SDPBackend.MATH):
            return _finished(device, vmap(one)(parameters, buffers))

    plain = [_streamlined(model) for model in models]

    def one_by_one() -> torch.Tensor:
        return _finished(device, torch.stack([model(batch) for model in plain]))

    with torch.inference_mode():
        torch.testing.assert_close(together(), one_by_one(), rtol=1e-3, atol=1e-3)
        batched, single = interleaved_seconds(together, one_by_one, repeats=5)
    return Row(
        f"{_VMAP} zoo models on {images} images, one by one",
        f"{1000 * single:.0f} ms",
        f"torch.func.vmap over their parameters: {1000 * batched:.0f} ms",
        batched / single,
        ">= 1: vmap is not used",
        batched >= single,
    )


def _bare_seconds(ev: Evaluator, split: Split) -> float:
    """For one model: the evaluator's forward passes over batches that lie ready, in the precision that it chose."""
    half = ev.precision == "bfloat16"
    reader, size = ev.reader(split), BATCH["cpu"]
    batches = [reader.batch(start, min(start + size, len(reader))) for start in range(0, len(reader), size)]
    with ev.model(Recipe({CORNERS[1]: 1})) as exact:
        if half:
            ev.computation.network.update_half()
        model = ev.computation.network.half_module if half else exact
        ready = [halved(batch) if half else batch for batch in batches]

    def forward() -> None:
        with torch.inference_mode():
            for batch in ready:
                model(batch)

    return median_seconds(forward, repeats=5)


def _plain_seconds(pool: Pool, split: Split) -> float:
    """For one model: the usual loop, over the centre of the plane and the corners."""
    mixtures = [dict.fromkeys(CORNERS, 1 / 3), *({name: 1.0} for name in CORNERS)]
    start = time.perf_counter()
    usual_loop(pool, [split], 0, mixtures)
    return (time.perf_counter() - start) / len(mixtures)


def _library_seconds(pool: Pool, split: Split) -> float:
    """For one model of the library's own grid, which goes from the first corner towards the two others."""
    dataset = UsualDataset(split)
    images, labels = (torch.stack(list(part)) for part in zip(*((x, torch.tensor(y)) for x, y in dataset), strict=True))
    start, first, second = (usual_model(pool) for _ in CORNERS)
    for model, name in zip((start, first, second), CORNERS, strict=True):
        model.load_state_dict({key: tensor.float() for key, tensor in pool.checkpoints[name].read()})
    metric = Loss(F.cross_entropy, images, labels)
    begin = time.perf_counter()
    table = loss_landscapes.planar_interpolation(start, first, second, metric, steps=2, deepcopy_model=True)
    seconds = (time.perf_counter() - begin) / table.size
    # Its first row ends at the third corner.
    with torch.no_grad():
        expected = float(F.cross_entropy(second(images), labels))
    assert abs(table[0][-1] - expected) < 1e-3 * expected
    return seconds


def _same_numbers(pool: Pool, split: Split, state: Landscape, rounding: float) -> None:
    """Ours and the usual loop, at some points of the grid."""
    cells = [(0, 0), (state.loss.shape[0] // 2, state.loss.shape[1] // 2), (-1, 0)]
    usual = usual_loop(pool, [split], 0, [dict(state.recipe(*cell)) for cell in cells])
    for cell, found in zip(cells, usual, strict=True):
        right, loss = found[split.name]
        # The two add in another order: an image on the border between two classes may fall either way.
        assert abs(state.error[cell] * len(split) - (len(split) - right)) <= 2.5, cell
        assert abs(state.loss[cell] - loss) <= rounding * loss, cell


def _streamlined(model: ImageClassifier) -> ImageClassifier:
    streamline(model.visual)
    return model


def _finished(device: torch.device, out: torch.Tensor) -> torch.Tensor:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return out
