"""Findings from the weights: other starts, twins, heads, steps that went too far, digits that are missing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from soupwidgets.methods.alignment.families import find_groups
from soupwidgets.methods.alignment.matching import match_weights
from soupwidgets.pool import Pool
from soupwidgets.topics.diagnosis.finding import Finding, accused, and_so_on
from soupwidgets.topics.diagnosis.weights import WeightFacts

# Weights of independent starts are nearly orthogonal, those of one start nearly parallel.
_RELATED = 0.3
# Fine-tuned models of the bundled pools lie at up to 1.4 times the median distance, diverged ones at 5 and more.
_TOO_FAR = 2.5
# From this share on, rounding is no detail of what training changed.
_ROUNDING = 0.25
_EQUAL = 1e-9
# Aligned networks of independent starts stay below a cosine of 0.5, aligned siblings are parallel.
_TWIN = 0.65


def relations(pool: Pool, facts: WeightFacts) -> Iterator[Finding]:
    """Look at the weights, and at nothing else; whoever is accused once is left out of the next comparison."""
    found: list[Finding] = []
    for look in (_not_finite, _same_twice, _reordered, _starts, _heads, _too_far, _statistics, _rounding):
        rest = [name for name in facts.names if name not in accused(found)]
        for finding in look(pool, facts, rest):
            found.append(finding)
            yield finding


def _not_finite(_pool: Pool, facts: WeightFacts, _rest: Sequence[str]) -> Iterator[Finding]:
    for name, tensors in facts.not_finite.items():
        yield Finding(
            "not finite", (name,), "has values that are not finite", "leave it out, its training diverged",
            f"NaN or infinite values in {and_so_on(tensors)}: every mixture with it has them too.",
            {"tensors": list(tensors)},
        )  # fmt: skip


def _same_twice(pool: Pool, facts: WeightFacts, rest: Sequence[str]) -> Iterator[Finding]:
    first: dict[str, str] = {}
    # Who is the copy of the origin is not the origin.
    for name in sorted(rest, key=lambda one: one != facts.origin):
        known = first.setdefault(pool.checkpoints[name].content_hash, name)
        if known != name:
            yield Finding(
                "same twice", (name,), f"is {known} once more", "leave it out, or it counts twice",
                f"Every number of {name} and {known} is the same.", {"of": known},
            )  # fmt: skip


def _reordered(_pool: Pool, facts: WeightFacts, rest: Sequence[str]) -> Iterator[Finding]:
    """Copies whose numbers are the same in another order, in whatever network."""
    # Whoever is farther from the origin is the copy.
    near = sorted(rest, key=lambda name: facts.distance[name])
    for place, name in enumerate(near):
        for one in near[:place]:
            mine, other = facts.fingerprint[name], facts.fingerprint[one]
            # Two that share a trunk which was never trained are in one order.
            moved = _cosine(facts, name, one) < 1 - _EQUAL
            if moved and np.allclose(mine, other, rtol=_EQUAL, atol=_EQUAL):
                yield _permuted(facts, name, one, "every tensor has the same numbers in another order")
                break


def _starts(pool: Pool, facts: WeightFacts, rest: Sequence[str]) -> Iterator[Finding]:
    groups = _families(facts.cosine, [facts.names.index(name) for name in rest])
    own = _home([[facts.names[i] for i in group] for group in groups], facts.origin)
    for group in groups:
        names = [facts.names[i] for i in group]
        if names == own:
            continue
        aligned = {name: _aligned(pool, name, own[0]) for name in names}
        twins = [name for name, cosine in aligned.items() if cosine is not None and cosine > _TWIN]
        for name in twins:
            yield _permuted(facts, name, own[0], f"have a cosine of {aligned[name]:.2f} when its units are reordered")
        others = tuple(name for name in names if name not in twins)
        if others:
            nearest = max(abs(_cosine(facts, name, one)) for name in others for one in own)
            one = len(others) == 1
            can = aligned[others[0]] is not None
            it = "it" if one else "them"
            align = f"or align {it} (sw.align), which helps in part" if can else "as such networks cannot be aligned"
            together = "" if one else "average them among themselves, "
            yield Finding(
                "other start", others, f"{'is' if one else 'are'} from another start",
                f"{together}leave {it} out, {align}",
                f"Cosine with the weights of the others at most {nearest:.2f}; from one start it is close to 1.",
                {"cosine": nearest},
            )  # fmt: skip


def _permuted(facts: WeightFacts, name: str, of: str, after: str) -> Finding:
    cosine = _cosine(facts, name, of)
    return Finding(
        "permuted twin", (name,), f"has units of {of} in another order", "align it (sw.align), or leave it out",
        f"Its weights have a cosine of {cosine:.2f} with those of {of} as they are, and {after}.",
        {"of": of, "cosine": cosine},
    )  # fmt: skip


def _aligned(pool: Pool, name: str, to: str) -> float | None:
    """Cosine of a checkpoint's weights with another's when its units are reordered; None where they cannot be."""
    try:
        groups = find_groups(pool.checkpoints[name].tensors)
    except ValueError:
        return None
    return match_weights(groups, *(dict(pool.checkpoints[one].read()) for one in (to, name))).after


def _heads(_pool: Pool, facts: WeightFacts, rest: Sequence[str]) -> Iterator[Finding]:
    heads = {name: one for name in rest if (one := _centred(facts.heads.get(name))) is not None}
    if len(heads) < 2:
        return
    names = list(heads)
    flat = np.stack([head.reshape(-1) for head in heads.values()])
    cosine = flat @ flat.T
    groups = [[names[i] for i in group] for group in _families(cosine, range(len(names)))]
    own = _home(groups, facts.origin)
    home = facts.origin if facts.origin in own else own[0]
    reordered = {name: _moved_classes(heads[home], heads[name]) for name in names if name != home}
    for name, classes in reordered.items():
        if classes:
            yield Finding(
                "class order", (name,), "has its classes in another order",
                "give its classes the others' order (sw.with_classes), or leave it out",
                f"{len(classes)} rows of its head are those of other classes in {home}.", {"classes": classes},
            )  # fmt: skip
    for group in groups:
        others = tuple(name for name in group if not reordered.get(name))
        if group == own or not others:
            continue
        between = float(cosine[names.index(others[0]), names.index(home)])
        has, its = ("has", "its") if len(others) == 1 else ("have", "their")
        yield Finding(
            "other head", others, f"{has} a head of another origin",
            f"leave out, or train again from the head of {home}; replacing {its} head "
            "(Pool.open(..., head_from=, heads='replace')) mixes the trunks alone",
            f"The trunk is related to that of {and_so_on(own)}, but the rows of the heads have a cosine of "
            f"{between:.2f}.",
            {"cosine": between},
        )  # fmt: skip


def _too_far(_pool: Pool, facts: WeightFacts, rest: Sequence[str]) -> Iterator[Finding]:
    moved = {name: facts.distance[name] for name in rest if facts.distance[name] > 0}
    if len(moved) < 3:
        return
    median = float(np.median(list(moved.values())))
    for name, distance in moved.items():
        if distance > _TOO_FAR * median:
            yield Finding(
                "too far", (name,), "went too far in training",
                "leave it out (was its learning rate too high, or its training longer?)",
                f"It lies {distance:.2f} times the norm of {facts.origin} away from it, the others {median:.2f} "
                "(median).",
                {"distance": distance, "median": median},
            )  # fmt: skip


def _statistics(_pool: Pool, facts: WeightFacts, rest: Sequence[str]) -> Iterator[Finding]:
    for name in rest:
        if layers := facts.statistics.get(name):
            yield Finding(
                "batch normalisation", (name,), "has statistics of batch normalisation that were never measured",
                "measure them (torch.optim.swa_utils.update_bn), or leave it out",
                f"The running means of {and_so_on(layers)} are 0, as in a new layer.", {"layers": list(layers)},
            )  # fmt: skip


def _rounding(_pool: Pool, facts: WeightFacts, rest: Sequence[str]) -> Iterator[Finding]:
    for name in rest:
        share = facts.rounding[name]
        if name != facts.origin and share > _ROUNDING:
            yield Finding(
                "rounding", (name,), "is saved with too few digits for how little it changed",
                "save it in float32, or at least in the precision of the others",
                f"Its numbers have {facts.digits[name]} binary digits: rounding alone explains {100 * share:.0f}% of "
                f"its distance from {facts.origin}.",
                {"share": share, "digits": facts.digits[name]},
            )  # fmt: skip


def _families(cosine: NDArray[np.float64], members: Sequence[int]) -> list[list[int]]:
    """Groups within which everybody is related to somebody."""
    groups: list[list[int]] = []
    for i in members:
        near = [group for group in groups if any(cosine[i, j] > _RELATED for j in group)]
        groups = [group for group in groups if group not in near]
        groups.append(sorted([*(j for group in near for j in group), i]))
    return sorted(groups)


def _home(groups: Sequence[list[str]], origin: str) -> list[str]:
    """The family that the others are seen from: the largest, and among equals that of the origin."""
    return max(groups, key=lambda names: (len(names), origin in names))


def _cosine(facts: WeightFacts, first: str, second: str) -> float:
    return float(facts.cosine[facts.names.index(first), facts.names.index(second)])


def _centred(head: NDArray[np.float64] | None) -> NDArray[np.float64] | None:
    """A head without what all classes share, which no prediction depends on, as a vector of length 1.

    None where it tells nothing of its origin: one output, or a head that begins at zero.
    """
    if head is None or len(head) < 2:
        return None
    own = head - head.mean(axis=0)
    length = float(np.linalg.norm(own))
    return own / length if length > 0 else None


def _moved_classes(home: NDArray[np.float64], head: NDArray[np.float64]) -> list[int]:
    """Classes whose rows are clearly another class's rows in another head, and not their own."""
    from scipy.optimize import linear_sum_assignment

    rows = [one / np.maximum(np.linalg.norm(one, axis=1, keepdims=True), 1e-300) for one in (home, head)]
    cosine = rows[0] @ rows[1].T
    own = np.arange(len(cosine))
    _, place = linear_sum_assignment(-cosine)
    moved = (place != own) & (cosine[own, place] > _TWIN) & (np.diag(cosine) < _RELATED)
    return [int(i) for i in np.flatnonzero(moved)]
