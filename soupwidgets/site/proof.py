"""A graph is shown to compute what the network computes before it is written anywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from soupwidgets.evaluation import Evaluator
from soupwidgets.site.errors import SiteError
from soupwidgets.suites import Split

if TYPE_CHECKING:
    import onnx

# Another number than that of the batch that was traced: a trace may have kept it.
_IMAGES = 3
_ROUNDING = 1e-3


def require_same_logits(graph: onnx.ModelProto, ev: Evaluator, split: Split, checkpoint: str) -> None:
    """Compare a graph, as onnx's own reference computes it, with the network on a few images.

    Raises
    ------
    SiteError
        When logits differ by more than rounding: a network decided something by the images that it was traced with.
    """
    from onnx.reference import ReferenceEvaluator

    pixels = np.array(split.examples["images"][:_IMAGES])
    row = ev.matrix.row(checkpoint).cpu()
    tensors = {name: place.view(row).numpy() for name, place in ev.matrix.layout.places.items()}
    given = {**tensors, "images": pixels}
    (found,) = ReferenceEvaluator(graph).run(None, {one.name: given[one.name] for one in graph.graph.input})
    with ev.model(checkpoint) as network, torch.inference_mode():
        wanted = network(ev.batch(split, np.arange(len(pixels)))[0]).cpu().numpy()
    scale = max(1.0, float(np.abs(wanted).max()))
    if found.shape != wanted.shape or not np.allclose(found, wanted, rtol=0, atol=_ROUNDING * scale):
        raise SiteError(
            f"the pool's model ({type(ev.architecture).__name__}) computes something else as ONNX: it decides by what "
            "is in a batch, which a graph cannot; a page of recorded answers (to_html) needs no network"
        )
