"""Predicted coarse answers: do their intervals hold, and how many images do they save? A simulation on the zoo."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.coverage_cases import MEANT, Case, fashion_cases, other_cases
from benchmarks.table import Row
from soupwidgets import Evaluator, Pool, Store, Suite
from soupwidgets.evaluation import SplitScore
from soupwidgets.evaluation.forecast import FIRST, Forecast
from soupwidgets.evaluation.interpolation import NEAREST, interpolated_logits, nearest, points_of
from soupwidgets.evaluation.tasks import answers
from soupwidgets.suites import Split

ROOT = Path(__file__).parents[1]
# Filled once, in about a quarter of an hour; what is there is not measured again.
STORE = Path(tempfile.gettempdir()) / "soupwidgets-coverage"
# Half the width of the interval that is asked for, as a share.
REACH = 0.005
# At how many images it is looked at.
_LOOKS = (FIRST, 64, 96, 128, 192, 256, 320, 512, 768, 1024, 1600, 2560, 4096, 6400)
# Splits of more images than this are told apart from those of fewer.
_LARGE = 2000


@dataclass(frozen=True)
class Outcome:
    """One recipe on one split, over many orders of its images.

    Parameters
    ----------
    regime, large
        What it belongs to.
    disagree
        Share of images of which the prediction is wrong about right and wrong.
    looks
        Numbers of images at which one looked, ``[looks]``.
    held
        How many draws' intervals contained the accuracy, ``[looks]``; of so many ``draws``.
    reach
        Half the interval, on average over the draws, ``[looks]``, as a share.
    needed, plain
        Images until this is 0.5 points, and those that a plain sample needs for it.
    """

    regime: str
    large: bool
    disagree: float
    looks: NDArray[np.int64]
    held: NDArray[np.float64]
    draws: int
    reach: NDArray[np.float64]
    needed: float
    plain: float


def simulated(case: Case, ev: Evaluator, split: Split, draws: int, seed: int = 0) -> Outcome:
    """Replay what an evaluation of the case would show, from stored logits."""
    truth = ev.evaluate(case.target, split.name).split_logits(split.name)
    points = points_of([case.target, *case.known], list(ev.pool))
    known = [case.known[i] for i in nearest(points[1:], points[0], NEAREST)]
    logits = {recipe: ev.evaluate(recipe, split.name).split_logits(split.name) for recipe in known}
    said = interpolated_logits(logits, case.target)
    labels = torch.from_numpy(split.labels)
    losses, right, _ = answers(torch.from_numpy(truth), labels, "single-label")
    guessed = answers(torch.from_numpy(said), labels, "single-label")[1]
    total, share = len(split), float(right.double().mean())
    looks = np.array([look for look in _LOOKS if look < total])
    held, reach = np.zeros(len(looks)), np.zeros(len(looks))
    for draw in range(draws):
        order = np.random.default_rng((seed, draw)).permutation(total)
        forecast, seen = Forecast(said, split.labels, order, draw + 1), 0
        for i, look in enumerate(looks):
            rows = torch.from_numpy(forecast.order[seen:look])
            forecast.add(torch.from_numpy(truth)[rows], losses[rows], right[rows])
            seen = int(look)
            low, high = forecast.improve(SplitScore(split.role, total, seen, 0, 0.0)).interval
            held[i] += low - 1e-9 <= share <= high + 1e-9
            reach[i] += (high - low) / 2 / draws
    # Cochran (1977), equation 4.1: a plain sample's images, with the finite-population factor.
    alone = 1.959964**2 * share * (1 - share) / REACH**2
    plain = max(alone / (1 + (alone - 1) / total), 1.0)
    return Outcome(
        case.regime,
        total > _LARGE,
        float((right != guessed).float().mean()),
        looks,
        held,
        draws,
        reach,
        images_for(REACH, looks, reach, total),
        plain,
    )


def images_for(reach: float, looks: NDArray[np.int64], found: NDArray[np.float64], total: int) -> float:
    """Images until the interval is that narrow: between two looks as if its width were a power of their number."""
    narrow = np.flatnonzero(found <= reach)
    if not len(narrow):
        return float(total)
    i = int(narrow[0])
    if i == 0:
        return float(looks[0])
    share = np.log(found[i - 1] / reach) / np.log(found[i - 1] / found[i])
    return float(np.exp(np.log(looks[i - 1]) + share * np.log(looks[i] / looks[i - 1])))


def coverage_outcomes(folder: Path, draws: int) -> Iterator[Outcome]:
    """All cases on all splits of all pools that can be mixed; each regime so often at least on splits of each size."""
    store, data = Store(folder), ROOT / "data"
    tuned = [f"ft-{k:02d}" for k in range(8)]
    due: list[tuple[Evaluator, Case, Split, int]] = []
    for pool, suite, cases in (
        ("fashion", "fashion", list(fashion_cases())),
        ("fashion-b", "fashion", list(other_cases("zero-shot", "ft-05", tuned))),
        ("resnet", "fashion", list(other_cases("start", "ft-03", tuned[:6]))),
        ("text", "text", list(other_cases("start", "ft-03", tuned))),
    ):
        ev = Evaluator(
            Pool.open(data / "zoo" / pool),
            Suite.open(data / "suites" / suite),
            device="cpu",
            store=store,
            precision="float32",
        )
        due += [(ev, case, s, number) for number, case in enumerate(cases) for s in ev.suite.splits.values()]
    sharing = Counter((case.regime, len(split) > _LARGE) for _, case, split, _ in due)
    for done, (ev, case, split, number) in enumerate(due):
        each = -(-draws // sharing[case.regime, len(split) > _LARGE])
        yield simulated(case, ev, split, each, seed=number)
        print(f"{done + 1} of {len(due)} recipes on splits", end="\r", flush=True)


def coverage_rows(folder: Path = STORE, draws: int = 1200) -> list[Row]:
    """One row a regime and size of split."""
    groups: dict[tuple[bool, str, bool], list[Outcome]] = {}
    for outcome in coverage_outcomes(folder, draws):
        groups.setdefault((outcome.regime not in MEANT, outcome.regime, not outcome.large), []).append(outcome)
    return [_row(regime, small, outcomes) for (_, regime, small), outcomes in sorted(groups.items())]


def _row(regime: str, small: bool, outcomes: list[Outcome]) -> Row:
    drawn = sum(one.draws for one in outcomes)
    held = {
        int(look): np.mean([one.held[i] / one.draws for one in outcomes for i in np.flatnonzero(one.looks == look)])
        for look in sorted({look for one in outcomes for look in one.looks})
    }
    # Where a few splits only are larger than that, their number says little.
    lowest = min(
        share for look, share in held.items() if sum(look in one.looks for one in outcomes) * 2 > len(outcomes)
    )
    needed = float(np.mean([one.needed for one in outcomes]))
    plain = float(np.mean([one.plain for one in outcomes]))
    wrong = float(np.mean([one.disagree for one in outcomes]))
    meant = regime in MEANT
    times = plain / needed
    return Row(
        f"{regime}: images for ±0.5 points, {'splits up to' if small else 'splits over'} {_LARGE:,} images",
        f"{needed:,.0f}; coverage of 95% intervals {100 * lowest:.1f}% or more ({100 * held[64]:.1f}% with 64 images, "
        f"{drawn:,} draws); prediction wrong on {100 * wrong:.2f}%",
        f"a plain sample: {plain:,.0f}",
        times,
        ">= 10 times fewer, coverage >= 94%" if meant else "no more images, coverage >= 94%",
        bool(lowest >= 0.94 and times >= (10 if meant else 1)),
    )
