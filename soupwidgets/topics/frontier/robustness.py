"""Effective robustness: how far a model lies above the line of baseline models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from soupwidgets.stats.bootstrap import percentile_limits
from soupwidgets.stats.intervals import LEVEL
from soupwidgets.stats.scales import Scale, from_scale, to_scale
from soupwidgets.topics.frontier.point import FrontierPoint

_DRAWS = 4000
_SEED = 0


@dataclass(frozen=True)
class Baseline:
    """A straight line through baseline models, on a scale.

    Parameters
    ----------
    slope, intercept
        The line is shift = intercept + slope * ID, both on the scale.
    scale
        The scale on which it is straight.
    names
        The models it was fitted to.
    id_mean, id_spread
        Mean of their ID accuracies on the scale, and the sum of squares around it.
    residual
        Standard deviation of the residuals (with two degrees of freedom fewer than models); 0 for two models.
    """

    slope: float
    intercept: float
    scale: Scale
    names: tuple[str, ...]
    id_mean: float
    id_spread: float
    residual: float

    def predict(self, accuracy: ArrayLike) -> NDArray[np.float64]:
        """Accuracy under shift (0..1) that the line predicts for this ID accuracy (0..1)."""
        return from_scale(self.intercept + self.slope * to_scale(accuracy, self.scale), self.scale)

    def band(self, accuracy: ArrayLike) -> NDArray[np.float64]:
        """95% confidence limits ``[..., 2]`` (0..1) of the line itself; NaN for a line through only two models."""
        from scipy import stats

        x = to_scale(accuracy, self.scale)
        freedom = len(self.names) - 2
        if freedom < 1:
            return np.full((*np.shape(x), 2), np.nan)
        margin = stats.t.ppf(0.5 + LEVEL / 2, freedom) * self._standard_error(x)
        middle = self.intercept + self.slope * x
        return from_scale(np.stack([middle - margin, middle + margin], axis=-1), self.scale)

    def _standard_error(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(self.residual * np.sqrt(1 / len(self.names) + (x - self.id_mean) ** 2 / self.id_spread))


def fit_baseline(points: Mapping[str, FrontierPoint], scale: Scale = "logit") -> Baseline:
    """Fit the line by least squares, on a scale.

    Parameters
    ----------
    points
        The baseline models, for example those trained on ImageNet alone; at least two.
    scale
        ``"logit"`` (arXiv 2109.01903), ``"probit"`` (arXiv 2107.04649) or ``"linear"``.

    Raises
    ------
    ValueError
        When there are fewer than two models, they all have the same ID accuracy, or one
        of their accuracies is exactly 0 or 1, which the scale cannot represent.

    Notes
    -----
    Taori et al., arXiv 2007.00644, section 3; arXiv 2109.01903, section 2.
    """
    if len(points) < 2:
        raise ValueError(f"a line needs at least two baseline models, got {len(points)}")
    x = to_scale([p.id for p in points.values()], scale)
    y = to_scale([p.ood for p in points.values()], scale)
    for name, place in zip(points, np.stack([x, y], axis=1), strict=True):
        if not np.isfinite(place).all():
            raise ValueError(
                f"{name!r} has an accuracy of exactly 0 or 1 (or none), which has no place on a {scale} scale"
            )
    spread = float(((x - x.mean()) ** 2).sum())
    if spread == 0:
        raise ValueError("all baseline models have the same ID accuracy: no line can be fitted to them")
    slope = float(((x - x.mean()) * (y - y.mean())).sum() / spread)
    intercept = float(y.mean() - slope * x.mean())
    freedom = len(points) - 2
    squares = float(((y - intercept - slope * x) ** 2).sum())
    residual = float(np.sqrt(squares / freedom)) if freedom else 0.0
    return Baseline(slope, intercept, scale, tuple(points), float(x.mean()), spread, residual)


@dataclass(frozen=True)
class EffectiveRobustness:
    """Accuracy under shift beyond the line's prediction, in percentage points, with its 95% interval."""

    value: float
    low: float
    high: float


def effective_robustness(point: FrontierPoint, baseline: Baseline) -> EffectiveRobustness:
    """Measure the vertical distance of a model above a baseline.

    Parameters
    ----------
    baseline
        From `fit_baseline`, on the same splits.

    Returns
    -------
    EffectiveRobustness
        The interval includes the uncertainty of both accuracies (from their own
        intervals, assumed normal) and of the line (Student's t).

    Notes
    -----
    rho(f) = acc_shift(f) - beta(acc_id(f)): arXiv 2109.01903, section 2.
    """
    from scipy import stats

    value = point.ood - float(baseline.predict(point.id))
    rng = np.random.default_rng(_SEED)
    wide = 2 * stats.norm.ppf(0.5 + LEVEL / 2)
    id_error, ood_error = ((high - low) / wide for low, high in (point.id_interval, point.ood_interval))
    normal = rng.standard_normal((2, _DRAWS))
    id_draws = np.clip(point.id + id_error * normal[0], 1e-6, 1 - 1e-6)
    ood_draws = point.ood + ood_error * normal[1]
    x = to_scale(id_draws, baseline.scale)
    freedom = max(len(baseline.names) - 2, 1)
    line = baseline.intercept + baseline.slope * x
    line = line + baseline._standard_error(x) * rng.standard_t(freedom, _DRAWS)
    draws = ood_draws - from_scale(line, baseline.scale)
    low, high = percentile_limits(draws)
    return EffectiveRobustness(100 * value, 100 * float(low), 100 * float(high))
