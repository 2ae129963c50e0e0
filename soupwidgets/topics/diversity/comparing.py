"""Some models compared again and again: what was worked out is kept."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar, get_args

from soupwidgets.evaluation import Evaluation
from soupwidgets.evaluation.answers import right_of
from soupwidgets.suites import Suite
from soupwidgets.topics.diversity.combining import Combination, combined
from soupwidgets.topics.diversity.helpers import HelperStep, ensemble_of, greedy_ensemble
from soupwidgets.topics.diversity.matrices import DiversityMatrix, stream_matrix
from soupwidgets.topics.diversity.members import Member
from soupwidgets.topics.diversity.pairs import PairDiversity, pair
from soupwidgets.topics.diversity.representations import CombinedFeatures, stream_combined_features
from soupwidgets.topics.diversity.single_helpers import HelperGain, helper_gains
from soupwidgets.topics.diversity.trend import DivergenceTrend, divergence_trend

# Beside an ensemble so many of its members are shown alone.
_ALONE = 6
T = TypeVar("T")


class Comparisons:
    """Matrices of every split that was asked for, and the last of everything else; any thread may ask."""

    def __init__(self, models: Sequence[Member], suite: Suite) -> None:
        self.models = {one.name: one for one in models}
        self._suite = suite
        self._streams: dict[str, Iterator[DiversityMatrix]] = {}
        self._matrices: dict[str, DiversityMatrix] = {}
        self._comparing = threading.Lock()
        self._last: dict[str, tuple[Any, Any]] = {}

    def matrix(self, split: str) -> DiversityMatrix | None:
        """All pairs on a split, as far as they are compared."""
        return self._matrices.get(split)

    def further(self, split: str) -> DiversityMatrix:
        """The same with one more pair."""
        with self._comparing:
            known = self._matrices.get(split)
            if known is None or not known.exact:
                if split not in self._streams:
                    self._streams[split] = stream_matrix(list(self.models.values()), self._suite, split)
                known = self._matrices[split] = next(self._streams[split])
            return known

    def trend(self, matrix: DiversityMatrix) -> DivergenceTrend | None:
        """Whether more divergent training goes with less correlated errors; None where that cannot be told yet."""
        if not matrix.exact or len({one.divergence for one in matrix.pairs}) < 2:
            return None
        return self.kept("trend", matrix.split, lambda: divergence_trend(matrix))

    def pair(self, first: str, second: str, split: str) -> PairDiversity | None:
        """Two models; None for one and itself."""
        if first == second:
            return None
        a, b = self.models[first], self.models[second]
        return self.kept("pair", (first, second, split), lambda: pair(a, b, self._suite, split))

    def ways(self, first: str, second: str, split: str) -> dict[Combination, float]:
        """Accuracy of the ensemble of two models, averaged in every way."""
        both, where = [self.models[first], self.models[second]], self._suite.splits[split]

        def average() -> dict[Combination, float]:
            ways: tuple[Combination, ...] = get_args(Combination)
            return {how: float(right_of(combined(both, self._suite, split, how), where).mean()) for how in ways}

        return self.kept("ways", (first, second, split), average)

    def probed(self, first: str, second: str, split: str) -> CombinedFeatures | None:
        """What probes on the features of two models read, as far as they were fitted last."""
        known = self._last.get("features")
        return known[1] if known is not None and known[0] == (first, second, split) else None

    def probing(self, first: str, second: str, split: str, soup: Member | None) -> Iterator[CombinedFeatures]:
        """Fit these probes, and keep them."""
        models = self.models[first], self.models[second]
        for found in stream_combined_features(*models, self._suite, splits=[split], soup=soup):
            self._last["features"] = (first, second, split), found
            yield found

    def gains(self, base: str, split: str) -> list[HelperGain]:
        """What each other model alone adds to one."""
        others = [one for name, one in self.models.items() if name != base]
        return self.kept("gains", (base, split), lambda: helper_gains(self.models[base], others, self._suite, split))

    def mixed(self, names: Sequence[str]) -> dict[str, Evaluation]:
        """The ensemble of some models on all splits that they know, and the first of these alone; empty for none."""
        chosen = [self.models[name] for name in names]
        splits = [split for split in self._suite.splits if all(split in one.splits for one in chosen)]

        def mix() -> dict[str, Evaluation]:
            alone = {one.name: ensemble_of([one], self._suite, splits) for one in chosen[:_ALONE]}
            return {"ensemble": ensemble_of(chosen, self._suite, splits), **alone}

        return self.kept("mixed", tuple(names), mix) if chosen else {}

    def grown(self, base: str | None) -> list[HelperStep]:
        """The ensemble that grows from one model; no steps for None."""
        if base is None:
            return []
        others = [one for name, one in self.models.items() if name != base]
        return self.kept("grown", base, lambda: greedy_ensemble(self.models[base], others, self._suite))

    def kept(self, what: str, key: Any, make: Callable[[], T]) -> T:
        """What is worked out from a key, until something else of the kind is asked for."""
        known = self._last.get(what)
        if known is None or known[0] != key:
            known = self._last[what] = key, make()
        found: T = known[1]
        return found
