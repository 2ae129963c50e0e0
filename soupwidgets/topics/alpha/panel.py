"""Drag alpha: a slider between a zero-shot model and its fine-tuned version."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import ipywidgets

from soupwidgets.evaluation import Evaluation, Evaluator, coarse_to_fine
from soupwidgets.methods import Sweep, wise_ft
from soupwidgets.methods.sweep import alpha_grid
from soupwidgets.panel.drag_slider import DragSlider
from soupwidgets.panel.explorer import Explorer, evaluator_for, fine_tuned_models, side_by_side
from soupwidgets.panel.html import progress
from soupwidgets.panel.live_figure import LiveFigure
from soupwidgets.panel.newest_wins import Steps
from soupwidgets.topics.alpha import figures
from soupwidgets.topics.alpha.flip_strips import flips_near

_MEAN = "mean of all shifts"


class AlphaExplorer(Explorer):
    """A slider that moves theta_alpha, with accuracy on every split following the thumb.

    While the thumb moves, a coarse answer (a few images of each split) comes at
    once and is refined; where it rests, the answer becomes exact. Meanwhile a
    sweep fills the curve in the background; alphas it has been at are instant.

    Parameters
    ----------
    ev
        Evaluator of a pool with one zero-shot model. Measurements go to its store.
    fine_tuned
        Which fine-tuned model to begin with; the pool's first when None.
    alphas
        How many evenly spaced alphas the sweep visits: the thumb's positions.
    alpha
        Where the thumb is at first. 0.5 is what WiSE-FT advises without any
        knowledge of the shift (arXiv 2109.01903, section 4).

    Raises
    ------
    PoolError
        When the pool has no such model, or not exactly one zero-shot model.

    Attributes
    ----------
    evaluation
        What is shown now: an `Evaluation`, coarse or exact.
    sweep
        The alphas measured so far.
    """

    def __init__(self, ev: Evaluator, fine_tuned: str | None = None, alphas: int = 21, alpha: float = 0.5) -> None:
        self.ev = evaluator_for("AlphaExplorer", ev)
        self._grid = alpha_grid(alphas)
        names = fine_tuned_models("AlphaExplorer", ev.pool)
        self._zero_shot = ev.pool.zero_shot
        first = names[0] if fine_tuned is None else fine_tuned
        ev.pool.require([first])
        self.evaluation: Evaluation | None = None
        self._measured: dict[str, dict[float, Evaluation]] = {name: {} for name in {*names, first}}
        self._ends: dict[str, dict[float, Evaluation]] = {name: {} for name in self._measured}
        self._shown_curve: tuple[Any, ...] = ()
        self._shown_alpha = alpha

        self.model_choice = ipywidgets.Dropdown(options=[*dict.fromkeys([*names, first])], value=first)
        self.model_choice.description = "Fine-tuned"
        self.shift_choice = ipywidgets.Dropdown(options=[_MEAN, *ev.suite.axes])
        self.shift_choice.description = "Shift"
        self.slider = DragSlider(
            value=alpha, step=1 / (len(self._grid) - 1), label="alpha", low_label=self._zero_shot, high_label=first
        )
        self.slider.layout.flex = "1 1 320px"
        self.status = ipywidgets.HTML()
        self.sweep_status = ipywidgets.HTML()
        self.frontier = LiveFigure()
        self.curves = LiveFigure()
        self.bars = LiveFigure()
        self.flips = ipywidgets.HTML()
        controls = ipywidgets.HBox([self.model_choice, self.shift_choice, self.slider])
        controls.layout.flex_flow = "row wrap"
        line = ipywidgets.HBox([self.status, self.sweep_status])
        line.layout.justify_content = "space-between"
        figures = side_by_side([self.frontier, self.curves, self.bars])
        super().__init__()
        self.children = [controls, line, self.alert, figures, self.flips]

        self.slider.observe(self._on_input, "value")
        self.slider.observe(self._on_input, "dragging")
        self.model_choice.observe(self._on_model, "value")
        self.shift_choice.observe(self._on_shift, "value")
        for figure in (self.frontier, self.curves):
            figure.observe(self._on_click, "clicked")
        self._start()

    def __repr__(self) -> str:
        # What a notebook shows in the widget's place where no kernel runs.
        return f"<AlphaExplorer from {self._zero_shot} to {self.fine_tuned}: {self._how_to_use}>"

    @property
    def fine_tuned(self) -> str:
        """The fine-tuned model in use."""
        return str(self.model_choice.value)

    @property
    def alpha(self) -> float:
        """Where the thumb is; assign to move it."""
        return float(self.slider.value)

    @alpha.setter
    def alpha(self, value: float) -> None:
        self.slider.value = value

    @property
    def shift(self) -> str | None:
        """The shift that is brought out; None for the mean of all."""
        return None if self.shift_choice.value == _MEAN else str(self.shift_choice.value)

    @property
    def sweep(self) -> Sweep:
        """The exact evaluations there are for the fine-tuned model in use."""
        return self._sweep(self._measured[self.fine_tuned])

    def _sweep(self, evaluations: Mapping[float, Evaluation]) -> Sweep:
        ordered = {alpha: evaluations[alpha] for alpha in sorted(evaluations)}
        return Sweep(self.fine_tuned, ordered, self.ev.suite.validation.name, self.ev.suite.id_test.name)

    def to_html(self, path: str | Path) -> Path:
        """Write one self-contained page whose slider works with no kernel and no network.

        The page moves between the alphas of the sweep, which is finished first.

        Parameters
        ----------
        path
            The file to write.

        Returns
        -------
        Path
            The same path.
        """
        from soupwidgets.topics.alpha.page import write_alpha_page

        self.wait(background=True)
        sweep = self._sweep({alpha: self._exact(self.fine_tuned, alpha) for alpha in self._grid})
        return write_alpha_page(path, self.ev, sweep, self.alpha, self.shift)

    # What the user does.

    def _on_input(self, _change: Any) -> None:
        self._work.request(self._answer(self.fine_tuned, self.alpha, self.slider.dragging))

    def _on_model(self, _change: Any) -> None:
        self.slider.high_label = self.fine_tuned
        # What is on screen belongs to the other model.
        self.evaluation = None
        self._start()

    def _on_shift(self, _change: Any) -> None:
        self._draw()
        self._on_input(None)

    def _on_click(self, change: Any) -> None:
        place = change["new"].get("customdata")
        if isinstance(place, list) and len(place) == 1 and isinstance(place[0], int | float):
            self.slider.dragging = False
            self.alpha = float(place[0])

    def _start(self) -> None:
        self.alert.value = ""
        self._show_status(f"loading {self._zero_shot} and {self.fine_tuned}", 0, 1)
        self._work.request(self._answer(self.fine_tuned, self.alpha, dragging=False))
        self._work.in_background(self._fill(self.fine_tuned))

    # What the worker does. Each step computes, then hands over a function that shows.

    def _answer(self, fine_tuned: str, alpha: float, dragging: bool) -> Steps:
        # Without its ends there is no line to draw; a first sample of them will do until the sweep was there.
        for end in (0.0, 1.0):
            if end not in self._ends[fine_tuned]:
                self._ends[fine_tuned][end] = next(self._stream(fine_tuned, end))
        for evaluation in self._stream(fine_tuned, alpha):
            yield "answer", partial(self._show, fine_tuned, alpha, evaluation)
        if not dragging:
            yield from self._show_flips(fine_tuned)

    def _stream(self, fine_tuned: str, alpha: float) -> Iterator[Evaluation]:
        if alpha in self._measured[fine_tuned]:
            yield self._measured[fine_tuned][alpha]
            return
        for evaluation in self.ev.stream(wise_ft(self.ev.pool, fine_tuned, alpha)):
            if evaluation.exact:
                self._measured[fine_tuned][alpha] = evaluation
            yield evaluation

    def _fill(self, fine_tuned: str) -> Steps:
        total = len(self._grid)
        order = [self._grid[i] for i in coarse_to_fine(total)]
        for done, alpha in enumerate(order):
            yield "sweep", partial(self._show_sweep_status, done)
            if alpha not in self._measured[fine_tuned]:
                for evaluation in self._stream(fine_tuned, alpha):
                    # Also where there is nothing new to draw a request may cut in.
                    yield ("curve", self._draw) if evaluation.exact else ("nothing", _nothing)
                # A new neighbour narrows down where the images near the thumb flip.
                yield from self._show_flips(fine_tuned)
        yield "sweep", partial(self._show_sweep_status, total)
        # When all of that was in the store, nothing was loaded yet: the first new alpha should not wait for it.
        self.ev.warm_up(wise_ft(self.ev.pool, fine_tuned, self.alpha))

    def _show_flips(self, fine_tuned: str) -> Steps:
        found = flips_near(self.ev, dict(self._measured[fine_tuned]), self.alpha, self.shift)

        def show() -> None:
            if fine_tuned == self.fine_tuned:
                self.flips.value = found

        yield "flips", show

    def _exact(self, fine_tuned: str, alpha: float) -> Evaluation:
        return self._measured[fine_tuned].get(alpha) or self.ev.evaluate(wise_ft(self.ev.pool, fine_tuned, alpha))

    # What is shown, on the kernel's loop.

    def _show(self, fine_tuned: str, alpha: float, evaluation: Evaluation) -> None:
        if fine_tuned != self.fine_tuned:
            return
        self.alert.value = ""
        if evaluation is self.evaluation:
            return
        self.evaluation = evaluation
        self._shown_alpha = alpha
        seen = sum(score.seen for score in evaluation.scores.values())
        total = sum(score.total for score in evaluation.scores.values())
        words = "exact" if evaluation.exact else "coarse so far"
        self._show_status(f"alpha {alpha:.4g}: {words}, {seen:,} of {total:,} images", seen, total)
        self._draw()

    def _draw(self) -> None:
        if self.evaluation is None:
            return
        evaluation, shift = self.evaluation, self.shift
        sweep = self._sweep({**self._ends[self.fine_tuned], **self._measured[self.fine_tuned]})
        alpha = self._shown_alpha
        curve = (sweep.fine_tuned, tuple(sweep.alphas), shift, sweep[0.0].exact, sweep[1.0].exact)
        if curve == self._shown_curve:
            self.frontier.move(figures.frontier_patch(sweep, alpha, evaluation, shift))
            self.curves.move(figures.curves_patch(sweep, alpha, evaluation, shift))
            self.bars.move(figures.splits_patch(sweep, alpha, evaluation))
            return
        self._shown_curve = curve
        self.frontier.show(figures.frontier(sweep, alpha, evaluation, shift))
        self.curves.show(figures.curves(sweep, alpha, evaluation, shift))
        self.bars.show(figures.splits(sweep, alpha, evaluation))

    def _show_status(self, words: str, done: int, total: int) -> None:
        self.status.value = progress(words, done, total)

    def _show_sweep_status(self, done: int) -> None:
        total = len(self._grid)
        words = "the curve is complete" if done == total else f"filling the curve: {done} of {total} alphas"
        self.sweep_status.value = progress(words, done, total)


def _nothing() -> None:
    """A step of the sweep with nothing to show yet."""
