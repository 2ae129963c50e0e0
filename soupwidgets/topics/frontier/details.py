"""What is said of the models that were chosen on a frontier."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from soupwidgets.evaluation import Evaluator
from soupwidgets.evaluation.answers import right_answers
from soupwidgets.evaluation.axis_names import ood_name
from soupwidgets.figures.style import interval_words
from soupwidgets.stats.bootstrap import bootstrap_mean
from soupwidgets.stats.paired import mcnemar
from soupwidgets.topics.frontier.models import Frontier, FrontierModel
from soupwidgets.topics.frontier.robustness import Baseline, effective_robustness

_SHOWN = 12
_CELL = 'style="padding:2px 10px;text-align:right"'


def details(
    result: Frontier, chosen: Sequence[str], shift: str | None, baseline: Baseline | None, caution: str = ""
) -> str:
    """A table of the chosen models: accuracies with intervals, and effective robustness where there is a line."""
    note = f'<p role="note" style="font-size:13px;color:#7a4100">{escape(caution)}</p>' if caution else ""
    if not chosen:
        return note + (
            '<p style="color:#444;font-size:13px">Click a model, or draw around several: what they are is said here, '
            "and they can be mixed, swept, or opened in another explorer.</p>"
        )
    points = result.points(shift)
    head = ["model", "kind", "ID %", "95%", f"{ood_name(shift, result.models[0].evaluation)} %", "95%"]
    head += ["effective robustness, points", "95%"] if baseline else []
    rows = []
    for name in list(chosen)[:_SHOWN]:
        p = points[name]
        cells = [_percent(p.id), _limits(p.id_interval), _percent(p.ood), _limits(p.ood_interval)]
        if baseline:
            rho = effective_robustness(p, baseline)
            cells += [f"{rho.value:+.1f}", interval_words((rho.low, rho.high), "+.1f")]
        row = "".join(f"<td {_CELL}>{cell}</td>" for cell in cells)
        rows.append(
            f'<tr><th scope="row" style="text-align:left">{escape(name)}</th><td>{result[name].kind}</td>{row}</tr>'
        )
    more = f"<p>and {len(chosen) - _SHOWN} more</p>" if len(chosen) > _SHOWN else ""
    titles = "".join(f'<th scope="col" style="padding:2px 10px">{escape(title)}</th>' for title in head)
    return note + (
        '<table style="font-size:13px;border-collapse:collapse" aria-label="chosen models">'
        f"<thead><tr>{titles}</tr></thead><tbody>{''.join(rows)}</tbody></table>{more}"
    )


def comparison(ev: Evaluator, first: FrontierModel, second: FrontierModel) -> str:
    """Two models on the same images: McNemar's test in distribution, and the difference of the means over shifts."""
    test = ev.suite.id_test
    paired = mcnemar(right_answers(first.evaluation, test), right_answers(second.evaluation, test))
    low, high = paired.interval
    words = (
        f"{escape(second.name)} against {escape(first.name)}, on the same images. ID: "
        f"{100 * paired.difference:+.2f} points (95% interval {100 * low:+.2f} to {100 * high:+.2f}); "
        f"{paired.only_second} images only the one has right, {paired.only_first} only the other "
        f"(McNemar's p = {paired.p_value:.2g})."
    )
    if ev.suite.shifts:
        right = [{s.name: right_answers(m.evaluation, s) for s in ev.suite.shifts} for m in (first, second)]
        # Which images several shifts share is known from the suite.
        mean = bootstrap_mean(right[1], {s.name: s.image_numbers for s in ev.suite.shifts}, minus=right[0])
        words += (
            f" Mean of {len(ev.suite.shifts)} shifts: {100 * mean.value:+.2f} points "
            f"(bootstrap {100 * mean.low:+.2f} to {100 * mean.high:+.2f})."
        )
    return f'<p style="font-size:13px;color:#222" role="status">{words}</p>'


def _percent(share: float) -> str:
    return f"{100 * share:.2f}"


def _limits(interval: tuple[float, float]) -> str:
    return interval_words((100 * interval[0], 100 * interval[1]), ".1f")
