"""Weight matching: the permutations that bring one network's weights closest to another's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from soupwidgets.methods.alignment.groups import STATISTICS, Groups, Place

# A gain below this share of what the largest entries could give is rounding: sums of products in float32.
_ROUNDING = 1e-6


@dataclass(frozen=True)
class Matching:
    """Permutations, and what they gain.

    Parameters
    ----------
    permutations
        By group: for every position the moved network's unit that comes there, ``[units]``.
    before, after
        Cosine of the angle between the parameters of both networks (-1..1), as they were and permuted.
    sweeps
        How often all groups were gone through; the last time nothing moved.
    """

    permutations: Mapping[str, Tensor]
    before: float
    after: float
    sweeps: int


def match_weights(
    groups: Groups,
    reference: Mapping[str, Tensor],
    moving: Mapping[str, Tensor],
    *,
    seed: int = 0,
    step: Callable[[], object] = lambda: None,
) -> Matching:
    """Permute one network's units so that the inner product of its parameters with the reference's is large.

    Parameters
    ----------
    groups
        What may be permuted.
    reference, moving
        All tensors of both networks, finite.
    seed
        Decides the order in which the groups are gone through.
    step
        Called after every group, for a progress bar.

    Returns
    -------
    Matching
        A local maximum: no permutation of a single group gains anything. The best permutations of all groups
        together are an NP-hard problem; another seed may find better ones, most of all in deep networks.

    Raises
    ------
    ValueError
        When a group lies along two axes of one tensor.

    Notes
    -----
    Ainsworth et al., arXiv 2209.04836, section 3.2 and algorithm 1: coordinate descent, each step a linear
    assignment problem, groups in random order, until nothing moves. Parameters count, the running statistics of
    batch normalisation do not: they are no weights, and their scale is that of the activations.
    """
    parameters = [
        name
        for name, tensor in reference.items()
        if tensor.is_floating_point() and name.rpartition(".")[2] not in STATISTICS
    ]
    fixed = {name: reference[name].float() for name in parameters}
    moved = {name: moving[name].float() for name in parameters}
    before = _cosine(fixed, moved)
    found = {group: torch.arange(size) for group, size in groups.sizes.items()}
    touched = {group: [(n, p) for n, p in groups.tensors_of(group) if n in fixed] for group in groups.sizes}
    random = np.random.default_rng(seed)
    sweeps, gained = 0, True
    while gained:
        sweeps, gained = sweeps + 1, False
        for group in random.permutation(sorted(groups.sizes)).tolist():
            products = sum(_products(fixed[name], moved[name], place) for name, place in touched[group])
            assert isinstance(products, Tensor)
            _, column = linear_sum_assignment(products.numpy(), maximize=True)
            better = torch.from_numpy(column)
            gain = float(products[torch.arange(len(better)), better].sum() - products.trace())
            if gain > _ROUNDING * len(better) * float(products.abs().max()):
                gained = True
                found[group] = found[group][better]
                for name, _ in touched[group]:
                    moved[name] = groups.permuted(name, moved[name], {group: better})
            step()
    return Matching(found, before, _cosine(fixed, moved), sweeps)


def _products(fixed: Tensor, moved: Tensor, place: Place) -> Tensor:
    """Inner products of every unit of one network with every unit of the other, ``[units, units]``, in float64."""
    units = fixed.shape[place.axis] // place.block
    a, b = (tensor.movedim(place.axis, 0).reshape(units, -1) for tensor in (fixed, moved))
    return (a @ b.T).double()


def _cosine(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> float:
    inner = sum(float((tensor.double() * other[name].double()).sum()) for name, tensor in one.items())
    lengths = [sum(float(tensor.double().square().sum()) for tensor in of.values()) for of in (one, other)]
    return inner / (lengths[0] * lengths[1]) ** 0.5 if all(lengths) else 0.0
