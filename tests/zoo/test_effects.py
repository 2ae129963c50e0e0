"""Does the bundled zoo show what the data card says? Choices on validation, margins instead of decimals."""

from __future__ import annotations

import json
from typing import Any

import pytest

from soupwidgets import Evaluator, Pool, Recipe, Store, Suite, uniform_soup, wise_ft
from tests.fixtures import ROOT

POOLS = ["fashion", "fashion-b"]


def report(pool: str) -> dict[str, Any]:
    rows = json.loads((ROOT / "data" / "zoo" / pool / "report.json").read_text())
    return {row["model"].split(" (")[0].split(" of ")[0]: row for row in rows} | {"rows": rows}


def named(rows: dict[str, Any], start: str) -> dict[str, Any]:
    return next(row for row in rows["rows"] if row["model"].startswith(start))


def id_accuracy(row: dict[str, Any]) -> float:
    return float(row["splits"]["test"]["accuracy"])


def ood_accuracy(row: dict[str, Any]) -> float:
    return float(row["mean_ood"]["accuracy"])


@pytest.mark.parametrize("name", POOLS)
def test_the_report_shows_the_papers_effects(name: str) -> None:
    rows = report(name)
    single = named(rows, "best single")
    robust = next(row for row in rows["rows"] if "one standard error" in row["model"])
    assert id_accuracy(robust) >= id_accuracy(single)
    assert ood_accuracy(robust) >= ood_accuracy(single) + 0.03
    for soup in ("uniform soup of", "greedy soup ("):
        assert id_accuracy(named(rows, soup)) >= id_accuracy(single)
        assert ood_accuracy(named(rows, soup)) >= ood_accuracy(single) + 0.01
    spoiled = named(rows, "uniform soup with bad-lr")
    assert id_accuracy(spoiled) <= id_accuracy(named(rows, "uniform soup of")) - 0.05
    greedy = named(rows, "greedy soup with bad-lr")
    assert "left it out" in greedy["model"]
    assert "bad-lr" not in greedy["recipe"]


@pytest.mark.slow
@pytest.mark.parametrize("name", POOLS)
@pytest.mark.parametrize("start", ["best single", "uniform soup of"])
def test_the_report_is_what_the_evaluator_measures(name: str, start: str, suite: Suite, zoo_store: Store) -> None:
    row = named(report(name), start)
    ev = Evaluator(Pool.open(ROOT / "data" / "zoo" / name), suite, device="cpu", store=zoo_store)
    measured = ev.evaluate(Recipe(row["recipe"]), ["val", "test", "rotate"])
    for split, score in measured.scores.items():
        # Another processor may round a sum otherwise: an image on a border can fall either way.
        assert abs(score.correct - row["splits"][split]["correct"]) <= 3


def test_siblings_share_a_basin_and_the_stranger_does_not(evaluator: Evaluator) -> None:
    def middle_below_ends(one: str, two: str) -> float:
        accuracy = [
            evaluator.evaluate(recipe, ["val"]).accuracy["val"]
            for recipe in (Recipe({one: 1}), Recipe({one: 0.5, two: 0.5}), Recipe({two: 1}))
        ]
        return (accuracy[0] + accuracy[2]) / 2 - accuracy[1]

    assert middle_below_ends("ft-00", "ft-01") < 0.01
    assert middle_below_ends("ft-00", "other-seed") > 0.4


def test_recipes_of_the_report_are_those_of_the_methods(pool: Pool) -> None:
    rows = report("fashion")
    assert Recipe(named(rows, "uniform soup of")["recipe"]) == uniform_soup(pool)
    assert Recipe(named(rows, "WiSE-FT of it, alpha 0.5")["recipe"]) == wise_ft(pool, "ft-03", 0.5)
