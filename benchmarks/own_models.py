"""Models of other libraries: what the evaluator takes beside the forward passes that it must make."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from benchmarks.table import Row
from soupwidgets import Evaluator, Pool, Store, Suite, models
from soupwidgets.evaluation.computation import BATCH
from soupwidgets.models import Inputs, Model

# The evaluator looks at few examples first, so that a slider has an answer at once.
FIRST = (64, 320)
GOAL = 1.05


def bounds(n: int) -> list[tuple[int, int]]:
    """The evaluator's batches of n examples."""
    stops = [stop for stop in FIRST if stop < n]
    stops += [*range((stops or [0])[-1] + BATCH["cpu"], n, BATCH["cpu"]), n]
    return list(zip([0, *stops[:-1]], stops, strict=True))


def _count(network: nn.Module, batches: Sequence[tuple[Inputs, torch.Tensor]]) -> int:
    """Right answers by the network alone, on inputs that are ready."""
    right = 0
    with torch.inference_mode():
        for inputs, labels in batches:
            right += int((network(inputs).argmax(dim=1) == labels).sum())
    return right


def overhead_row(
    what: str, model: Model, examples: Mapping[str, NDArray[Any]], classes: int, folder: Path, repeats: int
) -> Row:
    """Both sides in turn, each time another mixture of two networks of random weights, so that the store has none."""
    folder.mkdir(parents=True)
    n = len(next(iter(examples.values())))
    labels = np.random.default_rng(0).integers(0, classes, n)
    torch.manual_seed(0)
    for name in ("a", "b"):
        torch.save(model.build().state_dict(), folder / f"{name}.pt")
    data = {"val": (dict(examples), labels), "test": ({key: x[:1] for key, x in examples.items()}, labels[:1])}
    suite = Suite.of("own", data, classes=[str(number) for number in range(classes)])
    # Averaged statistics: measuring them again is forward passes too, and not what is compared here.
    ev = Evaluator(
        Pool.open([folder / "a.pt", folder / "b.pt"]), suite, device="cpu", model=model, store=Store(folder / "store"),
        batch_norm="average", precision="float32",
    )  # fmt: skip
    reader = ev.reader(suite["val"])
    batches = [(reader.batch(start, stop), reader.labels[start:stop]) for start, stop in bounds(n)]
    network = model.build()
    mine, bare = [], []
    for repeat in range(repeats + 1):
        recipe = {"a": 1 - repeat / (2 * repeats), "b": repeat / (2 * repeats)}
        # The weights of both sides are the same, and in place before either begins.
        with ev.model(recipe) as mixed:
            network.load_state_dict(mixed.state_dict())
        start = time.perf_counter()
        found = ev.evaluate(recipe, "val")["val"].correct
        between = time.perf_counter()
        wanted = _count(network, batches)
        end = time.perf_counter()
        # Mixed or loaded, the weights are the same numbers; random networks have images on the edge of two classes.
        if abs(found - wanted) > 2:
            raise AssertionError(f"{what}: the evaluator counts {found}, the network alone {wanted}")
        if repeat:
            mine.append(between - start)
            bare.append(end - between)
    ratio = statistics.median(m / b for m, b in zip(mine, bare, strict=True))
    return Row(
        what,
        f"{statistics.median(mine):.2f} s",
        f"model(inputs) on prepared tensors, argmax, counting: {statistics.median(bare):.2f} s",
        ratio,
        f"<= {GOAL} times",
        ratio <= GOAL,
    )


def text_model(length: int, layers: int = 4, width: int = 256) -> Model:
    """A small BERT of random weights."""
    from transformers import BertConfig

    return models.transformers(
        BertConfig(
            vocab_size=8000, hidden_size=width, num_hidden_layers=layers, num_attention_heads=max(1, width // 64),
            intermediate_size=4 * width, max_position_embeddings=length, num_labels=4,
        )
    )  # fmt: skip


def own_model_rows(
    folder: Path, *, images: int = 256, side: int = 224, texts: int = 2000, length: int = 32, repeats: int = 7
) -> list[Row]:
    """A torchvision ResNet-18 on images, a BERT on texts."""
    rng = np.random.default_rng(0)
    pictures = {"images": rng.integers(0, 256, (images, side, side, 3), dtype=np.uint8)}
    tokens = {"input_ids": rng.integers(1, 8000, (texts, length)).astype(np.uint16)}
    resnet, bert = models.torchvision("resnet18", 10), text_model(length)
    pixels = f"torchvision's ResNet-18, {images} images of {side} pixels"
    words = f"a BERT of 4 layers of 256, {texts:,} texts of {length} tokens"
    return [
        overhead_row(pixels, resnet, pictures, 10, folder / "resnet", repeats),
        overhead_row(words, bert, tokens, 4, folder / "bert", repeats),
    ]
