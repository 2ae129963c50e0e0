"""Does the zoo show what the papers found? One table per pool, with all choices made on validation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from soupwidgets.evaluation import Evaluation, Evaluator
from soupwidgets.methods import alpha_sweep, greedy_soup, uniform_soup, wise_ft
from soupwidgets.recipe import Recipe


@dataclass(frozen=True)
class ReportRow:
    """One model of the report: a readable name, its recipe, and its scores."""

    name: str
    recipe: Recipe
    evaluation: Evaluation

    def to_record(self) -> dict[str, Any]:
        """Plain values: accuracies and 95% limits in 0..1."""
        splits = {record["split"]: record for record in self.evaluation.to_records()}
        low, high = self.evaluation.shift_interval
        return {
            "model": self.name,
            "recipe": dict(self.recipe),
            "mean_ood": {"accuracy": self.evaluation.shift_accuracy, "low": low, "high": high},
            "splits": splits,
        }


def zoo_report(ev: Evaluator, alphas: int = 11, *, progress: bool = True) -> list[ReportRow]:
    """Measure the models that the two papers compare.

    Parameters
    ----------
    ev
        Evaluator of a pool with a zero-shot model, fine-tuned models, and bad ingredients.
    alphas
        Number of alphas to choose from by validation.
    progress
        Whether to show progress bars.

    Returns
    -------
    list[ReportRow]
        Zero-shot; the best single model by validation; WiSE-FT of it at two
        alphas chosen by validation, and at 0.5; uniform and greedy soup; then,
        for each bad ingredient, the model alone, the uniform soup with it, and
        the greedy soup with it on offer.

    Notes
    -----
    arXiv 2109.01903, section 4, and arXiv 2203.05482, section 3.
    """
    pool, validation = ev.pool, ev.suite.validation.name
    alone = {name: ev.evaluate(Recipe({name: 1}), [validation]) for name in pool.fine_tuned}
    best = max(alone, key=lambda name: (alone[name].accuracy[validation], name))
    sweep = alpha_sweep(ev, best, alphas=alphas, progress=progress)
    top, robust = sweep.best_alpha(), sweep.most_robust_alpha()
    named: list[tuple[str, Recipe]] = [
        ("zero-shot", Recipe({pool.zero_shot: 1})),
        (f"best single by validation ({best})", Recipe({best: 1})),
        (f"WiSE-FT of it, alpha {top:g} (best by validation)", wise_ft(pool, best, top)),
        (f"WiSE-FT of it, alpha {robust:g} (smallest within one standard error)", wise_ft(pool, best, robust)),
        ("WiSE-FT of it, alpha 0.5", wise_ft(pool, best, 0.5)),
        (f"uniform soup of {len(pool.fine_tuned)}", uniform_soup(pool)),
    ]
    greedy = greedy_soup(ev, progress=progress)
    named.append((f"greedy soup ({len(greedy.ingredients)} of {len(pool.fine_tuned)})", greedy.recipe))
    for bad in pool.bad_ingredients:
        on_offer = [*pool.fine_tuned, bad]
        offered = greedy_soup(ev, on_offer, progress=progress)
        verdict = "took it" if bad in offered.ingredients else "left it out"
        named.append((f"{bad} alone", Recipe({bad: 1})))
        named.append((f"uniform soup with {bad}", uniform_soup(pool, on_offer)))
        named.append((f"greedy soup with {bad} on offer: {verdict}, kept {len(offered.ingredients)}", offered.recipe))
    return [ReportRow(name, recipe, ev.evaluate(recipe)) for name, recipe in named]


def to_markdown(rows: list[ReportRow]) -> str:
    """The report as a table of percentages, intervals in brackets."""
    lines = ["| model | validation | ID test | mean OOD |", "|---|---|---|---|"]
    for row in rows:
        e = row.evaluation
        cells = [
            _cell(score.accuracy, score.interval)
            for role in ("validation", "id_test")
            for score in e.scores.values()
            if score.role == role
        ]
        lines.append(f"| {row.name} | {' | '.join(cells)} | {_cell(e.shift_accuracy, e.shift_interval)} |")
    return "\n".join(lines) + "\n"


def _cell(value: float, interval: tuple[float, float]) -> str:
    return f"{100 * value:.1f} [{100 * interval[0]:.1f}, {100 * interval[1]:.1f}]"
