"""In which precision a network is computed: as the user says, or as is fastest here."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Literal, get_args

import torch

from soupwidgets.evaluation.forward import ways
from soupwidgets.evaluation.network import MixedNetwork, halved
from soupwidgets.evaluation.speeds import Speeds, Way, speeds
from soupwidgets.models import Inputs
from soupwidgets.stats.metrics import metric_named
from soupwidgets.suites import Split

Precision = Literal["auto", "float32", "bfloat16"]

# bfloat16 costs a little: what is close is computed again in float32, and the loss keeps its rounding.
_WORTH_IT = 0.8


def known_precision(given: str) -> Precision:
    """Check the name of a precision; ``"auto"`` becomes what ``SOUPWIDGETS_PRECISION`` says, if it says anything.

    Raises
    ------
    ValueError
        When there is no such precision; the message names those there are.
    """
    said = f"precision={given!r}"
    if given == "auto":
        given = os.environ.get("SOUPWIDGETS_PRECISION") or given
        said = f"SOUPWIDGETS_PRECISION={given}" if given != "auto" else said
    for known in get_args(Precision):
        if given == known:
            return given  # type: ignore[return-value]
    raise ValueError(f"{said}: choose {', '.join(get_args(Precision))}")


def can_be_audited(split: Split) -> bool:
    """Whether everything that is measured on a split, but the loss, depends on the predicted classes alone."""
    metric = split.scoring.metric
    predicted = metric == "accuracy" or metric_named(metric).of == "predictions"
    return split.scoring.task == "single-label" and predicted


def choose(
    network: MixedNetwork, wanted: Precision, identity: str, *, batch: Callable[[int], Inputs], most: int
) -> Literal["float32", "bfloat16"]:
    """Find the fastest way of computing a network in the wanted precision, and make the network use it.

    Parameters
    ----------
    network
        With the weights of any recipe.
    wanted
        ``"auto"``: bfloat16 where it takes at most four fifths of the time of float32.
    identity
        The network's fingerprint.
    batch
        Returns so many examples, ready for the network.
    most
        The largest batch.

    Raises
    ------
    ValueError
        When bfloat16 is wanted and the network cannot be computed in it.
    """
    names = ["float32"]
    if wanted != "float32" and _make_half(network, batch(1), wanted):
        names.append("bfloat16")
    passes = {way: _pass(network, way, batch) for name in names for way in ways(network.module, name, network.device)}
    if len(passes) == 1:
        return "float32"
    found = speeds(f"{identity} on {_named(network.device)}", passes, most)
    precision = _chosen(found, wanted)
    for name in names:
        if way := found.fastest(name):
            network.forward(half=name == "bfloat16").use(way)
    return precision


def _named(device: torch.device) -> str:
    """With the name of a card: another one may have its place tomorrow."""
    return f"{device} {torch.cuda.get_device_name(device)}" if device.type == "cuda" else str(device)


def _make_half(network: MixedNetwork, inputs: Inputs, wanted: Precision) -> bool:
    try:
        network.make_half(inputs)
    except Exception as error:
        # Networks of any library, and code of anybody.
        if wanted == "auto":
            return False
        raise ValueError(f"precision='bfloat16': the network cannot be built in it ({error}); use 'float32'") from error
    return True


def _chosen(found: Speeds, wanted: Precision) -> Literal["float32", "bfloat16"]:
    if wanted == "bfloat16":
        if found.fastest("bfloat16") is None:
            raise ValueError("precision='bfloat16': this network cannot be computed in bfloat16; use 'float32'")
        return "bfloat16"
    worth_it = found.seconds("bfloat16") <= _WORTH_IT * found.seconds("float32")
    return "bfloat16" if wanted == "auto" and worth_it else "float32"


def _pass(network: MixedNetwork, way: Way, batch: Callable[[int], Inputs]) -> Callable[[int], object]:
    half = way.precision == "bfloat16"
    forward = network.forward(half=half)

    def run(number: int) -> object:
        forward.use(way)
        inputs = batch(number)
        with torch.inference_mode():
            found = forward(halved(inputs) if half else inputs)
        # A GPU has only been told what to do until somebody looks at the result.
        return float(found.flatten()[0])

    return run
