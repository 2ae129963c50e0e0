"""A pool's network whose parameters are views of one buffer, so that mixing needs no copy."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from soupwidgets.mixing import PoolMatrix, bind
from soupwidgets.models import Custom, Model
from soupwidgets.models.saved_names import under_names
from soupwidgets.pool import PoolError


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
