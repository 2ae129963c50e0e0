"""What is said of the point under the thumb."""

from __future__ import annotations

from html import escape

from soupwidgets.evaluation import Evaluation
from soupwidgets.figures.style import interval_words
from soupwidgets.recipe import Recipe

_CELL = 'style="padding:1px 8px;text-align:right;font-variant-numeric:tabular-nums"'
_SHOWN = 6


def point_details(recipe: Recipe, x: float, y: float, evaluation: Evaluation | None) -> str:
    """Coordinates, coefficients and accuracies of one point.

    Parameters
    ----------
    recipe
        The model there.
    x, y
        Where it is.
    evaluation
        Its scores, coarse or exact; None while there are none.
    """
    parts = sorted(recipe.items(), key=lambda item: -abs(item[1]))
    bars = "".join(_coefficient(name, value) for name, value in parts[:_SHOWN])
    more = f"<li>and {len(parts) - _SHOWN} more</li>" if len(parts) > _SHOWN else ""
    head = f"<b>Model at ({x:.3g}, {y:.3g})</b>"
    body = ""
    if evaluation is not None:
        rows = "".join(
            f'<tr><th scope="row" style="text-align:left;font-weight:normal">{escape(name)}</th>'
            f"<td {_CELL}>{100 * score.accuracy:.2f}</td>"
            f"<td {_CELL}>{_limits(score.interval)}</td>"
            f"<td {_CELL}>{score.loss:.3f}</td></tr>"
            for name, score in evaluation.scores.items()
        )
        titles = "".join(f'<th scope="col" {_CELL}>{title}</th>' for title in ("accuracy, %", "95%", "loss, nats"))
        state = "exact" if evaluation.exact else "coarse so far"
        body = (
            f'<table aria-label="scores of the point" style="border-collapse:collapse"><thead><tr>'
            f'<th scope="col" style="text-align:left">{state}</th>{titles}</tr></thead><tbody>{rows}</tbody></table>'
        )
    return (
        f'<div style="font-size:13px;line-height:1.5;color:#222">{head}'
        f'<ul aria-label="coefficients" style="list-style:none;padding:0;margin:4px 0">{bars}{more}</ul>{body}</div>'
    )


def _coefficient(name: str, value: float) -> str:
    width = min(100.0, 100 * abs(value))
    colour = "#0072B2" if value >= 0 else "#D55E00"
    return (
        '<li style="display:flex;gap:8px;align-items:center">'
        f'<span style="width:4.5em;text-align:right;font-variant-numeric:tabular-nums">{value:+.3f}</span>'
        f'<span aria-hidden="true" style="width:70px;background:#EEE;height:9px">'
        f'<span style="display:block;height:9px;width:{width:.0f}%;background:{colour}"></span></span>'
        f"<span>{escape(name)}</span></li>"
    )


def _limits(interval: tuple[float, float]) -> str:
    return interval_words((100 * interval[0], 100 * interval[1]), ".1f")
