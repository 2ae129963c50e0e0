"""A pool's network whose parameters are views of one buffer, so that mixing needs no copy."""

from __future__ import annotations

from functools import cached_property

import torch
from torch import Tensor, nn

from soupwidgets.evaluation.forward import Forward
from soupwidgets.mixing import PoolMatrix, bind
from soupwidgets.models import Custom, Inputs, Model, saved_names
from soupwidgets.models.saved_names import under_names
from soupwidgets.pool import Pool, PoolError
from soupwidgets.recipe import Recipe


class MixedNetwork:
    """The network of a pool with the weights of one recipe at a time, in float32 and in bfloat16.

    Nothing is read or built before it is used: that may be in the middle of a measurement, and gradients must pass
    through the network later.

    Parameters
    ----------
    model
        What the pool's tensors belong to.
    pool
        The checkpoints.
    device
        Where weights and network are.

    Attributes
    ----------
    device
        As given.
    """

    def __init__(self, model: Model, pool: Pool, device: torch.device) -> None:
        self._described, self._pool, self.device = model, pool, device
        # The recipe whose weights the network has, with all that belongs to them.
        self.mixed: Recipe | None = None
        self._half: nn.Module | None = None
        self._half_is_current = False
        self._forwards: dict[bool, Forward] = {}

    @cached_property
    def matrix(self) -> PoolMatrix:
        """The pool's weights on the device; a row is read when it is first used."""
        with torch.inference_mode(False):
            return PoolMatrix(self._pool, self.device)

    @cached_property
    def _weights(self) -> Tensor:
        with torch.inference_mode(False):
            return self.matrix.new_buffer()

    @cached_property
    def module(self) -> nn.Module:
        """The network in float32."""
        with torch.inference_mode(False):
            return bound_network(self._described, self.matrix, self._weights)

    def mix(self, recipe: Recipe) -> None:
        """Give the network a recipe's weights; statistics of batch normalisation are averaged like weights."""
        module = self.module
        self._half_is_current = False
        self.matrix.mix(recipe, self._weights)
        if self.matrix.layout.whole:
            own = {stored: name for name, stored in saved_names(module).items()}
            for name, tensor in self.matrix.whole_tensors(recipe).items():
                module.get_buffer(own.get(name, name)).copy_(tensor)

    @property
    def half_module(self) -> nn.Module:
        """The network in bfloat16; call it with what `halved` makes of a batch, after `update_half`."""
        assert self._half is not None
        return self._half

    def forward(self, *, half: bool) -> Forward:
        """The forward pass of one of the two networks, in the way that was chosen for it."""
        if half not in self._forwards:
            self._forwards[half] = Forward(self.half_module if half else self.module)
        return self._forwards[half]

    def make_half(self, inputs: Inputs) -> None:
        """Build the network in bfloat16 too; its last linear layer is computed in float32.

        Parameters
        ----------
        inputs
            A few examples: a pass of the network with weights shows which layer is the last.

        Raises
        ------
        Exception
            Any error of a network that cannot be built or run so.
        """
        if self._half is not None:
            return
        with torch.inference_mode(False):
            self._half_weights = torch.empty_like(self._weights, dtype=torch.bfloat16)
            half = bound_network(self._described, self.matrix, self._half_weights).to(torch.bfloat16)
        name = _last_linear(self.module, inputs)
        if name is not None:
            # Rounding logits of 20 to bfloat16 alone may change them by 0.06.
            half.set_submodule(name, _InFloat32(self.module.get_submodule(name)))
        self._half = half
        self.update_half()

    def update_half(self) -> None:
        """Copy weights, and statistics that were measured since, to the network in bfloat16."""
        if self._half_is_current:
            return
        self._half_weights.copy_(self._weights)
        for name, tensor in self.half_module.named_buffers():
            if not tensor.is_floating_point():
                tensor.copy_(self.module.get_buffer(name))
        self._half_is_current = True


class _InFloat32(nn.Module):
    """A layer of the network in float32, inside the one in bfloat16."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        # Not a submodule: its parameters belong to the other network.
        self._layer = [layer]

    def forward(self, inputs: Tensor) -> Tensor:
        outputs: Tensor = self._layer[0](inputs.float())
        return outputs


def _last_linear(network: nn.Module, inputs: Inputs) -> str | None:
    """The name of the linear layer whose output is the network's output; None if there is none."""
    found: list[tuple[str, int, torch.Size]] = []
    hooks = [
        module.register_forward_hook(lambda _m, _i, out, name=name: found.append((name, out.data_ptr(), out.shape)))
        for name, module in network.named_modules()
        if isinstance(module, nn.Linear)
    ]
    try:
        with torch.inference_mode():
            output = network(inputs)
    finally:
        for hook in hooks:
            hook.remove()
    last = found[-1:] if isinstance(output, Tensor) else []
    return next((name for name, where, shape in last if (where, shape) == (output.data_ptr(), output.shape)), None)


def halved(inputs: Inputs) -> Inputs:
    """A batch in bfloat16; token numbers and masks stay as they are."""
    if isinstance(inputs, dict):
        return {name: tensor.bfloat16() if tensor.is_floating_point() else tensor for name, tensor in inputs.items()}
    if inputs.ndim == 4 and inputs.stride(1) == 0:
        # The channels of a grey image are one and the same memory, and stay so.
        return inputs[:, :1].bfloat16().expand(inputs.shape)
    return inputs.bfloat16() if inputs.is_floating_point() else inputs


def bound_network(model: Model, matrix: PoolMatrix, weights: Tensor) -> nn.Module:
    """Build a network over a buffer of weights.

    Parameters
    ----------
    model
        What to build.
    matrix
        The pool's weights, which say where each tensor lies.
    weights
        The buffer ``[parameters]``, filled by a recipe later: a broken checkpoint does not get in the way of others.

    Raises
    ------
    PoolError
        When the network cannot be built, or the pool's tensors do not fit it.
    """
    layout, tensors = matrix.layout, matrix.pool.tensors
    network = under_names(_built(model), tensors)
    whole = {n: torch.zeros(tensors[n].shape, dtype=tensors[n].dtype, device=matrix.device) for n in layout.whole}
    try:
        bind(network, {**layout.views(weights), **whole})
    except ValueError as error:
        raise PoolError(str(error)) from error
    return _filled(network, model, matrix.device)


def _built(model: Model) -> nn.Module:
    try:
        return model.fast("meta")
    except Exception as error:
        if isinstance(model, Custom):
            # Somebody's own code, whose traceback they want to see.
            raise
        # What a card asks of a library may fail in any way.
        raise PoolError(f"the network cannot be built from {model!r:.500}: {error}") from error


def _filled(network: nn.Module, model: Model, device: torch.device) -> nn.Module:
    """Give values to what is in no checkpoint (tables of positions, masks) and has only a shape so far."""
    lacking = [name for name, buffer in network.named_buffers() if buffer.is_meta]
    if lacking:
        made = dict(model.build("cpu").named_buffers())
        for name in lacking:
            where, _, own = name.rpartition(".")
            network.get_submodule(where)._buffers[own] = made[name].to(device)
    return network
