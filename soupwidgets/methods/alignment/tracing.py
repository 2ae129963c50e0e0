"""Following the order of units from layer to layer, on shapes alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from soupwidgets.checkpoints import TensorInfo
from soupwidgets.methods.alignment.groups import STATISTICS, Groups, Place
from soupwidgets.text import one_line

_NORM = {"weight", "bias", *STATISTICS, "num_batches_tracked"}
_ATTENTION = ("attn", "attention", "qkv", "in_proj")
_SHOWN = 4


def not_understood(reason: str) -> ValueError:
    """The error for a network whose permutations are not known."""
    return ValueError(f"weight matching does not understand this network: {one_line(reason)}")


class Modules:
    """The layers and batch normalisations that tensors belong to, by name.

    Parameters
    ----------
    tensors
        Names and shapes of all tensors.

    Raises
    ------
    ValueError
        When a tensor belongs to something else.
    """

    def __init__(self, tensors: Mapping[str, TensorInfo]) -> None:
        self._shapes: dict[str, dict[str, tuple[int, ...]]] = {}
        for name, info in tensors.items():
            module, _, leaf = name.rpartition(".")
            self._shapes.setdefault(module, {})[leaf] = info.shape
        attention = [name for name in tensors if any(word in name for word in _ATTENTION)]
        if attention:
            raise not_understood(f"it has attention ({attention[0]}), whose heads may not be permuted unit by unit")
        for name, shapes in self._shapes.items():
            if set(shapes) == {"weight", "bias"} and len(shapes["weight"]) == 1:
                raise not_understood(
                    f"{name} is a normalisation without running statistics (LayerNorm, GroupNorm), and its name does "
                    "not say over which units it goes"
                )
            layer = set(shapes) <= {"weight", "bias"} and len(shapes.get("weight", ())) > 1
            if not layer and not (set(STATISTICS) <= set(shapes) <= _NORM):
                raise not_understood(
                    f"{name or 'the model itself'} has {', '.join(sorted(shapes)[:_SHOWN])}, and is neither a linear "
                    "layer nor a convolution nor a batch normalisation"
                )

    def __iter__(self) -> Iterator[str]:
        """Their names, in the order of the tensors."""
        return iter(self._shapes)

    def __len__(self) -> int:
        return len(self._shapes)

    def __contains__(self, name: object) -> bool:
        return name in self._shapes

    def is_layer(self, name: str) -> bool:
        """Whether it is a linear layer or a convolution, and not a batch normalisation."""
        return "running_mean" not in self._shapes[name]

    def shapes(self, name: str) -> Mapping[str, tuple[int, ...]]:
        """Shapes of a module's tensors; raises `ValueError` if there is no such module."""
        if name not in self._shapes:
            raise not_understood(f"it has no {name}")
        return self._shapes[name]

    def some(self) -> str:
        """The first names, for a message."""
        return ", ".join(list(self)[:_SHOWN]) + (", ..." if len(self) > _SHOWN else "")


class Tracing:
    """Groups as they are found while a network is followed from its input to its output.

    Parameters
    ----------
    family
        What the network is taken for.
    modules
        Its modules.
    """

    def __init__(self, family: str, modules: Modules) -> None:
        self.family = family
        self.modules = modules
        self.sizes: dict[str, int] = {}
        self._places: dict[str, dict[str, Place]] = {}
        # Units that are feature maps: only they can be flattened.
        self._maps: set[str] = set()

    def width(self, layer: str) -> int:
        """Number of units that a layer writes."""
        return self.modules.shapes(layer)["weight"][0]

    def chain(self, names: Sequence[str], units: str | None, *, last: str | None) -> str | None:
        """Follow modules that are called one after the other.

        Parameters
        ----------
        names
            In the order of the calls.
        units
            The group that the first one reads; None for the input of the network, whose order stays.
        last
            The group that the last layer writes; None for the classes, whose order stays. Layers before it write
            groups of their own.

        Returns
        -------
        str or None
            The group that comes out: ``last``.
        """
        layers = [name for name in names if name in self.modules and self.modules.is_layer(name)]
        for name in names:
            self.modules.shapes(name)
            if name in layers:
                out = last if name == layers[-1] else name
                self.layer(name, units, out)
                units = out
            else:
                self.norm(name, units)
        return units

    def layer(self, name: str, units: str | None, out: str | None) -> None:
        """A layer that reads one group and writes another; None stays in order."""
        shapes = self.modules.shapes(name)
        weight = shapes["weight"]
        if not self.modules.is_layer(name):
            raise not_understood(f"{name} is no layer, but a batch normalisation")
        self._places[f"{name}.weight"] = {}
        if units is not None:
            size = self.sizes[units]
            if len(weight) > 2 and weight[1] < size and size % weight[1] == 0:
                raise not_understood(f"{name} is a grouped convolution ({size} channels in groups of {weight[1]})")
            may_flatten = len(weight) == 2 and units in self._maps
            self._along(f"{name}.weight", 1, units, may_flatten=may_flatten)
        if out is not None:
            self.sizes.setdefault(out, weight[0])
            if len(weight) > 2:
                self._maps.add(out)
            self._along(f"{name}.weight", 0, out)
        if "bias" in shapes:
            self._places[f"{name}.bias"] = {}
            if out is not None:
                self._along(f"{name}.bias", 0, out)

    def norm(self, name: str, units: str | None) -> None:
        """Batch normalisation of a group; of the input when None."""
        for leaf, shape in self.modules.shapes(name).items():
            self._places[f"{name}.{leaf}"] = {}
            if shape and units is not None:
                self._along(f"{name}.{leaf}", 0, units, may_flatten=units in self._maps)

    def groups(self) -> Groups:
        """What was found."""
        missing = [name for name in self.modules if not any(f"{name}.{x}" in self._places for x in _NORM)]
        if missing:
            raise not_understood(f"it has {', '.join(missing[:_SHOWN])}, which is not a part of {self.family}")
        return Groups(self.family, self.sizes, self._places)

    def _along(self, tensor: str, axis: int, group: str, *, may_flatten: bool = False) -> None:
        module, _, leaf = tensor.rpartition(".")
        length, size = self.modules.shapes(module)[leaf][axis], self.sizes[group]
        block = length // size
        if length % size or block < 1 or (block > 1 and not may_flatten):
            raise not_understood(
                f"axis {axis} of {tensor} has {length} entries where {size} units of {group} were expected"
            )
        self._places[tensor][group] = Place(axis, block)
