"""One score chooses: that of the validation split, whatever its metric is."""

from __future__ import annotations

import json
import operator
import warnings
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soupwidgets import (
    Evaluator,
    GreedySoup,
    Pool,
    Recipe,
    SoupWarning,
    alpha_sweep,
    greedy_soup,
    uniform_soup,
    wise_ft,
)
from soupwidgets.methods import LearnedEpoch, LearnedSoup, Sweep, scaled_arithmetic, task_arithmetic
from soupwidgets.methods.check import worse_than_best
from soupwidgets.methods.selection import best_alone, selection_score
from soupwidgets.methods.task_vectors import _scales
from soupwidgets.stats.figure import Figure
from soupwidgets.stats.label_metrics import macro_f1, worst_group
from soupwidgets.suites import ClassMap
from soupwidgets.suites.split import Scoring
from tests.fixtures import WriteCheckpoint
from tests.methods.test_greedy import LogitEvaluator, by_counts


def scored(ev: LogitEvaluator, metric: str, groups: np.ndarray | None = None) -> LogitEvaluator:
    """The stand-in, with a validation split whose benchmark reports something else."""
    split = ev.suite.validation
    split.scoring, split.groups = Scoring(metric), groups
    return ev


def quiet(ev: LogitEvaluator, **options: object) -> GreedySoup:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SoupWarning)
        return greedy_soup(ev, progress=False, **options)  # type: ignore[arg-type]


A, B, BOTH = Recipe({"a": 1}), Recipe({"b": 1}), Recipe({"a": 0.5, "b": 0.5})


def test_greedy_by_macro_f1_by_hand() -> None:
    labels = np.repeat([0, 1], [90, 10])
    said = {
        A: np.zeros(100, int),  # 90 right, F1 (180/190 + 0) / 2 = 0.474
        B: np.where(np.arange(100) < 75, 0, 1),  # 85 right, F1 (150/165 + 20/35) / 2 = 0.740
        BOTH: np.where((np.arange(100) < 2), 1, 0),  # 88 right, F1 (176/188 + 0) / 2 = 0.468
    }
    ev = LogitEvaluator(["a", "b"], labels, lambda recipe: np.eye(3, dtype=np.float32)[said[recipe]])
    by_share = quiet(ev)
    assert (by_share.ingredients, by_share.metric) == (["a"], "accuracy")
    by_f1 = quiet(scored(ev := LogitEvaluator(["a", "b"], labels, ev._logits), "macro_f1"))
    # The other one comes first; what has more right images than it, and a lower score, is left out.
    assert [step.candidate for step in by_f1.steps] == ["b", "a"]
    assert [step.accuracy for step in by_f1.steps] == pytest.approx([0.7403, 0.4681], abs=1e-4)
    assert by_f1.ingredients == ["b"]
    assert all(step.exact for step in by_f1.steps)
    trace = by_f1.to_json()
    assert (trace["metric"], trace["tie_order"]) == ("macro_f1", "name")
    assert "validation macro-F1 74.03%" in repr(by_f1)
    with pytest.warns(SoupWarning, match="worse validation macro-F1"):
        greedy_soup(ev, progress=False)  # type: ignore[arg-type]


drawn = st.tuples(st.integers(2, 6), st.integers(2, 120), st.integers(0, 10**6), st.booleans(), st.booleans())


