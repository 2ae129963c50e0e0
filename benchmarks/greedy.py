"""The greedy soup of the bundled pool: all images for every candidate, and only as many as the verdicts need."""

from __future__ import annotations

import time
from pathlib import Path

from benchmarks.table import Row
from soupwidgets import Evaluator, GreedySoup, Pool, Recipe, Store, Suite, greedy_soup


def greedy_rows(folder: Path) -> list[Row]:
    """Time and image passes of the verdicts; the ingredients' own accuracies are known on both sides.

    Both count in float32: what an audit looks at again would make every image more than one.
    """
    pool, suite = Pool.open("data/zoo/fashion"), Suite.open("data/suites/fashion")

    def run(name: str, full: bool) -> tuple[float, int, GreedySoup]:
        ev = Evaluator(pool, suite, device="cpu", store=Store(folder / name), precision="float32")
        for ingredient in pool.fine_tuned:
            ev.evaluate(Recipe({ingredient: 1}), [suite.validation.name])
        before, start = ev.forward_images, time.perf_counter()
        soup = greedy_soup(ev, full=full, progress=False)
        return time.perf_counter() - start, ev.forward_images - before, soup

    plain_seconds, plain_images, plain = run("plain", full=True)
    seconds, images, soup = run("screened", full=False)
    if soup.recipe != plain.recipe:
        raise AssertionError("the two algorithms made different soups")
    share, least = images / plain_images, floor(plain)
    if images < least:
        raise AssertionError(f"{images} images for verdicts that take at least {least}")
    return [
        Row(
            f"greedy soup of {len(pool.fine_tuned)}: image passes of the verdicts",
            f"{images:,} images, {seconds:.1f} s",
            f"every image for every candidate: {plain_images:,} images, {plain_seconds:.1f} s",
            share,
            "<= 0.3 of the passes",
            share <= 0.3,
        ),
        Row(
            "the same, beside the fewest that these verdicts can do with",
            f"{images:,} images",
            f"the pool's floor: {least:,} images, {least / plain_images:.3f} of the passes",
            images / least,
            "<= 1.05 times the floor",
            images / least <= 1.05,
        ),
    ]


def floor(soup: GreedySoup) -> int:
    """The fewest images for the verdicts of a soup that was measured in full.

    An accepted candidate has been seen whole. One is rejected by nothing less than so many wrong images that the rest
    can no longer make up for them, and whoever knew which these are would look at no others.
    """
    return sum(
        step.total if step.accepted else step.total - round(step.best * step.total) + 1 for step in soup.steps[1:]
    )
