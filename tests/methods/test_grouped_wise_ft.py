from __future__ import annotations

import pytest

from soupwidgets import Evaluator, Pool, Recipe, grouped_wise_ft, wise_ft
from soupwidgets.methods import alpha_sweep
from soupwidgets.methods.grouped_wise_ft import layer_groups
from soupwidgets.methods.selection import selection_score


def test_groups_follow_the_network(pool: Pool) -> None:
    group = layer_groups(pool, 3)
    # Three blocks: what lies before the first belongs to it, what lies behind the last to that.
    assert [group[f"visual.transformer.resblocks.{i}.mlp.c_fc.weight"] for i in range(3)] == [0, 1, 2]
    assert (group["visual.conv1.weight"], group["visual.proj"], group["head.weight"]) == (0, 2, 2)
    assert [layer_groups(pool, 2)[f"visual.transformer.resblocks.{i}.mlp.c_fc.weight"] for i in range(3)] == [0, 0, 1]
    for groups in (0, 4):
        with pytest.raises(ValueError, match=rf"groups is {groups}; the network has 3 blocks of layers"):
            layer_groups(pool, groups)


def test_one_group_is_the_best_of_the_line(small_evaluator: Evaluator) -> None:
    ev = small_evaluator
    made = grouped_wise_ft(ev, "ft-03", groups=1)
    sweep = alpha_sweep(ev, "ft-03", alphas=5, splits=["val"], progress=False)
    assert made.alphas == (sweep.best_alpha(),)
    assert made.recipe == wise_ft(ev.pool, "ft-03", made.alphas[0])
    assert {alphas[0]: score for alphas, score in made.tried.items()} == {
        alpha: sweep[alpha].accuracy["val"] for alpha in sweep.alphas
    }


def test_the_search_is_coordinate_by_coordinate(small_evaluator: Evaluator) -> None:
    ev = small_evaluator
    made = grouped_wise_ft(ev, "ft-03", groups=3, steps=3)
    line = (0.0, 0.5, 1.0)
    # The same search in the plainest words.
    scores: dict[tuple[float, ...], float] = {}

    def score(alphas: tuple[float, ...]) -> float:
        own = {tensor: wise_ft(ev.pool, "ft-03", alphas[g]) for tensor, g in layer_groups(ev.pool, 3).items()}
        scores[alphas] = selection_score(ev, Recipe(wise_ft(ev.pool, "ft-03", sum(alphas) / 3), own))
        return scores[alphas]

    best = (0.0,) * 3
    for alpha in line:
        if score((alpha,) * 3) > score(best):
            best = (alpha,) * 3
    for group in (2, 1, 0):
        held = best
        for alpha in line:
            candidate = tuple(alpha if i == group else value for i, value in enumerate(held))
            if score(candidate) > score(best):
                best = candidate
    assert made.alphas == best
    assert dict(made.tried) == scores
    assert scores[best] == max(scores.values())
    assert made.to_json()["alphas"] == list(best)
    assert len(made.to_json()["tried"]) == len(scores)
    assert "tried; validation accuracy" in repr(made)
    head = made.recipe.at("head.weight")
    assert head.get("ft-03", 0) == best[2]
    assert head.get("zero-shot", 0) == 1 - best[2]


def test_only_validation_is_looked_at(tiny_evaluator: Evaluator) -> None:
    asked = []
    reader = tiny_evaluator.reader
    tiny_evaluator.reader = lambda split: asked.append(split.role) or reader(split)  # type: ignore[method-assign]
    made = grouped_wise_ft(tiny_evaluator, ["ft-a", "ft-b"], groups=1)
    assert set(asked) == {"validation"}
    assert set(made.recipe) <= {"zero-shot", "ft-a", "ft-b"}
    with pytest.raises(ValueError, match="steps is 1 and rounds 1"):
        grouped_wise_ft(tiny_evaluator, groups=1, steps=1)
