"""Why averaging weights works: a soup compared with the ensemble of its two ingredients."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp, softmax

from soupwidgets.evaluation import Evaluator
from soupwidgets.recipe import Recipe

_STEP = 0.02


@dataclass(frozen=True)
class SoupVersusEnsemble:
    """A soup of two models against their ensemble.

    Parameters
    ----------
    first, second, alpha
        The soup is (1 - alpha) first + alpha second; the ensemble mixes logits with the same weights.
    split
        The split on which they were compared.
    beta
        The logit scale.
    soup_loss, ensemble_loss
        Mean cross-entropies (nats) of beta times the logits.
    curvature
        Second derivative of the soup's loss with respect to alpha.
    variance
        beta^2 times the mean over images of the variance of f_second - f_first
        over classes drawn from the soup's prediction.
    soup_error, ensemble_error
        The same comparison as shares of wrong predictions (0..1).
    """

    first: str
    second: str
    alpha: float
    split: str
    beta: float
    soup_loss: float
    ensemble_loss: float
    curvature: float
    variance: float
    soup_error: float
    ensemble_error: float

    @property
    def difference(self) -> float:
        """Loss of the soup minus loss of the ensemble: above 0 the ensemble is better."""
        return self.soup_loss - self.ensemble_loss

    @property
    def approximation(self) -> float:
        """The paper's approximation of `difference`, which is good only if the two models are close."""
        return self.alpha * (1 - self.alpha) / 2 * (self.variance - self.curvature)


def versus_ensemble(
    ev: Evaluator,
    first: str,
    second: str,
    *,
    alpha: float = 0.5,
    beta: float | None = None,
    split: str | None = None,
) -> SoupVersusEnsemble:
    """Compare a soup of two models with their ensemble, and with the formula that explains the difference.

    Parameters
    ----------
    ev
        The evaluator, which measures the two models, the soup, and two nearby soups.
    first, second
        Names of two checkpoints.
    alpha
        Weight of ``second``.
    beta
        Logit scale; when None, the one that minimises the soup's loss on validation.
    split
        Where to compare; the validation split when None.

    Returns
    -------
    SoupVersusEnsemble
        In float64 from float32 logits.

    Raises
    ------
    PoolError, KeyError
        As in `Evaluator.evaluate`.

    Notes
    -----
    Wortsman et al., arXiv 2203.05482, section 4: L_soup - L_ens is about
    alpha (1 - alpha) / 2 * (-d2 L_alpha / d alpha2 + beta^2 E_x Var_Y[df_Y(x)]),
    df = f(x; theta_1) - f(x; theta_0), Y drawn from softmax(beta f(x; theta_alpha)).
    The second derivative is the central difference over alpha - 0.02, alpha, alpha + 0.02.
    """
    where = split or ev.suite.validation.name
    labels = ev.suite.splits[where].labels
    # A second difference of losses would show nothing but the rounding of bfloat16.
    exact = ev.in_float32()

    def logits(at: float, on: str = where) -> NDArray[np.float64]:
        mixture = Recipe({first: 1 - at}) + Recipe({second: at})
        return exact.evaluate(mixture, [on]).logits[on].astype(np.float64)

    if beta is None:
        validation = ev.suite.validation
        beta = calibrating_scale(logits(alpha, validation.name), validation.labels)
    soup = logits(alpha)
    ends = logits(0.0), logits(1.0)
    ensemble = (1 - alpha) * ends[0] + alpha * ends[1]
    beside = sum(_loss(beta * logits(alpha + step), labels) for step in (-_STEP, _STEP))
    soup_loss = _loss(beta * soup, labels)
    chance, apart = softmax(beta * soup, axis=1), ends[1] - ends[0]
    mean = (chance * apart).sum(axis=1, keepdims=True)
    variance = float((chance * (apart - mean) ** 2).sum(axis=1).mean())
    return SoupVersusEnsemble(
        first,
        second,
        alpha,
        where,
        beta,
        soup_loss,
        _loss(beta * ensemble, labels),
        (beside - 2 * soup_loss) / _STEP**2,
        beta**2 * variance,
        float((soup.argmax(axis=1) != labels).mean()),
        float((ensemble.argmax(axis=1) != labels).mean()),
    )


def calibrating_scale(logits: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    """The factor beta by which logits have the lowest cross-entropy (temperature scaling, arXiv 1706.04599).

    Parameters
    ----------
    logits
        ``[images, classes]``.
    labels
        ``[images]``.

    Examples
    --------
    >>> logits = np.array([[np.log(9), 0.0]] * 4)  # says 90%, and is right in 3 of 4
    >>> round(calibrating_scale(logits, np.array([0, 0, 0, 1])), 4)  # log(3) / log(9)
    0.5
    """
    from scipy.optimize import minimize_scalar

    found = minimize_scalar(
        lambda log_beta: _loss(np.exp(log_beta) * logits, labels), bounds=(-7, 7), method="bounded",
        options={"xatol": 1e-8},
    )  # fmt: skip
    return float(np.exp(found.x))


def _loss(logits: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    return float((logsumexp(logits, axis=1) - logits[np.arange(len(labels)), labels]).mean())
