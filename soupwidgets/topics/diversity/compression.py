"""How few features of two models together are enough: features that differ more can be compressed further."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from soupwidgets.suites import Split, Suite
from soupwidgets.topics.diversity.members import Member
from soupwidgets.topics.diversity.probing import Reading, checked_probe, probe_on

FeatureOrder = Literal["variance", "components"]
_FEWEST = 4


@dataclass(frozen=True, eq=False)
class CompressedFeatures:
    """Linear probes on ever more of the features of two models side by side.

    Parameters
    ----------
    first, second
        Names of the models.
    fit
        The split whose images the probes were fitted to.
    order
        In which order features were taken.
    width
        How many the two have together.
    probes
        By number of features, ascending.
    """

    first: str
    second: str
    fit: str
    order: FeatureOrder
    width: int
    probes: Mapping[int, Reading]

    def needed(self, split: str, accuracy: float) -> int | None:
        """The fewest features, of the numbers tried, with at least this accuracy (0..1); None if none has it."""
        enough = [count for count, probe in self.probes.items() if probe.accuracy(split).value >= accuracy]
        return min(enough, default=None)

    def to_frame(self) -> pd.DataFrame:
        """One row for each number of features and split: accuracy with its 95% interval."""
        rows = []
        for count, probe in self.probes.items():
            for split in probe.right:
                found = probe.accuracy(split)
                rows.append(
                    {
                        "first": self.first, "second": self.second, "features": count, "split": split,
                        "accuracy": found.value, "low": found.low, "high": found.high,
                    }
                )  # fmt: skip
        return pd.DataFrame(rows)


def compressed_features(
    first: Member,
    second: Member,
    suite: Suite,
    *,
    splits: Sequence[str] | None = None,
    fit: str | None = None,
    order: FeatureOrder = "variance",
    counts: Sequence[int] | None = None,
) -> CompressedFeatures:
    """Fit linear probes to the first few features of two models side by side, then to more and more of them.

    Parameters
    ----------
    first, second
        Models that can be run (`members`, `open_members`, `mixture`).
    suite
        With a label for each image.
    splits, fit
        Where to report and to fit, as in `combined_features`.
    order
        Which features come first: those of the highest variance, whichever model they are of (``"variance"``, the
        paper's), or the principal components of all (``"components"``), which say nothing twice.
    counts
        Numbers of features to try; 4, 8, 16 and so on up to all when None.

    Raises
    ------
    KeyError
        When the suite has no such split.
    ValueError
        As `combined_features`, and when a number of features is not 1 to all there are.

    Notes
    -----
    arXiv 2110.12899, section 4.6 and figure 6 (right), which ranks dimensions by "covariance", the highest first. We
    take that to be each dimension's own variance on the images of ``fit``. Each model's features are divided by one
    number, so that its mean variance is 1: else whose outputs are larger would come first. The paper tries multiples of
    256 features.
    """
    fitted, where = checked_probe(suite, fit, [suite.id_test.name] if splits is None else list(splits))
    inside, *outside = _side_by_side([first, second], [fitted, *where], order)
    width = inside.shape[1]
    if counts is None:
        counts = [*takewhile(lambda count: count < width, (_FEWEST * 2**step for step in range(30))), width]
    if not counts or min(counts) < 1 or max(counts) > width:
        raise ValueError(f"a probe can have 1 to {width} features of these two models, not {list(counts)}")
    probes = {}
    for count in sorted({*counts}):
        parts = [[features[:, :count] for features in (inside, *outside)]]
        probes[count], _ = probe_on(f"{count} of both", parts, fitted, where)
    return CompressedFeatures(first.name, second.name, fitted.name, order, width, probes)


def _side_by_side(models: Sequence[Member], splits: Sequence[Split], order: FeatureOrder) -> list[NDArray[np.float64]]:
    """Features of both on each split, in order; on the first split each has variance 1, or none."""
    known = []
    for model in models:
        features = [model.features(split).astype(np.float64) for split in splits]
        size = np.sqrt(features[0].var(axis=0).mean())
        known.append([one / (size or 1) for one in features])
    together = [np.concatenate(parts, axis=1) for parts in zip(*known, strict=True)]
    mean, spread = together[0].mean(axis=0), together[0].std(axis=0)
    # A feature that never changes tells nothing, and stays 0.
    scaled = [(one - mean) / np.where(spread > 0, spread, 1) for one in together]
    if order == "variance":
        ranked = np.argsort(-spread, kind="stable")
        return [one[:, ranked] for one in scaled]
    _, axes = np.linalg.eigh(scaled[0].T @ scaled[0])
    return [one @ axes[:, ::-1] for one in scaled]
