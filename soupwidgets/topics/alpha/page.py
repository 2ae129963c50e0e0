"""A sweep as one self-contained page: no kernel, no network, the slider still works."""

from __future__ import annotations

from pathlib import Path

from soupwidgets.evaluation import Evaluator
from soupwidgets.methods import Sweep
from soupwidgets.panel.frames_page import Frame, PageTexts, write_frames_page
from soupwidgets.topics.alpha import figures
from soupwidgets.topics.alpha.flip_strips import flips_near


def write_alpha_page(path: str | Path, ev: Evaluator, sweep: Sweep, alpha: float, shift: str | None) -> Path:
    """Write the page.

    Parameters
    ----------
    path
        The file to write; replaced as a whole if it is there.
    ev
        Has the images that flip.
    sweep
        The alphas between which the page's slider moves.
    alpha
        Where the slider is at first: the nearest alpha of the sweep.
    shift
        The shift that is brought out; None for the mean of all.

    Returns
    -------
    Path
        The same path.
    """
    first = min(sweep.alphas, key=lambda a: abs(a - alpha))
    drawn = [
        figures.frontier(sweep, first, sweep[first], shift),
        figures.curves(sweep, first, sweep[first], shift),
        figures.splits(sweep, first, sweep[first]),
    ]
    frames = [
        Frame(
            f"{a:.2f}",
            [
                figures.frontier_patch(sweep, a, sweep[a], shift),
                figures.curves_patch(sweep, a, sweep[a], shift),
                figures.splits_patch(sweep, a, sweep[a]),
            ],
            flips_near(ev, sweep.evaluations, a, shift),
        )
        for a in sweep.alphas
    ]
    texts = PageTexts(
        title=f"{ev.suite.name}: from the zero-shot model to {sweep.fine_tuned}",
        intro="Move the slider: every position is a model whose weights are a mixture of the two ends "
        '(WiSE-FT, <a href="https://arxiv.org/abs/2109.01903">arXiv 2109.01903</a>).',
        label="alpha",
        low=ev.pool.zero_shot,
        high=sweep.fine_tuned,
    )
    return write_frames_page(path, texts, drawn, frames, sweep.alphas.index(first))
