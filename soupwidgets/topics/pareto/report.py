"""A front on the command line: what to take, the front, and how wrong the surrogates were."""

from __future__ import annotations

from soupwidgets.commands.reports import Report
from soupwidgets.figures.units import unit_of
from soupwidgets.topics.pareto.figures import check_words
from soupwidgets.topics.pareto.front import Candidate, ParetoFront


def front_report(found: ParetoFront, picked: Candidate, why: str) -> Report:
    """The recipe that was picked first, then all of the front.

    Parameters
    ----------
    why
        What picked it, such as ``"the knee"``.
    """
    table = found.to_frame()
    for one in found.objectives:
        factor = 100 if unit_of(one.metric).share else 1
        columns = [name for name in table.columns if name == one.name or name.startswith(f"{one.name} ")]
        table[columns] = (factor * table[columns]).round(2)
    parts = ", ".join(f"{value:g} {name}" for name, value in sorted(picked.recipe.items(), key=lambda part: -part[1]))
    lines = [f"{why} is {parts}", "", table.to_string(index=False, na_rep="-"), ""]
    lines += [f"Chosen by the columns {', '.join(one.name for one in found.objectives)} (shares in percent); judged by "
              "images that did not choose, with 95% limits."]  # fmt: skip
    lines += check_words(found)
    return Report(found.to_json() | {"picked": dict(picked.recipe)}, "\n".join(lines))
