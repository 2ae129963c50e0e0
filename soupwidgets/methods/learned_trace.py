"""A learned soup, and how it came about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from soupwidgets.recipe import Recipe

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Judged:
    """What images say that moved no coefficient.

    Parameters
    ----------
    loss
        Mean loss of the outputs times the temperature.
    interval
        Its 95% interval.
    accuracy
        Share of images that are right; None where no answer is right or wrong.
    """

    loss: float
    interval: tuple[float, float]
    accuracy: float | None

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {**vars(self), "interval": list(self.interval)}


@dataclass(frozen=True)
class HeldOut:
    """The part of the validation images that judges the epochs.

    Parameters
    ----------
    images, of
        How many they are, and of how many.
    seed
        Decides which; where an image has one label, they are the same share of every class.
    patience
        After how many epochs without a lower loss the descent ends.
    start
        What they say of the uniform soup, where it begins.
    """

    images: int
    of: int
    seed: int
    patience: int
    start: Judged


@dataclass(frozen=True)
class LearnedEpoch:
    """One pass over the validation images.

    Parameters
    ----------
    loss
        Mean loss of the outputs times the temperature (cross-entropy in nats, or that of the task), while the
        coefficients moved.
    accuracy
        Share of images that were right meanwhile; None where no answer is right or wrong (numbers, pixels).
    beta
        The logit scale afterwards.
    coefficients
        Name to coefficient afterwards; by layer the mean over the tensors.
    judged
        What held-out images say afterwards; None where none are held out.
    """

    loss: float
    accuracy: float | None
    beta: float
    coefficients: Mapping[str, float]
    judged: Judged | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain values; nothing is said of held-out images where there are none."""
        found = {**vars(self), "coefficients": dict(self.coefficients)}
        judged = found.pop("judged")
        return found if judged is None else {**found, "judged": judged.to_json()}


@dataclass(frozen=True)
class LearnedSoup:
    """The recipe of a learned soup, the logit scale that goes with it, and how they came about.

    Parameters
    ----------
    recipe, beta
        Those after the last epoch, or where images are held out, after the one with the lowest loss on them.
    epochs
        One after the other.
    held_out
        What judged the epochs; None where nothing did.
    """

    recipe: Recipe
    beta: float
    epochs: tuple[LearnedEpoch, ...]
    held_out: HeldOut | None = None

    def __repr__(self) -> str:
        loss = f", validation loss {self.epochs[-1].loss:.4f}" if self.epochs else ""
        if self.taken is not None:
            loss = f", epoch {self.taken} taken: held-out loss {self.curve[self.taken].loss:.4f}"
        what = f"{len(self.recipe)} ingredients by {'layer' if self.recipe.by_tensor else 'model'}"
        return f"LearnedSoup({what}, beta {self.beta:.4g}, {len(self.epochs)} epochs{loss})"

    def _repr_html_(self) -> str:
        return self.to_frame().to_html(index=False, escape=True, float_format=lambda value: f"{value:.4f}")

    @property
    def curve(self) -> tuple[Judged, ...]:
        """What held-out images say of the uniform soup, and after every epoch; empty where none are held out."""
        if self.held_out is None:
            return ()
        return (self.held_out.start, *(epoch.judged for epoch in self.epochs if epoch.judged is not None))

    @property
    def taken(self) -> int | None:
        """The epoch that the soup is from, 0 for the uniform soup: the first of the lowest held-out loss.

        None where no image is held out, and the last epoch is taken.
        """
        losses = [judged.loss for judged in self.curve]
        return losses.index(min(losses)) if losses else None

    @property
    def words(self) -> str:
        """Which epoch was taken, and what judged it, in a sentence; empty where no image is held out."""
        held = self.held_out
        if held is None or self.taken is None:
            return ""
        what = f"epoch {self.taken} of {len(self.epochs)}" if self.taken else "the uniform soup, before any epoch,"
        return (
            f"{what} is taken: the lowest loss ({self.curve[self.taken].loss:.4f}) on {held.images:,} of {held.of:,} "
            f"validation images, which moved no coefficient (drawn with seed {held.seed})"
        )

    def to_frame(self) -> pd.DataFrame:
        """One row per ingredient: its coefficient after every epoch (by layer the mean over the tensors)."""
        import pandas as pd

        rows = [
            {"ingredient": name, **{f"epoch {i}": e.coefficients.get(name, 0.0) for i, e in enumerate(self.epochs, 1)}}
            for name in self.recipe
        ]
        return pd.DataFrame(rows)

    def curve_to_frame(self) -> pd.DataFrame:
        """One row per epoch: training loss and accuracy, where images are held out also theirs, and the logit scale.

        Row 0 is the uniform soup, of which held-out images alone have something to say.
        """
        import pandas as pd

        rows: list[dict[str, Any]] = [
            {"epoch": i, "loss": epoch.loss, "accuracy": epoch.accuracy, "logit scale": epoch.beta}
            for i, epoch in enumerate(self.epochs, 1)
        ]
        if not self.curve:
            return pd.DataFrame(rows)
        rows = [{"epoch": 0, "loss": None, "accuracy": None, "logit scale": 1.0}, *rows]
        for row, judged in zip(rows, self.curve, strict=True):
            low, high = judged.interval
            row |= {"held-out loss": judged.loss, "low": low, "high": high, "held-out accuracy": judged.accuracy}
            row["taken"] = row["epoch"] == self.taken
        return pd.DataFrame(rows)

    def to_json(self) -> dict[str, Any]:
        """The trace as plain values. ``metric`` is what the coefficients are chosen by."""
        epochs = [epoch.to_json() for epoch in self.epochs]
        found = {"metric": "cross_entropy", "beta": self.beta, "epochs": epochs}
        if self.held_out is None:
            return found
        held = {**vars(self.held_out), "start": self.held_out.start.to_json()}
        return {**found, "held_out": held, "taken": self.taken, "taken_because": self.words}
