"""How fast predictions change between images: along alpha, between and within classes, and from image to shift."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy.special import softmax

from soupwidgets.evaluation import Evaluator, coarse_to_fine, probe
from soupwidgets.methods import uniform_soup, wise_ft
from soupwidgets.methods.sweep import alpha_grid
from soupwidgets.panel.choices import choice_of_fine_tuned
from soupwidgets.panel.controls import Button, Choice, Number, Slider
from soupwidgets.panel.given import check_kind, evaluator_for
from soupwidgets.panel.measured import Pace, saved_table
from soupwidgets.panel.panel import Filled, Panel, State
from soupwidgets.panel.python import script
from soupwidgets.panel.view import Strip, View
from soupwidgets.recipe import Recipe
from soupwidgets.stats.estimate import Estimate
from soupwidgets.topics.spectrum import figures
from soupwidgets.topics.spectrum.image_paths import ImagePaths
from soupwidgets.topics.spectrum.image_spectrum import (
    FourierSensitivity,
    ImageSpectrum,
    image_spectrum,
    stream_fourier_sensitivity,
)
from soupwidgets.topics.spectrum.label_noise import LabelNoiseStudy
from soupwidgets.topics.spectrum.path_kinds import BETWEEN, WITHIN, PathKinds
from soupwidgets.topics.spectrum.path_spectrum import PathSpectrum, stream_path_spectrum
from soupwidgets.topics.spectrum.sensitivity import Sensitivity, sensitivity
from soupwidgets.topics.spectrum.strip import path_strip
from soupwidgets.topics.spectrum.treatment import (
    DETREND_NAMES,
    OURS,
    RELEASE,
    STATISTIC_NAMES,
    WINDOW_NAMES,
    Detrend,
    Statistic,
    Treatment,
    Window,
)

_SOUP = "uniform soup"
_SECONDS_PER_PICTURE = 0.25
_SENSITIVITY_IMAGES = 100
_LOOKS = [
    ("paths", "predictions along paths"),
    ("treatments", "every way to measure"),
    ("images", "the images themselves"),
    ("noise", "label noise"),
]
_FOLLOW_WORDS = [
    "probabilities", "logits", ("distance", "distance from the start"),
    ("release", "distance, no window (the paper's release)"),
]  # fmt: skip
_HOW = (
    "On the straight line from one image to another a model changes its mind, slowly or fast; its spectrum says "
    "how fast (arXiv 2110.02424)."
)
_FLIPS = (
    "The same predictions, measured in every way: an answer that turns with the way is no answer. In brackets what the "
    "paths cannot tell (95% intervals); the ways are not independent of each other."
)


class SpectrumExplorer(Panel):
    """A slider that moves theta_alpha, with the spectrum of its predictions along paths between images.

    Parameters
    ----------
    ev
        Evaluator of a pool with one zero-shot model. Measurements go to its store.
    fine_tuned
        Which fine-tuned model to begin with; the pool's first when None.
    alphas
        How many evenly spaced alphas the line beside it is measured at.
    pairs, samples
        Paths of each kind, and points of each.
    noise
        Results of a study of label noise, to be shown as well.

    Raises
    ------
    PoolError, ValueError
        When the pool has no such model, or paths cannot be drawn: between texts, say.
    """

    alpha: float
    fine_tuned: str
    compare: str
    kind: str
    follow: str
    window: Window
    detrend: Detrend
    statistic: Statistic
    path: float

    def __init__(
        self,
        ev: Evaluator,
        fine_tuned: str | None = None,
        *,
        alphas: int = 6,
        pairs: int = 200,
        samples: int = 64,
        noise: LabelNoiseStudy | None = None,
    ) -> None:
        self.ev = evaluator_for("SpectrumExplorer", ev)
        paths = "draws paths between images that have one label each"
        check_kind("SpectrumExplorer", ev.suite, paths, tasks=("single-label",), examples=("images",))
        models = choice_of_fine_tuned("SpectrumExplorer", ev.pool, fine_tuned)
        self._grid, self._noise = alpha_grid(alphas), noise
        self._others = {n: Recipe({n: 1}) for n in (ev.pool.zero_shot, *models.options)}
        if len(ev.pool.fine_tuned) > 1:
            self._others[_SOUP] = uniform_soup(ev.pool)
        self._paths = PathKinds(ev.suite, pairs, samples)
        self._spectra: dict[tuple[Any, ...], PathSpectrum] = {}
        self._centroids: dict[tuple[Any, ...], dict[float, dict[str, Estimate]]] = {}
        self._treated: dict[tuple[Any, ...], Sensitivity] = {}
        self._sensed: dict[tuple[str, float], FourierSensitivity] = {}
        self._images: list[ImageSpectrum] = []
        controls = [
            models,
            Choice(name="compare", label="Compare", value=ev.pool.zero_shot, options=list(self._others)),
            Choice(name="kind", label="Paths", value=BETWEEN, options=list(self._paths)),
            Choice(name="follow", label="Follow", value="probabilities", options=_FOLLOW_WORDS),
            Choice(name="window", label="Window", value=OURS.window, options=list(WINDOW_NAMES.items())),
            Choice(name="detrend", label="Trend", value=OURS.detrend, options=list(DETREND_NAMES.items())),
            Choice(name="statistic", label="Number", value="centroid", options=list(STATISTIC_NAMES.items())),
            Choice(name="look", label="Show", value="paths", options=_LOOKS[: 4 if noise else 3]),
            Choice(name="direction", label="Noise along", value=noise.directions[0], options=noise.directions,
                   hidden=True) if noise else None,
            Slider(name="alpha", label="alpha", value=0.5, low_label=ev.pool.zero_shot, high_label=models.value),
            Slider(name="path", label="path", value=1, low=1, high=pairs, step=1, low_label="1", high_label=str(pairs)),
            Button(name="waves", label="Which waves disturb this model?",
                   title=f"Add every Fourier basis image to {_SENSITIVITY_IMAGES} images, and count errors"),
            # The alpha at which waves were asked for last.
            Number(name="sensed", value=-1, hidden=True),
        ]  # fmt: skip
        title = f"{ev.suite.name}: how fast predictions change between images"
        super().__init__(title, [control for control in controls if control is not None])

    # What a user has.

    @property
    def spectrum(self) -> PathSpectrum | None:
        """Of the model at the slider; None until every path was followed."""
        return self._spectra.get(_mine(self.state))

    @property
    def other(self) -> PathSpectrum | None:
        """Of the model that it is compared with; None until every path was followed."""
        return self._spectra.get(_theirs(self.state))

    @property
    def centroids(self) -> dict[float, dict[str, Estimate]]:
        """Mean frequency (or the chosen number) of each kind of path by alpha, as far as measured."""
        return self._along(self.state)

    @property
    def paths(self) -> ImagePaths:
        """The paths that are chosen."""
        return self._paths[self.kind]

    # What a panel says.

    def answer(self, state: State) -> Iterator[View | None]:
        """Follow both models along a few paths first, then along all."""
        if state["look"] == "images":
            self._images = self._images or [image_spectrum(s) for s in (self.ev.suite.id_test, *self.ev.suite.shifts)]
            yield self._images_view(state)
            return
        if state["look"] == "noise":
            yield self._noise_view(state)
            return
        # A comparison needs two lines.
        states, others = self._follow(state, _mine(state)), self._follow(state, _theirs(state))
        mine, theirs = next(states), next(others)
        yield self._paths_view(state, mine, theirs) if state["look"] == "paths" else None
        pace = Pace()
        for following, own in ((states, True), (others, False)):
            for found in following:
                mine, theirs = (found, theirs) if own else (mine, found)
                due = pace.due(_SECONDS_PER_PICTURE, now=found.exact)
                # A step without a picture is one at which a newer wish may cut in.
                looked = state["look"] == "paths"
                yield self._paths_view(state, mine, theirs) if due and looked else None
        if state["look"] == "treatments":
            yield self._treatments_view(state)

    def fill(self, state: State) -> Iterator[Filled | None]:
        """Measure the chosen number along alpha, within and between classes."""
        found = self._centroids.setdefault(self.fill_key(state), {})
        order = [self._grid[i] for i in coarse_to_fine(len(self._grid))]
        for done, alpha in enumerate(order):
            yield Filled(f"measuring along alpha: {done} of {len(order)}", done, len(order))
            here: dict[str, Estimate] = {}
            for kind in (WITHIN, BETWEEN):
                there = {**state, "alpha": alpha, "kind": kind}
                for spectrum in self._follow(there, _mine(there)):
                    here[kind] = spectrum.number(state["statistic"])
                    yield None
            found[alpha] = here
            yield Filled(f"measuring along alpha: {done + 1} of {len(order)}", done + 1, len(order), fresh=True)
        yield Filled("the line is complete", len(order), len(order))

    def fill_key(self, state: State) -> tuple[Any, ...]:
        """Each fine-tuned model has its own line, of what is followed, of how it is treated, and of which number."""
        return state["fine_tuned"], _treatment(state), state["statistic"]

    def ask(self, **state: Any) -> View:
        """Return the exact view of a state without a screen; its line along alpha is finished first."""
        asked = {**self.state, **self._checked(state)}
        for _ in self.fill(asked):
            pass
        return super().ask(**asked)

    def act(self, name: str, state: State) -> Iterator[View | State | None]:
        """Measure the error of the model at the slider with every Fourier basis image added."""
        key = state["fine_tuned"], state["alpha"]
        then = {"look": "images", "sensed": state["alpha"]}
        recipe = wise_ft(self.ev.pool, *key)
        for found in stream_fourier_sensitivity(self.ev, recipe, images=_SENSITIVITY_IMAGES):
            self._sensed[key] = found
            shown = found.seen % 10 == 0 and bool(self._images)
            yield self._images_view({**state, **then}) if shown else None
        yield then

    def code(self, state: State) -> str:
        """Write how to follow the same model along the same paths."""
        recipe = f"sw.wise_ft(pool, {state['fine_tuned']!r}, {state['alpha']:.6g})"
        paths = f"paths = {self._paths.code(state['kind'])}"
        if state["look"] == "treatments":
            other = self._others[state["compare"]]
            return script(
                self.ev,
                paths,
                f"recipes = {{'this one': {recipe}, {state['compare']!r}: sw.Recipe({dict(other)!r})}}",
                "found = sw.spectrum.sensitivity(ev, recipes, paths)",
                "print(found.words)",
                "print(found.to_frame())",
            )
        treatment = _treatment(state)
        how = {OURS: "OURS", RELEASE: "RELEASE"}.get(treatment, repr(treatment))
        return script(
            self.ev,
            paths,
            f"spectrum = sw.spectrum.path_spectrum(ev, {recipe}, paths, treatment=sw.spectrum.{how})",
            f"print(spectrum.{state['statistic']})",
            "print(spectrum.to_frame())",
        )

    def recorded(self, grids: dict[str, list[Any]]) -> dict[str, list[Any]]:
        """Record the alphas of the line."""
        return {"alpha": list(self._grid)} if "alpha" in grids else {}

    # How it is found out, and shown.

    def _follow(self, state: State, key: tuple[Any, ...]) -> Iterator[PathSpectrum]:
        """Follow the model of a key along the paths; what was followed along all of them is kept."""
        if key in self._spectra:
            yield self._spectra[key]
            return
        model, kind, treatment = key
        for spectrum in stream_path_spectrum(self.ev, self._recipe(model), self._paths[kind], treatment=treatment):
            if spectrum.exact:
                self._spectra[key] = spectrum
            yield spectrum

    def _recipe(self, model: str | tuple[str, float]) -> Recipe:
        return self._others[model] if isinstance(model, str) else wise_ft(self.ev.pool, *model)

    def _along(self, state: State) -> dict[float, dict[str, Estimate]]:
        found = self._centroids.get(self.fill_key(state), {})
        return {alpha: found[alpha] for alpha in sorted(found)}

    def _paths_view(self, state: State, mine: PathSpectrum, theirs: PathSpectrum) -> View:
        alpha, name, paths = state["alpha"], _name(state["fine_tuned"], state["alpha"]), self._paths[state["kind"]]
        # The space keeps the two apart where somebody compares a model with itself.
        drawn = {"spectrum": figures.path_spectra({name: mine, f"{state['compare']} ": theirs})}
        if along := self._along(state):
            drawn["along"] = figures.frequency_along_alpha(
                along, mine.unit, state["fine_tuned"], alpha, statistic=state["statistic"], treatment=mine.treatment
            )
        strips: list[Strip] = []
        if mine.exact:
            # One path is worth looking at when all of them are there: their predictions are in the store.
            number = min(round(state["path"]) - 1, len(paths) - 1)
            logits = probe(self.ev, wise_ft(self.ev.pool, state["fine_tuned"], alpha), paths.split)
            shares = softmax(logits[paths.starts[number] : paths.starts[number + 1]].astype(np.float64), axis=1)
            classes = self.ev.suite.classes
            first, second = (int(c) for c in paths.labels[number])
            drawn["predictions"] = figures.path_predictions(shares, classes, (first, second), name, paths.description)
            said = [classes[c] for c in shares.argmax(axis=1)]
            strips.append(path_strip(paths.images(number), said, (classes[first], classes[second])))
        done, total = len(mine.density) + len(theirs.density), mine.total + theirs.total
        words = "exact" if done == total else "coarse so far"
        return View(
            figures=drawn,
            strips=strips,
            tables=[saved_table(f"Spectrum of {name}: {mine.treatment}", mine.to_frame())] if done == total else [],
            words=f"{name}: {words}, {done} of {total} paths",
            done=done,
            total=total,
            notes=[_HOW],
            clicks={"along": "alpha"},
            controls=self._shown(state, path={"high": len(paths), "high_label": str(len(paths))}),
        )

    def _treatments_view(self, state: State) -> View:
        # What is followed and how makes no difference: all of it is asked.
        (model, kind, _), other = _mine(state), state["compare"]
        name = _name(*model)
        key = model, other, kind
        if key not in self._treated:
            # A checkpoint may have any name, that of the slider's model too.
            recipes = {name: self._recipe(model), other if other != name else f"{other} ": self._recipe(other)}
            self._treated[key] = sensitivity(self.ev, recipes, self._paths[kind])
        found = self._treated[key]
        return View(
            figures={"treatments": figures.treatments(found)},
            tables=[saved_table(f"{name} against {other}", found.to_frame())],
            words=found.words,
            done=1,
            total=1,
            notes=[_FLIPS],
            controls=self._shown(state),
        )

    def _images_view(self, state: State) -> View:
        drawn = {"images": figures.image_spectra(self._images)}
        found = self._sensed.get((state["fine_tuned"], state["sensed"]))
        words, done, total = "what the images are made of", 1, 1
        if found is not None:
            drawn["waves"] = figures.fourier_sensitivity(found, _name(state["fine_tuned"], state["sensed"]))
            words, done, total = f"waves on {found.seen} of {found.images} images", found.seen, found.images
        return View(figures=drawn, words=words, done=done, total=total, controls=self._shown(state))

    def _noise_view(self, state: State) -> View:
        assert self._noise is not None
        direction = state["direction"]
        drawn = {
            "minimum": figures.minimum_noise_fitting(self._noise),
            "fitting": figures.noise_fitting(self._noise, direction),
            "followed": figures.noise_followed(self._noise, direction),
        }
        return View(figures=drawn, words=f"a study of label noise: {direction}", controls=self._shown(state))

    def _shown(self, state: State, path: dict[str, Any] | None = None) -> dict[str, dict[str, Any]]:
        """Which controls have a meaning in what is shown."""
        look = state["look"]
        hidden = {name: {"hidden": look != "paths"} for name in ("follow", "statistic", "path")}
        hidden |= {name: {"hidden": look != "paths" or state["follow"] == "release"} for name in ("window", "detrend")}
        hidden |= {name: {"hidden": look not in ("paths", "treatments")} for name in ("compare", "kind")}
        hidden["path"] |= path or {}
        hidden |= {name: {"hidden": look == "noise"} for name in ("fine_tuned", "alpha", "waves")}
        hidden["alpha"]["high_label"] = state["fine_tuned"]
        return hidden | ({"direction": {"hidden": look != "noise"}} if self._noise else {})


def _mine(state: State) -> tuple[Any, ...]:
    return (state["fine_tuned"], state["alpha"]), state["kind"], _treatment(state)


def _theirs(state: State) -> tuple[Any, ...]:
    return state["compare"], state["kind"], _treatment(state)


def _treatment(state: State) -> Treatment:
    """What is followed and how: the paper's release is one way as a whole."""
    return RELEASE if state["follow"] == "release" else Treatment(state["follow"], state["window"], state["detrend"])


def _name(fine_tuned: str, alpha: float) -> str:
    return f"alpha {alpha:.3g} of {fine_tuned}"
