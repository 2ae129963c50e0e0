"""The order in which a network uses its tensors, found by running it once on the meta device."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from soupwidgets.models.inputs import Images, Inputs, Tokens
from soupwidgets.models.model import Model
from soupwidgets.models.saved_names import under_names

_SIDE = 64


def execution_order(
    architecture: Model, names: Collection[str] = (), *, form: Mapping[str, tuple[tuple[int, ...], str]] | None = None
) -> list[str]:
    """Every tensor of the state dict, the first used first.

    Parameters
    ----------
    architecture
        Built on the meta device, where tensors have shapes but no memory, and run on one image or a text of one token.
    names
        Those of the checkpoints' tensors, for a network of transformers that is saved under other names.
    form
        Shape and dtype of every array of an example, as in ``split.form``: needed by a network that takes arrays.

    Returns
    -------
    list[str]
        A tensor that several layers share is placed where it is first used; one that no operation uses (a
        counter of batches) comes after the last tensor of its module, or at the end.

    Raises
    ------
    Exception
        Any error raised by a network that cannot be built or run this way.

    Examples
    --------
    >>> from soupwidgets.models import Architecture
    >>> tower = {"image_size": 28, "patch_size": 7, "width": 16, "layers": 1, "head_width": 8}
    >>> order = execution_order(Architecture(8, tower, classes=10, mean=0.5, std=0.5))
    >>> order[0], order[-2:]
    ('visual.conv1.weight', ['visual.proj', 'head.weight'])
    """
    model = under_names(architecture.build("meta"), names)
    tensors = model.state_dict(keep_vars=True)
    example = _example(architecture, form)
    first_use = _FirstUse({id(tensor): name for name, tensor in tensors.items()})
    with torch.no_grad(), first_use:
        model(example)
    order = first_use.order
    for name in tensors:
        if name not in order:
            module = name.rpartition(".")[0]
            beside = [place for place, used in enumerate(order) if used.rpartition(".")[0] == module]
            order.insert(max(beside, default=len(order) - 1) + 1, name)
    return order


def _example(model: Model, form: Mapping[str, tuple[tuple[int, ...], str]] | None) -> Inputs:
    inputs = model.inputs
    if isinstance(inputs, Images):
        return torch.empty(1, inputs.channels, *(inputs.size or (_SIDE, _SIDE)), device="meta")
    if isinstance(inputs, Tokens):
        # Without a mask: transformers looks at its values, and on the meta device there are none.
        return {"input_ids": torch.ones(1, 1, dtype=torch.int64, device="meta")}
    if form is None:
        raise ValueError("nothing says what goes into this network")
    arrays = {
        name: torch.empty(1, *shape, dtype=torch.float32 if "float" in dtype else torch.int64, device="meta")
        for name, (shape, dtype) in form.items()
    }
    return next(iter(arrays.values())) if len(arrays) == 1 else arrays


class _FirstUse(TorchFunctionMode):
    """Records known tensors when PyTorch functions are called with them."""

    def __init__(self, names: dict[int, str]) -> None:
        super().__init__()
        self.order: list[str] = []
        self._waiting = names

    def __torch_function__(
        self,
        function: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        self._look(args)
        self._look((kwargs or {}).values())
        return function(*args, **(kwargs or {}))

    def _look(self, values: Iterable[Any]) -> None:
        for value in values:
            if isinstance(value, Tensor):
                name = self._waiting.pop(id(value), None)
                if name is not None:
                    self.order.append(name)
            elif isinstance(value, tuple | list):
                self._look(value)
