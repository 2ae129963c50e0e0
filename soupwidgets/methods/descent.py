"""The descent of a learned soup: positive coefficients that sum to 1, and a logit scale, step by step."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from soupwidgets.evaluation import Evaluator
from soupwidgets.evaluation.evaluation import NORMAL_95
from soupwidgets.evaluation.gradients import coefficient_gradient, losses_at
from soupwidgets.methods.held_out import divide
from soupwidgets.methods.learned_trace import HeldOut, Judged, LearnedEpoch, LearnedSoup
from soupwidgets.recipe import Recipe

# Tasks in which an answer is right or wrong.
_RIGHT_OR_WRONG = ("single-label", "multi-label")


class Descent:
    """AdamW on the validation loss, from the uniform soup on; its state can be kept after every step.

    Parameters
    ----------
    ev, names, by, learning_rate, batch, seed, held_out, patience
        As in `learned_soup`.

    Attributes
    ----------
    done, steps_per_epoch
        Steps so far, and in an epoch.
    """

    def __init__(
        self,
        ev: Evaluator,
        names: Sequence[str],
        *,
        by: Literal["model", "layer"],
        learning_rate: float,
        batch: int,
        seed: int,
        held_out: float,
        patience: int,
    ) -> None:
        self._ev, self._names, self._by = ev, list(names), by
        self._split, self._batch = ev.suite.validation, batch
        self._moving, self._judging = divide(self._split, held_out, seed)
        self._tensors = list(ev.matrix.layout.places)
        rows = len(self._tensors) if by == "layer" else 1
        self._free = torch.zeros(rows, len(names), dtype=torch.float64, requires_grad=True)
        self._beta = torch.ones((), dtype=torch.float64, requires_grad=True)
        self._optimiser = torch.optim.AdamW([self._free, self._beta], lr=learning_rate, weight_decay=0.0)
        self._rng = np.random.default_rng(seed)
        self.done, self.steps_per_epoch = 0, -(-len(self._moving) // batch)
        self._loss = self._right = 0.0
        self._order: NDArray[np.int64] = self._moving
        self._drawn_from = self._rng.bit_generator.state
        self._epochs: list[LearnedEpoch] = []
        self._held_out: HeldOut | None = None
        self._best, self._best_epoch = (self._free.detach().clone(), 1.0), 0
        self._told = (len(self._judging), len(self._split), seed, patience)

    @property
    def soup(self) -> LearnedSoup:
        """The soup so far: the one of the best epoch where images are held out, else the one of the last step."""
        free, beta = (self._free, self._beta.item()) if self._held_out is None else self._best
        return LearnedSoup(self._recipe(free), beta, tuple(self._epochs), self._held_out)

    @property
    def is_over(self) -> bool:
        """Whether so many epochs were no better than one before that the descent ends."""
        return self._held_out is not None and len(self._epochs) - self._best_epoch >= self._held_out.patience

    def step(self) -> None:
        """Take one step; the first of an epoch draws the order of the images, the last one judges."""
        if self._held_out is None and len(self._judging):
            self._held_out = HeldOut(*self._told, self._judge())
        at = self.done % self.steps_per_epoch * self._batch
        if at == 0:
            self._loss = self._right = 0.0
            self._drawn_from = self._rng.bit_generator.state
            self._draw_order()
        rows = self._order[at : at + self._batch]
        coefficients = self._free.softmax(dim=1)
        found = coefficient_gradient(
            self._ev, self._recipe(self._free), self._names, self._split, rows, self._beta.item()
        )
        by_tensor = torch.from_numpy(found.by_tensor)
        self._optimiser.zero_grad()
        outer = by_tensor if self._by == "layer" else by_tensor.sum(dim=0, keepdim=True)
        torch.autograd.backward(coefficients, outer)
        self._beta.grad = torch.tensor(found.beta, dtype=torch.float64)
        self._optimiser.step()
        self._loss += found.loss * len(rows)
        self._right += found.correct
        self.done += 1
        if self.done % self.steps_per_epoch == 0:
            self._end_epoch()

    def state(self) -> dict[str, Any]:
        """All that the next step depends on: tensors, and plain values as JSON."""
        held_out = self._held_out
        plain = {
            "done": self.done, "loss": self._loss, "right": self._right, "drawn_from": self._drawn_from,
            "best": [self._best_epoch, self._best[1]], "epochs": [epoch.to_json() for epoch in self._epochs],
            "start": None if held_out is None else held_out.start.to_json(),
        }  # fmt: skip
        return {
            "free": self._free.detach().clone(), "beta": self._beta.detach().clone(), "best": self._best[0],
            "optimiser": self._optimiser.state_dict(), "plain": json.dumps(plain),
        }  # fmt: skip

    def restored(self, state: dict[str, Any]) -> Descent:
        """Go on to a state of the same descent.

        Raises
        ------
        LookupError, TypeError, ValueError, RuntimeError
            When it is none; this descent is of no use then.
        """
        plain = json.loads(state["plain"])
        with torch.no_grad():
            for own, found in ((self._free, state["free"]), (self._beta, state["beta"])):
                if found.shape != own.shape or found.dtype != own.dtype:
                    raise ValueError(f"coefficients of the shape {tuple(found.shape)}")
                own.copy_(found)
        self._optimiser.load_state_dict(state["optimiser"])
        self._best_epoch, beta = int(plain["best"][0]), float(plain["best"][1])
        self._best = (state["best"].reshape(self._free.shape), beta)
        self.done, self._loss, self._right = int(plain["done"]), float(plain["loss"]), float(plain["right"])
        self._epochs = [LearnedEpoch(**{**epoch, "judged": _judged(epoch.get("judged"))}) for epoch in plain["epochs"]]
        start = _judged(plain["start"])
        self._held_out = None if start is None else HeldOut(*self._told, start)
        self._rng.bit_generator.state = plain["drawn_from"]
        if self.done % self.steps_per_epoch:
            # In the middle of an epoch, whose order is drawn again.
            self._draw_order()
        return self

    def _draw_order(self) -> None:
        self._order = self._moving[self._rng.permutation(len(self._moving))]

    def _end_epoch(self) -> None:
        self._drawn_from = self._rng.bit_generator.state
        count = len(self._moving)
        share = self._right / count if self._split.scoring.task in _RIGHT_OR_WRONG else None
        judged = self._judge() if len(self._judging) else None
        recipe = self._recipe(self._free)
        self._epochs.append(LearnedEpoch(self._loss / count, share, self._beta.item(), dict(recipe), judged))
        if judged is not None and self.soup.taken == len(self._epochs):
            self._best, self._best_epoch = (self._free.detach().clone(), self._beta.item()), len(self._epochs)

    def _judge(self) -> Judged:
        losses, right = losses_at(
            self._ev, self._recipe(self._free), self._split, self._judging, self._beta.item(), self._batch
        )
        mean, count = float(losses.mean()), len(losses)
        margin = NORMAL_95 * float(losses.std(ddof=1)) / count**0.5 if count > 1 else float("nan")
        share = right / count if self._split.scoring.task in _RIGHT_OR_WRONG else None
        return Judged(mean, (mean - margin, mean + margin), share)

    def _recipe(self, free: Tensor) -> Recipe:
        coefficients = free.detach().softmax(dim=1)
        mean = dict(zip(self._names, coefficients.mean(dim=0).tolist(), strict=True))
        rows = coefficients.tolist()
        if len(rows) == 1:
            return Recipe(mean)
        return Recipe(
            mean, {t: dict(zip(self._names, r, strict=True)) for t, r in zip(self._tensors, rows, strict=True)}
        )


def _judged(found: dict[str, Any] | None) -> Judged | None:
    return None if found is None else Judged(**{**found, "interval": tuple(found["interval"])})
