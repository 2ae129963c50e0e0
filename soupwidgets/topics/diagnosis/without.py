"""The uniform soup without each member: logits tell which might be better, and these alone are measured."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from soupwidgets.evaluation import Evaluator
from soupwidgets.evaluation.answers import right_of
from soupwidgets.methods.selection import clearly_worse, selection_metric
from soupwidgets.methods.uniform import average
from soupwidgets.recipe import Recipe


def guessed_without(ev: Evaluator, members: Sequence[str]) -> dict[str, NDArray[np.bool_]]:
    """What the uniform soup without each member would answer, from logits of the soup and of the members alone.

    Parameters
    ----------
    members
        At least three. They and their uniform soup are measured on the validation split.

    Returns
    -------
    dict[str, NDArray[bool]]
        Member to whether each validation example is answered correctly without it; empty where the soup is clearly
        worse than the ensemble of its members, as its logits are then no expansion of theirs.

    Notes
    -----
    With m = n - 1 others, the soup without member i is theta + (theta - theta_i) / m. To second order in the weights
    its logits are f + (f - f_i) / m + (1 / m + 1 / m**2) (h_i / 2), where h_i is the curvature on the way to the
    member. Of that only the mean over members is known, by which the ensemble's logits differ from the soup's: it
    stands for each of them. The same expansion compares soup and ensemble in Wortsman et al., arXiv 2203.05482.
    """
    where = ev.suite.validation

    def logits(recipe: Recipe) -> NDArray[np.float64]:
        return ev.evaluate(recipe, where.name).split_logits(where.name).astype(np.float64)

    soup, step = logits(average(members)), 1 / (len(members) - 1)
    # One at a time: logits of many models on a large split take gigabytes.
    ensemble = np.zeros_like(soup)
    for name in members:
        ensemble += logits(Recipe({name: 1})) / len(members)
    scores = [float(right_of(one, where).mean()) for one in (soup, ensemble)]
    if clearly_worse(selection_metric(ev), *scores):
        return {}
    bent = soup + (step + step**2) * (ensemble - soup)
    return {name: right_of(bent + step * (soup - logits(Recipe({name: 1}))), where) for name in members}


def might_be_better(soup: NDArray[np.bool_], guessed: NDArray[np.bool_]) -> bool:
    """Whether a soup that was guessed has to be measured before one can say that it is not clearly better.

    It has to where the guess gains a standard error: to be accused, a member must cost the soup three and more.

    Examples
    --------
    >>> soup = np.arange(8) >= 4
    >>> might_be_better(soup, np.arange(8) >= 3), might_be_better(soup, np.arange(8) >= 5)
    (True, False)
    """
    gained, lost = int((guessed & ~soup).sum()), int((soup & ~guessed).sum())
    return gained > lost and (gained - lost) ** 2 >= gained + lost
