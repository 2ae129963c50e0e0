"""A greedy soup as one self-contained page that replays it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from soupwidgets.evaluation import Evaluation, Evaluator
from soupwidgets.methods import GreedySoup, logit_ensemble
from soupwidgets.panel.frames_page import Frame, PageTexts, write_frames_page
from soupwidgets.panel.html import progress
from soupwidgets.topics.soup import figures


def write_soup_page(
    path: str | Path,
    ev: Evaluator,
    soup: GreedySoup,
    alone: Mapping[str, Evaluation],
    zero_shot: str | None,
    shift: str | None,
) -> Path:
    """Write the page.

    Parameters
    ----------
    path
        The file to write; replaced as a whole if it is there.
    ev
        Measures the soup after every step.
    soup
        The trace.
    alone
        The ingredients' own evaluations, at least one.
    zero_shot
        Which of them is the zero-shot model.
    shift
        The shift that is brought out; None for the mean of all.

    Returns
    -------
    Path
        The same path.
    """
    first = soup.steps[0].candidate
    references = {f"best single by validation ({first})": alone[first]}
    if zero_shot is not None and zero_shot in alone:
        references["zero-shot"] = alone[zero_shot]
    frames = []
    for step in range(1, len(soup.steps) + 1):
        recipe = soup.after(step)
        mixture, ensemble = ev.evaluate(recipe), logit_ensemble(ev, recipe)
        patches = [
            figures.frontier_patch(alone, mixture, ensemble, zero_shot, shift),
            figures.splits_patch(mixture, ensemble, references),
            figures.greedy_trace_patch(soup, step),
        ]
        frames.append(Frame(f"step {step}", patches, progress(figures.greedy_sentence(soup, step), 1, 1)))
    drawn = [
        figures.frontier(alone, mixture, ensemble, zero_shot, shift),
        figures.splits(mixture, ensemble, references),
        figures.greedy_trace(soup),
    ]
    texts = PageTexts(
        title=f"{ev.suite.name}: a greedy soup of {len(soup.steps)} candidates",
        intro="Move the slider: at every step one more fine-tuned model is tried in the average, and kept where "
        "accuracy on validation images does not fall "
        '(model soups, <a href="https://arxiv.org/abs/2203.05482">arXiv 2203.05482</a>).',
        label="greedy soup",
        low="best single model",
        high=f"soup of {len(soup.ingredients)}",
    )
    return write_frames_page(path, texts, drawn, frames, len(frames) - 1)
