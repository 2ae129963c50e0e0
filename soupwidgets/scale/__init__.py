"""The evaluator on a Ray cluster: `Evaluator(pool, suite, cluster="auto")`."""

from soupwidgets.scale.connection import connect
from soupwidgets.scale.crew import RayCrew
from soupwidgets.scale.worker import NodeError

__all__ = ["NodeError", "RayCrew", "connect"]
