from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from soupwidgets import Evaluator, Pool, Recipe, Store
from soupwidgets.suites import SliceSplit, Suite, SuiteError, read_slice, write_slice
from tests.fixtures import SUITE


@pytest.fixture
def slice_of(suite: Suite) -> SliceSplit:
    return SliceSplit("sleeves", suite.id_test, [7, 3, 4000], "they matter", {3: 9})


def test_a_slice_has_its_parents_images(suite: Suite, slice_of: SliceSplit) -> None:
    assert len(slice_of) == 3
    np.testing.assert_array_equal(slice_of.images, suite.id_test.images[[7, 3, 4000]])
    assert slice_of.labels.tolist() == [suite.id_test.labels[7], 9, suite.id_test.labels[4000]]
    assert slice_of.image_numbers.tolist() == suite.id_test.image_numbers[[7, 3, 4000]].tolist()
    assert slice_of.image_size == (28, 28)
    shifted = SliceSplit("x", suite.splits["rotate"], [5])
    np.testing.assert_array_equal(shifted.images[0], suite.splits["rotate"].images[5])


@pytest.mark.parametrize(("rows", "why"), [([], "at least one"), ([1, 1], "each of them once"), ([-1], "0..9999"),
                                           ([10_000], "0..9999")])  # fmt: skip
def test_images_that_are_not_there(suite: Suite, rows: list[int], why: str) -> None:
    with pytest.raises(SuiteError, match=why):
        SliceSplit("x", suite.id_test, rows)


def test_a_file_brings_it_back(suite: Suite, slice_of: SliceSplit, tmp_path: Path) -> None:
    path = write_slice(tmp_path / "s.json", slice_of)
    opened = Suite.open(SUITE, slices=[path])
    found = opened.splits["sleeves"]
    assert isinstance(found, SliceSplit)
    assert (found.why, found.rows.tolist(), found.labels.tolist()) == (
        "they matter", [7, 3, 4000], slice_of.labels.tolist(),
    )  # fmt: skip
    assert found.content_hash == slice_of.content_hash
    assert opened.slices == [found]
    assert [s.name for s in opened.shifts] == [s.name for s in suite.shifts]
    with pytest.raises(SuiteError, match="a split 'sleeves' already"):
        opened.with_slices([path])


@pytest.mark.parametrize(
    ("key", "value", "why"),
    [
        ("format", "x", "not a file of the format"),
        ("split", "fog", "of the split 'fog'; the suite has val"),
        ("sha256", "0", "other images or labels"),
        ("name", "", "length >= 1 - at `..name`"),
        ("name", "x" * 300, "length <= 200 - at `..name`"),
        ("why", 7, "Expected `str`, got `int` - at `..why`"),
        ("rows", [1.5, 2, 3], "Expected `int`, got `float`"),
        ("rows", [True, 2, 3], "Expected `int`, got `bool`"),
        ("rows", [1, 2], "3 labels for 2 rows"),
        ("rows", [1, 2, 1 << 70], "malformed"),
        ("rows", [1, 2, 20_000], "0..9999"),
        ("labels", [1, 2, 10], "classes 0..9"),
        ("labels", None, "malformed"),
    ],
)
def test_hostile_files(suite: Suite, slice_of: SliceSplit, tmp_path: Path, key: str, value: object, why: str) -> None:
    path = write_slice(tmp_path / "s.json", slice_of)
    path.write_text(json.dumps({**json.loads(path.read_text()), key: value}))
    with pytest.raises(SuiteError, match=why):
        read_slice(path, suite)


@pytest.mark.parametrize("text", ["", "[" * 100_000, "null", "9" * 5000])
def test_files_that_are_no_slice(suite: Suite, tmp_path: Path, text: str) -> None:
    (tmp_path / "s.json").write_text(text)
    with pytest.raises(SuiteError, match=r"s\.json"):
        read_slice(tmp_path / "s.json", suite)


def test_what_the_store_knows_of_the_parent_it_knows_of_the_slice(
    suite: Suite, tiny_pool: Pool, tmp_path: Path
) -> None:
    store = Store(tmp_path / "store")
    recipe = Recipe({"ft-a": 0.5, "ft-b": 0.5})
    whole = Evaluator(tiny_pool, suite, store=store).evaluate(recipe, ["test"])
    ev = Evaluator(tiny_pool, suite.with_slices([SliceSplit("s", suite.id_test, range(40, 90))]), store=store)
    found = ev.evaluate(recipe, ["test", "s"])
    assert ev.forward_images == 0
    right = whole.logits["test"].argmax(axis=1) == suite.id_test.labels
    assert (found.scores["s"].correct, found.scores["s"].total) == (right[40:90].sum(), 50)
    assert found.scores["s"].role == "slice"
    np.testing.assert_array_equal(found.logits["s"], whole.logits["test"][40:90])
    # Neither mean of the shifts nor its interval knows of it.
    assert (
        ev.evaluate(recipe).shift_accuracy == Evaluator(tiny_pool, suite, store=store).evaluate(recipe).shift_accuracy
    )
    # A fresh slice is found for everything that was measured.
    other = Evaluator(tiny_pool, suite.with_slices([SliceSplit("t", suite.id_test, [1, 2])]), store=store)
    assert [e.recipe for e in other.measured(["test", "t"])] == [recipe]
    assert other.forward_images == 0


def test_a_slice_of_what_nobody_measured_is_measured(suite: Suite, tiny_pool: Pool, tmp_path: Path) -> None:
    ev = Evaluator(tiny_pool, suite.with_slices([SliceSplit("s", suite.id_test, range(8))]), store=Store(tmp_path))
    assert ev.evaluate(Recipe({"ft-a": 1}), ["s"]).scores["s"].total == 8
    assert ev.forward_images == 8