@settings(max_examples=60, deadline=None)
@given(drawn, st.sampled_from(["macro_f1", "worst_group"]))
def test_greedy_by_any_metric_is_the_plain_algorithm(case: tuple[int, int, int, bool, bool], metric: str) -> None:
    models, images, seed, strict, full = case
    rng = np.random.default_rng(seed)
    labels, groups = rng.integers(0, 3, images), rng.integers(0, 3, images)
    names = [f"m{i}" for i in range(models)]
    own = {name: rng.normal(size=(images, 3)) + np.eye(3)[labels] for name in names}

    def logits(recipe: Recipe) -> np.ndarray:
        return sum(c * own[name] for name, c in recipe.items()).astype(np.float32)

    def value(recipe: Recipe) -> float:
        predictions = logits(recipe).argmax(axis=1)
        figure = macro_f1(predictions, labels) if metric == "macro_f1" else worst_group(predictions == labels, groups)
        return figure.value

    order = sorted(names, key=lambda name: (-value(Recipe({name: 1})), name))
    kept, best = order[:1], value(Recipe({order[0]: 1}))
    for name in order[1:]:
        found = value(Recipe({n: 1 / (len(kept) + 1) for n in [*kept, name]}))
        if found > best or (found == best and not strict):
            kept, best = [*kept, name], found
    soup = quiet(scored(LogitEvaluator(names, labels, logits), metric, groups), strict=strict, full=full)
    assert soup.ingredients == kept
    assert soup.steps[-1].exact


def test_a_class_map_is_counted_in_full() -> None:
    labels = np.zeros(100, dtype=np.int64)
    ev = LogitEvaluator(["a", "b"], labels, by_counts(labels, {A: 80, B: 70, BOTH: 10}))
    ev.suite.validation.scoring = Scoring(class_map=ClassMap([[0], [1], [2]]))
    assert [step.looked_at for step in quiet(ev).steps] == [100, 100]


def test_ties_in_the_order_of_the_released_script() -> None:
    labels = np.zeros(10, dtype=np.int64)
    listed = ["m10", "m2", "x", "m1"]
    right = {"m10": 8, "m2": 8, "x": 9, "m1": 8}
    table = {Recipe({name: 1}): count for name, count in right.items()}

    def logits(recipe: Recipe) -> np.ndarray:
        return by_counts(labels, {recipe: table.get(recipe, 0)})(recipe)

    # As mlfoundations/model-soups does it.
    by_script = sorted(right.items(), key=operator.itemgetter(1))
    by_script.reverse()
    released = quiet(LogitEvaluator(listed, labels, logits), tie_order="released")
    assert [step.candidate for step in released.steps] == [name for name, _ in by_script] == ["x", "m1", "m2", "m10"]
    assert released.to_json()["tie_order"] == "released"
    by_name = quiet(LogitEvaluator(listed, labels, logits))
    assert [step.candidate for step in by_name.steps] == ["x", "m1", "m10", "m2"]
    with pytest.raises(ValueError, match="tie_order is 'random'"):
        quiet(LogitEvaluator(listed, labels, logits), tie_order="random")


def test_a_sweep_names_its_metric_and_its_standard_error(tiny_evaluator: Evaluator) -> None:
    sweep = alpha_sweep(tiny_evaluator, "ft-a", alphas=3, splits=["val"], progress=False)
    assert sweep.metric == "accuracy"
    assert "best alpha by validation accuracy" in repr(sweep)

    def with_figure(alpha: float, value: float) -> object:
        score = sweep[alpha].scores["val"]
        figure = Figure("macro_f1", value, value - 0.0392, value + 0.0392)  # a standard error of 0.02
        return replace(sweep[alpha], scores={"val": replace(score, figure=figure)})

    values = {0.0: 0.475, 0.5: 0.481, 1.0: 0.5}
    other = replace(sweep, evaluations={alpha: with_figure(alpha, value) for alpha, value in values.items()})
    assert (other.metric, other.best_alpha(), other.most_robust_alpha()) == ("macro_f1", 1.0, 0.5)
    assert "macro-F1 1)" in repr(other)
    assert "<td>" in sweep._repr_html_()
    assert repr(Sweep("ft-a", {}, "val", "test")) == "Sweep('ft-a', no alpha measured yet)"
    blind = Sweep("ft-a", {0.0: replace(sweep[0.0], scores={})}, "val", "test")
    assert "'val' was left out" in repr(blind)


