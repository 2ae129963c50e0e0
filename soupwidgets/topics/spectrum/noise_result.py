"""What trainings with one kind of label noise gave: noise fitting over training, and its minimum."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from soupwidgets.stats.estimate import Estimate
from soupwidgets.training.study_files import over_seeds


@dataclass(frozen=True)
class NoiseRun:
    """One training on labels with noise: numbers by epoch.

    Parameters
    ----------
    seed
        Seed of the training.
    clean_losses, noisy_losses
        Cross-entropy (nats) on validation images with their own labels, and with noisy ones; with noise of one class
        on the images of that class.
    followed
        How much of the noise predictions follow: 0 none, 1 all of it. NaN for noise that is the same for every image.
    accuracies
        Validation accuracy (0..1).
    """

    seed: int
    clean_losses: tuple[float, ...]
    noisy_losses: tuple[float, ...]
    followed: tuple[float, ...]
    accuracies: tuple[float, ...]

    @property
    def fitting(self) -> tuple[float, ...]:
        """Noise fitting by epoch: loss on clean minus loss on noisy labels, in nats. It rises as noise is fitted."""
        return tuple(c - n for c, n in zip(self.clean_losses, self.noisy_losses, strict=True))


@dataclass(frozen=True)
class NoiseResult:
    """Results for one noise.

    Parameters
    ----------
    name, direction, frequency, amplitude
        The noise; frequency in cycles per unit of L2 distance, 0 for a control.
    runs
        One training for each seed.
    """

    name: str
    direction: str
    frequency: float
    amplitude: float
    runs: tuple[NoiseRun, ...]

    def __repr__(self) -> str:
        minimum = f"minimum of noise fitting {self.minimum} nats, {len(self.runs)} seeds"
        return f"NoiseResult({self.name!r}, frequency {self.frequency:g}, {len(self.fitting)} epochs, {minimum})"

    @property
    def fitting(self) -> tuple[float, ...]:
        """Noise fitting by epoch: loss on clean minus loss on noisy labels, in nats; mean over the seeds."""
        return _mean([run.fitting for run in self.runs])

    @property
    def followed(self) -> tuple[float, ...]:
        """How much of the noise predictions follow, by epoch; mean over the seeds."""
        return _mean([run.followed for run in self.runs])

    @property
    def accuracies(self) -> tuple[float, ...]:
        """Validation accuracy (0..1) by epoch; mean over the seeds."""
        return _mean([run.accuracies for run in self.runs])

    @property
    def minimum(self) -> Estimate:
        """Minimum of noise fitting over training, in nats, with the 95% interval over the seeds.

        What arXiv 2110.02424 compares models by, figure 1: the higher, the more readily the noise is fitted.
        """
        return over_seeds([float(np.min(run.fitting)) for run in self.runs])

    @property
    def minimum_epoch(self) -> Estimate:
        """The epoch of that minimum, counted from 1, with the 95% interval over the seeds."""
        return over_seeds([float(np.argmin(run.fitting)) + 1 for run in self.runs])


def _mean(curves: Sequence[Sequence[float]]) -> tuple[float, ...]:
    return tuple(float(x) for x in np.mean(curves, axis=0))
