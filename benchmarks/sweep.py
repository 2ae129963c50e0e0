"""An 11-alpha sweep over all splits of the zoo, beside the same sweep written the usual way."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from open_clip.model import CLIP
from PIL import Image
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from benchmarks.rates import flops_an_image, product_rate, words
from benchmarks.table import Row
from soupwidgets import Evaluator, Pool, Store, Suite, alpha_sweep
from soupwidgets.methods import Sweep
from soupwidgets.models import ImageClassifier
from soupwidgets.suites import Split

ROOT = Path(__file__).parents[1]
ALPHAS = 11
FINE_TUNED = "ft-03"


class UsualDataset(Dataset[tuple[torch.Tensor, int]]):
    """As torchvision's own FashionMNIST: arrays in memory, a PIL image and a transform per item."""

    def __init__(self, split: Split) -> None:
        self.images, self.labels = torch.from_numpy(split.images.copy()), split.labels
        self.transform = transforms.Compose(
            [transforms.Grayscale(3), transforms.ToTensor(), transforms.Normalize([0.286] * 3, [0.353] * 3)]
        )

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        return self.transform(Image.fromarray(self.images[index].numpy())), int(self.labels[index])


def usual_model(pool: Pool) -> ImageClassifier:
    """The architecture of the pool, as open_clip makes it."""
    card: Any = pool.architecture_card
    text = {"context_length": 2, "vocab_size": 2, "width": 64, "heads": 1, "layers": 1}
    return ImageClassifier(
        CLIP(card["embed_dim"], card["vision_cfg"], text).visual, card["embed_dim"], classes=10
    ).eval()


def usual_loop(
    pool: Pool, splits: Iterable[Split], workers: int, mixtures: Sequence[Mapping[str, float]]
) -> list[dict[str, tuple[int, float]]]:
    """load_state_dict for each mixture, a DataLoader for each split; right predictions and mean loss by split."""
    model = usual_model(pool)
    states = {
        name: {key: tensor.float() for key, tensor in pool.checkpoints[name].read()}
        for name in {name for mixture in mixtures for name in mixture}
    }
    datasets = {split.name: UsualDataset(split) for split in splits}
    found = []
    for mixture in mixtures:
        model.load_state_dict(
            {key: sum(share * states[name][key] for name, share in mixture.items()) for key in model.state_dict()}
        )
        found.append({})
        for name, dataset in datasets.items():
            right, loss = 0, 0.0
            with torch.no_grad():
                for images, labels in DataLoader(dataset, batch_size=128, num_workers=workers):
                    logits = model(images)
                    right += int((logits.argmax(dim=1) == labels).sum())
                    loss += float(F.cross_entropy(logits, labels, reduction="sum"))
            found[-1][name] = right, loss / len(dataset)
    return found


def floor_row(ev: Evaluator, seconds: float, passed: int, whole: int) -> Row:
    """What was measured, beside its products alone at the best rates of this machine.

    Parameters
    ----------
    ev
        What measured it.
    seconds
        The time that it took.
    passed, whole
        How many images went through the network, and how many one pass over all of them would be: what is beyond
        that is the audit's, in float32.
    """
    rates = {"float32": product_rate(torch.float32)}
    passes = {"float32": passed}
    if ev.precision == "bfloat16":
        rates["bfloat16"] = product_rate(torch.bfloat16)
        passes = {"bfloat16": whole, "float32": passed - whole}
    work = flops_an_image(ev.architecture.build("cpu"), ev.reader(ev.suite.validation).batch(0, 8))
    floor = sum(work * number / rates[name] for name, number in passes.items())
    return Row(
        "the same, beside the products alone at the machine's best rates",
        f"{seconds:.1f} s, {passed:,} images",
        f"products: {floor:.1f} s ({words(rates)})",
        seconds / floor,
        "<= 1.15 times",
        seconds / floor <= 1.15,
    )


def exactness_row(ev: Evaluator, sweep: Sweep) -> Row:
    """Every prediction of a sweep beside that of float32."""
    exact, differ, total = ev.in_float32(), 0, 0
    for alpha in sweep.alphas:
        found, expected = sweep[alpha], exact.evaluate(sweep[alpha].recipe)
        for name in found.scores:
            ours, theirs = (one.split_logits(name).argmax(axis=1) for one in (found, expected))
            differ += int((ours != theirs).sum())
            total += len(ours)
    return Row(
        "the same, prediction by prediction",
        f"{differ:,} of {total:,} differ, {ev.precision}",
        f"float32: {total:,} predictions",
        differ / total,
        "none differs",
        not differ,
    )


def sweep_rows(store: Path) -> list[Row]:
    """The faster of the usual way with and without worker processes is what ours is compared with."""
    suite = Suite.open(ROOT / "data" / "suites" / "fashion")
    for split in suite.splits.values():
        _ = split.content_hash  # shifts are made now, for both sides
    pool = Pool.open(ROOT / "data" / "zoo" / "fashion")

    ev = Evaluator(pool, suite, device="cpu", store=Store(store))
    start = time.perf_counter()
    sweep = alpha_sweep(ev, FINE_TUNED, alphas=ALPHAS, progress=False)
    mine, passed = time.perf_counter() - start, ev.forward_images
    start = time.perf_counter()
    alpha_sweep(Evaluator(pool, suite, device="cpu", store=Store(store)), FINE_TUNED, alphas=ALPHAS, progress=False)
    again = time.perf_counter() - start

    mixtures = [{str(pool.zero_shot): 1 - alpha, FINE_TUNED: alpha} for alpha in sweep.alphas]
    splits = list(suite.splits.values())
    trial = {}
    for workers in (0, 2):
        start = time.perf_counter()
        few = usual_loop(pool, splits, workers, mixtures[:1])
        trial[workers] = time.perf_counter() - start
    workers = min(trial, key=lambda count: trial[count])
    start = time.perf_counter()
    usual = usual_loop(pool, splits, workers, mixtures)
    theirs = time.perf_counter() - start
    assert few == usual[:1]
    for alpha, found in zip(sweep.alphas, usual, strict=True):
        for name, (right, _) in found.items():
            # The two add in another order: an image on the border between two classes may fall either way.
            assert abs(sweep[alpha].scores[name].correct - right) <= 2, (alpha, name)
    return [
        Row(
            f"{ALPHAS}-alpha sweep, all splits of the zoo",
            f"{mine:.1f} s, {ev.precision}",
            f"load_state_dict, DataLoader ({workers} workers): {theirs:.1f} s",
            theirs / mine,
            ">= 5 times faster",
            theirs / mine >= 5,
        ),
        floor_row(ev, mine, passed, ALPHAS * sum(map(len, splits))),
        Row(
            "the same sweep asked for again",
            f"{again:.2f} s",
            f"the first time: {mine:.1f} s",
            mine / again,
            "nothing is computed twice",
            again < mine / 10,
        ),
        exactness_row(ev, sweep),
    ]
