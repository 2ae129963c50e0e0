"""Suites of one's own data, written to a folder and opened again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from soupwidgets import Metric, Suite, SuiteError
from soupwidgets.stats import METRICS
from soupwidgets.suites import ArraySplit, ClassMap, Shift, Split
from soupwidgets.suites.split import Scoring, Source
from tests.suites.test_suite import edit

RNG = np.random.default_rng(0)
X = RNG.standard_normal((12, 3)).astype(np.float32)
LABELS: dict[str, Any] = {
    "single-label": np.arange(12) % 3,
    "multi-label": RNG.integers(0, 2, (12, 3)),
    "regression": RNG.standard_normal((12, 2)),
    "segmentation": RNG.integers(0, 3, (12, 4, 5)),
}


def suite_of(task: Any, examples: Any = X, **options: Any) -> Suite:
    labels = LABELS[task]
    parts = {"train": slice(0, 3), "val": slice(3, 6), "test": slice(6, 9), "far away/1": slice(9, 12)}

    def of(rows: slice) -> Any:
        if isinstance(examples, dict):
            return {name: array[rows] for name, array in examples.items()}
        return examples[rows]

    classes = [] if task == "regression" else ["a", "b", "c"]
    data = {name: (of(rows), labels[rows]) for name, rows in parts.items()}
    return Suite.of("mine", data, task=task, classes=classes, **options)


def same(one: Suite, other: Suite) -> None:
    assert (one.name, one.classes, one.templates, one.task) == (other.name, other.classes, other.templates, other.task)
    assert list(one._every) == list(other._every)
    for name, split in one._every.items():
        again = other[name]
        assert (again.role, again.scoring.metric, again.form) == (split.role, split.scoring.metric, split.form)
        assert again.labels.dtype == split.labels.dtype
        np.testing.assert_array_equal(again.labels, split.labels)
        for key, array in split.examples.items():
            np.testing.assert_array_equal(again.examples[key], array)
        assert again.texts == split.texts
        # Measurements of the one are those of the other.
        assert again.content_hash == split.content_hash


@pytest.mark.parametrize("task", LABELS)
def test_every_task(task: str, tmp_path: Path) -> None:
    suite = suite_of(task)
    same(suite, Suite.open(suite.save(tmp_path / "saved")))


@pytest.mark.parametrize(
    "examples",
    [
        RNG.integers(0, 256, (12, 4, 5), dtype=np.uint8),
        RNG.integers(0, 256, (12, 4, 5, 3), dtype=np.uint8),
        RNG.integers(0, 256, (12, 3, 4, 5), dtype=np.uint8),
        {"input_ids": RNG.integers(0, 9, (12, 6)), "Labels": X, "labels": X.astype(np.float64), "a/b": X > 0},
        np.where(X > 1, np.nan, X),
        np.asfortranarray(X),
    ],
)
def test_every_kind_of_examples(examples: Any, tmp_path: Path) -> None:
    suite = suite_of("single-label", examples, metric="balanced_accuracy")
    same(suite, Suite.open(suite.save(tmp_path)))


def test_texts_groups_class_maps_and_label_sets(tmp_path: Path) -> None:
    def split(name: str, scoring: Scoring | None = None) -> ArraySplit:
        return ArraySplit(name, {"inputs": X}, LABELS["single-label"] % 2, scoring=scoring, texts=[f"<{i}>" for i in X])

    np.save(tmp_path / "groups.npy", np.arange(12) % 4 - 1)
    grouped = Scoring("worst_group", groups=tmp_path / "groups.npy", group_names=("x", "y", "z"))
    mapped = Scoring(class_map=ClassMap([[1], [0, 2]]), classes=("one", "other"))
    splits = [split("val"), split("test"), split("grouped", grouped), split("mapped", mapped)]
    suite = Suite.of("mine", {one.name: one for one in splits}, classes=["a", "b", "c"])
    suite = suite.with_label_sets({"test": {0: [0, 2], 1: [], 5: [1]}})
    again = Suite.open(suite.save(tmp_path / "saved"))
    same(suite, again)
    assert again["test"].label_sets == suite["test"].label_sets
    assert again["grouped"].scoring.group_names == ("x", "y", "z")
    assert again.class_names("mapped") == ("one", "other")
    assert again.texts["val"] == tuple(f"<{i}>" for i in X)
    assert "multi-label accuracy" in again["test"]._repr_html_()
    same(again, Suite.open(again.save(tmp_path / "again")))


def test_a_shift_is_written_as_what_it_makes(tmp_path: Path) -> None:
    images, labels = RNG.integers(0, 256, (12, 6, 6), dtype=np.uint8), LABELS["single-label"]
    np.save(tmp_path / "i.npy", images)
    np.save(tmp_path / "l.npy", labels)
    shift = Shift("rotate", 1, {"degrees": (5, 9)})
    turned = Split("turned", "shift", Source(tmp_path / "i.npy", tmp_path / "l.npy", rows=(3, 1), shift=shift))
    suite = Suite.of("mine", {"val": (images, labels), "test": (images, labels), "turned": turned})
    again = Suite.open(suite.save(tmp_path / "saved"))
    np.testing.assert_array_equal(again["turned"].images, turned.images)
    assert again["turned"].content_hash == turned.content_hash


def test_what_is_not_written(tmp_path: Path) -> None:
    suite = suite_of("single-label")
    suite.save(tmp_path / "saved")
    with pytest.raises(SuiteError, match="has a suite already"):
        suite.save(tmp_path / "saved")
    (tmp_path / "file").write_text("")
    with pytest.raises(SuiteError, match="cannot be written"):
        suite.save(tmp_path / "file" / "below")
    mine = Metric("mine", lambda outputs, targets: 0.0)
    try:
        with pytest.raises(SuiteError, match="scored by mine, a function of your own, which no file can hold"):
            suite.scored_by(mine).save(tmp_path / "other")
    finally:
        METRICS.pop("mine")
    assert not (tmp_path / "other").exists()


def test_changed_files_are_found(tmp_path: Path) -> None:
    suite_of("regression").save(tmp_path)
    changed = np.load(tmp_path / "val.inputs.npy")
    changed[1, 1] += 1
    np.save(tmp_path / "val.inputs.npy", changed)
    suite = Suite.open(tmp_path)
    assert suite["test"].content_hash
    with pytest.raises(SuiteError, match=r"val\.inputs\.npy: content differs from the suite's manifest"):
        _ = suite["val"].content_hash


def test_what_is_shown_of_every_task() -> None:
    shown = {task: suite_of(task) for task in LABELS}
    sizes = "val=3, test=3, far away/1=3)"
    assert repr(shown["single-label"]) == f"Suite('mine', 3 classes, {sizes}"
    assert repr(shown["multi-label"]) == f"Suite('mine', multi-label, 3 classes, {sizes}"
    assert repr(shown["regression"]) == f"Suite('mine', regression, {sizes}"
    html = shown["segmentation"]._repr_html_()
    assert "<b>mine</b>: segmentation, 3 classes" in html
    assert "<th>examples</th><th>one example</th>" in html
    assert "<td>3</td><td>inputs [3]</td><td>mean IoU</td>" in html
    pixels = suite_of("single-label", np.zeros((12, 4, 5), np.uint8))._repr_html_()
    assert "<th>images</th><th>pixels</th>" in pixels
    assert "<td>4 x 5</td><td>accuracy</td>" in pixels
    assert shown["regression"].texts == {}


# Folders of others.


@pytest.mark.parametrize(
    ("task", "changes", "why"),
    [
        ("regression", {"splits__1__inputs": {"x": "../val.inputs.npy"}}, "not the name of a file in this folder"),
        ("regression", {"splits__1__inputs": {"x": "/etc/passwd"}}, "not the name of a file in this folder"),
        ("regression", {"splits__1__inputs": {"x": "suite.json"}}, "cannot be read as a plain .npy array"),
        ("regression", {"splits__1__inputs": {"x": "none.npy"}}, "cannot be read"),
        ("regression", {"splits__1__inputs": {"x": 3}}, "Expected `str`, got `int`"),
        ("regression", {"splits__1__inputs": {}}, "needs either images or inputs"),
        ("regression", {"splits__1__inputs": {str(i): "a" for i in range(30)}}, "length <= 20"),
        ("regression", {"splits__1__images": "val.inputs.npy"}, "needs either images or inputs"),
        ("regression", {"splits__1__inputs": {"x": "short.npy"}}, "has 2 examples but 3 labels"),
        ("regression", {"splits__1__inputs": {"x": "objects.npy"}}, "never loaded"),
        ("regression", {"splits__1__inputs": {"x": "words.npy"}}, "an array of numbers with a row for each example"),
        ("regression", {"splits__1__inputs": {"x": "flat.npy"}}, "a single number; an array"),
        ("regression", {"splits__1__labels": "words.npy"}, "expected numbers"),
        ("regression", {"splits__1__labels": "infinite.npy"}, "is not finite"),
        ("regression", {"splits__1__labels": "short.npy"}, "has 3 examples but 2 labels"),
        ("regression", {"splits__2__labels": "one.npy"}, r"has labels of shape \(\), not \(2,\)"),
        ("regression", {"splits__1__metric": "accuracy"}, "accuracy is no metric of a regression task; r2, rmse are"),
        ("regression", {"splits__1__class_map": [[0]], "splits__1__classes": ["a"]}, "not a metric|class"),
        ("regression", {"splits__1__texts": "suite.json"}, "list of the examples' texts is expected"),
        ("regression", {"splits__1__texts": "../x"}, "not the name of a file"),
        ("regression", {"splits__1__texts": "numbers.json"}, "Expected `str`, got `int`"),
        ("regression", {"splits__1__texts": "few.json"}, "1 texts for 3 examples"),
        ("regression", {"task": "guessing"}, "Invalid enum value 'guessing'"),
        ("regression", {"task": "multi-label"}, "names of classes, a list of length >= 1"),
        ("single-label", {"task": "regression"}, "expected numbers|is no metric of a regression task"),
        ("single-label", {"task": "segmentation"}, "expected integer labels with 3 axes for a segmentation task"),
        ("single-label", {"classes": []}, "length >= 1"),
        ("single-label", {"splits__1__metric": "mean_iou"}, "mean_iou is no metric of a single-label task"),
        ("single-label", {"splits__2__metric": "multi_label_accuracy"}, "scored by sets of labels and names none"),
        ("single-label", {"splits__2__label_sets": "../x"}, "not the name of a file"),
        ("single-label", {"splits__2__label_sets": "suite.json"}, "list of the examples' accepted classes is expected"),
        ("single-label", {"splits__2__label_sets": "few.json"}, "Expected `array . null`, got `str`|accepted classes"),
        ("single-label", {"splits__2__label_sets": "none.json"}, "no example would count"),
        ("single-label", {"splits__2__label_sets": "two.json"}, "2 sets of labels for 3 examples"),
        ("single-label", {"splits__2__label_sets": "high.json"}, "hold classes that there are not"),
        ("single-label", {"splits__2__label_sets": "low.json"}, "int` >= 0"),
        ("multi-label", {"classes": ["a"]}, "has labels of 3 classes, the suite 1"),
        ("multi-label", {"task": "single-label"}, "expected integer labels with 1 axes"),
        ("segmentation", {"classes": ["a", "b"]}, r"has labels 0\.\.2, but the suite names 2 classes"),
    ],
)
def test_manifests_of_other_kinds(task: str, changes: dict[str, Any], why: str, tmp_path: Path) -> None:
    folder = tmp_path / "saved"
    suite_of(task).save(folder)
    np.save(folder / "short.npy", X[:2, :2])
    np.save(folder / "objects.npy", np.array([{}] * 3, dtype=object), allow_pickle=True)
    np.save(folder / "words.npy", np.array([["a", "b"]] * 3))
    np.save(folder / "flat.npy", np.float32(3))
    np.save(folder / "infinite.npy", np.array([[0, np.inf]] * 3))
    np.save(folder / "one.npy", X[:3, 0])
    lists = {"numbers": [1, 2, 3], "few": ["x"], "none": [None] * 3, "two": [[0], [1]], "high": [[0], [1], [3]]}
    for name, content in {**lists, "low": [[-1], [0], [0]]}.items():
        (folder / f"{name}.json").write_text(json.dumps(content))
    edit(folder, **changes)
    with pytest.raises(SuiteError, match=why) as error:
        _ = [(split.examples, split.texts) for split in Suite.open(folder)._every.values()]
    assert len(str(error.value)) < 1000
