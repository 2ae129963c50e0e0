"""What a network computes before the first block that a recipe changes is kept, and not computed again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from soupwidgets.models import Inputs, Model
from soupwidgets.models.depth import block_of
from soupwidgets.models.execution import execution_order
from soupwidgets.models.saved_names import saved_names
from soupwidgets.recipe import Recipe

# Of activations: those of ten thousand images of a small network, or of three thousand of a ViT-B/32.
_MOST_BYTES = 1 << 29
# Larger differences than those of rounding show that something else depends on the blocks that are left out.
_ROUNDING = 1e-3


@dataclass(frozen=True)
class Chain:
    """Blocks of a network that are computed one after the other.

    Parameters
    ----------
    blocks
        Names of the modules, the first one first.
    before
        For each block the tensors of the checkpoints that it and all before it depend on.
    """

    blocks: tuple[str, ...]
    before: tuple[tuple[str, ...], ...]

    def common(self, one: Recipe, other: Recipe) -> int:
        """How many of the first blocks give the same in both recipes."""
        # What cannot be averaged is that of the leader.
        if one.leader != other.leader:
            return 0
        for number, tensors in enumerate(self.before):
            if any(one.at(tensor) != other.at(tensor) for tensor in tensors):
                return number
        return len(self.before)


def chain_of(model: Model, network: nn.Module, inputs: Inputs, **form: Any) -> Chain | None:
    """Find the blocks of a network, and check that leaving the first ones out changes nothing.

    Parameters
    ----------
    model
        What the network was built from.
    network
        With weights, in evaluation mode.
    inputs
        A few examples to try it with.
    form
        As in `execution_order`.

    Returns
    -------
    Chain or None
        None for a network without blocks, or whose blocks do not follow each other: some use the output of one that
        is not their neighbour, or something between them cannot be computed without the first ones.
    """
    stored = saved_names(network)
    named = [stored.get(name, name) for name in network.state_dict(keep_vars=True)] if stored else []
    try:
        order = execution_order(model, named, **form)
        blocks = _blocks(network, inputs)
    except Exception:
        # Networks of any library, and code of anybody.
        return None
    own = {block: {stored.get(n, n) for n in network.state_dict() if n.startswith(f"{block}.")} for block in blocks}
    inside = set().union(*own.values())
    places = [place for place, name in enumerate(order) if name in inside]
    if not places:
        return None
    # What is used after the last block belongs to the head; all else outside of blocks may count before any of them.
    before = {name for name in order[: max(places)] if name not in inside}
    chain = []
    for block in blocks:
        before |= own[block]
        chain.append(tuple(sorted(before)))
    found = Chain(tuple(blocks), tuple(chain))
    try:
        return found if _holds(found, network, inputs) else None
    except Exception:
        return None


@dataclass
class _Level:
    """Outputs of one block, by split: which examples are there, and ``[examples, ...]``."""

    recipe: Recipe
    splits: dict[str, tuple[NDArray[np.bool_], Tensor]] = field(default_factory=dict)


class Prefix:
    """A network that starts at the first block whose weights a recipe changes.

    Two recipes that differ only from some block on (`Recipe.by_tensor`) have the same activations before it. The
    second recipe in a row that shares a block keeps them, for the third and those after.

    Parameters
    ----------
    network
        The network; its weights are those of the recipe that `move_to` was told last.
    chain
        Its blocks.
    """

    def __init__(self, network: nn.Module, chain: Chain) -> None:
        self._network, self._chain = network, chain
        self._recipe: Recipe | None = None
        self._levels: dict[int, _Level] = {}
        self._kept_at = 0
        # Blocks that were not computed, times examples: for tests and benchmarks.
        self.skipped = 0

    def move_to(self, recipe: Recipe) -> None:
        """Say which recipe's weights the network has from now on."""
        if recipe == self._recipe:
            return
        shared = {depth for depth, level in self._levels.items() if self._chain.common(level.recipe, recipe) >= depth}
        self._levels = {depth: level for depth, level in self._levels.items() if depth in shared}
        self._kept_at = 0 if self._recipe is None else self._chain.common(self._recipe, recipe)
        if self._kept_at:
            self._levels.setdefault(self._kept_at, _Level(recipe))
        self._recipe = recipe

    def __call__(self, inputs: Inputs, split: str, rows: NDArray[np.int64], total: int) -> Tensor:
        """The network's outputs.

        Parameters
        ----------
        inputs
            The examples ``rows`` of a split of ``total`` examples.
        """
        start, kept = self._deepest(split, rows)
        self.skipped += start * len(rows)
        with ExitStack() as stack:
            if kept is not None:
                stack.enter_context(_starting_after(self._modules(start), kept))
            if self._kept_at > start:
                last = self._modules(self._kept_at)[-1]
                handle = last.register_forward_hook(lambda _m, _i, out: self._keep(split, rows, total, out))
                stack.callback(handle.remove)
            outputs: Tensor = self._network(inputs)
        return outputs

    def _modules(self, number: int) -> list[nn.Module]:
        return [self._network.get_submodule(name) for name in self._chain.blocks[:number]]

    def _deepest(self, split: str, rows: NDArray[np.int64]) -> tuple[int, Tensor | None]:
        for depth in sorted(self._levels, reverse=True):
            there, kept = self._levels[depth].splits.get(split, (None, None))
            if there is not None and kept is not None and there[rows].all():
                return depth, kept[torch.from_numpy(rows).to(kept.device)]
        return 0, None

    def _keep(self, split: str, rows: NDArray[np.int64], total: int, outputs: Tensor) -> None:
        splits = self._levels[self._kept_at].splits
        if split not in splits:
            size = outputs[0].nbytes * total
            if not self._make_room(size):
                return
            splits[split] = np.zeros(total, dtype=bool), outputs.new_empty(total, *outputs.shape[1:])
        there, kept = splits[split]
        kept[torch.from_numpy(rows).to(kept.device)] = outputs
        there[rows] = True

    def _make_room(self, size: int) -> bool:
        """Whether so many bytes more may be kept; levels nearer to the input are given up for them."""
        for depth in sorted(self._levels):
            held = sum(kept.nbytes for level in self._levels.values() for _, kept in level.splits.values())
            if held + size <= _MOST_BYTES:
                return True
            if depth < self._kept_at:
                del self._levels[depth]
        return False


