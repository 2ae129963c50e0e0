"""Which models can be mixed with which: a few images of each pair, and more only as far as these leave it open."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from soupwidgets.evaluation import Evaluator, right_answers
from soupwidgets.evaluation.evaluation import NORMAL_95
from soupwidgets.methods.advice import BARRIER
from soupwidgets.recipe import Recipe
from soupwidgets.topics.diagnosis.finding import and_so_on
from soupwidgets.topics.diagnosis.measured import barred, lost_halfway, mean_margin

Pair = tuple[str, str]

# All pairs of 16 models; of more models as many are looked at, beside those with the best one.
_MOST = 120
# Images between two looks at a pair, and how many standard errors make sure: many pairs are looked at many times.
_STEP, _SURE = 256, 3.0
_SEED = 0


@dataclass(frozen=True)
class PairBarrier:
    """What is known of the middle between two models.

    Parameters
    ----------
    height
        How much accuracy is lost against the mean of the two, over the images that were looked at (negative: gained).
    barred
        Whether there is a barrier.
    images
        How many images that took.
    """

    height: float
    barred: bool
    images: int


@dataclass(frozen=True)
class Pairs:
    """Which of some models can be mixed with which.

    Parameters
    ----------
    names
        The models.
    barriers
        Pair, in the order of ``names``, to what is known of it.
    planned
        How many pairs are looked at.
    images
        How many images the split has.
    """

    names: tuple[str, ...]
    barriers: Mapping[Pair, PairBarrier]
    planned: int
    images: int

    @property
    def possible(self) -> int:
        """How many pairs there are."""
        return len(self.names) * (len(self.names) - 1) // 2

    @property
    def barred(self) -> list[Pair]:
        """Pairs that cannot be mixed, the highest barrier first."""
        found = [pair for pair, one in self.barriers.items() if one.barred]
        return sorted(found, key=lambda pair: -self.barriers[pair].height)

    @property
    def share_of_images(self) -> float:
        """What the verdicts took, as a share of all images of all pairs that were looked at."""
        return sum(one.images for one in self.barriers.values()) / max(self.images * len(self.barriers), 1)

    @property
    def groups(self) -> list[tuple[str, ...]]:
        """Models that pairs without a barrier connect, the largest group first; some are alone.

        Two models of a group may have a barrier between them, and be connected by others.
        """
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

        place = {name: i for i, name in enumerate(self.names)}
        edges = np.array([[place[a], place[b]] for (a, b), one in self.barriers.items() if not one.barred], int)
        rows, columns = edges.reshape(-1, 2).T
        graph = coo_array((np.ones(len(rows)), (rows, columns)), shape=(len(self.names),) * 2)
        count, label = connected_components(graph, directed=False)
        found = [tuple(n for n, own in zip(self.names, label, strict=True) if own == group) for group in range(count)]
        return sorted(found, key=lambda group: (-len(group), place[group[0]]))

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "measured": len(self.barriers), "possible": self.possible, "share_of_images": self.share_of_images,
            "groups": [list(group) for group in self.groups],
            "barriers": [
                {"models": list(pair), "height": one.height, "barred": one.barred, "images": one.images}
                for pair, one in self.barriers.items()
            ],
        }  # fmt: skip


def stream_pairs(
    ev: Evaluator, right: Mapping[str, NDArray[np.bool_]], known: Mapping[Pair, PairBarrier] | None = None
) -> Iterator[Pairs]:
    """Look at pairs, one after another: first whether those that are barred from others form groups of their own.

    Parameters
    ----------
    right
        Model to whether it answers each validation example correctly, the best models first.
    known
        Pairs that were measured before.

    Notes
    -----
    Frankle et al., arXiv 1912.05671, section 2, at alpha 0.5. Images come in the order of measurement until the height
    is three standard errors away from what decides; of a sample without replacement these shrink to nothing. Of more
    than 16 models some pairs are looked at, drawn with a fixed seed.
    """
    barriers = dict(known or {})
    most = min(len(right) * (len(right) - 1) // 2, len(barriers) + _MOST)
    found = Pairs(tuple(right), barriers, most, len(ev.suite.validation))
    yield found
    for pair in _due(tuple(right), barriers, most):
        barriers[pair] = look(ev, *pair, right)
        found = replace(found, barriers=dict(barriers))
        yield found


def _due(names: tuple[str, ...], barriers: Mapping[Pair, PairBarrier], most: int) -> Iterator[Pair]:
    """Pairs in the order in which they matter; ``barriers`` grows meanwhile, up to so many."""

    def due(pairs: Iterable[Pair]) -> Iterator[Pair]:
        for pair in pairs:
            if pair not in barriers and len(barriers) < most:
                yield pair

    # Whoever is in no group is compared with the first of each group, and begins another one.
    groups: list[list[str]] = []
    for name in names:
        for group in groups:
            yield from due([(group[0], name)])
            one = barriers.get((group[0], name))
            if one is not None and not one.barred:
                group.append(name)
                break
        else:
            groups.append([name])
    seeded = np.random.default_rng(_SEED)
    # Within a group it is worth knowing who cannot be mixed; between groups nothing new is likely.
    own = {name: i for i, group in enumerate(groups) for name in group}
    rest = list(combinations(names, 2))
    shuffled = [rest[i] for i in seeded.permutation(len(rest))]
    yield from due(sorted(shuffled, key=lambda pair: own[pair[0]] != own[pair[1]]))


def look(ev: Evaluator, first: str, second: str, right: Mapping[str, NDArray[np.bool_]]) -> PairBarrier:
    """The barrier halfway between two models, from as many validation images as the verdict takes."""
    where, half = ev.suite.validation, Recipe({first: 0.5, second: 0.5})
    ends = right[first], right[second]
    # Elsewhere whole measurements are made, and logits of other classes are scored in full.
    if ev.abreast > 1 or where.scoring.class_map is not None or ev.stored(half, where.name) is not None:
        return _verdict(lost_halfway(*ends, right_answers(ev.evaluate(half, where.name), where)))
    total, order = len(where), ev.reader(where).order
    lost, logits = np.empty(0), np.empty((total, ev.suite.outputs), np.float32)
    for start in range(0, total, _STEP):
        rows = order[start : start + _STEP]
        images, labels = ev.batch(where, rows)
        outputs = ev.computation.outputs(half, images).float()
        logits[rows] = outputs.cpu().numpy()
        middle = (outputs.argmax(dim=1) == labels) & outputs.isfinite().all(dim=1)
        lost = np.append(lost, lost_halfway(ends[0][rows], ends[1][rows], middle.cpu().numpy()))
        if len(lost) < total and (verdict := sure(lost, total)) is not None:
            return PairBarrier(float(lost.mean()), verdict, len(lost))
    ev.record(half, where, logits)
    return _verdict(lost)


def sure(lost: NDArray[np.float64], total: int) -> bool | None:
    """Whether all ``total`` images would show a barrier; None where a sample of them, ``[n]``, does not tell."""
    seen = len(lost)
    # As if one more image had been lost and one gained: a sample without any is not one without a spread.
    spread = np.sqrt((((lost - lost.mean()) ** 2).sum() + 2) / seen)
    far = _SURE * spread * np.sqrt((1 - seen / total) / seen)
    if lost.mean() + far <= BARRIER:
        return False
    margin = NORMAL_95 * spread / np.sqrt(total)
    return True if lost.mean() - far > BARRIER and barred(lost.mean() - far, margin) else None


def _verdict(lost: NDArray[np.float64]) -> PairBarrier:
    height = float(lost.mean())
    return PairBarrier(height, barred(height, mean_margin(lost)), len(lost))


def pairs_words(found: Pairs, most: int = 5) -> str:
    """How many pairs were looked at, which cannot be mixed, and which groups can."""
    several = [group for group in found.groups if len(group) > 1]
    alone = [group[0] for group in found.groups if len(group) == 1]
    said = [f"{len(found.barriers)} of {found.possible} pairs of {len(found.names)} models were looked at"]
    if found.barriers:
        said[0] += f", with {found.share_of_images:.0%} of their examples"
    if bad := found.barred:
        named = "; ".join(f"{a} with {b} ({100 * found.barriers[a, b].height:.1f} points lost)" for a, b in bad[:most])
        more = f"; and {len(bad) - most} more" if len(bad) > most else ""
        said.append(f"{len(bad)} of them cannot be mixed: {named}{more}")
    else:
        said.append("all of these can be mixed")
    if len(several) + len(alone) > 1:
        groups = [f"{and_so_on(group)} with each other" for group in several]
        groups += [f"{and_so_on(alone)} with none of the others"] if alone else []
        said.append(f"can be mixed: {'; '.join(groups)}")
    return " ".join(f"{one[:1].upper()}{one[1:]}." for one in said)
