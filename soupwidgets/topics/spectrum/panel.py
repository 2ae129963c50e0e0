"""How fast predictions change between images: along alpha, between and within classes, and from image to shift."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import Any, Literal, get_args

import ipywidgets
import numpy as np
from scipy.special import softmax

from soupwidgets.evaluation import Evaluator, coarse_to_fine, probe
from soupwidgets.figures.patch import as_patch
from soupwidgets.methods import uniform_soup, wise_ft
from soupwidgets.methods.sweep import alpha_grid
from soupwidgets.panel.drag_slider import DragSlider
from soupwidgets.panel.explorer import Explorer, side_by_side
from soupwidgets.panel.frames_page import Frame, PageTexts, write_frames_page
from soupwidgets.panel.given import evaluator_for, fine_tuned_models
from soupwidgets.panel.html import progress
from soupwidgets.panel.live_figure import LiveFigure
from soupwidgets.panel.newest_wins import Steps
from soupwidgets.panel.picture_strips import path_strip
from soupwidgets.recipe import Recipe
from soupwidgets.stats.estimate import Estimate
from soupwidgets.text import safe_csv
from soupwidgets.topics.spectrum import figures
from soupwidgets.topics.spectrum.image_paths import ImagePaths, image_paths, paths_to
from soupwidgets.topics.spectrum.image_spectrum import ImageSpectrum, image_spectrum, stream_fourier_sensitivity
from soupwidgets.topics.spectrum.label_noise import LabelNoiseStudy
from soupwidgets.topics.spectrum.path_spectrum import PathSpectrum, Values, path_spectrum, stream_path_spectrum

_WITHIN, _BETWEEN = "within a class", "between classes"
_SOUP = "uniform soup"
_SECONDS_PER_PICTURE = 0.25
_SENSITIVITY_IMAGES = 100


class SpectrumExplorer(Explorer):
    """A slider that moves theta_alpha, with the spectrum of its predictions along paths between images.

    Parameters
    ----------
    ev
        Evaluator of a pool with one zero-shot model. Measurements go to its store.
    fine_tuned
        Which fine-tuned model to begin with; the pool's first when None.
    alphas
        How many evenly spaced alphas the line below is measured at.
    pairs, samples
        Paths of each kind, and points of each.
    noise
        Results of a study of label noise, to be shown below.

    Raises
    ------
    PoolError, ValueError
        When the pool has no such model, or paths cannot be drawn.

    Attributes
    ----------
    spectrum
        Of the model under the thumb, as far as it is measured.
    other
        Of the model that it is compared with.
    centroids
        alpha to the mean frequency of each kind of path, as far as measured.
    """

    def __init__(
        self,
        ev: Evaluator,
        fine_tuned: str | None = None,
        alphas: int = 6,
        pairs: int = 200,
        samples: int = 64,
        noise: LabelNoiseStudy | None = None,
    ) -> None:
        evaluator_for("SpectrumExplorer", ev)
        names = fine_tuned_models("SpectrumExplorer", ev.pool)
        zero_shot = ev.pool.zero_shot
        first = names[0] if fine_tuned is None else fine_tuned
        ev.pool.require([first])
        self.ev, self._grid, self._noise = ev, alpha_grid(alphas), noise
        self._pairs, self._samples = pairs, samples
        self._others = {n: Recipe({n: 1}) for n in dict.fromkeys([zero_shot, *names, first])}
        if len(ev.pool.fine_tuned) > 1:
            self._others[_SOUP] = uniform_soup(ev.pool)
        test = ev.suite.id_test
        self._paths: dict[str, ImagePaths] = {
            _WITHIN: image_paths(test, "within", pairs, samples, classes=ev.suite.classes),
            _BETWEEN: image_paths(test, "between", pairs, samples, classes=ev.suite.classes),
        }
        there = set(test.image_numbers.tolist())
        self._shifts = {
            f"to {s.name}": s.name for s in ev.suite.shifts if not there.isdisjoint(s.image_numbers.tolist())
        }
        self.spectrum: PathSpectrum | None = None
        self.other: PathSpectrum | None = None
        self.centroids: dict[float, dict[str, Estimate]] = {}
        self._drawn: tuple[Any, ...] = ()
        self._drawn_at = 0.0
        super().__init__()

        def choice(label: str, options: list[str], value: str) -> ipywidgets.Dropdown:
            return ipywidgets.Dropdown(description=label, options=options, value=value)

        self.model_choice = choice("Fine-tuned", [*dict.fromkeys([*names, first])], first)
        self.other_choice = choice("Compare", list(self._others), zero_shot)
        self.path_choice = choice("Paths", [*self._paths, *self._shifts], _BETWEEN)
        self.values_choice = choice("Follow", list(get_args(Values)), "probabilities")
        self.slider = DragSlider(value=0.5, step=0.05, label="alpha", low_label=zero_shot, high_label=first)
        self.slider.layout.flex = "1 1 320px"
        self.path_slider = DragSlider(min=1, max=pairs, value=1, step=1, label="path", low_label="1")
        self.path_slider.high_label = str(pairs)
        controls = ipywidgets.HBox(
            [self.model_choice, self.other_choice, self.path_choice, self.values_choice, self.slider]
        )
        controls.layout.flex_flow = "row wrap"
        self.status, self.line_status = ipywidgets.HTML(), ipywidgets.HTML()
        line = ipywidgets.HBox([self.status, self.line_status])
        line.layout.justify_content = "space-between"
        self.figure, self.predictions, self.along = LiveFigure(), LiveFigure(), LiveFigure()
        self.strip = ipywidgets.HTML()
        self.images = LiveFigure()
        self.sensitivity = LiveFigure()
        self.sensitivity.layout.display = "none"
        self.sensitivity_button = ipywidgets.Button(
            description="Which waves disturb this model?",
            tooltip=f"Add every Fourier basis image to {_SENSITIVITY_IMAGES} images, and count errors",
        )
        self.sensitivity_button.layout.width = "auto"
        self.sensitivity_button.on_click(lambda _: self.measure_sensitivity())
        exports = []
        for kind in ("svg", "png", "csv"):
            button = ipywidgets.Button(description=kind.upper(), tooltip=f"Download the spectrum as {kind.upper()}")
            button.layout.width = "64px"
            button.on_click(lambda _, kind=kind: self.export(kind))
            exports.append(button)
        self.children = [
            controls, line, self.alert, side_by_side([self.figure, self.along]), self.path_slider,
            side_by_side([self.predictions]), self.strip,
            ipywidgets.HBox([self.sensitivity_button, *exports]), side_by_side([self.images, self.sensitivity]),
            *self._noise_widgets(),
        ]  # fmt: skip

        for control in (self.slider, self.path_choice, self.other_choice, self.path_slider):
            control.observe(lambda _: self._ask(), "value")
        self.model_choice.observe(lambda _: self._start(), "value")
        self.values_choice.observe(lambda _: self._start(), "value")
        self._start()

    def __repr__(self) -> str:
        # What a notebook shows in the widget's place where no kernel runs.
        return f"<SpectrumExplorer of {self.fine_tuned}: {self._how_to_use}>"

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
    def values(self) -> Values:
        """What is followed."""
        found: Values = self.values_choice.value
        return found

    @property
    def paths(self) -> ImagePaths:
        """The paths that are chosen."""
        return self._paths_of(str(self.path_choice.value))

    def measure_sensitivity(self) -> None:
        """Measure the error of the model under the thumb with every Fourier basis image added."""
        self.alert.value = ""
        self._work.request(self._sense(wise_ft(self.ev.pool, self.fine_tuned, self.alpha), self._name(self.alpha)))

    def export(self, kind: Literal["svg", "png", "csv"]) -> None:
        """Hand the reader the spectrum as a file."""
        table = safe_csv(self.spectrum.to_frame()) if kind == "csv" and self.spectrum else ""
        self.figure.download(kind, "spectrum", table)

    def to_html(self, path: str | Path) -> Path:
        """Write one self-contained page whose slider moves alpha: no kernel, no network.

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
        paths, name, number = self.paths, str(self.other_choice.value), self._number
        other = self._measured(self._others[name], paths)
        frames: list[Frame] = []
        drawn: list[Any] = []
        for alpha in self._grid:
            recipe = wise_ft(self.ev.pool, self.fine_tuned, alpha)
            shown = {self._name(alpha): self._measured(recipe, paths), f"{name} ": other}
            made = [
                figures.path_spectra(shown),
                figures.frequency_along_alpha(self.centroids, paths.unit, self.fine_tuned, alpha),
                self._predictions(recipe, alpha, paths, number),
            ]
            drawn = drawn or made
            frames.append(Frame(f"{alpha:.2f}", [as_patch(f) for f in made], self._strip(recipe, paths, number)))
        texts = PageTexts(
            title=f"{self.ev.suite.name}: how fast predictions of {self.fine_tuned} change",
            intro="Straight lines between images, and what a model predicts along them "
            '(<a href="https://arxiv.org/abs/2110.02424">arXiv 2110.02424</a>).',
            label="alpha",
            low=self.ev.pool.zero_shot,
            high=self.fine_tuned,
        )
        return write_frames_page(path, texts, drawn, frames, 0)

    # What the user does.

    def _start(self) -> None:
        self.alert.value = ""
        self.slider.high_label = self.fine_tuned
        self.centroids = {}
        self._say(f"loading {self.fine_tuned} to follow it along the paths", 0, 1)
        self._work.in_background(self._fill(self.fine_tuned, self.values))
        self._ask()

    def _ask(self) -> None:
        chosen = self.fine_tuned, self.alpha, str(self.other_choice.value), str(self.path_choice.value), self.values
        self._work.request(self._answer(*chosen, self._number))

    @property
    def _number(self) -> int:
        return round(float(self.path_slider.value)) - 1

    # What the worker does.

    def _answer(self, fine_tuned: str, alpha: float, other: str, kind: str, values: Values, number: int) -> Steps:
        paths = self._paths_of(kind)
        recipe = wise_ft(self.ev.pool, fine_tuned, alpha)
        # Few paths of both first: a comparison needs two lines.
        states = stream_path_spectrum(self.ev, recipe, paths, values)
        others = stream_path_spectrum(self.ev, self._others[other], paths, values)
        mine, theirs = next(states), next(others)
        yield "spectrum", partial(self._show, fine_tuned, alpha, other, mine, theirs)
        for mine in states:
            yield from self._in_time(mine, partial(self._show, fine_tuned, alpha, other, mine, theirs))
        # One path is worth looking at when all of them are there: their predictions are in the store.
        yield "predictions", partial(self.predictions.show, self._predictions(recipe, alpha, paths, number))
        yield "strip", partial(self._show_strip, self._strip(recipe, paths, number))
        for theirs in others:
            yield from self._in_time(theirs, partial(self._show, fine_tuned, alpha, other, mine, theirs))
        yield "spectrum", partial(self._show, fine_tuned, alpha, other, mine, theirs)

    def _in_time(self, state: PathSpectrum, show: Any) -> Steps:
        now = time.monotonic()
        if state.exact or now - self._drawn_at > _SECONDS_PER_PICTURE:
            self._drawn_at = now
            yield "spectrum", show
        else:
            # A step without a picture is one at which a newer wish may cut in.
            yield "nothing", _nothing

    def _fill(self, fine_tuned: str, values: Values) -> Steps:
        yield "images", partial(self.images.show, figures.image_spectra(self._image_spectra()))
        order = [self._grid[i] for i in coarse_to_fine(len(self._grid))]
        for done, alpha in enumerate(order):
            yield "line", partial(self._show_line_status, done)
            recipe = wise_ft(self.ev.pool, fine_tuned, alpha)
            found: dict[str, Estimate] = {}
            for kind in (_WITHIN, _BETWEEN):
                for state in stream_path_spectrum(self.ev, recipe, self._paths[kind], values):
                    found[kind] = state.centroid
                    yield "nothing", _nothing
            yield f"alpha {alpha}", partial(self._show_along, fine_tuned, values, alpha, found)
        yield "line", partial(self._show_line_status, len(order))

    def _sense(self, recipe: Recipe, name: str) -> Steps:
        states = stream_fourier_sensitivity(self.ev, recipe, images=_SENSITIVITY_IMAGES)
        for state in states:
            words = f"waves on {state.seen} of {state.images} images"
            yield "status", partial(self._say, words, state.seen, state.images)
            if state.exact or state.seen % 10 == 0:
                yield "sensitivity", partial(self._show_sensitivity, figures.fourier_sensitivity(state, name))

    def _paths_of(self, kind: str) -> ImagePaths:
        if kind not in self._paths:
            shift = self.ev.suite.splits[self._shifts[kind]]
            self._paths[kind] = paths_to(self.ev.suite.id_test, shift, self._pairs, self._samples)
        return self._paths[kind]

    def _measured(self, recipe: Recipe, paths: ImagePaths) -> PathSpectrum:
        return path_spectrum(self.ev, recipe, paths, self.values, progress=False)

    def _predictions(self, recipe: Recipe, alpha: float, paths: ImagePaths, number: int) -> Any:
        number = min(number, len(paths) - 1)
        ends = int(paths.labels[number, 0]), int(paths.labels[number, 1])
        shares = self._shares(recipe, paths, number)
        return figures.path_predictions(shares, self.ev.suite.classes, ends, self._name(alpha), paths.description)

    def _shares(self, recipe: Recipe, paths: ImagePaths, number: int) -> Any:
        logits = probe(self.ev, recipe, paths.split)[paths.starts[number] : paths.starts[number + 1]]
        return softmax(logits.astype(np.float64), axis=1)

    def _strip(self, recipe: Recipe, paths: ImagePaths, number: int) -> str:
        number = min(number, len(paths) - 1)
        classes = self.ev.suite.classes
        said = [classes[c] for c in self._shares(recipe, paths, number).argmax(axis=1)]
        first, second = (classes[int(c)] for c in paths.labels[number])
        return path_strip(paths.images(number), said, (first, second))

    def _image_spectra(self) -> list[ImageSpectrum]:
        splits = [self.ev.suite.id_test, *self.ev.suite.shifts]
        return [image_spectrum(split) for split in splits]

    # What is shown, on the kernel's loop.

    def _show(self, fine_tuned: str, alpha: float, other: str, mine: PathSpectrum, theirs: PathSpectrum) -> None:
        if fine_tuned != self.fine_tuned:
            return
        self.spectrum, self.other = mine, theirs
        # The space keeps the two apart where somebody compares a model with itself.
        shown = {self._name(alpha): mine, f"{other} ": theirs}
        seen, total = len(mine.density) + len(theirs.density), mine.total + theirs.total
        words = "exact" if seen == total else "coarse so far"
        self._say(f"{self._name(alpha)}: {words}, {seen} of {total} paths", seen, total)
        if self._drawn == (mine.unit,):
            self.figure.move(figures.path_spectra_patch(shown))
            return
        self._drawn = (mine.unit,)
        self.figure.show(figures.path_spectra(shown))

    def _show_strip(self, found: str) -> None:
        self.strip.value = found

    def _show_along(self, fine_tuned: str, values: Values, alpha: float, found: dict[str, Estimate]) -> None:
        if (fine_tuned, values) == (self.fine_tuned, self.values):
            self.centroids = dict(sorted({**self.centroids, alpha: found}.items()))
            self.along.show(figures.frequency_along_alpha(self.centroids, self._paths[_WITHIN].unit, fine_tuned))

    def _show_line_status(self, done: int) -> None:
        total = len(self._grid)
        words = "the line is complete" if done == total else f"measuring along alpha: {done} of {total}"
        self.line_status.value = progress(words, done, total)

    def _show_sensitivity(self, figure: Any) -> None:
        self.sensitivity.layout.display = None
        self.sensitivity.show(figure)

    def _say(self, words: str, done: int, total: int) -> None:
        self.status.value = progress(words, done, total)

    def _name(self, alpha: float) -> str:
        return f"alpha {alpha:.3g} of {self.fine_tuned}"

    def _noise_widgets(self) -> list[ipywidgets.Widget]:
        if self._noise is None:
            return []
        study = self._noise
        self.direction_choice = ipywidgets.Dropdown(description="Label noise", options=study.directions)
        self.fitting, self.followed = LiveFigure(), LiveFigure()

        def draw(_change: Any = None) -> None:
            self.fitting.show(figures.noise_fitting(study, self.direction_choice.value))
            self.followed.show(figures.noise_followed(study, self.direction_choice.value))

        self.direction_choice.observe(draw, "value")
        draw()
        return [self.direction_choice, side_by_side([self.fitting, self.followed])]


def _nothing() -> None:
    """A step with nothing to show yet."""