@contextmanager
def _starting_after(modules: Sequence[Any], kept: Tensor) -> Iterator[None]:
    """Within the block the last of the modules returns ``kept``, and those before it return what they are given."""
    # Some networks have a forward pass of their own, set on the object.
    own = [vars(module).get("forward") for module in modules]
    try:
        for module in modules:
            module.forward = _unchanged
        modules[-1].forward = lambda *_args, **_kwargs: kept
        yield
    finally:
        for module, forward in zip(modules, own, strict=True):
            del module.forward
            if forward is not None:
                module.forward = forward


def _unchanged(inputs: Tensor, *_args: Any, **_kwargs: Any) -> Tensor:
    return inputs


def _blocks(network: nn.Module, inputs: Inputs) -> list[str]:
    """Blocks in the order in which they are computed; none if one is called twice, or gives no tensor."""
    names = {block_of(name) for name, _ in network.named_parameters()}
    calls: list[tuple[str, bool]] = []

    def note(name: str) -> Callable[..., None]:
        return lambda _module, given, out: calls.append((name, isinstance(out, Tensor) and len(given) > 0))

    modules = {name: module for name, module in network.named_modules() if name in names}
    handles = [module.register_forward_hook(note(name)) for name, module in modules.items()]
    try:
        with torch.inference_mode():
            network(inputs)
    finally:
        for handle in handles:
            handle.remove()
    found = [name for name, _ in calls]
    return found if len(set(found)) == len(found) and all(tensor for _, tensor in calls) else []


def _holds(chain: Chain, network: nn.Module, inputs: Inputs) -> bool:
    """Whether starting after any of the blocks gives the network's own output."""
    kept: list[Tensor] = []
    modules = [network.get_submodule(name) for name in chain.blocks]
    handles = [module.register_forward_hook(lambda _m, _i, out: kept.append(out)) for module in modules]
    with torch.inference_mode():
        try:
            full = network(inputs)
        finally:
            for handle in handles:
                handle.remove()
        for number, outputs in enumerate(kept, start=1):
            with _starting_after(modules[:number], outputs):
                found = network(inputs)
            if found.shape != full.shape or not torch.allclose(found, full, rtol=_ROUNDING, atol=_ROUNDING):
                return False
    return bool(kept)
