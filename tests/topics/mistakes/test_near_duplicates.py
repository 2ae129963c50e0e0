"""Duplicates that were planted are found, and nothing is missed."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from sklearn.neighbors import NearestNeighbors

import soupwidgets as sw
from soupwidgets import Evaluator, Suite
from soupwidgets.stats.intervals import clopper_pearson
from soupwidgets.suites import Split
from soupwidgets.topics.mistakes import nearest
from soupwidgets.topics.mistakes.embeddings import embed_splits
from soupwidgets.topics.mistakes.image_copies import VIEWS, planted_copies
from soupwidgets.topics.mistakes.near_duplicates import duplicate_threshold, near_duplicates
from soupwidgets.topics.mistakes.nearest import nearest_references
from soupwidgets.topics.mistakes.without_duplicates import without_duplicates
from tests.command import run

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("count", [1, 5])
def test_neighbours_are_those_of_scikit_learn(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    images, references = RNG.standard_normal((70, 9)), RNG.standard_normal((150, 9)) * 5
    monkeypatch.setattr(nearest, "_ROWS", 16)
    monkeypatch.setattr(nearest, "_COLUMNS", 37)
    monkeypatch.setattr(nearest, "_TILE", 5)
    rows, similarity = nearest_references(images, references, count)
    distance, wanted = (
        NearestNeighbors(n_neighbors=count, metric="cosine", algorithm="brute").fit(references).kneighbors(images)
    )
    assert np.array_equal(rows, wanted)
    assert similarity == pytest.approx(1 - distance, abs=1e-6)


def test_of_equally_near_ones_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nearest, "_COLUMNS", 2)
    references = np.array([[0, 1], [1, 0], [2, 0], [0, 3], [5, 0]], dtype=np.float32)
    rows, similarity = nearest_references([[1.0, 0.0]], references, 3)
    assert rows.tolist() == [[1, 2, 4]]
    assert similarity.tolist() == [[1, 1, 1]]
    for wrong in ([[0.0, 0.0]], [[np.nan, 1.0]]):
        with pytest.raises(ValueError, match="zero or not finite"):
            nearest_references(wrong, references)
    with pytest.raises(ValueError, match="9 neighbours of 5 references"):
        nearest_references([[1.0, 0.0]], references, 9)
    with pytest.raises(ValueError, match="cannot be compared"):
        nearest_references([[1.0]], references)


def test_what_rounding_takes_past_one_is_equally_near() -> None:
    past = np.array([[1.0000001, 1.0000002], [0.5, 1.0000002]], dtype=np.float32)
    which, best = nearest._nearest(past, np.array([[4], [4]]), np.full((2, 1), 0.25, dtype=np.float32), 10)
    assert (which.tolist(), best.tolist()) == ([[10], [11]], [[1], [1]])
    # What was as near before stays the first.
    which, best = nearest._nearest(past, np.array([[4], [4]]), np.ones((2, 1), dtype=np.float32), 10)
    assert which.tolist() == [[4], [4]]


def test_the_threshold_stands_out() -> None:
    logs = RNG.normal(-4, 0.5, 10_000)
    usual = 1 - np.exp(logs)
    # Where one in ten thousand lies, by the distribution itself.
    assert np.log(1 - duplicate_threshold(usual)) == pytest.approx(-4 - 0.5 * 3.719, abs=0.1)
    copied = np.append(usual, np.full(200, 1 - 1e-9))
    assert duplicate_threshold(copied) == pytest.approx(duplicate_threshold(usual), abs=3e-4)
    with pytest.raises(ValueError, match="9 images show no distribution"):
        duplicate_threshold(usual[:9])


def test_copies_and_the_views_that_undo_them() -> None:
    images = RNG.integers(0, 256, (3, 28, 28), dtype=np.uint8)
    made = planted_copies(images)
    assert np.array_equal(made["shifted"][:, :, 1:], images[:, :, :-1])
    assert np.array_equal(made["flipped"][:, :, ::-1], images)
    assert made["re-encoded"].shape == images.shape
    assert 0 < np.abs(made["re-encoded"].astype(int) - images).mean() < 60
    colour = RNG.integers(0, 256, (2, 56, 56, 3), dtype=np.uint8)
    assert np.array_equal(planted_copies(colour)["shifted"][:, :, 2:], colour[:, :, :-2])
    pixels = torch.from_numpy(images[:, None].astype(np.float32))
    shifted = torch.from_numpy(made["shifted"][:, None].astype(np.float32))
    assert torch.equal(VIEWS["from the right"](shifted)[..., :-1], pixels[..., :-1])
    assert torch.equal(VIEWS["flipped"](VIEWS["flipped"](pixels)), pixels)
    down = VIEWS["from above"](pixels)
    assert torch.equal(down[:, :, 1:], pixels[:, :, :-1])
    assert torch.equal(down[:, :, 0], pixels[:, :, 0])
    assert torch.equal(VIEWS["from below"](down)[:, :, :-1], pixels[:, :, :-1])


@pytest.fixture(scope="module")
def planted(small_suite: Suite) -> Suite:
    """The small suite, whose first test images are copies of training images."""
    assert small_suite.training is not None
    train, test = small_suite.training, small_suite.id_test
    images, labels = test.images[:200].copy(), test.labels[:200].copy()
    copies = planted_copies(train.images[:8])
    for start, made in ((0, train.images[:8]), (8, copies["shifted"]), (16, copies["flipped"])):
        images[start : start + 8], labels[start : start + 8] = made, train.labels[:8]
    held_out = small_suite.validation
    splits = {"val": (held_out.images[:60], held_out.labels[:60]), "test": (images, labels)}
    whole = {**splits, "train": (train.images[:90], train.labels[:90])}
    return Suite.of("planted", {k: ({"images": i}, y) for k, (i, y) in whole.items()}, classes=small_suite.classes)


def test_training_images_that_are_embedded_are_not_embedded_again(
    small_evaluator: Evaluator, planted: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    ev = small_evaluator.with_suite(planted)
    found = near_duplicates(ev, "test", progress=False)
    embedded = sw.mistakes.embeddings(ev, "test", progress=False)
    seen: list[str] = []

    def counted(ev: Evaluator, splits: Sequence[Split], **how: Any) -> list[NDArray[np.float32]]:
        seen.extend(split.name for split in splits)
        return embed_splits(ev, splits, **how)

    # The package has a function of the module's name.
    monkeypatch.setattr(sys.modules["soupwidgets.topics.mistakes.near_duplicates"], "embed_splits", counted)
    again = near_duplicates(ev, "test", embedded=embedded, progress=False)
    assert "train" not in seen
    assert seen.count("probe") == 1
    assert np.array_equal(again.nearest, found.nearest)
    assert again.similarity == pytest.approx(found.similarity, abs=1e-6)
    near = sw.wise_ft(ev.pool, "ft-00", 0.05)
    turned = replace(embedded, references=embedded.references[::-1].copy())
    for given, why in (
        (sw.mistakes.embeddings(ev, "test", recipe=near, progress=False), "of another model"),
        (turned, "of other images of 'train'"),
        (replace(embedded, labels=embedded.labels[:-1]), "of other images of 'train'"),
        (replace(embedded, references=embedded.references[:-1]), "of other images of 'train'"),
        (replace(embedded, split="val"), "are of 'val' beside 'train', and not of 'test'"),
    ):
        with pytest.raises(ValueError, match=why):
            near_duplicates(ev, "test", embedded=given, progress=False)


def test_planted_duplicates_are_found(small_evaluator: Evaluator, planted: Suite, tmp_path: Path) -> None:
    ev = small_evaluator.with_suite(planted)
    found = near_duplicates(ev, "test", progress=False)
    rows = set(found.rows.tolist())
    # All that are the same or mirrored, and most of those that are moved.
    assert set(range(8)) | set(range(16, 24)) <= rows
    assert len(rows & set(range(8, 16))) >= 5
    assert len(rows - set(range(24))) <= 6
    for row in [*range(8), *range(16, 24)]:
        assert found.nearest[row] == row % 8
        assert found.similarity[row] > 0.99999
    kinds = {one.kind: one for one in found.planted}
    assert kinds["flipped"].found == len(kinds["flipped"].similarity) == 90
    for one in found.planted:
        assert one.interval == pytest.approx(tuple(clopper_pearson(one.found, 90)))
        assert one.found / 90 > 0.2
    table = found.to_frame(planted["test"], planted["train"])
    assert table["similarity"].is_monotonic_decreasing
    assert set(table["image"]) == rows
    picture = sw.mistakes.pair_pictures(found, planted["test"], planted["train"], most=12)
    assert picture.shape == (2 * (60 + 4), 10 * 30, 3)
    first = int(found.rows[0])
    assert np.array_equal(picture[1:29, 1:29, 0], planted["test"].images[first])
    assert np.array_equal(picture[31:59, 1:29, 2], planted["train"].images[found.nearest[first]])
    drawn = sw.mistakes.figures.similarities.plain(found)
    assert sum(drawn.trace("test")["y"]) == pytest.approx(100)
    assert drawn.text.startswith(f"{len(rows)} of 200 images of test are nearer to an image of train than")
    assert len(replace(found, threshold=-1).rows) == 200


def test_the_command(planted: Suite, pool: sw.Pool, tmp_path: Path, zoo_store: sw.Store) -> None:
    folder = planted.save(tmp_path / "suite")
    zoo = tmp_path / "pool"
    zoo.mkdir()
    for name in (pool.zero_shot, "ft-03"):
        (zoo / f"{name}.safetensors").symlink_to(pool.checkpoints[name].path.resolve())
    out = [tmp_path / "pairs.csv", tmp_path / "pairs.png", tmp_path / "told.json"]
    done = run(
        "mistakes", "duplicates", "--pool", str(zoo), "--suite", str(folder), "--store", str(tmp_path / "store"),
        "--out", str(out[0]), "--pictures", str(out[1]), "--json", str(out[2]),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = json.loads(out[2].read_text())
    assert "Found of copies of training images that were planted: shifted" in done.stdout
    assert told["duplicates"] == len(told["pairs"]) == len(out[0].read_text().splitlines()) - 1 >= 21
    assert Image.open(out[1]).size[0] == 300
    models = {one["model"]: one for one in told["models"]}
    assert set(models) == {pool.zero_shot, "ft-03"}
    for one in models.values():
        assert one["difference"] == pytest.approx(one["accuracy"] - one["kept"])
        assert one["interval"][0] <= one["difference"] <= one["interval"][1]


def test_without_training_images_there_is_nothing_to_compare(small_evaluator: Evaluator) -> None:
    suite = small_evaluator.suite
    bare = Suite("bare", suite.classes, suite.splits)
    with pytest.raises(ValueError, match="the suite 'bare' has no training images"):
        near_duplicates(small_evaluator.with_suite(bare), "test", progress=False)
    with pytest.raises(KeyError, match="no split 'x'"):
        near_duplicates(small_evaluator, "x", progress=False)


def test_accuracy_without_duplicates_by_hand() -> None:
    right = np.array([True] * 9 + [False] * 1 + [True] * 45 + [False] * 45)
    found = without_duplicates(right, np.arange(10))
    assert (found.accuracy, found.kept, found.duplicates) == (0.54, 0.5, 0.9)
    assert found.difference == pytest.approx(0.04)
    # Zou and Donner: 10% of (0.9 - 0.5), each with its exact limits.
    (low, high), (least, most) = clopper_pearson([9, 45], [10, 90])
    below, above = np.hypot(0.9 - low, most - 0.5), np.hypot(high - 0.9, 0.5 - least)
    assert found.interval == pytest.approx((0.1 * (0.4 - below), 0.1 * (0.4 + above)))
    none = without_duplicates(right, np.array([], dtype=np.int64))
    assert (none.difference, none.interval, none.left_out) == (0, (0, 0), 0)
    with pytest.raises(ValueError, match="every image has a near-duplicate"):
        without_duplicates(right, np.arange(100))


def test_the_interval_covers_what_duplicates_add() -> None:
    rng, covered, draws = np.random.default_rng(1), 0, 400
    share, inside, outside = 0.05, 0.95, 0.8
    rows = np.arange(50)
    for _ in range(draws):
        right = np.concatenate([rng.random(50) < inside, rng.random(950) < outside])
        low, high = without_duplicates(right, rows).interval
        covered += low <= share * (inside - outside) <= high
    assert covered / draws >= 0.94
