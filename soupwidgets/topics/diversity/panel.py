"""Which models err together, which apart, and what an ensemble makes of it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal, get_args

import ipywidgets

from soupwidgets.evaluation import Evaluation, Evaluator
from soupwidgets.panel.explorer import Explorer, side_by_side
from soupwidgets.panel.frames_page import Frame, PageTexts, write_frames_page
from soupwidgets.panel.html import progress
from soupwidgets.panel.live_figure import LiveFigure
from soupwidgets.panel.newest_wins import Steps
from soupwidgets.suites import Suite
from soupwidgets.text import safe_csv
from soupwidgets.topics.diversity import figures
from soupwidgets.topics.diversity.details import ensemble_table, pair_gallery, pair_table
from soupwidgets.topics.diversity.helpers import HelperStep, ensemble_of, greedy_ensemble
from soupwidgets.topics.diversity.members import Member, checked_suite
from soupwidgets.topics.diversity.ordering import Ordering, ordered
from soupwidgets.topics.diversity.pairs import DiversityMatrix, PairDiversity, divergence_trend
from soupwidgets.topics.diversity.pairs import pair as pair_diversity
from soupwidgets.topics.diversity.pairs import stream_matrix as stream_diversity
from soupwidgets.topics.diversity.specialists import class_specialists, specialisation

_SECONDS_PER_PICTURE = 0.5
_NUMBERS = {title: number for number, (title, _, _) in figures.PAIR_NUMBERS.items()}


class DiversityExplorer(Explorer):
    """A matrix of all pairs of models; one pair in full, with its images; and an ensemble to build.

    Everything comes from logits that are there already: no model runs, except where the soup of a pair is asked for.

    Parameters
    ----------
    models
        At least two, with logits on validation: `members` of a pool, `open_members` of any
        checkpoints, `import_member` of files.
    suite
        Has the images and their labels.
    split
        Where; the in-distribution test when None.
    ev
        Evaluator of the pool that some of the models belong to; it measures soups of two.

    Raises
    ------
    TypeError
        When it was given no models, or no suite; it says what to write.
    ValueError, KeyError
        When there are fewer than two models, two of one name, or no such split.

    Attributes
    ----------
    matrix
        All pairs, as far as they are compared.
    pair
        The chosen pair, or None while it is being compared.
    steps
        Of the last ensemble that was grown.
    """

    def __init__(
        self,
        models: Sequence[Member],
        suite: Suite | None = None,
        split: str | None = None,
        ev: Evaluator | None = None,
    ) -> None:
        suite = checked_suite("DiversityExplorer", models, suite)
        names = [one.name for one in models]
        common = [name for name in suite.splits if all(name in one.splits for one in models)]
        where = suite.id_test.name if split is None else split
        if len(models) < 2 or len(set(names)) < len(names):
            # Says which of the two it is.
            next(stream_diversity(models, suite, where))
        if where not in common:
            raise KeyError(f"not all models have logits on {where!r}; they have those of {', '.join(common)}")
        super().__init__()
        self.models = {one.name: one for one in models}
        self.suite, self.ev = suite, ev
        self.matrix: DiversityMatrix | None = None
        self.pair: PairDiversity | None = None
        self.steps: list[HelperStep] = []
        self._soup: Evaluation | None = None
        self._drawn_at = 0.0

        self.split_choice = _choice("Split", common, where)
        self.number_choice = _choice("Show", list(_NUMBERS), next(iter(_NUMBERS)))
        self.order_choice = _choice("Order", list(get_args(Ordering)), "as given")
        self.first_choice = _choice("First", names, names[0])
        self.second_choice = _choice("Second", names, names[1])
        controls = ipywidgets.HBox(
            [self.split_choice, self.number_choice, self.order_choice, self.first_choice, self.second_choice]
        )
        controls.layout.flex_flow = "row wrap"
        self.status = ipywidgets.HTML()
        self.matrix_figure, self.strip_figure = LiveFigure(), LiveFigure()
        self.confidence_figure, self.class_figure = LiveFigure(), LiveFigure()
        self.details, self.images = ipywidgets.HTML(), ipywidgets.HTML()
        self.soup_button = _button("Measure their soup", "Average the weights of the two and measure that model")
        self.soup_button.on_click(lambda _: self.measure_soup())
        self.members_choice = ipywidgets.SelectMultiple(options=names, value=names[:2], description="Ensemble", rows=7)
        self.grow_button = _button("Grow from the first", "Add whoever raises the score on validation most")
        self.grow_button.on_click(lambda _: self.grow())
        self.ensemble = ipywidgets.HTML()
        self.helper_figure = LiveFigure()
        self.helper_figure.layout.display = "none"
        exports = []
        for kind in ("svg", "png", "csv"):
            button = _button(kind.upper(), f"Download the matrix as {kind.upper()}")
            button.on_click(lambda _, kind=kind: self.export(kind))
            exports.append(button)
        builder = ipywidgets.HBox([ipywidgets.VBox([self.members_choice, self.grow_button]), self.ensemble])
        builder.layout.flex_flow = "row wrap"
        self.children = [
            controls, self.status, self.alert, side_by_side([self.matrix_figure, self.strip_figure]),
            ipywidgets.HBox([self.soup_button, *exports]), self.details,
            side_by_side([self.confidence_figure, self.class_figure]), self.images, builder, self.helper_figure,
        ]  # fmt: skip

        self.split_choice.observe(lambda _: self._start(), "value")
        for choice in (self.number_choice, self.order_choice):
            choice.observe(lambda _: self._draw_matrix(), "value")
        for choice in (self.first_choice, self.second_choice):
            choice.observe(lambda _: self._ask(), "value")
        self.members_choice.observe(lambda _: self._work.request(self._mix()), "value")
        for figure in (self.matrix_figure, self.strip_figure):
            figure.observe(self._on_click, "clicked")
        self._start()

    def __repr__(self) -> str:
        # What a notebook shows in the widget's place where no kernel runs.
        return f"<DiversityExplorer of {len(self.models)} models: {self._how_to_use}>"

    @property
    def split(self) -> str:
        """Where models are compared."""
        return str(self.split_choice.value)

    def choose(self, first: str, second: str) -> None:
        """Show a pair.

        Raises
        ------
        ValueError
            When a model is unknown, or both are the same.
        """
        for name in (first, second):
            if name not in self.models:
                raise ValueError(f"there is no model {name!r}; there are {', '.join(self.models)}")
        if first == second:
            raise ValueError("a pair has two models")
        self.first_choice.value, self.second_choice.value = first, second

    def measure_soup(self) -> None:
        """Measure the average of the two models' weights, where they are of one pool."""
        self.alert.value = ""
        first, second = (self.models[str(c.value)] for c in (self.first_choice, self.second_choice))
        if self.ev is None or any(one.recipe is None or any(n not in self.ev.pool for n in one.recipe)
                                  for one in (first, second)):  # fmt: skip
            self._show_error(ValueError("these two are not of one pool: their weights cannot be averaged"))
            return
        self._work.request(self._measure_soup(first, second))

    def grow(self) -> None:
        """Grow an ensemble from the first chosen member, by what the validation split reports."""
        self._work.request(self._grow(str(self.members_choice.value[0]) if self.members_choice.value else ""))

    def export(self, kind: Literal["svg", "png", "csv"]) -> None:
        """Hand the reader the matrix, or the numbers of all pairs, as a file."""
        table = safe_csv(self.matrix.to_frame()) if kind == "csv" and self.matrix else ""
        self.matrix_figure.download(kind, "diversity", table)

    def to_html(self, path: str | Path) -> Path:
        """Write one self-contained page with a slider over the numbers of all pairs: no kernel, no network.

        Parameters
        ----------
        path
            The file to write.

        Returns
        -------
        Path
            The same path.
        """
        self.wait(background=True)
        assert self.matrix is not None
        order = ordered(self.matrix, self.order_choice.value)
        made = {n: figures.matrix(self.matrix, n, order) for n in figures.PAIR_NUMBERS}
        frames = []
        for number, figure in made.items():
            plain = figure.to_plotly_json()
            (trace,) = plain["data"]
            moves = {k: v for k, v in trace.items() if k not in ("uid", "type")}
            layout = {k: plain["layout"][k] for k in ("title", "meta")}
            title = figures.PAIR_NUMBERS[number][0]
            frames.append(Frame(title, [{"traces": {"pairs": moves}, "layout": layout}], progress(title, 1, 1)))
        texts = PageTexts(
            title=f"{self.suite.name}: how differently models err",
            intro="All pairs of models on the same images. Move the slider to see another number "
            '(<a href="https://arxiv.org/abs/2110.12899">arXiv 2110.12899</a>).',
            label="number",
            low=frames[0].value,
            high=frames[-1].value,
        )
        return write_frames_page(path, texts, [next(iter(made.values()))], frames, 0)

    # What the user does.

    def _start(self) -> None:
        self.alert.value = ""
        self.matrix = None
        self.status.value = progress(f"comparing {len(self.models)} models on {self.split}", 0, 1)
        self._work.in_background(self._compare(self.split))
        self._ask()

    def _ask(self) -> None:
        self._soup, self.pair = None, None
        first, second = str(self.first_choice.value), str(self.second_choice.value)
        if first == second:
            self.details.value = progress("choose two different models to see a pair", 1, 1)
            return
        self._work.request(self._answer(first, second, self.split))

    def _on_click(self, change: Any) -> None:
        chosen = change["new"].get("customdata")
        if isinstance(chosen, list) and len(chosen) == 2 and all(name in self.models for name in chosen):
            first, second = chosen
            if first != second:
                self.choose(first, second)

    # What the worker does.

    def _compare(self, split: str) -> Steps:
        for state in stream_diversity(list(self.models.values()), self.suite, split):
            now = time.monotonic()
            if state.exact or now - self._drawn_at > _SECONDS_PER_PICTURE:
                self._drawn_at = now
                yield "matrix", partial(self._show_matrix, state)

    def _answer(self, first: str, second: str, split: str) -> Steps:
        a, b = self.models[first], self.models[second]
        pair = pair_diversity(a, b, self.suite, split)
        yield "pair", partial(self._show_pair, pair)
        sure = figures.confidences(specialisation(a, b, self.suite, split))
        yield "confidences", partial(self.confidence_figure.show, sure)
        classes = figures.specialists(class_specialists(a, b, self.suite, split), first, second)
        yield "classes", partial(self.class_figure.show, classes)
        images = pair_gallery(a, b, self.suite, split)
        yield "images", partial(self._show_images, images)
        yield from self._mix()

    def _measure_soup(self, first: Member, second: Member) -> Steps:
        assert self.ev is not None
        assert first.recipe is not None
        assert second.recipe is not None
        for evaluation in self.ev.stream((first.recipe + second.recipe) / 2, [self.split]):
            yield "soup", partial(self._show_soup, evaluation)

    def _mix(self) -> Steps:
        chosen = [self.models[str(name)] for name in self.members_choice.value]
        if not chosen:
            yield "ensemble", partial(self._show_ensemble, {})
            return
        # Without a choice to make the ensemble is that of all of them.
        splits = [split for split in self.suite.splits if all(split in one.splits for one in chosen)]
        shown = {"ensemble": ensemble_of(chosen, self.suite, splits)}
        shown |= {one.name: ensemble_of([one], self.suite, splits) for one in chosen[:6]}
        yield "ensemble", partial(self._show_ensemble, shown)

    def _grow(self, base: str) -> Steps:
        if not base:
            raise ValueError("choose the model to begin with in the list of the ensemble")
        others = [one for name, one in self.models.items() if name != base]
        steps = greedy_ensemble(self.models[base], others, self.suite)
        yield "helpers", partial(self._show_helpers, steps)

    # What is shown, on the kernel's loop.

    def _show_matrix(self, state: DiversityMatrix) -> None:
        if state.split != self.split:
            return
        self.matrix = state
        self._draw_matrix()
        words = f"{len(state.pairs):,} of {state.total:,} pairs are compared on {state.split}"
        self.status.value = progress(words, len(state.pairs), state.total)

    def _draw_matrix(self) -> None:
        if self.matrix is None:
            return
        number = _NUMBERS[str(self.number_choice.value)]
        order = ordered(self.matrix, self.order_choice.value)
        self.matrix_figure.show(figures.matrix(self.matrix, number, order))
        levels = {pair.divergence for pair in self.matrix.pairs}
        trend = divergence_trend(self.matrix) if self.matrix.exact and len(levels) > 1 else None
        self.strip_figure.show(figures.divergence_strip(self.matrix, number, trend))

    def _show_pair(self, pair: PairDiversity) -> None:
        self.pair = pair
        self.details.value = pair_table(pair, None)

    def _show_images(self, images: str) -> None:
        self.images.value = images

    def _show_soup(self, evaluation: Evaluation) -> None:
        self._soup = evaluation
        if self.pair is not None and self.pair.split in evaluation.scores:
            self.details.value = pair_table(self.pair, evaluation.accuracy[self.pair.split])

    def _show_ensemble(self, shown: dict[str, Evaluation]) -> None:
        self.ensemble.value = ensemble_table(shown, list(next(iter(shown.values())).scores)) if shown else ""

    def _show_helpers(self, steps: list[HelperStep]) -> None:
        self.steps = steps
        self.helper_figure.layout.display = None
        self.helper_figure.show(figures.helpers(steps, self.suite.validation.name, self.suite.id_test.name))


def _choice(label: str, options: Sequence[str], value: str) -> ipywidgets.Dropdown:
    return ipywidgets.Dropdown(description=label, options=list(options), value=value)


def _button(label: str, why: str) -> Any:
    made = ipywidgets.Button(description=label, tooltip=why)
    made.layout.width = "auto"
    return made
