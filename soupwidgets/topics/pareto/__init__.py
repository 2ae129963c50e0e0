"""Which soup to take, when several things are wanted at once: a measured front of Pareto points."""

from soupwidgets.topics import on_demand
from soupwidgets.topics.pareto.designing import pareto_front, preferred_recipe, stream_front, with_recipe
from soupwidgets.topics.pareto.front import Candidate, Check, Foretold, ParetoFront
from soupwidgets.topics.pareto.objective import Objective, halves
from soupwidgets.topics.pareto.surrogate import Surrogate, fit_surrogate

__all__ = [
    "Candidate",
    "Check",
    "Foretold",
    "Objective",
    "ParetoFront",
    "Surrogate",
    "fit_surrogate",
    "halves",
    "pareto_front",
    "preferred_recipe",
    "stream_front",
    "with_recipe",
]

__getattr__ = on_demand(__name__)
