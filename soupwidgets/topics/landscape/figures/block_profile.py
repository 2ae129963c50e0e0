"""What happens when only some blocks of a network move from one model to another."""

from __future__ import annotations

from typing import Literal

import numpy as np

from soupwidgets.figures.drawing import Drawing, figure
from soupwidgets.figures.style import axis, colour_bar, drawing
from soupwidgets.topics.landscape.blocks import BlockProfile


@figure
def block_profile(profile: BlockProfile, quantity: Literal["error", "loss"] = "error") -> Drawing:
    """Draw one row for each block, from the first layer to the head, and one column for each alpha.

    Parameters
    ----------
    profile
        The measured profile.
    quantity
        Which number to draw.

    Returns
    -------
    go.Figure
        With a text alternative in ``layout.meta``.
    """
    values = 100 * profile.error if quantity == "error" else profile.loss
    unit = "error, %" if quantity == "error" else "cross-entropy, nats"
    rows = list(profile.blocks) if profile.mode == "alone" else [f"{b} and after" for b in profile.blocks]
    moved = "each block alone" if profile.mode == "alone" else "each block with all after it"
    drawn = drawing(
        f"From {profile.first} to {profile.second}, {moved} ({profile.split})",
        axis(f"alpha of the block (0 {profile.first}, 1 {profile.second})", type="category", showgrid=False),
        axis("Block", autorange="reversed", automargin=True, showgrid=False),
        height=max(380, 150 + 32 * len(rows)),
    )
    drawn.add("heatmap",
        z=values, x=[f"{alpha:g}" for alpha in profile.alphas], y=rows, uid="profile", colorscale="Cividis_r",
        xgap=1, ygap=1, texttemplate="%{z:.1f}" if quantity == "error" else "%{z:.3f}",
        colorbar=colour_bar(unit),
        hovertemplate=f"%{{y}}, alpha %{{x}}: %{{z:.3f}} {unit}<extra></extra>",
    )  # fmt: skip
    last = values[:, -1]
    best, worst = int(np.nanargmin(last)), int(np.nanargmax(last))
    form = ".1f" if quantity == "error" else ".3f"
    text = (
        f"{unit.capitalize()} on {profile.split} when {moved} goes from {profile.first} to {profile.second}. "
        f"At alpha {profile.alphas[-1]:g} the lowest is {last[best]:{form}} ({rows[best]}), "
        f"the highest {last[worst]:{form}} ({rows[worst]})."
    )
    return drawn.done(text)
