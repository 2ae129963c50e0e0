"""Groups of hidden units: the axes of all tensors that one permutation must move together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

# The statistics of batch normalisation are moved along with its weights, but are no weights themselves.
STATISTICS = ("running_mean", "running_var")


@dataclass(frozen=True)
class Place:
    """Where a group lies in a tensor.

    Parameters
    ----------
    axis
        The axis of the tensor.
    block
        Consecutive numbers along it that belong to one unit: height times width where a linear layer reads flattened
        feature maps, otherwise 1.
    """

    axis: int
    block: int = 1


@dataclass(frozen=True)
class Groups:
    """The permutation symmetries of a network: units of a group may be reordered without changing its function.

    Parameters
    ----------
    family
        What the network was taken for, in words.
    sizes
        Number of hidden units, by group, in the order from the input to the output.
    places
        For every tensor the groups along its axes; axes that no group lies along (inputs, classes, kernels) stay.

    Notes
    -----
    Ainsworth et al., arXiv 2209.04836, section 2: W' = P W, b' = P b, and P transposed on the input side of the next
    layer.

    Examples
    --------
    >>> two = Groups("an MLP", {"0": 2}, {"0.weight": {"0": Place(0)}, "0.bias": {"0": Place(0)},
    ...     "2.weight": {"0": Place(1)}, "2.bias": {}})
    >>> two.permuted("2.weight", torch.tensor([[1.0, 2.0]]), {"0": torch.tensor([1, 0])})
    tensor([[2., 1.]])
    """

    family: str
    sizes: Mapping[str, int]
    places: Mapping[str, Mapping[str, Place]]

    def tensors_of(self, group: str) -> Iterator[tuple[str, Place]]:
        """The tensors that a group lies in, and where."""
        return ((name, places[group]) for name, places in self.places.items() if group in places)

    def permuted(self, name: str, tensor: Tensor, permutations: Mapping[str, Tensor]) -> Tensor:
        """A tensor with its axes reordered.

        Parameters
        ----------
        name
            The tensor's name.
        tensor
            Of any dtype; every number is kept as it is.
        permutations
            By group: for every new position the unit that comes there. Groups that are left out stay as they are.
        """
        for group, place in self.places[name].items():
            if group in permutations:
                within = torch.arange(place.block)
                index = (permutations[group][:, None] * place.block + within).reshape(-1)
                tensor = tensor.index_select(place.axis, index)
        return tensor

    def check(self, shapes: Mapping[str, tuple[int, ...]]) -> None:
        """Make sure that the groups describe these tensors, all of them and nothing else.

        Raises
        ------
        ValueError
            When a tensor is not described, an axis has another length than its group, two groups lie along one axis,
            or a group is only written or only read.
        """
        if shapes.keys() != self.places.keys():
            name = min(shapes.keys() ^ self.places.keys())
            raise ValueError(f"tensor {name!r} is in the network or in its description, not in both")
        written: set[str] = set()
        read: set[str] = set()
        for name, places in self.places.items():
            if len({place.axis for place in places.values()}) < len(places):
                raise ValueError(f"two groups lie along one axis of {name!r}")
            for group, place in places.items():
                if place.axis >= len(shapes[name]) or shapes[name][place.axis] != self.sizes[group] * place.block:
                    raise ValueError(
                        f"{name!r} has shape {tuple(shapes[name])}, which does not fit the {self.sizes[group]} units "
                        f"of {group!r} along axis {place.axis}"
                    )
                if len(shapes[name]) > 1:
                    (written if place.axis == 0 else read).add(group)
        if written != set(self.sizes) or read != set(self.sizes):
            group = min((set(self.sizes) - written) | (set(self.sizes) - read))
            raise ValueError(f"the units of {group!r} are only written or only read")
