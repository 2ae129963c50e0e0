"""One recipe on one split, batch by batch."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from soupwidgets.evaluation.audit import Audit, Rounding
from soupwidgets.evaluation.evaluation import Logits, SplitScore, score_logits, split_figure
from soupwidgets.evaluation.forecast import FIRST, Forecast
from soupwidgets.evaluation.sharing import Share
from soupwidgets.evaluation.split_reader import ReorderedReader, SplitReader
from soupwidgets.evaluation.tasks import KEEPS_OUTPUTS, answers
from soupwidgets.stats.metrics import metric_named
from soupwidgets.suites import Split

# Each split is first sampled in two small steps, for coarse answers while a slider is dragged.
SAMPLES = (64, 320)
# Seconds between two partial scores that nobody in this process looks at.
TOLD_EVERY = 0.25
_NUMBERS = itertools.count()


class Run:
    """Progress of one recipe on one split; ``kept`` once it is complete and in the store.

    Parameters
    ----------
    split
        The split.
    reader
        Its images, in the order of measurement.
    share
        Exchange of progress with other processes.
    keep_logits
        Whether to keep `logits`, or only count them; those of every pixel are never kept.
    rounding
        For a pass in bfloat16: what is known about its rounding. It ends with an audit.
    forecast
        What neighbours predict, if there are any: it decides in which order images are looked at, and makes estimates
        of partial scores.
    """

    def __init__(
        self,
        split: Split,
        reader: SplitReader,
        *,
        share: Share,
        keep_logits: bool = True,
        rounding: Rounding | None = None,
        forecast: Forecast | None = None,
    ) -> None:
        self.split = split
        self.forecast = forecast
        self.reader = reader if forecast is None else ReorderedReader(reader, lambda: forecast.order)
        self.share = share
        self.task = split.scoring.task
        self._rounding = rounding
        self._audit: Audit | None = None
        # An audit overwrites some of them.
        self._keep_logits = (keep_logits or rounding is not None) and self.task in KEEPS_OUTPUTS
        self._metric = None if split.scoring.metric == "accuracy" else metric_named(split.scoring.metric)
        self.seen = 0
        self.number = next(_NUMBERS)
        # How many look at partial scores, and when one was last told to other processes.
        self.watchers = 0
        self._told_at = time.monotonic()
        # The score after a batch: metrics other than accuracy are too expensive to compute twice.
        self.last: SplitScore | None = None
        self.kept: SplitScore | None = None
        # Right answers, losses and their squares, summed on the device: looking at them waits for it, once a score.
        self._sums: Tensor | None = None
        self._outputs: list[Tensor] = []
        # What the split's metric is computed from, batch by batch.
        self._kept: list[NDArray[Any]] = []

    @property
    def done(self) -> bool:
        """Whether every image was seen."""
        return self.seen == len(self.reader)

    @cached_property
    def logits(self) -> Logits:
        """Of a complete pass: ``[images, logits]`` in the split's own order, on the CPU."""
        found = torch.cat(self._outputs).cpu().numpy()
        self._outputs.clear()
        logits = np.empty_like(found)
        logits[self.reader.order] = found
        return logits

    @property
    def half(self) -> bool:
        """Whether the pass is made in bfloat16, and then audited."""
        return self._rounding is not None

    @property
    def audit(self) -> Audit | None:
        """Of a complete pass in bfloat16: which images are computed again in float32."""
        if self._audit is None and self._rounding is not None and self.done:
            self._audit = Audit(
                self.logits,
                self._rounding,
                class_map=self.split.scoring.class_map,
                seed=int(self.share.key[:8], 16),
            )
        return self._audit

    @property
    def precision(self) -> str:
        """What the score is computed with."""
        return "bfloat16" if self.half else "float32"

    @property
    def samples(self) -> tuple[int, ...]:
        """After how many images the next split is looked at first."""
        return SAMPLES if self.forecast is None else (FIRST, *SAMPLES)

    @property
    def told(self) -> SplitScore | None:
        """The complete score, or the last partial one that was looked at; None before the first."""
        return self.kept or self.last

    def add(self, logits: Tensor) -> None:
        """Count the outputs of the next examples: logits ``[n, classes]``, or what the task has instead."""
        stop = self.seen + len(logits)
        labels = self.reader.labels[self.seen : stop]
        class_map = self.split.scoring.class_map
        if class_map is not None:
            logits = class_map.restrict(logits)
        by_class = logits if class_map is None else class_map.by_class(logits)
        losses, right, predictions = answers(by_class, labels, self.task)
        sums = torch.stack([right.sum().double(), losses.sum(), losses.square().sum()])
        self._sums = sums if self._sums is None else self._sums + sums
        if self._metric is not None:
            found = predictions if self._metric.of == "predictions" else by_class.float()
            self._kept.append(found.cpu().numpy())
        if self._keep_logits:
            self._outputs.append(logits.float())
        if self.forecast is not None:
            self.forecast.add(by_class, losses, right)
        self.seen = stop

    def look(self) -> None:
        """Score the images seen so far: the first, where somebody watches, or where it was told long ago.

        Looking waits for a card to come to the end of what it was given.
        """
        now = time.monotonic()
        if self.last is None or self.watchers or now - self._told_at > TOLD_EVERY:
            self.last, self._told_at = self.score(), now

    def score(self) -> SplitScore:
        """The score so far; after an audit, with the logits that it corrected."""
        if self._audit is not None:
            return replace(score_logits(self.split, self.logits), precision=self.precision)
        assert self._sums is not None
        correct, losses, squares = self._sums.tolist()
        loss = losses / self.seen
        figure = None
        if self._metric is not None:
            self._kept = [np.concatenate(self._kept)]
            figure = split_figure(self.split, self._kept[0], self.reader.order[: self.seen])
        spread = None
        if self.seen > 1:
            variance = (squares - self.seen * loss**2) / (self.seen - 1)
            # The variance of equal losses may come out slightly below zero; non-finite losses have no spread.
            spread = math.sqrt(max(0.0, variance)) if math.isfinite(variance) else None
        score = SplitScore(
            self.split.role,
            len(self.reader),
            self.seen,
            int(correct),
            loss,
            figure=figure,
            loss_sd=spread,
            task=self.task,
            precision=self.precision,
        )
        return score if self.forecast is None else self.forecast.improve(score)


@contextmanager
def watched(runs: Iterable[Run]) -> Iterator[None]:
    """Have partial scores made within the block."""
    looking = list(runs)
    for run in looking:
        run.watchers += 1
    try:
        yield
    finally:
        for run in looking:
            run.watchers -= 1


def next_batches(runs: Sequence[Run], batch: int) -> list[tuple[Run, int]]:
    """Which runs to continue, and up to which image each; none when all are complete and in the store.

    Small batches for all splits first, several together up to ``batch`` images, then each split to its end, in order.
    Completing one split before continuing with the next means that what was measured when
    a run is cancelled is in the store, not scattered over incomplete splits.
    """
    runs = [run for run in runs if run.kept is None]
    for sample in sorted({sample for run in runs for sample in run.samples}):
        due: list[tuple[Run, int]] = []
        images = 0
        for run in runs:
            stop = min(sample, len(run.reader))
            if sample in run.samples and run.seen < stop and (not due or images + stop - run.seen <= batch):
                due.append((run, stop))
                images += stop - run.seen
        if due:
            return due
    return [(runs[0], min(runs[0].seen + batch, len(runs[0].reader)))] if runs else []
