"""Who pays, on the command line: from one model to another, or to a soup; and kinds of mistakes along alpha."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from soupwidgets.commands.reports import Report
from soupwidgets.evaluation import Evaluator
from soupwidgets.methods.uniform import average
from soupwidgets.pool import PoolError
from soupwidgets.recipe import Recipe
from soupwidgets.spelling import did_you_mean, nearest
from soupwidgets.suites import Split
from soupwidgets.topics.alpha.classes import ClassChange
from soupwidgets.topics.alpha.groups import group_changes, groups_of, regressions
from soupwidgets.topics.alpha.kinds import KindCurve
from soupwidgets.topics.alpha.who_pays import By


def regressions_report(
    ev: Evaluator,
    after: Sequence[str],
    before: str | None = None,
    alpha: float = 1.0,
    *,
    by: By = "class",
    split: Split | None = None,
    level: float = 0.05,
) -> Report:
    """Compare two models class by class, slice by slice or group by group.

    Parameters
    ----------
    after
        Names of checkpoints or files, of several their uniform soup.
    before
        A name; the zero-shot model when None.
    alpha
        How far to go from before to after.
    by, split
        As in `groups_of`.
    level
        As in `regressions`.

    Raises
    ------
    PoolError
        When a name is neither a checkpoint nor a file.
    ValueError
        When the split has no such groups.
    """
    where = split or ev.suite.id_test
    groups = groups_of(ev.suite, where, by)
    first = ev.pool.zero_shot if before is None else before
    measuring, names = _with_files(ev, [first, *after])
    ends = Recipe({names[0]: 1}), average(names[1:])
    mixture = ends[0] * (1 - alpha) + ends[1] * alpha
    start, end = (measuring.evaluate(recipe, where.name) for recipe in (ends[0], mixture))
    changes = group_changes(start, end, ev.suite, where, groups=groups)
    losing = regressions(changes, level=level)
    content = {
        "before": dict(ends[0]), "after": dict(mixture), "split": where.name, "by": by, "level": level,
        "regressions": [one.name for one in losing], "changes": [{**vars(one), "difference": one.difference}
                                                                 for one in changes],
    }  # fmt: skip
    return Report(content, _regressions_text(changes, losing, where, by, level), 1 if losing else 0)


def _with_files(ev: Evaluator, given: Sequence[str]) -> tuple[Evaluator, list[str]]:
    """An evaluator that knows the files among these, and the names of all of them."""
    names: list[str] = []
    for one in given:
        if one in ev.pool:
            names.append(one)
            continue
        if not Path(one).is_file():
            hint = did_you_mean(nearest(one, ev.pool.names))
            raise PoolError(f"{one!r:.300} is neither a checkpoint of the pool nor a file.{hint}")
        larger = ev.pool.including(one)
        names += [name for name in larger.names if name not in ev.pool]
        ev = ev.with_pool(larger)
    return ev, names


def _regressions_text(
    changes: Sequence[ClassChange], losing: Sequence[ClassChange], split: Split, by: By, level: float
) -> str:
    table = pd.DataFrame(
        [
            {
                by: one.name,
                "images": one.images,
                "before %": round(100 * one.before, 2),
                "after %": round(100 * one.after, 2),
                "points": f"{100 * one.difference:+.2f}",
                "95%": f"{100 * one.interval[0]:+.1f} to {100 * one.interval[1]:+.1f}",
                "p, adjusted": f"{one.p_value:.2g}",
                "": "loses" if one in losing else "",
            }
            for one in changes
        ]
    )
    said = f"{len(losing)} of {len(changes)} lose on {split.name}" + (
        f": {', '.join(one.name for one in losing)}" if losing else ""
    )
    return (
        f"{table.to_string(index=False)}\n\n{said}. McNemar's exact test of each, with p-values adjusted for all "
        f"{len(changes)} (Benjamini and Hochberg); at most {level:g} of those named are expected to be false alarms."
    )


def kinds_text(curves: Sequence[KindCurve], split: Split, by: str) -> str:
    """How many mistakes of each kind there are at each alpha, for people."""
    table = pd.DataFrame(
        {
            one.name: [
                f"{count} [{low:.0f}, {high:.0f}]"
                for count, (low, high) in zip(one.counts.tolist(), one.interval.tolist(), strict=True)
            ]
            for one in curves
        },
        index=pd.Index(curves[0].alphas, name="alpha"),
    )
    return (
        f"{table.to_string()}\n\nMistakes by {by} among {len(split):,} images of {split.name}, with limits that hold "
        "for all at once in 95% of samples; a judgement is of an image and what it was taken for"
    )
