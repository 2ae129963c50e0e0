from __future__ import annotations

import sqlite3
from pathlib import Path

import numpy as np
import pytest
import torch

from soupwidgets import Evaluator, Pool, PoolError, Recipe, Store, Suite, logit_ensemble
from soupwidgets.stats.label_metrics import macro_f1, worst_group
from soupwidgets.store import Measurement
from soupwidgets.suites import ClassMap, Split
from soupwidgets.suites.split import Scoring, Source


def test_macro_f1_by_hand() -> None:
    # Class 0: precision 2/3, recall 2/2, F1 4/5. Class 1: 1/1, 1/3, F1 1/2. Class 2: never right, F1 0.
    labels = np.array([0, 0, 1, 1, 1, 2])
    predictions = np.array([0, 0, 1, 0, 3, 3])
    figure = macro_f1(predictions, labels)
    assert figure.value == pytest.approx((4 / 5 + 1 / 2 + 0) / 3)
    assert 0 <= figure.low <= figure.value <= figure.high <= 1
    # The class 3 is predicted and never there: it does not count, as in WILDS.
    assert macro_f1(np.array([3]), np.array([2])).value == 0
    assert macro_f1(labels, labels).value == 1


def test_macro_f1_interval_holds_the_truth_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 4, 200_000)
    predictions = np.where(rng.random(len(labels)) < 0.7, labels, rng.integers(0, 4, len(labels)))
    truth = macro_f1(predictions, labels).value
    held = 0
    for _ in range(200):
        rows = rng.integers(0, len(labels), 300)
        figure = macro_f1(predictions[rows], labels[rows])
        held += figure.low <= truth <= figure.high
    assert 0.90 <= held / 200 <= 0.985


def test_worst_group_by_hand() -> None:
    right = np.array([True, True, False, True, False, False, False])
    groups = np.array([0, 0, 0, 1, 1, -1, -1])
    figure = worst_group(right, groups)
    assert figure.value == 0.5
    assert figure.low <= 0.5 <= figure.high
    with pytest.raises(ValueError, match="no image has a group"):
        worst_group(right, np.full(7, -1))


def test_class_map_against_the_plain_loop() -> None:
    rng = np.random.default_rng(0)
    columns = [[5], [1, 8, 3], [0], [9, 2]]
    logits = rng.standard_normal((50, 10)).astype(np.float32)
    class_map = ClassMap(columns)
    restricted = class_map.restrict(torch.from_numpy(logits))
    assert restricted.shape == (50, 7)
    expected = np.stack([logits[:, group].max(axis=1) for group in columns], axis=1)
    assert np.array_equal(class_map.scores(restricted.numpy()), expected)
    for wrong in ([[]], [[1], [1]], [[-1]], []):
        with pytest.raises(ValueError):
            ClassMap(wrong)


@pytest.fixture
def odd_suite(suite: Suite, tmp_path: Path) -> Suite:
    """The bundled suite with a mapped shift, one scored by F1, and one by its worst group."""
    splits = {"val": suite.splits["val"], "test": suite.splits["test"]}
    class_map = ClassMap([[0, 6], [2, 4], [9]])
    of = {0: 0, 6: 0, 2: 1, 4: 1, 9: 2}
    noise = suite.splits["noise"]
    kept = np.flatnonzero(np.isin(noise.labels, list(of)))
    np.save(tmp_path / "images.npy", noise.images[kept])
    np.save(tmp_path / "labels.npy", np.array([of[int(label)] for label in noise.labels[kept]]))
    np.save(tmp_path / "groups.npy", np.arange(len(kept)) % 5 - 1)
    source = Source(tmp_path / "images.npy", tmp_path / "labels.npy")
    for metric in ("accuracy", "macro_f1", "worst_group"):
        scoring = Scoring(metric, class_map, ("top", "coat", "boot"), tmp_path / "groups.npy")
        splits[metric] = Split(metric, "shift", source, scoring=scoring)
    return Suite("odd", suite.classes, splits)


