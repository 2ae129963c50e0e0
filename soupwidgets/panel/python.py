"""Python that gives the same numbers without a panel."""

from __future__ import annotations

from soupwidgets.evaluation import Evaluator


def script(ev: Evaluator, *lines: str) -> str:
    """Write a script that opens what an evaluator was made of, and does these lines.

    Parameters
    ----------
    ev
        The evaluator.
    lines
        What follows; they may use ``sw``, ``pool``, ``suite`` and ``ev``.

    Returns
    -------
    str
        The script; where nobody knows how pool, suite or model were made, a comment stands for it.
    """
    pool = ev.pool.opened or "...  # the pool of this panel"
    suite = ev.suite.opened or "...  # the suite of this panel"
    head = ["import soupwidgets as sw", "", f"pool = {pool}", f"suite = {suite}"]
    if ev.states_model:
        head += ["ev = sw.Evaluator(pool, suite)"]
    else:
        head += [f"model = {ev.architecture.code}", "ev = sw.Evaluator(pool, suite, model=model)"]
    return "\n".join([*head, *lines]) + "\n"
