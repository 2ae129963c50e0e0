"""In which order to look at images whose answers are known to a different degree, and how likely each one comes up."""

from __future__ import annotations

from dataclasses import dataclass

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
        later = np.minimum(1.0, proportional(self.sizes[self.first :], seen - self.first) * self.sizes)
        share = self.first / total
        return share + (1 - share) * later


def proportional(sizes: Floats, count: int) -> float:
    """The factor for which ``min(1, factor x size)`` adds up to ``count``.

    Parameters
    ----------
    sizes
        ``[n]``, positive.
    count
        At most n.

    Examples
    --------
    >>> proportional(np.array([8.0, 1.0, 1.0]), 2)
    0.5
    """
    falling = np.sort(sizes)[::-1]
    certain = np.arange(min(count, len(falling)))
    left = np.cumsum(falling[::-1])[::-1][: len(certain)]
    factors = (count - certain) / left
    # The first number of certain images for which the largest of the others is not certain.
    fits = factors * falling[: len(certain)] <= 1
    if not fits.any():
        return float(1 / falling[-1])
    return float(factors[np.argmax(fits)])
