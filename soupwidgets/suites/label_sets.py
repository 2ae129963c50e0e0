"""Several accepted labels of an example."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from soupwidgets.json_files import decode
from soupwidgets.stats.label_metrics import NO_MORE, NOT_COUNTED
from soupwidgets.suites.content import SuiteError
from soupwidgets.suites.manifest import LabelSet

if TYPE_CHECKING:
    from soupwidgets.suites.split import Split

_MOST_IN_ALL = 1 << 27
_BYTES_EACH = 1 << 13


@dataclass(frozen=True)
class LabelSets:
    """Accepted classes of each example of a split, in its order; None for one that does not count."""

    sets: tuple[tuple[int, ...] | None, ...]

    @classmethod
    def of(cls, given: Mapping[int, Iterable[int]], split: Split, classes: int) -> LabelSets:
        """Those of some of a split's examples; the others do not count.

        Raises
        ------
        SuiteError
            When there is no such example or class, or no example counts.
        """
        if split.scoring.task != "single-label":
            raise SuiteError(f"split {split.name!r} is of a {split.scoring.task} task, where labels have no sets")
        made = cls.from_rows(given, len(split), f"split {split.name!r}")
        wrong = [one for some in made.sets for one in some or () if not 0 <= one < classes]
        if wrong:
            raise SuiteError(f"split {split.name!r} has classes 0..{classes - 1}, not {wrong[:5]}")
        return made

    @classmethod
    def from_rows(cls, given: Mapping[int, Iterable[int]], number: int, where: str) -> LabelSets:
        """Those of some of ``number`` examples; the others do not count.

        Raises
        ------
        SuiteError
            When there is no such example, or no example counts; ``where`` begins the message.
        """
        known = {int(row): tuple(sorted({int(one) for one in some})) for row, some in given.items()}
        outside = [row for row in known if not 0 <= row < number]
        if outside:
            raise SuiteError(f"{where} has examples 0..{number - 1}, not {outside[:5]}")
        made = cls(tuple(known.get(row) for row in range(number)))
        if not made.counted or made._too_many:
            raise SuiteError(f"{where}: {'too many labels' if made.counted else 'no example would count'}")
        return made

    @classmethod
    def read(cls, path: Path, number: int) -> LabelSets:
        """A file's: a list with a list of classes, or null, for each of ``number`` examples.

        Raises
        ------
        SuiteError
            When it is no such file.
        """
        try:
            found = decode(path, list[LabelSet | None], (number + 1) * _BYTES_EACH)
        except ValueError as error:
            raise SuiteError(f"{error}; a list of the examples' accepted classes is expected") from error
        if len(found) != number:
            raise SuiteError(f"{path}: {len(found):,} sets of labels for {number:,} examples")
        made = cls(tuple(None if one is None else tuple(one) for one in found))
        if not made.counted or made._too_many:
            raise SuiteError(f"{path}: {'too many labels' if made.counted else 'no example would count'}")
        return made

    def take(self, rows: NDArray[np.int64]) -> LabelSets:
        """Those of some examples, in their order."""
        return LabelSets(tuple(self.sets[row] for row in rows.tolist()))

    @property
    def counted(self) -> int:
        """How many examples count."""
        return sum(one is not None for one in self.sets)

    @cached_property
    def accepted(self) -> NDArray[np.int64]:
        """As `soupwidgets.stats.label_metrics.multi_label_accuracy` takes them, ``[n, most]``."""
        found = np.full((len(self.sets), self._most), NO_MORE, dtype=np.int64)
        for row, one in enumerate(self.sets):
            if one is None:
                found[row, 0] = NOT_COUNTED
            else:
                found[row, : len(one)] = one
        return found

    @property
    def _too_many(self) -> bool:
        """Whether `accepted` would not fit into memory."""
        return len(self.sets) * self._most > _MOST_IN_ALL

    @property
    def _most(self) -> int:
        return max(1, *(len(one or ()) for one in self.sets))