def test_every_way_to_score_agrees_with_the_plain_one(
    tiny_pool: Pool, suite: Suite, odd_suite: Suite, tmp_path: Path
) -> None:
    store = Store(tmp_path / "store")
    ev = Evaluator(tiny_pool, odd_suite, device="cpu", store=store)
    recipe = Recipe({"ft-a": 0.5, "ft-b": 0.5})
    names = ["accuracy", "macro_f1", "worst_group"]
    *coarse, exact = ev.stream(recipe, names)
    with ev.model(recipe) as model, torch.inference_mode():
        images, _ = ev.batch(odd_suite.splits["accuracy"], np.arange(len(odd_suite.splits["accuracy"])))
        logits = model(images).numpy()
    by_class = np.stack([logits[:, c].max(axis=1) for c in ([0, 6], [2, 4], [9])], axis=1)
    labels = odd_suite.splits["accuracy"].labels
    right = by_class.argmax(axis=1) == labels
    assert exact.accuracy["accuracy"] == right.mean()
    assert exact.accuracy["macro_f1"] == macro_f1(by_class.argmax(axis=1), labels).value
    groups = np.arange(len(labels)) % 5 - 1
    assert exact.accuracy["worst_group"] == min(right[groups == g].mean() for g in range(4))
    assert exact.scores["macro_f1"].correct == right.sum()
    assert np.allclose(exact.logits["macro_f1"], by_class, atol=1e-5)
    assert all(0 <= c.accuracy[name] <= 1 for c in coarse for name in names)
    # From the store, in another process' words, the same.
    again = Evaluator(tiny_pool, odd_suite, device="cpu", store=Store(store.folder)).evaluate(recipe, names)
    assert again.to_records() == exact.to_records()
    assert {r["split"]: r.get("metric") for r in exact.to_records()} == {
        "accuracy": None, "macro_f1": "macro_f1", "worst_group": "worst_group"
    }  # fmt: skip
    # An ensemble mixes logits first and takes the largest afterwards.
    both = logit_ensemble(ev, recipe, names)
    alone = []
    for name in ("ft-a", "ft-b"):
        with ev.model(Recipe({name: 1})) as model, torch.inference_mode():
            alone.append(model(images).numpy())
    mean = (alone[0] + alone[1]) / 2
    expected = np.stack([mean[:, c].max(axis=1) for c in ([0, 6], [2, 4], [9])], axis=1)
    assert np.allclose(both.logits["accuracy"], expected, atol=1e-5)
    assert both.accuracy["worst_group"] <= both.accuracy["accuracy"]


def test_models_and_suites_of_other_sizes_do_not_go_together(tiny_pool: Pool, suite: Suite, tmp_path: Path) -> None:
    np.save(tmp_path / "images.npy", np.zeros((2, 32, 32, 3), dtype=np.uint8))
    np.save(tmp_path / "labels.npy", np.array([0, 1]))
    large = Split("large", "shift", Source(tmp_path / "images.npy", tmp_path / "labels.npy"))
    said = "split 'large': the model takes images of 28 x 28 pixels, these are 32 x 32: build the suite again with"
    with pytest.raises(PoolError, match=f"{said} --size 28"):
        Evaluator(tiny_pool, Suite("s", suite.classes, {**suite.splits, "large": large}), store=Store(tmp_path / "s"))


def test_a_store_from_before_there_were_figures_still_serves(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.put("k" * 64, Measurement("{}", "test", 2, 1, 0.5), np.zeros((2, 3), np.float32))
    del store
    with sqlite3.connect(tmp_path / "measurements.sqlite") as database:
        database.execute("ALTER TABLE measurements DROP COLUMN figure")
    old = Store(tmp_path)
    assert old.get(["k" * 64])["k" * 64] == Measurement("{}", "test", 2, 1, 0.5)
    figure = {"metric": "macro_f1", "value": 0.25, "low": 0.0, "high": 0.5}
    old.put("l" * 64, Measurement("{}", "test", 2, 1, 0.5, figure=figure), np.zeros((2, 3), np.float32))
    assert old.get(["l" * 64])["l" * 64].figure == figure
