"""A soup that an evaluator saves opens and measures by itself."""

from __future__ import annotations

from pathlib import Path

from soupwidgets import Evaluator, Pool, Recipe, Store, Suite
from tests.fixtures import TINY, WriteCheckpoint


def test_a_soup_states_the_architecture_that_its_evaluator_was_given(
    write_checkpoint: WriteCheckpoint, small_suite: Suite, tmp_path: Path
) -> None:
    path = write_checkpoint("plain", TINY.build().state_dict())
    store = Store(tmp_path / "store")
    ev = Evaluator(Pool.open([path]), small_suite, device="cpu", store=store, model=TINY)
    before = ev.evaluate(Recipe({"plain": 1}), ["val"])
    soup = ev.save(Recipe({"plain": 1}), tmp_path / "soup.safetensors", progress=False)
    after = Evaluator(Pool.open([soup]), small_suite, device="cpu", store=store).evaluate(Recipe({"soup": 1}), ["val"])
    assert after.scores == before.scores


def test_a_soup_keeps_the_words_of_its_pools_cards(tiny_pool: Pool, small_suite: Suite, tmp_path: Path) -> None:
    given = Evaluator(tiny_pool, small_suite, device="cpu", store=Store(tmp_path / "store"), model=TINY)
    recipe = Recipe({"ft-a": 0.5, "zero-shot": 0.5})
    soup = given.save(recipe, tmp_path / "soup.safetensors", progress=False)
    assert Pool.open([soup]).architecture_card == tiny_pool.architecture_card
    assert len(tiny_pool.including(soup)) == len(tiny_pool) + 1
