"""The paths that a suite has: within a class, between classes, and to its shifts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from soupwidgets.suites import Suite
from soupwidgets.topics.spectrum.image_paths import ImagePaths, PathKind, image_paths, paths_to

WITHIN, BETWEEN = "within a class", "between classes"


class PathKinds(Mapping[str, ImagePaths]):
    """Kind to paths, drawn when they are asked for first; those of the test split at once.

    Raises
    ------
    ValueError
        When paths cannot be drawn.
    """

    def __init__(self, suite: Suite, pairs: int, samples: int) -> None:
        self._suite, self._pairs, self._samples = suite, pairs, samples
        there = set(suite.id_test.image_numbers.tolist())
        shifts = [s.name for s in suite.shifts if not there.isdisjoint(s.image_numbers.tolist())]
        self._kinds = {WITHIN: "within", BETWEEN: "between"} | {f"to {name}": name for name in shifts}
        self._drawn: dict[str, ImagePaths] = {}
        for kind in (WITHIN, BETWEEN):
            self[kind]

    def __getitem__(self, kind: str) -> ImagePaths:
        if kind not in self._drawn:
            suite, name, many = self._suite, self._kinds[kind], (self._pairs, self._samples)
            if kind in (WITHIN, BETWEEN):
                which: PathKind = "within" if kind == WITHIN else "between"
                self._drawn[kind] = image_paths(suite.id_test, which, *many, classes=suite.classes)
            else:
                self._drawn[kind] = paths_to(suite.id_test, suite.splits[name], *many)
        return self._drawn[kind]

    def __iter__(self) -> Iterator[str]:
        return iter(self._kinds)

    def __len__(self) -> int:
        return len(self._kinds)

    def code(self, kind: str) -> str:
        """Write how to draw the same paths of the suite ``suite``."""
        name, many = self._kinds[kind], f"{self._pairs}, {self._samples}"
        if kind in (WITHIN, BETWEEN):
            return f"sw.spectrum.image_paths(suite.id_test, {name!r}, {many}, classes=suite.classes)"
        return f"sw.spectrum.paths_to(suite.id_test, suite.splits[{name!r}], {many})"
