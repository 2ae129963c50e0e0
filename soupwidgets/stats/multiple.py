"""Many tests at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def adjusted_p_values(p_values: Sequence[float]) -> NDArray[np.float64]:
    """Adjust p-values so that those below a level have at most this share of false discoveries.

    Parameters
    ----------
    p_values
        Of tests that are independent or positively correlated, ``[tests]``.

    Returns
    -------
    NDArray[np.float64]
        In the same order, ``[tests]``.

    Notes
    -----
    Benjamini and Hochberg (1995), Journal of the Royal Statistical Society B 57.

    Examples
    --------
    >>> adjusted_p_values([0.01, 0.02, 0.9]).round(3).tolist()
    [0.03, 0.03, 0.9]
    """
    from scipy import stats

    if not len(p_values):
        return np.empty(0)
    return np.asarray(stats.false_discovery_control(p_values, method="bh"))
