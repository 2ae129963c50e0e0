"""What a panel is given, looked at before anything else."""

from __future__ import annotations

from collections.abc import Container
from typing import Any

from soupwidgets.evaluation import Evaluator
from soupwidgets.panel.examples import examples_word
from soupwidgets.pool import Pool, PoolError
from soupwidgets.suites import Suite
from soupwidgets.suites.task import Task
from soupwidgets.translation import gettext as _

_KINDS = {"examples": "arrays of numbers"}
_LABELS: dict[Task, str] = {
    "single-label": "one label each",
    "multi-label": "several labels each",
    "regression": "numbers to predict",
    "segmentation": "a label for every pixel",
}


def evaluator_for(explorer: str, given: Any) -> Evaluator:
    """The evaluator that an explorer was given.

    Raises
    ------
    TypeError
        When it was given something else; it says what to write.
    """
    if isinstance(given, Evaluator):
        return given
    it = _("a {kind}").format(kind=type(given).__name__)
    words = _("{explorer} explores what an Evaluator measures, and was given {it}: write {write}")
    write = _('{explorer}(Evaluator(pool, suite)), with pool = Pool.open("...") and suite = Suite.open("...")')
    raise TypeError(words.format(explorer=explorer, it=it, write=write.format(explorer=explorer)))


def check_kind(
    explorer: str,
    suite: Suite,
    does: str,
    *,
    tasks: Container[Task],
    examples: Container[str] = ("images", "texts", "examples"),
) -> None:
    """Check that an explorer can make something of a suite's examples and labels.

    Parameters
    ----------
    does
        What it does, and with what, to go on from its name.
    tasks, examples
        What it takes; kinds of examples as `examples_word` calls them.

    Raises
    ------
    ValueError
        When it cannot: in one sentence, what it needs and what the suite has.
    """
    kind = examples_word(suite)
    if suite.task not in tasks or kind not in examples:
        has = f"{_KINDS.get(kind, kind)} with {_LABELS[suite.task]}"
        raise ValueError(f"{explorer} {does}; the suite {suite.name!r} has {has}")


def fine_tuned_models(explorer: str, pool: Pool) -> list[str]:
    """Names of a pool's models between which and the zero-shot model alpha goes, at least one.

    Raises
    ------
    PoolError
        When there is none.
    """
    names = [*pool.fine_tuned, *pool.bad_ingredients]
    if not names:
        words = _(
            "{explorer} goes from the zero-shot model to a fine-tuned one, and the pool has none (there is {there}): "
            "open a folder that has both, or a list of their files"
        )
        raise PoolError(words.format(explorer=explorer, there=", ".join(pool.names[:5]) or _("nothing")))
    return names
