"""What happens when only some blocks of a network move from one model to another."""

from __future__ import annotations

from typing import Literal

import numpy as np

from soupwidgets.figures.drawing import Drawing, figure
from soupwidgets.figures.style import axis, colour_bar, drawing
from soupwidgets.figures.units import within_sentence
from soupwidgets.topics.landscape.blocks import BlockProfile
from soupwidgets.topics.landscape.figures.plane import height_of


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
    shown = height_of(profile, quantity)
    values = shown.factor * (profile.error if quantity == "error" else profile.loss)
    unit = within_sentence(shown.unit)
    # As many digits as fit into a cell.
    form = ".1f" if abs(shown.factor) == 100 else ".3f" if quantity == "loss" else ".3g"
    rows = list(profile.blocks) if profile.mode == "alone" else [f"{b} and after" for b in profile.blocks]
    moved = "each block alone" if profile.mode == "alone" else "each block with all after it"
    drawn = drawing(
        f"From {profile.first} to {profile.second}, {moved} ({profile.split})",
        axis(f"alpha of the block (0 {profile.first}, 1 {profile.second})", type="category", showgrid=False),
        axis("Block", autorange="reversed", automargin=True, showgrid=False),
        height=max(380, 150 + 32 * len(rows)),
    )
    drawn.add("heatmap",
        z=values, x=[f"{alpha:g}" for alpha in profile.alphas], y=rows, uid="profile",
        colorscale="Cividis" if shown.factor < 0 else "Cividis_r",
        xgap=1, ygap=1, texttemplate=f"%{{z:{form}}}",
        colorbar=colour_bar(unit),
        hovertemplate=f"%{{y}}, alpha %{{x}}: %{{z:.3f}} {unit}<extra></extra>",
    )  # fmt: skip
    last = values[:, -1]
    best, worst = int(np.nanargmin(last)), int(np.nanargmax(last))
    text = (
        f"{unit[:1].upper()}{unit[1:]} on {profile.split} when {moved} goes from {profile.first} to {profile.second}. "
        f"At alpha {profile.alphas[-1]:g} the lowest is {last[best]:{form}} ({rows[best]}), "
        f"the highest {last[worst]:{form}} ({rows[worst]})."
    )
    return drawn.done(text)
