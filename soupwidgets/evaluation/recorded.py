"""A network's forward pass recorded once for each shape of a batch, and repeated without the processor's help."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from soupwidgets.models import Inputs

# Of shapes: two coarse samples, a full batch and the last one, of several splits. Each recording keeps its activations.
_MOST = 8

Call = Callable[[Inputs], Tensor]


class Recorded:
    """Calls a network; from the second batch of a shape on, a recording is repeated.

    A recording reads weights where mixing writes them: another recipe needs no other recording.

    Parameters
    ----------
    network
        In evaluation mode, with weights that stay where they are.
    record
        Records a call with such inputs, and returns what repeats it with others of their shape. A network that it
        raises an error for is never tried again.
    """

    def __init__(self, network: Call, record: Callable[[Call, Inputs], Call]) -> None:
        self._network, self._record = network, record
        self._seen: set[object] = set()
        self._recordings: dict[object, Call] = {}
        self._can = True

    def __call__(self, inputs: Inputs) -> Tensor:
        """The network's outputs."""
        shape = _shape(inputs)
        known = self._recordings.get(shape)
        if known is not None:
            return known(inputs)
        try:
            outputs = self._network(inputs)
        except torch.OutOfMemoryError:
            # The recordings' activations may be what is in the way of a smaller batch.
            self._recordings.clear()
            self._can = False
            raise
        if self._can and shape in self._seen and len(self._recordings) < _MOST:
            self._keep(shape, inputs, outputs)
        self._seen.add(shape)
        return outputs

    def _keep(self, shape: object, inputs: Inputs, outputs: Tensor) -> None:
        try:
            made = self._record(self._network, inputs)
            # Equal up to rounding: what a network draws at random or counts in Python cannot be repeated.
            close = 1e-4 if outputs.dtype == torch.float32 else 1e-2
            self._can = torch.allclose(made(inputs), outputs, rtol=close, atol=close, equal_nan=True)
        except Exception:
            # Networks of any library: what asks for a value on the way cannot be recorded; or memory is short.
            self._can = False
        if self._can:
            self._recordings[shape] = made


def recorded_on_card(network: Call, inputs: Inputs) -> Call:
    """Record a call as a CUDA graph."""
    held = {name: _own(tensor) for name, tensor in _named(inputs).items()}
    again: Inputs = held if isinstance(inputs, dict) else held[""]
    graph = torch.cuda.CUDAGraph()
    stream = torch.cuda.Stream(next(iter(held.values())).device)  # type: ignore[no-untyped-call]
    # Other threads may allocate memory meanwhile: the next batch is gathered by one.
    with torch.cuda.graph(graph, stream=stream, capture_error_mode="thread_local"):
        outputs = network(again)

    def repeat(given: Inputs) -> Tensor:
        for name, tensor in _named(given).items():
            _memory(held[name]).copy_(_memory(tensor))
        graph.replay()
        # The next batch overwrites them.
        return outputs.clone()

    return repeat


def _named(inputs: Inputs) -> dict[str, Tensor]:
    return inputs if isinstance(inputs, dict) else {"": inputs}


def _memory(tensor: Tensor) -> Tensor:
    """Without the repetitions of a grey image's one channel."""
    return tensor[:, :1] if tensor.ndim == 4 and tensor.stride(1) == 0 else tensor


def _own(tensor: Tensor) -> Tensor:
    """A copy that has memory of its own, laid out like the tensor's."""
    return _memory(tensor).clone().expand(tensor.shape)


def _shape(inputs: Inputs) -> object:
    return tuple((name, tensor.shape, tensor.stride(), tensor.dtype) for name, tensor in _named(inputs).items())
