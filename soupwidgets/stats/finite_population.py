"""What a sample says of a finite set of images: exact in each part, and summed up over parts."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from soupwidgets.stats.estimate import Estimate
from soupwidgets.stats.intervals import LEVEL, mean_interval

_NOTHING = Estimate(float("nan"), float("nan"), float("nan"))


@dataclass(frozen=True)
class Part:
    """A part of a set of images, of which some were drawn at random.

    Parameters
    ----------
    images
        Images in the part.
    drawn
        Those of them that were drawn, each with the same chance.
    yes
        Those drawn that have what is counted.
    unknown
        Those drawn for which nobody could or would say.
    """

    images: int
    drawn: int
    yes: int
    unknown: int = 0

    def __post_init__(self) -> None:
        if not (self.yes >= 0 and self.unknown >= 0 and self.yes + self.unknown <= self.drawn <= self.images):
            raise ValueError(f"{self}: no more can be counted than was drawn, and no more drawn than there is")


def finite_interval(yes: int, drawn: int, images: int, *, level: float = LEVEL) -> tuple[int, int]:
    """Exact interval for how many images of a finite set have something.

    Parameters
    ----------
    yes, drawn
        How many of the images that were drawn at random, without replacement, have it.
    images
        How many there are.
    level
        Confidence level; the coverage is at least that.

    Returns
    -------
    tuple[int, int]
        The fewest and the most images that are compatible with the sample. With all images drawn both are ``yes``.

    Raises
    ------
    ValueError
        When more are counted than drawn, or more drawn than there are.

    Notes
    -----
    As `clopper_pearson`, with the hypergeometric distribution in place of the binomial one (Buonaccorsi 1987, The
    American Statistician 41, 'A note on confidence intervals for proportions in finite populations').

    Examples
    --------
    >>> finite_interval(0, 10, 20)
    (0, 4)
    >>> finite_interval(3, 20, 20)
    (3, 3)
    """
    if not 0 <= yes <= drawn <= images:
        raise ValueError(f"{yes} of {drawn} drawn from {images} cannot be")
    return _limits(yes, drawn, images, level)


# While somebody reviews, the same few counts are asked about after every judgement.
@lru_cache(maxsize=4096)
def _limits(yes: int, drawn: int, images: int, level: float) -> tuple[int, int]:
    from scipy.stats import hypergeom

    # What was seen to have it, and what was seen not to have it, is certain.
    possible = range(yes, images - (drawn - yes) + 1)
    tail = (1 - level) / 2
    # One probability rises with the number, the other one falls: what is compatible with the sample is one stretch.
    low = bisect_left(possible, True, key=lambda k: bool(hypergeom.sf(yes - 1, images, k, drawn) > tail))
    high = bisect_left(possible, True, key=lambda k: bool(hypergeom.cdf(yes, images, k, drawn) <= tail))
    return possible[low], possible[high - 1]


def stratified_share(parts: Sequence[Part]) -> Estimate:
    """The share of a whole set of images that has something, from a random sample of each of its parts.

    Parameters
    ----------
    parts
        Parts that make up the set, and do not overlap. An image that was drawn and of which nothing is known counts as
        a no in the lower limit, and as a yes in the upper one: nothing is assumed about why it was passed over.

    Returns
    -------
    Estimate
        With its 95% interval. NaN where there are no images, or nothing is known of a part.

    Notes
    -----
    Each image that was drawn counts as often as the inverse of its chance, ``images / drawn``: the estimator of Horvitz
    and Thompson (1952), Journal of the American Statistical Association 47. The parts' exact limits
    (`finite_interval`) are combined by `mean_interval`.

    Examples
    --------
    >>> print(stratified_share([Part(100, 10, 4), Part(900, 30, 0)]))
    0.04 [0.014, 0.147]
    """
    there = [part for part in parts if part.images]
    total = sum(part.images for part in there)
    if not there or any(part.drawn == part.unknown for part in there):
        return _NOTHING
    weights = [part.images / total for part in there]
    value = sum(w * part.yes / (part.drawn - part.unknown) for w, part in zip(weights, there, strict=True))
    limits = []
    for unknown_is_yes in (False, True):
        counts = [part.yes + unknown_is_yes * part.unknown for part in there]
        found = [finite_interval(yes, part.drawn, part.images) for yes, part in zip(counts, there, strict=True)]
        shares = [(low / part.images, high / part.images) for (low, high), part in zip(found, there, strict=True)]
        seen = [yes / part.drawn for yes, part in zip(counts, there, strict=True)]
        limits.append(mean_interval(seen, shares, weights=weights))
    return Estimate(value, max(0.0, limits[0][0]), min(1.0, limits[1][1]))
