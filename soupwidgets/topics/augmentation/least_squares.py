"""Least squares over kinds: rows of one kind are drawn, and left out, together."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from soupwidgets.stats.intervals import LEVEL

Numbers = NDArray[np.float64]
Drawn = NDArray[np.int64] | NDArray[np.float64]


class LeastSquares:
    """Fits in which each kind counts as often as it is drawn; ``drawn`` is always ``[draws, kinds]``.

    Parameters
    ----------
    x, y
        What is known, ``[rows, columns]``, and what it should predict, ``[rows]``.
    of
        Number of the kind of each row, from 0.
    """

    def __init__(self, x: Numbers, y: Numbers, of: NDArray[np.int64]) -> None:
        self._x, self._y, self._of = x, y, of
        self._kinds = int(of.max()) + 1
        member = (of == np.arange(self._kinds)[:, None]).astype(np.float64)
        self._xx = np.einsum("kn,ni,nj->kij", member, x, x)
        self._xy = np.einsum("kn,ni,n->ki", member, x, y)

    @property
    def all(self) -> Numbers:
        """The one draw that has every kind once."""
        return np.ones((1, self._kinds))

    def coefficients(self, drawn: Drawn) -> Numbers:
        """Coefficients of each draw's fit, ``[draws, columns]``."""
        return _solved(np.tensordot(drawn, self._xx, 1), np.tensordot(drawn, self._xy, 1))

    def left(self, drawn: Drawn) -> Numbers:
        """Sum of squares that each draw's fit leaves, ``[draws]``."""
        total: Numbers = (drawn[:, self._of] * (self._y - self.coefficients(drawn) @ self._x.T) ** 2).sum(axis=1)
        return total

    def predicted(self, drawn: Drawn) -> Numbers:
        """For every row what the fit says that leaves out all of its kind, ``[draws, rows]``."""
        xx = np.tensordot(drawn, self._xx, 1)[:, None] - drawn[:, :, None, None] * self._xx
        xy = np.tensordot(drawn, self._xy, 1)[:, None] - drawn[:, :, None] * self._xy
        said: Numbers = np.einsum("dnj,nj->dn", _solved(xx, xy)[:, self._of], self._x)
        return said

    def off(self, drawn: Drawn) -> Numbers:
        """Root mean square by which these predictions are off, ``[draws]``."""
        times = drawn[:, self._of]
        root: Numbers = np.sqrt((times * (self._y - self.predicted(drawn)) ** 2).sum(axis=1) / times.sum(axis=1))
        return root

    def limits(self) -> tuple[Numbers, Numbers]:
        """95% limits of the coefficients: the jackknife over kinds, with Student's t for one kind less.

        Notes
        -----
        MacKinnon, Nielsen and Webb (2023), 'Fast and reliable jackknife and bootstrap methods for cluster-robust
        inference'. In simulations of twelve kinds these limits hold the true coefficient in 94 to 96 of 100 cases;
        percentiles of a bootstrap over kinds in 89 to 93.
        """
        from scipy import stats

        at = self.coefficients(self.all)[0]
        spread = ((self.coefficients(1 - np.eye(self._kinds)) - at) ** 2).sum(axis=0)
        t = float(stats.t.ppf(0.5 + LEVEL / 2, self._kinds - 1))
        margin = t * np.sqrt((self._kinds - 1) / self._kinds * spread)
        return at - margin, at + margin


def _solved(xx: Numbers, xy: Numbers) -> Numbers:
    # A draw may hold too little to determine every coefficient: then the smallest ones.
    found: Numbers = (np.linalg.pinv(xx, hermitian=True) @ xy[..., None])[..., 0]
    return found