def test_advice_where_a_mixture_is_worse_than_one_ingredient() -> None:
    labels = np.zeros(100, dtype=np.int64)
    ev = LogitEvaluator(["a", "b"], labels, by_counts(labels, {A: 80, B: 70, BOTH: 30}))
    assert best_alone(ev, ["b", "a"]) == ("a", 0.8)  # type: ignore[arg-type]
    advice = worse_than_best(ev, BOTH, ["a", "b"])  # type: ignore[arg-type]
    assert advice is not None
    assert "worse validation accuracy (30.0%) than 'a' alone (80.0%)" in advice
    assert worse_than_best(ev, A, ["a", "b"]) is None  # type: ignore[arg-type]


def test_task_arithmetic_takes_the_scale_that_validation_asks_for(
    tiny_evaluator: Evaluator, monkeypatch: pytest.MonkeyPatch
) -> None:
    ev, asked = tiny_evaluator, []
    plain = ev.evaluate
    monkeypatch.setattr(ev, "evaluate", lambda recipe, splits=None: asked.append(splits) or plain(recipe, splits))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SoupWarning)
        made = scaled_arithmetic(ev)
    assert asked
    assert all(splits == ["val"] for splits in asked)
    assert list(made.scores) == _scales(2) == pytest.approx([0.25, 0.5**1.5, 0.5, 0.5**0.5, 1.0])
    for scale, score in made.scores.items():
        assert score == selection_score(ev, task_arithmetic(ev.pool, ["ft-a", "ft-b"], scale))
    best = max(made.scores.values())
    assert made.scale == min(scale for scale, score in made.scores.items() if score == best)
    assert made.recipe == task_arithmetic(ev.pool, ["ft-a", "ft-b"], made.scale)
    trace = json.loads(json.dumps(made.to_json()))
    assert (trace["metric"], trace["scale"], len(trace["scales"])) == ("accuracy", made.scale, 5)
    # Twenty ingredients are not added up at scale 1; without images the average is taken.
    assert _scales(20)[0] == 0.025
    assert all(1 / count in _scales(count) for count in range(1, 100))
    assert task_arithmetic(ev.pool) == uniform_soup(ev.pool)
    with pytest.raises(ValueError, match="no scale to try"):
        scaled_arithmetic(ev, scales=[])


def test_without_knowledge_of_the_shift_alpha_is_one_half(tiny_pool: Pool) -> None:
    assert wise_ft(tiny_pool, "ft-a") == Recipe({"zero-shot": 0.5, "ft-a": 0.5})


def test_a_pool_without_roles_is_told_in_one_sentence(write_checkpoint: WriteCheckpoint) -> None:
    import torch

    write_checkpoint("one", {"w": torch.zeros(2)}, role="landmark")
    pool = Pool.open(write_checkpoint("two", {"w": torch.zeros(2)}, role="landmark").parent)
    with pytest.raises(ValueError, match=r"no checkpoint of the pool is said to be fine-tuned: .* it has one, two"):
        uniform_soup(pool)
    with pytest.raises(ValueError, match="0 zero-shot models"):
        wise_ft(pool, "one")
    with pytest.raises(ValueError, match="0 zero-shot models"):
        task_arithmetic(pool, ["one"])


def test_tables_escape_names() -> None:
    name = "<img src=x onerror=alert(1)>"
    labels = np.zeros(10, dtype=np.int64)
    soup = quiet(LogitEvaluator([name], labels, by_counts(labels, {Recipe({name: 1}): 8})))
    learned = LearnedSoup(Recipe({name: 1}), 1.5, (LearnedEpoch(0.25, 0.9, 1.5, {name: 1.0}),))
    for shown in (soup._repr_html_(), learned._repr_html_()):
        assert "&lt;img" in shown
        assert "<img" not in shown
    assert repr(learned) == "LearnedSoup(1 ingredients by model, beta 1.5, 1 epochs, validation loss 0.2500)"
    assert learned.to_json()["metric"] == "cross_entropy"
