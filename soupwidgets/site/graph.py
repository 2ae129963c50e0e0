"""A pool's network as an ONNX graph whose weights come in beside the images, so that any mixture can be measured."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from soupwidgets.evaluation import Evaluator
from soupwidgets.mixing import bind
from soupwidgets.models import Prepare, saved_names, under_names
from soupwidgets.recipe import Recipe
from soupwidgets.site.errors import SiteError
from soupwidgets.suites import Split

if TYPE_CHECKING:
    import onnx

# The first with layer normalisation as one operation; what runs it in the page knows later ones too.
_OPSET = 17
_PREFIX = "network."
_INSTEAD = "a page of recorded answers (to_html) needs no network"


def model_graph(ev: Evaluator, split: Split, checkpoints: Sequence[str]) -> onnx.ModelProto:
    """The evaluator's network as ONNX: ``images`` and every tensor of the checkpoints in, ``logits`` out.

    Pixels go in as they are stored (uint8); they are normalised within. Tensors have the names of the checkpoints, and
    those that no pass uses are no inputs.

    Parameters
    ----------
    split
        Its first images show the form of a batch, whose size is free.
    checkpoints
        Those that will be mixed.

    Raises
    ------
    SiteError
        When the network cannot be written as ONNX.
    ModuleNotFoundError
        When the package onnx is not installed.

    Notes
    -----
    Means and variances of batch normalisation are tensors like any other: a page mixes them like weights, as an
    evaluator with ``batch_norm="average"`` does. One that measures them again for each mixture is refused by
    `soupwidgets.site.checks.require_measurable`.
    """
    onnx = _onnx()
    network, prepare = _distinct_network(ev, checkpoints[0]), ev.architecture.inputs.on("cpu")
    graph = _traced(_FromPixels(network, prepare), _first_images(split), ev)
    _name_as_saved(graph, saved_names(network))
    _fill_in(graph, _whole_tensors(ev, checkpoints))
    _without_doubles(graph)
    try:
        onnx.checker.check_model(graph)
    except onnx.checker.ValidationError as error:
        raise SiteError(f"{_described(ev)} gives a graph that is no ONNX ({_first_line(error)}): {_INSTEAD}") from error
    return graph


def tensor_names(graph: onnx.ModelProto) -> list[str]:
    """The checkpoints' tensors that the graph takes, in its order."""
    return [one.name for one in graph.graph.input if one.name != "images"]


class _FromPixels(nn.Module):
    def __init__(self, network: nn.Module, prepare: Prepare) -> None:
        super().__init__()
        self.network = network
        self._prepare = prepare

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.network(self._prepare({"images": images}))
        return logits


def _distinct_network(ev: Evaluator, checkpoint: str) -> nn.Module:
    """The network with weights of which no two tensors are equal: tracing would make one input of those that are."""
    tensors = ev.pool.tensors
    network = under_names(ev.architecture.fast("cpu"), tensors)
    generator = torch.Generator().manual_seed(0)
    mixed = {
        name: torch.rand(place.shape, generator=generator) + number
        for number, (name, place) in enumerate(ev.matrix.layout.places.items())
    }
    bind(network, {**mixed, **ev.matrix.whole_tensors(Recipe({checkpoint: 1}))})
    network.cpu()
    return network


def _first_images(split: Split) -> Tensor:
    # More than one, or their number would be taken for a size that never changes.
    return torch.from_numpy(split.examples["images"][:2].copy())


def _traced(network: nn.Module, images: Tensor, ev: Evaluator) -> onnx.ModelProto:
    free = {name: {0: "n"} for name in ("images", "logits")}
    try:
        with _plainly(), torch.no_grad(), tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.onnx"
            torch.onnx.export(
                network.eval(), (images,), path, export_params=False, do_constant_folding=False,
                input_names=["images"], output_names=["logits"], dynamic_axes=free, opset_version=_OPSET, dynamo=False,
            )  # fmt: skip
            return _onnx().load(path)
    except Exception as error:
        # What a network of somebody else's library does while it is traced may fail in any way.
        raise SiteError(f"{_described(ev)} cannot be written as ONNX ({_first_line(error)}): {_INSTEAD}") from error


@contextmanager
def _plainly() -> Iterator[None]:
    """Trace attention as the products that it consists of, and leave out the exporter's warnings.

    The exporter that needs nothing but onnx says that there is another, and wherever a trace keeps a number: what
    that does to the logits is looked at afterwards.
    """
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)


def _described(ev: Evaluator) -> str:
    return f"the pool's model ({type(ev.architecture).__name__} {ev.architecture.fingerprint})"


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]


def _name_as_saved(graph: onnx.ModelProto, saved: Mapping[str, str]) -> None:
    def renamed(name: str) -> str:
        inner = name.removeprefix(_PREFIX)
        return saved.get(inner, inner)

    names = {one.name: renamed(one.name) for one in graph.graph.input if one.name.startswith(_PREFIX)}
    for one in graph.graph.input:
        one.name = names.get(one.name, one.name)
    for node in graph.graph.node:
        node.doc_string = ""
        node.input[:] = [names.get(name, name) for name in node.input]


def _fill_in(graph: onnx.ModelProto, whole: Mapping[str, Sequence[Tensor]]) -> None:
    """Give tensors that are not mixed, such as tables of positions, the value that they have in every checkpoint."""
    onnx = _onnx()
    for one in [one for one in graph.graph.input if one.name in whole]:
        value, *others = whole[one.name]
        if not all(other.equal(value) for other in others):
            raise SiteError(
                f"{one.name}: whole numbers that differ between the checkpoints, and a page has one network for all: "
                "name checkpoints that agree"
            )
        graph.graph.initializer.append(onnx.numpy_helper.from_array(value.cpu().numpy(), one.name))
        graph.graph.input.remove(one)


def _whole_tensors(ev: Evaluator, checkpoints: Sequence[str]) -> Mapping[str, Sequence[Tensor]]:
    found = [ev.matrix.whole_tensors(Recipe({name: 1})) for name in checkpoints]
    return {name: [tensors[name] for tensors in found] for name in ev.matrix.layout.whole}


def _without_doubles(graph: onnx.ModelProto) -> None:
    """Constants in the precision that they are converted to: a graphics processor has no float64 to convert from."""
    onnx = _onnx()
    constants = {node.output[0]: node for node in graph.graph.node if node.op_type == "Constant"}
    for node in graph.graph.node:
        if node.op_type == "Cast" and node.input[0] in constants:
            value = onnx.numpy_helper.to_array(constants[node.input[0]].attribute[0].t)
            to = onnx.helper.tensor_dtype_to_np_dtype(node.attribute[0].i)
            node.op_type = "Constant"
            del node.input[:], node.attribute[:]
            node.attribute.append(onnx.helper.make_attribute("value", onnx.numpy_helper.from_array(value.astype(to))))


def _onnx() -> Any:
    try:
        import onnx
    except ImportError as error:
        raise ModuleNotFoundError(
            "a page that measures needs the package onnx when it is written: pip install 'soupwidgets[site]'",
            name=error.name,
        ) from error
    return onnx
