"""Mixing one alpha on a real ViT-B/32 (open_clip, random weights, 151 million parameters)."""

from __future__ import annotations

import copy

import open_clip
import torch

from benchmarks.table import Row, interleaved_seconds
from soupwidgets.checkpoints import TensorInfo
from soupwidgets.mixing import Layout, weighted_sum

ALPHA = 0.4


def mixing_rows() -> list[Row]:
    """Ours beside the dictionary comprehension of the WiSE-FT release, and beside one ``torch.add``."""
    torch.manual_seed(0)
    model = open_clip.create_model("ViT-B-32")
    theta_0 = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    theta_1 = {name: tensor + 0.01 * torch.randn_like(tensor) for name, tensor in theta_0.items()}
    fine_tuned = copy.deepcopy(model)

    layout = Layout({name: TensorInfo(tuple(t.shape), t.dtype) for name, t in theta_0.items()})
    rows = torch.zeros(2, layout.size)
    for row, theta in zip(rows, (theta_0, theta_1), strict=True):
        for name, view in layout.views(row).items():
            view.copy_(theta[name])
    out = torch.empty(layout.size)
    third = torch.empty(layout.size)

    def ours() -> None:
        weighted_sum([rows[0], rows[1]], [1 - ALPHA, ALPHA], out)

    def release() -> None:
        theta = {key: (1 - ALPHA) * theta_0[key] + ALPHA * theta_1[key] for key in theta_0}
        fine_tuned.load_state_dict(theta)

    def add() -> None:
        torch.add(rows[0], rows[1], out=third)

    with torch.inference_mode():
        mine, theirs, floor = interleaved_seconds(ours, release, add)
    views = layout.views(out)
    for name, tensor in fine_tuned.state_dict().items():
        torch.testing.assert_close(views[name], tensor, rtol=1e-5, atol=1e-6)
    return [
        Row(
            "mixing one alpha of a ViT-B/32",
            f"{1000 * mine:.0f} ms",
            f"dictionary comprehension and load_state_dict: {1000 * theirs:.0f} ms",
            theirs / mine,
            ">= 6 times faster",
            theirs / mine >= 6,
        ),
        Row(
            "the same, beside the bytes that must move",
            f"{1000 * mine:.0f} ms",
            f"one torch.add of two buffers into a third: {1000 * floor:.0f} ms",
            mine / floor,
            "<= 1.15 times the add",
            mine / floor <= 1.15,
        ),
    ]
