"""What the store's neighbours predict, and when they say nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from soupwidgets import Evaluator, Pool, Recipe, Store, Suite, wise_ft
from soupwidgets.evaluation import score
from soupwidgets.evaluation.neighbours import Neighbours
from soupwidgets.store import StoreWarning
from soupwidgets.suites import SliceSplit


@pytest.fixture
def ev(pool: Pool, small_suite: Suite, tmp_path: Path) -> Evaluator:
    """The zoo on the small suite, with an empty store."""
    return Evaluator(pool, small_suite, device="cpu", store=Store(tmp_path / "store"))


def test_logits_between_measured_alphas(ev: Evaluator) -> None:
    split, recipe = ev.suite.splits["rotate"], wise_ft(ev.pool, "ft-03", 0.5)
    neighbours = Neighbours(ev.pool, ev.store, len(ev.suite.splits))
    ev.evaluate(wise_ft(ev.pool, "ft-03", 0.4), "rotate")
    assert neighbours.predict(recipe, split, ev._keys_of) is None, "one neighbour is none"
    for alpha in (0.0, 0.2, 0.6, 0.8, 1.0):
        ev.evaluate(wise_ft(ev.pool, "ft-03", alpha), "rotate")
    images = ev.forward_images
    found = Neighbours(ev.pool, ev.store, len(ev.suite.splits)).predict(recipe, split, ev._keys_of)
    assert found is not None
    assert ev.forward_images == images
    truth = ev.evaluate(recipe, "rotate").split_logits("rotate")
    # The ends' mix is an order of magnitude worse.
    mixed = sum(ev.evaluate(name, "rotate").split_logits("rotate") for name in ("zero-shot", "ft-03")) / 2
    assert np.abs(found - truth).mean() < np.abs(mixed - truth).mean() / 10


def test_where_nothing_is_predicted(ev: Evaluator) -> None:
    for name in ("zero-shot", "ft-03"):
        ev.evaluate(name, ["rotate", "test"])
    neighbours = Neighbours(ev.pool, ev.store, len(ev.suite.splits))
    middle, split = wise_ft(ev.pool, "ft-03", 0.5), ev.suite.splits["rotate"]
    assert neighbours.predict(middle, split, ev._keys_of) is not None
    layered = Recipe(dict(middle), by_tensor={"head.weight": {"ft-03": 1.0}})
    assert neighbours.predict(layered, split, ev._keys_of) is None
    assert neighbours.predict(middle, SliceSplit("some", split, range(150), "why they matter"), ev._keys_of) is None
    assert neighbours.predict(middle, ev.suite.splits["blur"], ev._keys_of) is None, "measured on other splits only"


def test_another_pools_recipes_and_damaged_logits_are_passed_over(ev: Evaluator, tiny_pool: Pool) -> None:
    Evaluator(tiny_pool, ev.suite, device="cpu", store=ev.store).evaluate("ft-a", "rotate")
    for name in ("zero-shot", "ft-03"):
        ev.evaluate(name, "rotate")
    split = ev.suite.splits["rotate"]
    for path in (ev.store.folder / "logits").rglob("*.npy"):
        content = bytearray(path.read_bytes())
        content[-1] ^= 1
        path.write_bytes(content)
    neighbours = Neighbours(ev.pool, ev.store, len(ev.suite.splits))
    with pytest.warns(StoreWarning, match="damaged"):
        assert neighbours.predict(wise_ft(ev.pool, "ft-03", 0.5), split, ev._keys_of) is None


def test_points_without_logits_do_not_stand_in_the_way(ev: Evaluator) -> None:
    """As those of a landscape: they are nearer, and only numbers of them are stored."""
    split, middle = ev.suite.splits["rotate"], wise_ft(ev.pool, "ft-03", 0.5)
    for name in ("zero-shot", "ft-03"):
        ev.evaluate(name, "rotate")
    for step in range(1, 21):
        score(ev, wise_ft(ev.pool, "ft-03", 0.5 + step / 1000), split)
    assert Neighbours(ev.pool, ev.store, len(ev.suite.splits)).predict(middle, split, ev._keys_of) is not None
