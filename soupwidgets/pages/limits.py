"""Tables of intervals: a page looks them up by how many images are right."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from soupwidgets.evaluation.run import SAMPLES
from soupwidgets.stats.intervals import clopper_pearson
from soupwidgets.suites import Split


def limit_tables(splits: Iterable[Split]) -> dict[int, list[list[float]]]:
    """Lower and upper limits for 0 to n right answers, by the numbers n of images that a page can have seen.

    Examples
    --------
    >>> tables = limit_tables([suite.validation for suite in [getfixture("small_suite")]])
    >>> list(tables), len(tables[64][0]), tables[64][0][0]
    ([64, 400], 65, 0.0)
    """
    sizes = {seen for split in splits for seen in (min(SAMPLES[0], len(split)), len(split))}
    return {size: _limits(size) for size in sorted(sizes)}


def _limits(size: int) -> Any:
    return clopper_pearson(np.arange(size + 1), size).T.tolist()
