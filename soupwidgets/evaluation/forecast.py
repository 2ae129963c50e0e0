"""What neighbours in the store say about a recipe's answers, checked on the images that were seen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from soupwidgets.evaluation.evaluation import Logits, SplitScore
from soupwidgets.evaluation.tasks import losses_of
from soupwidgets.stats.margins import MarginModel, margins_of
from soupwidgets.stats.prediction_powered import powered_accuracy, powered_mean
from soupwidgets.stats.sampling import Design

# The plain sample that predictions are fitted to before the other images are put in order.
FIRST = 32


class Forecast:
    """A recipe's predicted logits on a split, and what the images seen so far make of them.

    Parameters
    ----------
    logits
        Predicted logits by class, ``[images, classes]``, finite, in the split's own order; more than 32 images.
    labels
        ``[images]``.
    plain
        A random order of the split, ``[images]``; its first images come first here, too.
    seed
        Of the order of the others.

    Examples
    --------
    >>> labels = np.arange(200) % 10
    >>> logits = 4 * np.eye(10, dtype=np.float32)[labels]
    >>> forecast = Forecast(logits, labels, np.random.default_rng(0).permutation(200))
    >>> rows, right = forecast.order[:32], torch.ones(32, dtype=torch.bool)
    >>> forecast.add(torch.from_numpy(logits[rows]), torch.zeros(32), right)
    >>> forecast.improve(SplitScore("id_test", total=200, seen=32, correct=32, loss=0.0)).words
    '100.00% [99.00, 100.00] predicted from neighbours, checked on 32 of 200 images'
    """

    def __init__(self, logits: Logits, labels: NDArray[np.int64], plain: NDArray[np.int64], seed: int = 1) -> None:
        self._labels, self._seed = labels, seed
        self._margins = margins_of(logits, labels)
        self._losses = losses_of(torch.from_numpy(logits), torch.from_numpy(labels), "single-label").double().numpy()
        # Where all margins are 0 the spread may begin to grow anywhere.
        self._typical = float(np.median(np.abs(self._margins))) or 1.0
        self._design = Design(plain, len(plain), np.ones(len(plain)))
        self._seen = 0
        self._observed = np.empty((2, len(labels)))
        self._right = np.empty(len(labels), dtype=np.bool_)

    @property
    def order(self) -> NDArray[np.int64]:
        """All positions of the split, in the order to look at them; settled once the first 32 images were seen."""
        return self._design.order

    def add(self, logits: Tensor, losses: Tensor, right: Tensor) -> None:
        """Count the next images of the order.

        Parameters
        ----------
        logits
            By class, ``[n, classes]``; no batch may contain both the 32nd image and the next one.
        losses, right
            As from `soupwidgets.evaluation.tasks.answers`, ``[n]``.
        """
        place = slice(self._seen, self._seen + len(logits))
        # One look at the device; numbers of 32 bits are exact in 64.
        found = torch.cat([logits.float().double(), losses.double()[:, None], right.double()[:, None]], dim=1)
        numbers = found.cpu().numpy()
        self._observed[0, place] = margins_of(numbers[:, :-2].astype(np.float32), self._labels[self.order[place]])
        self._observed[1, place] = numbers[:, -2]
        self._right[place] = numbers[:, -1]
        self._seen = place.stop
        if self._seen == FIRST:
            probability = self._model().probability(self._margins)
            chances = np.random.default_rng(self._seed).random(len(self._labels))
            self._design = Design.draw(self.order, FIRST, probability, chances)

    def improve(self, score: SplitScore) -> SplitScore:
        """The score of the images seen so far as an estimate for all; one of all images, or too few, stays as it is."""
        if score.exact or self._seen < FIRST:
            return score
        order, inclusion = self.order, self._design.inclusion(self._seen)
        probability = self._model().probability(self._margins[order])
        estimate = powered_accuracy(probability, self._right[: self._seen], inclusion)
        loss, error = powered_mean(self._losses[order], self._observed[1, : self._seen], inclusion)
        # The spread with which a plain sample of as many images would have this standard error.
        return replace(score, estimate=estimate, loss=loss, loss_sd=error * float(np.sqrt(self._seen)))

    def _model(self) -> MarginModel:
        predicted = self._margins[self.order[: self._seen]]
        return MarginModel.fit(predicted, self._observed[0, : self._seen], self._typical)
