"""What is said of the models of a frontier, and of those that were chosen."""

from __future__ import annotations

from collections.abc import Sequence

from soupwidgets.evaluation import Evaluator
from soupwidgets.evaluation.answers import compared, right_answers
from soupwidgets.evaluation.axis_names import ood_name
from soupwidgets.evaluation.tasks import KEEPS_OUTPUTS
from soupwidgets.figures.style import interval_words
from soupwidgets.figures.units import Unit, unit_of
from soupwidgets.panel.examples import examples_word
from soupwidgets.panel.measured import saved_table
from soupwidgets.panel.view import Cell, Table
from soupwidgets.stats.bootstrap import bootstrap_mean
from soupwidgets.stats.metrics import METRIC_WORDS, shown_difference
from soupwidgets.stats.paired import mcnemar
from soupwidgets.topics.frontier.models import Frontier, FrontierModel
from soupwidgets.topics.frontier.robustness import Baseline, effective_robustness

_SHOWN = 12


def chosen_table(
    result: Frontier, chosen: Sequence[str], *, shift: str | None, baseline: Baseline | None, note: str = ""
) -> Table:
    """Scores of the chosen models with intervals, and effective robustness where there is a line."""
    points = result.points(shift)
    unit = unit_of(result.models[0].evaluation)
    ood = f"{ood_name(shift, result.models[0].evaluation)}{unit.percent}"
    columns = ["model", "kind", f"ID{unit.percent}", "95%", ood, "95%"]
    columns += ["effective robustness, points", "95%"] if baseline else []
    rows: list[list[Cell]] = []
    for name in list(chosen)[:_SHOWN]:
        p = points[name]
        row: list[Cell] = [name, result[name].kind, unit.bare(p.id), _bare(unit, p.id_interval)]
        row += [unit.bare(p.ood), _bare(unit, p.ood_interval)]
        if baseline:
            rho = effective_robustness(p, baseline)
            row += [f"{rho.value:+.1f}", interval_words((rho.low, rho.high), "+.1f")]
        rows.append(row)
    more = f"and {len(chosen) - _SHOWN} more" if len(chosen) > _SHOWN else ""
    return Table("chosen models", columns, rows, note or more)


def _bare(unit: Unit, interval: tuple[float, float]) -> str:
    return unit.limits(interval).replace("%", "")


def every_number(result: Frontier) -> Table:
    """All accuracies of all models with their recipes, to be saved."""
    return saved_table("frontier", result.to_frame())


def comparison(ev: Evaluator, first: FrontierModel, second: FrontierModel) -> str:
    """Two models on the same images: McNemar's test in distribution, and the difference of the means over shifts.

    Of another metric than accuracy it is the difference in distribution with its paired interval.
    """
    test = ev.suite.id_test
    if test.scoring.task not in KEEPS_OUTPUTS:
        return "Outputs for every pixel are not kept, so these models cannot be compared example by example."
    if test.scoring.metric != "accuracy":
        by, metric = compared(first.evaluation, second.evaluation, test), test.scoring.metric
        gained, low_words, high_words = (shown_difference(metric, x) for x in (by.difference, *by.interval))
        return (
            f"{second.name} against {first.name}, on the same examples. ID {METRIC_WORDS[metric]}: "
            f"{gained} (95% interval {low_words} to {high_words})."
        )
    paired = mcnemar(right_answers(first.evaluation, test), right_answers(second.evaluation, test))
    low, high = paired.interval
    words = (
        f"{second.name} against {first.name}, on the same {examples_word(ev.suite)}. ID: "
        f"{100 * paired.difference:+.2f} points (95% interval {100 * low:+.2f} to {100 * high:+.2f}); "
        f"{paired.only_second} {examples_word(ev.suite)} only the one has right, {paired.only_first} only the other "
        f"(McNemar's p = {paired.p_value:.2g})."
    )
    if ev.suite.shifts and all(shift.scoring.metric == "accuracy" for shift in ev.suite.shifts):
        right = [{s.name: right_answers(m.evaluation, s) for s in ev.suite.shifts} for m in (first, second)]
        # Which images several shifts share is known from the suite.
        mean = bootstrap_mean(right[1], {s.name: s.image_numbers for s in ev.suite.shifts}, minus=right[0])
        words += (
            f" Mean of {len(ev.suite.shifts)} shifts: {100 * mean.value:+.2f} points "
            f"(bootstrap {100 * mean.low:+.2f} to {100 * mean.high:+.2f})."
        )
    return words


def said(result: Frontier, total: int, *, chosen: Sequence[str], shift: str | None, live: bool = True) -> str:
    """One line on what is shown and chosen, to be read out; ``live`` is where models can be chosen."""
    part = f"{len(result)} of {total} models" if len(result) < total else f"{total} models"
    if not chosen and not live:
        return f"{part}."
    if not chosen:
        return f"{part}. Click one, draw around several, or choose them by name: they are described, mixed, or opened."
    points, ood = result.points(shift), ood_name(shift, result.models[0].evaluation)
    unit = unit_of(result.models[0].evaluation)
    names = [f"{n} (ID {unit.show(points[n].id)}, {ood} {unit.show(points[n].ood)})" for n in chosen[:2]]
    more = f" and {len(chosen) - 2} more" if len(chosen) > 2 else ""
    return f"{part}. Chosen: {', '.join(names)}{more}."
