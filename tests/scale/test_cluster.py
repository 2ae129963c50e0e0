"""Sweeps on a Ray cluster of several processes, and what becomes of them when one is killed or slow.

Ray takes seconds to start, and so does torch in every worker: the cluster and its workers are shared by all tests.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from soupwidgets import Evaluator, Pool, Recipe, Store, Suite, alpha_sweep, greedy_soup, wise_ft
from soupwidgets.evaluation import score, scores_ahead, stream_score
from soupwidgets.topics.landscape.plane import stream_plane
from soupwidgets.topics.landscape.span import plane_through
from soupwidgets.widgets import AlphaExplorer
from tests.fixtures import ZOO
from tests.scale.conftest import TwoNodes, alike, wait_until

pytestmark = pytest.mark.slow
SPLITS = ["val", "test", "blur"]


@pytest.fixture(scope="module")
def shared(
    cluster: TwoNodes, pool: Pool, small_suite: Suite, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Evaluator]:
    ev = Evaluator(
        pool, small_suite, device="cpu", store=Store(tmp_path_factory.mktemp("store")), cluster=cluster.address
    )
    yield ev
    assert ev.elsewhere is not None
    ev.elsewhere.crew.close()  # type: ignore[attr-defined]
    wait_until(lambda: not cluster.workers())


@pytest.fixture
def ev(shared: Evaluator, tmp_path: Path) -> Evaluator:
    """The workers of the other tests, with an empty store."""
    shared.computation.images = 0
    shared._use(Store(tmp_path / "store"))
    return shared


def images(ev: Evaluator, splits: list[str]) -> int:
    return sum(len(ev.suite[split]) for split in splits)


def alphas(ev: Evaluator, number: int) -> list[Recipe]:
    return [wise_ft(ev.pool, "ft-03", i / (number - 1)) for i in range(number)]


def test_a_recipe_has_the_same_numbers_logits_and_keys_as_without_a_cluster(
    ev: Evaluator, small_evaluator: Evaluator
) -> None:
    recipe = Recipe({"ft-00": 0.3, "ft-03": 0.7})
    *partial, found = ev.stream(recipe, SPLITS)
    here = small_evaluator.evaluate(recipe, SPLITS)
    assert partial
    assert all(one.seen > 0 for one in partial[0].scores.values())
    assert alike(found, here)
    assert all(np.allclose(found.logits[split], here.logits[split], atol=1e-3) for split in SPLITS)
    assert ev.forward_images >= images(ev, SPLITS)
    # By the keys of an evaluator without a cluster, nothing is left to measure.
    again = Evaluator(ev.pool, ev.suite, device="cpu", store=ev.store)
    assert again.evaluate(recipe, SPLITS) == found
    assert again.forward_images == 0


def test_a_sweep_is_made_by_both_workers_and_nothing_twice(
    ev: Evaluator, small_evaluator: Evaluator, cluster: TwoNodes
) -> None:
    assert ev.abreast == 2
    sweep = alpha_sweep(ev, "ft-03", alphas=6, splits=SPLITS, progress=False)
    here = alpha_sweep(small_evaluator, "ft-03", alphas=6, splits=SPLITS, progress=False)
    assert all(alike(sweep[alpha], here[alpha]) for alpha in here.alphas)
    assert ev.forward_images == 6 * images(ev, SPLITS)
    wait_until(lambda: len(cluster.workers()) == 2)
    alpha_sweep(ev, "ft-03", alphas=6, splits=SPLITS, progress=False)
    assert ev.forward_images == 6 * images(ev, SPLITS)


def test_a_plane_shows_rough_heights_first_and_is_exact_in_the_end(ev: Evaluator, small_evaluator: Evaluator) -> None:
    plane = plane_through(ev.pool, ("zero-shot", "ft-00", "ft-03"), others=[])
    *partial, found = stream_plane(ev, plane, 3, "blur")
    *_, here = stream_plane(small_evaluator, plane, 3, "blur")
    assert any(0 < one.seen.max() < one.total for one in partial)
    assert found.exact
    np.testing.assert_allclose(found.error, here.error, atol=1 / found.total)


def test_an_explorer_shows_coarse_answers_and_then_the_same_numbers(ev: Evaluator, small_evaluator: Evaluator) -> None:
    explorer = AlphaExplorer(ev, "ft-03", alphas=3)
    try:
        views = [view for view in explorer.answer({**explorer.state, "alpha": 0.3}) if view is not None]
        assert not views[0].exact
        assert "coarse so far" in views[0].words
        assert views[-1].exact
        explorer.wait(background=True)
        assert explorer.sweep.alphas[0] == 0
        assert {0.0, 0.3, 0.5, 1.0} <= set(explorer.sweep.alphas)
        for alpha in explorer.sweep.alphas:
            assert alike(explorer.sweep[alpha], small_evaluator.evaluate(wise_ft(ev.pool, "ft-03", alpha)))
    finally:
        explorer.close()


def test_a_sample_is_not_stored_and_many_numbers_are_under_way_together(ev: Evaluator) -> None:
    split, recipes = ev.suite["blur"], alphas(ev, 4)
    with scores_ahead(ev, recipes, split, images=64):
        assert [score(ev, recipe, split, images=64).seen for recipe in recipes] == [64] * 4
    assert len(ev.store) == 0
    *_, last = stream_score(ev, recipes[0], split)
    assert last.exact
    assert last.load_logits is None


def test_greedy_takes_the_same_ingredients(ev: Evaluator, small_evaluator: Evaluator) -> None:
    names = ev.pool.fine_tuned[:5]
    ours, theirs = (greedy_soup(one, names, progress=False) for one in (ev, small_evaluator))
    assert ours.recipe == theirs.recipe
    assert [(s.candidate, s.accepted) for s in ours.steps] == [(s.candidate, s.accepted) for s in theirs.steps]


def test_a_stream_that_is_closed_gives_its_orders_up(ev: Evaluator) -> None:
    stream = ev.stream(Recipe({"ft-05": 1}))
    next(stream)
    stream.close()
    assert list((ev.store.folder / "claims").iterdir()) == []
    # The workers are free again.
    assert ev.evaluate(Recipe({"ft-06": 1}), "blur").exact


def test_a_worker_that_is_killed_in_mid_sweep_costs_nothing(
    ev: Evaluator, small_evaluator: Evaluator, cluster: TwoNodes
) -> None:
    recipes = alphas(ev, 9)
    with ev.ahead(recipes, SPLITS):
        first = ev.evaluate(recipes[0], SPLITS)
        os.kill(min(cluster.workers()), signal.SIGKILL)
        found = [first, *(ev.evaluate(recipe, SPLITS) for recipe in recipes[1:])]
    assert all(alike(one, small_evaluator.evaluate(one.recipe, SPLITS)) for one in found)
    assert [one.recipe for one in found] == recipes
    assert len(ev.store) == 9 * len(SPLITS)
    # What comes back is counted when it comes: the half-made measurement that died with its worker is not.
    assert ev.forward_images == 9 * images(ev, SPLITS)


def test_what_a_slow_worker_has_is_given_to_another(
    ev: Evaluator, small_evaluator: Evaluator, cluster: TwoNodes
) -> None:
    recipes = alphas(ev, 7)
    wait_until(lambda: len(cluster.workers()) == 2 or not ev.evaluate(recipes[0], SPLITS))
    stopped = max(cluster.workers())
    ev.evaluate(recipes[0], SPLITS)
    os.kill(stopped, signal.SIGSTOP)
    try:
        with ev.ahead(recipes, SPLITS):
            found = [ev.evaluate(recipe, SPLITS) for recipe in recipes]
    finally:
        os.kill(stopped, signal.SIGCONT)
    assert all(alike(one, small_evaluator.evaluate(one.recipe, SPLITS)) for one in found)
    assert [one.recipe for one in found] == recipes
    assert ev.forward_images == 7 * images(ev, SPLITS)


def test_two_threads_that_ask_for_the_same_share_it(ev: Evaluator) -> None:
    recipe, found = Recipe({"ft-07": 1}), []
    threads = [threading.Thread(target=lambda: found.append(ev.evaluate(recipe, "test"))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found[0] == found[1] == found[2]
    assert ev.forward_images == images(ev, ["test"])


DRIVER = """
import sys
import soupwidgets as sw
pool, suite, store, address = sys.argv[1:]
ev = sw.Evaluator(sw.Pool.open(pool), sw.Suite.open(suite), device="cpu", store=sw.Store(store), cluster=address)
print("begun", flush=True)
sw.alpha_sweep(ev, "ft-03", alphas=9, splits=["val", "test", "blur"], progress=False)
"""


def test_a_driver_that_dies_and_comes_back_finds_what_came_in(
    shared: Evaluator, cluster: TwoNodes, small_folder: Path, small_evaluator: Evaluator, tmp_path: Path
) -> None:
    assert shared.elsewhere is not None
    shared.elsewhere.crew.close()  # type: ignore[attr-defined]
    store = Store(tmp_path / "of-the-driver")
    arguments = [str(ZOO), str(small_folder), str(store.folder), cluster.address]
    with subprocess.Popen([sys.executable, "-c", DRIVER, *arguments], stdout=subprocess.PIPE) as driver:
        wait_until(lambda: len(store) >= 5)
        driver.kill()
    kept = len(store)
    assert kept < 9 * len(SPLITS)
    back = Evaluator(shared.pool, shared.suite, device="cpu", store=store, cluster=cluster.address)
    due = [
        len(split)
        for recipe in alphas(back, 9)
        for split in map(back.suite.__getitem__, SPLITS)
        if not store.get([back.key(recipe, split)])
    ]
    assert len(due) == 9 * len(SPLITS) - kept
    found = alpha_sweep(back, "ft-03", alphas=9, splits=SPLITS, progress=False)
    assert back.forward_images == sum(due)
    here = alpha_sweep(small_evaluator, "ft-03", alphas=9, splits=SPLITS, progress=False)
    assert all(alike(found[alpha], here[alpha]) for alpha in here.alphas)
    back.elsewhere.crew.close()  # type: ignore[union-attr,attr-defined]
