"""DaWin: how far from the zero-shot model to the fine-tuned one is decided for each example, by how sure each is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from soupwidgets.evaluation import Evaluation, Evaluator, SplitScore, score_logits
from soupwidgets.methods.uniform import as_recipe
from soupwidgets.methods.wise_ft import wise_ft
from soupwidgets.recipe import Recipe

Array = NDArray[np.float64]
_ROUNDS = 500
_TOLERANCE = 1e-8
# Moments of a cluster whose members are all alike would make its density infinite.
_LEAST_VARIANCE = 1e-6


@dataclass(frozen=True)
class BetaMixture:
    """A few beta distributions, fitted to numbers between 0 and 1.

    Parameters
    ----------
    weights, a, b
        ``[clusters]``: share and parameters of each; their means rise.
    """

    weights: Array
    a: Array
    b: Array

    @property
    def means(self) -> Array:
        """Mean of each cluster."""
        means: Array = self.a / (self.a + self.b)
        return means

    def log_densities(self, values: Array) -> Array:
        """Log of weight times density, ``[n, clusters]``."""
        from scipy.special import betaln

        x = values[:, None]
        found: Array = (
            np.log(self.weights) + (self.a - 1) * np.log(x) + (self.b - 1) * np.log1p(-x) - betaln(self.a, self.b)
        )
        return found

    def most_likely(self, values: Array) -> NDArray[np.int64]:
        """The cluster that each number most likely belongs to, ``[n]``."""
        places: NDArray[np.int64] = self.log_densities(values).argmax(axis=1)
        return places


@dataclass(frozen=True, repr=False)
class DaWin:
    """What routing each example to one of a few mixtures gives.

    Parameters
    ----------
    scores
        By split.
    alphas
        Of the mixtures, rising: `wise_ft` of each.
    coefficients
        By split, ``[examples]``: the alpha that each example asked for.
    routes
        By split, ``[examples]``: the place in `alphas` of the mixture that answered it.
    """

    scores: Mapping[str, SplitScore]
    alphas: tuple[float, ...]
    coefficients: Mapping[str, Array]
    routes: Mapping[str, NDArray[np.int64]]

    def __repr__(self) -> str:
        words = ", ".join(f"{alpha:.3f}" for alpha in self.alphas)
        lines = "".join(f"\n  {name}: {score.words}" for name, score in self.scores.items())
        return f"DaWin(alphas {words}; {self.passes} passes an example){lines}"

    @property
    def passes(self) -> int:
        """Forward passes that an example takes: both models, to see how sure they are, and its mixture."""
        return 3

    @property
    def evaluation(self) -> Evaluation:
        """The scores as an evaluation, to be shown beside others; no one recipe has them, and its recipe is empty."""
        return Evaluation(Recipe({}), self.scores)

    def histogram(self, split: str, bins: int = 20) -> tuple[NDArray[np.int64], Array]:
        """How many examples of a split asked for which alpha: counts ``[bins]``, and edges ``[bins + 1]`` from 0 to 1.

        Raises
        ------
        KeyError
            When the split was not measured.
        """
        counts, edges = np.histogram(self.coefficients[split], bins=bins, range=(0, 1))
        return counts.astype(np.int64), edges

    def to_json(self) -> dict[str, Any]:
        """Scores, alphas, how many examples each mixture answered, and the histogram, as plain values."""
        splits = {record["split"]: record for record in self.evaluation.to_records()}
        for name, record in splits.items():
            record["routed"] = np.bincount(self.routes[name], minlength=len(self.alphas)).tolist()
            record["histogram"] = self.histogram(name)[0].tolist()
        return {"alphas": list(self.alphas), "passes": self.passes, "splits": splits}


def dawin(
    ev: Evaluator,
    fine_tuned: str | Recipe | Sequence[str] | None = None,
    *,
    clusters: int = 3,
    splits: Sequence[str] | None = None,
) -> DaWin:
    """Mix the zero-shot model and a fine-tuned one for each example by how sure each of them is.

    Every example has its own alpha, and is answered by that of a few mixtures whose alphas are typical: one mixture for
    each example would be a new network for each.

    Parameters
    ----------
    ev
        Evaluator of a pool with both. Each mixture is measured on whole splits, which then are in the store.
    fine_tuned
        As in `wise_ft`: a name, the recipe of a soup, or several names, which are averaged.
    clusters
        How many mixtures.
    splits
        Names of splits; all when None.

    Returns
    -------
    DaWin
        No recipe, and no soup method therefore: several models answer.

    Raises
    ------
    PoolError, KeyError
        As in `wise_ft` and in `Evaluator.evaluate`.
    ValueError
        When there is no cluster, the task is another than one label for each example, or a logit is not finite.

    Notes
    -----
    Oh et al., arXiv 2410.03782, section 3: alpha(x) = exp(-H_1) / (exp(-H_0) + exp(-H_1)), with the entropies H (nats)
    of both predictions, and a mixture of beta distributions (fitted by moments, as in the released code) whose means
    are the alphas. The paper fits it to the test examples of each split, and shifts its coefficients by statistics of
    these; here it is fitted to validation images once, and an example sees nothing of the others. Temperatures, which
    the released code scales, are left at 1.
    """
    task = ev.suite.validation.scoring.task
    if task != "single-label":
        raise ValueError(f"DaWin needs one prediction among classes for each example; the suite's task is {task}")
    if clusters < 1:
        raise ValueError(f"clusters is {clusters}; at least one is needed")
    # Entropies are of every digit: those of bfloat16 will not do.
    exact, tuned, origin = ev.in_float32(), as_recipe(ev.pool, fine_tuned), Recipe({ev.pool.zero_shot: 1})
    chooser = ev.suite.validation.name
    names = list(ev.suite.splits) if splits is None else list(splits)
    both = [exact.evaluate(recipe, list(dict.fromkeys([chooser, *names]))) for recipe in (origin, tuned)]

    def asked(split: str) -> Array:
        return sure_coefficients(both[0].split_logits(split), both[1].split_logits(split))

    told = asked(chooser)
    if not np.isfinite(told).all():
        raise ValueError("a logit on validation images is not finite: nothing can be said of how sure a model is")
    mixture = fit_beta_mixture(told, clusters)
    alphas = tuple(float(mean) for mean in mixture.means)
    coefficients = {name: asked(name) for name in names}
    routes = {name: mixture.most_likely(values) for name, values in coefficients.items()}
    mixed = [exact.evaluate(wise_ft(ev.pool, tuned, alpha), names) for alpha in alphas]
    scores = {}
    for name in names:
        every = np.stack([evaluation.split_logits(name) for evaluation in mixed])
        scores[name] = score_logits(ev.suite.splits[name], every[routes[name], np.arange(every.shape[1])])
    return DaWin(scores, alphas, coefficients, routes)


def sure_coefficients(zero_shot: NDArray[Any], fine_tuned: NDArray[Any]) -> Array:
    """The alpha that each example asks for, ``[n]``, between 0 and 1.

    Parameters
    ----------
    zero_shot, fine_tuned
        Logits ``[n, classes]`` of both.

    Examples
    --------
    >>> sure_coefficients(np.log([[0.5, 0.5]]), np.log([[0.5, 0.5]])).tolist()
    [0.5]
    """
    from scipy.special import entr, log_softmax

    sure = [np.exp(-entr(np.exp(log_softmax(logits.astype(np.float64), axis=1))).sum(axis=1)) for logits in
            (zero_shot, fine_tuned)]  # fmt: skip
    alphas: Array = sure[1] / (sure[0] + sure[1])
    return alphas


def fit_beta_mixture(values: Array, clusters: int) -> BetaMixture:
    """Fit beta distributions by expectation maximisation, with moments in place of the likelihood's maximum.

    Parameters
    ----------
    values
        ``[n]``, above 0 and below 1.
    clusters
        How many. They begin as equal parts of the sorted numbers, so nothing is left to chance.
    """
    from scipy.special import logsumexp

    member = np.zeros((len(values), clusters))
    ranks = values.argsort(kind="stable").argsort(kind="stable")
    member[np.arange(len(values)), ranks * clusters // len(values)] = 1
    before = -np.inf
    for _ in range(_ROUNDS):
        # A cluster that lost its members stays, with no weight to speak of.
        counts = member.sum(axis=0) + 1e-12
        means = (member * values[:, None]).sum(axis=0) / counts
        means = np.where(counts > 1e-9, means, values.mean())
        spread = (member * (values[:, None] - means) ** 2).sum(axis=0) / counts
        variances = np.clip(spread, _LEAST_VARIANCE * means * (1 - means), 0.999 * means * (1 - means))
        size = means * (1 - means) / variances - 1
        order = means.argsort(kind="stable")
        mixture = BetaMixture((counts / counts.sum())[order], (means * size)[order], ((1 - means) * size)[order])
        densities = mixture.log_densities(values)
        total = logsumexp(densities, axis=1, keepdims=True)
        member = np.exp(densities - total)
        if abs(total.mean() - before) < _TOLERANCE:
            break
        before = float(total.mean())
    return mixture
