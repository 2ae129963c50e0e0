"""All methods in one table: the numbers are those of the evaluator, and what each method itself gives."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from soupwidgets import Evaluator, Pool, Store, Suite, SuiteError, compare, greedy_soup, ties, uniform_soup, wise_ft
from soupwidgets.evaluation.answers import right_answers
from soupwidgets.methods import all_methods
from soupwidgets.stats.intervals import mean_interval
from tests.command import run
from tests.fixtures import ZOO

NAMES = ["ft-00", "ft-03", "ft-08"]


def test_rows_are_what_the_methods_make(tiny_evaluator: Evaluator, tmp_path: Path) -> None:
    ev, names = tiny_evaluator, ["ft-b", "ft-a"]
    found = compare(ev, names, ["uniform", "greedy", "wise-ft", "ties"], progress=False)
    assert [row.name for row in found.rows] == ["zero-shot", "best-single", "uniform", "greedy", "wise-ft", "ties"]
    greedy = greedy_soup(ev, names, progress=False)
    for name, recipe in (
        ("uniform", uniform_soup(ev.pool, names)),
        ("greedy", greedy.recipe),
        ("wise-ft", wise_ft(ev.pool, names)),
    ):
        assert found[name].evaluation == ev.evaluate(recipe)
    assert found["greedy"].selected == f"{len(greedy.ingredients)} of 2 ingredients"
    assert found["best-single"].evaluation == ev.evaluate(greedy.steps[0].candidate)
    assert found.best_single == greedy.steps[0].candidate

    # What a file is, and how far to go through it by validation images alone.
    path = ties(ev.pool, tmp_path / "merged.safetensors", names, progress=False)
    other = ev.with_pool(ev.pool.including(path))
    scores = {s: other.evaluate({"zero-shot": 1 - s, "merged": s}, "val") for s in (0.5, 0.75, 1, 1.25, 1.5, 2)}
    best = max(scores, key=lambda s: (scores[s]["val"].accuracy, -abs(s - 1)))
    assert found["ties"].selected == f"scale {best:g} of 6"
    assert found["ties"].evaluation is not None
    assert found["ties"].evaluation.scores == other.evaluate({"zero-shot": 1 - best, "merged": best}).scores
    written = compare(ev, names, ["ties"], scales=(), progress=False)["ties"]
    assert written.evaluation is not None
    assert (written.selected, written.evaluation.scores) == ("", other.evaluate("merged").scores)
    with pytest.raises(KeyError, match=r"'fisher' was not compared; there are zero-shot, best-single, uniform"):
        found["fisher"]


def test_gains_are_those_of_pairs(small_evaluator: Evaluator) -> None:
    ev = small_evaluator
    found = compare(ev, NAMES, ["uniform"], progress=False)
    first, second = ev.evaluate(found.best_single), ev.evaluate(uniform_soup(ev.pool, NAMES))
    gains = {}
    for name in ("test", *[shift.name for shift in ev.suite.shifts]):
        each = [right_answers(one, ev.suite[name]).astype(float) for one in (first, second)]
        change = each[1] - each[0]
        # Wald's interval of a mean of -1, 0 and 1.
        margin = 1.959964 * change.std() / np.sqrt(len(change))
        gains[name] = (change.mean(), (change.mean() - margin, change.mean() + margin))
    row = found["uniform"]
    assert row.test_gain is not None
    assert row.shift_gain is not None
    test = gains.pop("test")
    assert row.test_gain[0] == pytest.approx(test[0])
    assert row.test_gain[1] == pytest.approx(test[1], abs=1e-6)
    values = [value for value, _ in gains.values()]
    assert row.shift_gain[0] == pytest.approx(second.shift_accuracy - first.shift_accuracy)
    assert row.shift_gain[1] == pytest.approx(mean_interval(values, [limits for _, limits in gains.values()]), abs=1e-6)
    assert found["best-single"].test_gain == (0, (0, 0))


def test_a_second_comparison_measures_nothing(tiny_evaluator: Evaluator, tmp_path: Path) -> None:
    methods = ["uniform", "greedy", "stock", "dare"]
    first = compare(tiny_evaluator, methods=methods, progress=False)
    assert sum(row.images for row in first.rows) > 4 * 400
    fresh = Evaluator(tiny_evaluator.pool, tiny_evaluator.suite, device="cpu", store=tiny_evaluator.store)
    again = compare(fresh, methods=methods, progress=False)
    assert [row.images for row in again.rows] == [0] * len(again.rows)
    for one, other in zip(first.rows, again.rows, strict=True):
        assert one.evaluation is not None
        assert other.evaluation is not None
        assert one.evaluation.scores == other.evaluation.scores
    assert list(again.to_frame().columns[:3]) == ["method", "validation", "test"]
    assert json.loads(json.dumps(again.to_json()))["methods"][2]["recipe"] == {"ft-a": 0.5, "ft-b": 0.5}


def test_what_cannot_be_made_says_why(tiny_evaluator: Evaluator) -> None:
    # Its network has one block, and one ingredient has no angle to another.
    found = compare(tiny_evaluator, ["ft-a"], ["lines", "stock", "slerp", "uniform"], progress=False)
    assert {row.name: row.problem.split(":")[0] for row in found.rows if row.problem} == {
        "lines": "the network has no two layers (blocks), so there is no depth to scale by",
        "stock": "Model Stock needs at least two ingredients",
        "slerp": "slerp goes from one model to another",
    }
    assert "Model Stock needs at least two ingredients" in found.to_text()
    assert repr(found) == "Comparison(3 of 6 rows made, on 'Fashion-MNIST'; gains over ft-a)"
    with pytest.raises(ValueError, match="no method 'gredy'"):
        compare(tiny_evaluator, methods=["gredy"])


def test_without_a_zero_shot_model_the_others_are_compared(tiny_pool: Pool, small_suite: Suite, tmp_path: Path) -> None:
    files = [tiny_pool.checkpoints[name].path for name in ("ft-a", "ft-b")]
    ev = Evaluator(Pool.open(files), small_suite, device="cpu", store=Store(tmp_path / "alone"))
    found = compare(ev, methods=["uniform", "breadcrumbs", "wise-ft"], progress=False)
    assert [row.name for row in found.rows if row.evaluation] == ["best-single", "uniform"]
    assert "zero-shot" in found["breadcrumbs"].problem


def test_a_suite_without_a_validation_split_says_so(tiny_evaluator: Evaluator, small_suite: Suite) -> None:
    kept = {name: split for name, split in small_suite.splits.items() if split.role != "validation"}
    ev = tiny_evaluator.with_suite(tiny_evaluator.suite)
    ev.suite = Suite("bare", small_suite.classes, kept)
    with pytest.raises(SuiteError, match="the suite 'bare' has no validation split"):
        compare(ev, progress=False)
    with pytest.raises(SuiteError, match="nothing else may choose anything"):
        greedy_soup(ev, progress=False)


def test_the_command(small_folder: Path, tmp_path: Path) -> None:
    words = ["--pool", str(ZOO), "--suite", str(small_folder), "--store", str(tmp_path / "store"), "--device", "cpu"]
    chosen = ["--ingredient", "ft-00", "--ingredient", "ft-03", "--method", "uniform", "--method", "monosoup"]
    out = tmp_path / "out.json"
    told = run("compare", *words, *chosen, "--as-written", "--json", str(out))
    assert told.returncode == 0, told.stderr
    assert "gain on shifts" in told.stdout
    assert "MonoSoup" in told.stdout
    content = json.loads(out.read_text())
    assert [row["method"] for row in content["methods"]] == ["zero-shot", "best-single", "uniform", "monosoup"]
    assert content["methods"][3]["recipe"] == {"monosoup": 1.0}
    assert content["methods"][2]["splits"]["test"]["n"] == 400
    wrong = run("compare", *words, "--method", "unifrom")
    assert wrong.returncode != 0
    assert "Did you mean uniform?" in wrong.stderr


@pytest.mark.slow  # Every method there is, each measured on nine splits.
def test_every_method_has_a_row(small_evaluator: Evaluator) -> None:
    found = compare(small_evaluator, NAMES, progress=False)
    assert [row.name for row in found.rows[2:]] == [method.name for method in all_methods() if not method.ordered]
    assert [row.problem for row in found.rows] == [""] * len(found.rows)
