"""In which order to look at images whose answers are known to a different degree, and how likely each one comes up."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# No image is sampled less than this share of what the average one is: however sure the prediction, it is checked.
_LEAST_SHARE = 0.1


@dataclass(frozen=True)
class Design:
    """A plain random sample first, then the others in an order drawn by their uncertainty.

    Whenever one stops, the images seen are a sample with known inclusion probabilities; at the end all are seen.

    Parameters
    ----------
    order
        All positions of the split, ``[n]``.
    first
        How many of these are the plain sample.
    sizes
        What the sampling probabilities are proportional to, ``[n]``, in the order of ``order``.

    Notes
    -----
    Sequential Poisson sampling: Ohlsson (1998), Journal of Official Statistics 14, section 2. Each image draws a
    number from 0 to 1 and waits for that number divided by its size; those seen first are a sample in which
    probabilities are proportional to size, for every number of images. Active testing (arXiv 2103.05331, section 3)
    samples in proportion to the expected loss; here size is the standard deviation of a right answer, which is what
    minimises the variance of the weighted mean (Särndal, Swensson and Wretman 1992, section 12.2).
    """

    order: NDArray[np.int64]
    first: int
    sizes: Floats

    @classmethod
    def draw(cls, plain: NDArray[np.int64], first: int, probability: Floats, chances: Floats) -> Design:
        """Draw the order.

        Parameters
        ----------
        plain
            A random order of all positions, ``[n]``, of which the first stay first.
        first
            How many these are.
        probability
            Of a right answer, ``[n]``, by position.
        chances
            Random numbers between 0 and 1, ``[n]``, by position.
        """
        sizes = np.sqrt(probability * (1 - probability))
        # The last term: with nothing uncertain anywhere, all are alike.
        sizes = np.maximum(sizes, _LEAST_SHARE * sizes.mean() + np.finfo(float).tiny)
        rest = plain[first:]
        waits = chances[rest] / sizes[rest]
        order = np.concatenate([plain[:first], rest[np.argsort(waits, kind="stable")]])
        return cls(order, first, sizes[order])

    def inclusion(self, seen: int) -> Floats:
        """The probability of being among the first ``seen``, ``[n]``, in the order of ``order``.

        Examples
        --------
        >>> plain, evens = np.arange(4), np.full(4, 0.5)
        >>> Design.draw(plain, 1, evens, evens).inclusion(2).tolist()
        [0.5, 0.5, 0.5, 0.5]
        """
        total = len(self.order)
        if seen >= total:
            return np.ones(total)
        if seen <= self.first:
            return np.full(total, seen / total)
        later = np.minimum(1.0, self._rest.factor(seen - self.first) * self.sizes)
        share = self.first / total
        inclusion: Floats = share + (1 - share) * later
        return inclusion

    @cached_property
    def _rest(self) -> Proportional:
        return Proportional(self.sizes[self.first :])


class Proportional:
    """Probabilities in proportion to size that are at most 1 and add up to a number of images.

    Parameters
    ----------
    sizes
        ``[n]``, positive.

    Examples
    --------
    >>> Proportional(np.array([8.0, 1.0, 1.0])).factor(2)
    0.5
    """

    def __init__(self, sizes: Floats) -> None:
        self._falling = np.sort(sizes)[::-1]
        # The sum of the sizes from each place on.
        self._left = np.cumsum(self._falling[::-1])[::-1]

    def factor(self, count: int) -> float:
        """The number for which ``min(1, factor x size)`` adds up to ``count``, which is at most n."""
        certain = np.arange(min(count, len(self._falling)))
        factors = (count - certain) / self._left[: len(certain)]
        # The first number of certain images for which the largest of the others is not certain.
        fits = factors * self._falling[: len(certain)] <= 1
        return float(factors[np.argmax(fits)] if fits.any() else 1 / self._falling[-1])
