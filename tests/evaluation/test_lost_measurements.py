"""Whoever asks for a measurement gets it, whatever became of it in the store."""

from __future__ import annotations

import gc
import shutil
import sqlite3
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest

import soupwidgets as sw
from soupwidgets import Evaluator, Pool, Recipe, Store, StoreError, Suite
from soupwidgets.evaluation import known_scores, screen
from soupwidgets.store import StoreWarning
from soupwidgets.suites import SliceSplit

RECIPE = Recipe({"ft-a": 0.5, "zero-shot": 0.5})


@pytest.fixture
def ev(tiny_pool: Pool, small_suite: Suite, tmp_path: Path) -> Evaluator:
    return Evaluator(tiny_pool, small_suite, device="cpu", store=Store(tmp_path / "small-store"))


def spoil(store: Store, content: bytes | None = None) -> None:
    """Make every array wrong; of the same size when no content is given."""
    for path in store.folder.glob("logits/*/*.npy"):
        path.write_bytes(bytes(path.stat().st_size) if content is None else content)


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY", None], ids=["empty", "truncated", "wrong"])
def test_logits_that_were_lost_are_measured_again_and_it_is_said(ev: Evaluator, content: bytes | None) -> None:
    before = ev.evaluate(RECIPE, ["val", "blur"])
    expected = before.logits
    spoil(ev.store, content)
    with pytest.warns(StoreWarning, match="damaged; its measurement was removed"):
        again = before.logits
    assert all(np.array_equal(again[name], expected[name]) for name in expected)
    measured = ev.forward_images
    assert measured == 2 * sum(score.total for score in before.scores.values())
    # Now it lasts.
    known = ev.stored(RECIPE, ["val", "blur"])
    assert known is not None
    assert known.scores == before.scores
    assert np.array_equal(known.logits["val"], expected["val"])
    assert ev.forward_images == measured


@pytest.mark.parametrize("content", [b"", None], ids=["empty", "wrong"])
def test_a_new_evaluator_measures_again_what_is_damaged(ev: Evaluator, content: bytes | None) -> None:
    """An empty file ended every later command with an EOFError."""
    before = ev.evaluate(RECIPE, ["val"])
    expected = before.logits["val"]
    spoil(ev.store, content)
    for time in range(2):
        other = Evaluator(ev.pool, ev.suite, device="cpu", store=Store(ev.store.folder))
        with pytest.warns(StoreWarning) if time == 0 else nullcontext():
            found = other.evaluate(RECIPE, ["val"])
            assert np.array_equal(found.logits["val"], expected)
        assert found.scores == before.scores
    assert other.forward_images == 0


def test_a_slice_and_a_screening_survive_damage(ev: Evaluator) -> None:
    split = ev.suite.validation
    before = ev.evaluate(RECIPE, ["val"])
    sliced = ev.suite.with_slices([SliceSplit("part", split, range(50))])
    spoil(ev.store)
    with pytest.warns(StoreWarning, match="damaged"):
        found = Evaluator(ev.pool, sliced, device="cpu", store=ev.store).evaluate(RECIPE, ["part"])
    assert found.scores["part"].total == 50
    ev.evaluate(RECIPE, ["val"])
    spoil(ev.store)
    with pytest.warns(StoreWarning, match="damaged"):
        verdict = screen(ev, RECIPE, split, np.arange(len(split)), needed=0)
    assert verdict.at_most >= verdict.needed
    assert verdict.correct == before.scores["val"].correct


def test_a_store_that_is_deleted_is_noticed_and_nothing_is_lost(ev: Evaluator) -> None:
    before = ev.evaluate(RECIPE, ["val"])
    expected = before.logits["val"]
    shutil.rmtree(ev.store.folder)
    with pytest.warns(StoreWarning, match="it was created again"):
        assert np.array_equal(before.logits["val"], expected)
    assert Evaluator(ev.pool, ev.suite, device="cpu", store=Store(ev.store.folder)).stored(RECIPE, ["val"]) is not None


def test_a_store_that_takes_nothing_more_loses_no_measurement(ev: Evaluator, tmp_path: Path) -> None:
    (ev.store.folder / "logits").write_text("in the way")
    with pytest.warns(StoreWarning, match="is used, but could not be stored: .*Free some disk space"):
        found = ev.evaluate(RECIPE, ["val"])
    alone = Evaluator(ev.pool, ev.suite, device="cpu", store=Store(tmp_path / "alone")).evaluate(RECIPE, ["val"])
    assert found.scores == alone.scores
    assert np.array_equal(found.logits["val"], alone.logits["val"])


def test_a_score_outlives_its_evaluator_and_does_not_keep_it(ev: Evaluator, tiny_pool: Pool) -> None:
    other = Evaluator(tiny_pool, ev.suite, device="cpu", store=ev.store)
    found = other.evaluate(RECIPE, ["val"])
    expected = found.logits["val"]
    del other
    gc.collect()
    assert np.array_equal(found.logits["val"], expected)
    spoil(ev.store)
    with pytest.warns(StoreWarning), pytest.raises(StoreError, match="evaluate the recipe again"):
        _ = found.logits


HOSTILE = {
    "recipe that is no JSON": ("recipe", "{"),
    "recipe too deep": ("recipe", "[" * 100_000),
    "recipe with a number too long": ("recipe", '{"coefficients": {"ft-a": ' + "9" * 5000 + "}}"),
    "recipe of bytes": ("recipe", b"\xff"),
    "another number of images": ("total", 7000),
    "figure of another metric": ("figure", '{"metric": "macro_f1", "value": 0.5, "low": 0.4, "high": 0.6}'),
    "figure of another version": ("figure", '{"metric": "auroc", "value": 0.5, "low": 0.4, "high": 0.6, "n": 3}'),
    "figure of text": ("figure", '{"metric": "accuracy", "value": "high"}'),
}


@pytest.mark.parametrize(("column", "value"), HOSTILE.values(), ids=HOSTILE.keys())
@pytest.mark.filterwarnings("ignore::soupwidgets.store.StoreWarning")
def test_a_hostile_row_breaks_neither_measured_nor_the_frontier(ev: Evaluator, column: str, value: object) -> None:
    names = ["test", "blur"]
    good, bad = Recipe({"zero-shot": 1}), Recipe({"ft-a": 1})
    small = Suite("two", ev.suite.classes, {name: ev.suite.splits[name] for name in ("val", *names)})
    ev = Evaluator(ev.pool, small, device="cpu", store=ev.store)
    for recipe in (good, bad):
        ev.evaluate(recipe)
    with sqlite3.connect(ev.store.folder / "measurements.sqlite") as database:
        database.execute(f"UPDATE measurements SET {column} = ? WHERE recipe = ?", (value, bad.to_json()))
    assert [e.recipe for e in ev.measured()] == [good]
    assert [m.name for m in sw.frontier.models(ev).models] == ["zero-shot"]
    ev.stored(bad)
    known_scores(ev, [good, bad], small.validation)
    assert ev.evaluate(bad).exact
