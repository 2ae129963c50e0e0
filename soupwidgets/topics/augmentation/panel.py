"""The plane of affinity and diversity: click an augmentation to see what it does to images, training and models."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal

import ipywidgets
import numpy as np

from soupwidgets.evaluation import Evaluator, coarse_to_fine
from soupwidgets.figures.patch import as_patch
from soupwidgets.methods import wise_ft
from soupwidgets.methods.sweep import alpha_grid
from soupwidgets.panel.drag_slider import DragSlider
from soupwidgets.panel.explorer import Explorer, side_by_side
from soupwidgets.panel.frames_page import Frame, PageTexts, write_frames_page
from soupwidgets.panel.given import evaluator_for, fine_tuned_models
from soupwidgets.panel.html import progress
from soupwidgets.panel.live_figure import LiveFigure
from soupwidgets.panel.newest_wins import Steps
from soupwidgets.panel.picture_strips import before_after
from soupwidgets.suites import AUGMENTATIONS, Augmentation, SliceSplit, Suite, augmentation
from soupwidgets.text import safe_csv
from soupwidgets.topics.augmentation import figures
from soupwidgets.topics.augmentation.affinity import Affinity, augmented, stream_affinity_along_alpha
from soupwidgets.topics.augmentation.study import AugmentationStudy
from soupwidgets.topics.soup import figures as soup_figures
from soupwidgets.topics.soup.by_hyperparameter import SoupGroup, numeric_hyperparameters
from soupwidgets.topics.soup.by_hyperparameter import stream_by_hyperparameter as stream_soups_by_hyperparameter

_SHOWN = 12
_NOTHING = "nothing chosen"


class AugmentationExplorer(Explorer):
    """Augmentations by affinity and diversity, coloured by what they do to accuracy.

    Parameters
    ----------
    study
        The results: `augmentation.run_augmentation_study`, or `augmentation.read_augmentation_study` of a file.
    suite
        Has the images that are shown before and after.
    ev
        Evaluator of a pool: it shows how an augmentation looks to zero-shot, fine-tuned, and between, and what soups
        of ingredients with more or less of a hyper-parameter are like. Without it that is left out.
    own
        Augmentations of the study that have no name in `suites.AUGMENTATIONS`.

    Raises
    ------
    TypeError
        When it was given no study, or no suite; it says what to write.
    ValueError
        When the study is empty.

    Attributes
    ----------
    along
        alpha to the affinity of the chosen augmentation, as far as measured.
    groups
        The last two soups by a hyper-parameter.
    """

    def __init__(
        self,
        study: AugmentationStudy,
        suite: Suite | None = None,
        ev: Evaluator | None = None,
        own: Sequence[Augmentation] = (),
        alphas: int = 6,
    ) -> None:
        if not isinstance(study, AugmentationStudy) or not isinstance(suite, Suite):
            raise TypeError(
                "AugmentationExplorer explores a study and shows images of a suite: write "
                "AugmentationExplorer(read_augmentation_study(file), suite, Evaluator(pool, suite))"
            )
        if ev is not None:
            evaluator_for("AugmentationExplorer", ev)
        if not study.results:
            raise ValueError("the study has no results: there is nothing to show")
        super().__init__()
        self.study, self.suite, self.ev = study, suite, ev
        self._own = {one.name: one for one in own}
        self._grid = alpha_grid(alphas)
        self.along: dict[float, Affinity] = {}
        self.groups: list[SoupGroup] = []
        rng = np.random.default_rng(0)
        labels = suite.validation.labels
        # One image of each class, as far as there is room.
        firsts = [int(rng.choice(np.flatnonzero(labels == c))) for c in np.unique(labels)[:_SHOWN]]
        self._few = SliceSplit("examples", suite.validation, firsts)

        best = max(study.results, key=lambda r: r.change.value).name
        self.choice = ipywidgets.Dropdown(
            description="Augmentation",
            options=[r.name for r in study.results],
            value=best,
            style={"description_width": "initial"},
        )
        self.strength = DragSlider(value=1.0, step=0.05, label="strength", low_label="nothing", high_label="full")
        self.strength.layout.flex = "1 1 320px"
        controls = ipywidgets.HBox([self.choice, self.strength])
        controls.layout.flex_flow = "row wrap"
        self.plane, self.curves = LiveFigure(), LiveFigure()
        self.pictures, self.status = ipywidgets.HTML(), ipywidgets.HTML()
        exports = []
        for kind in ("svg", "png", "csv"):
            button = ipywidgets.Button(description=kind.upper(), tooltip=f"Download the plane as {kind.upper()}")
            button.layout.width = "64px"
            button.on_click(lambda _, kind=kind: self.export(kind))
            exports.append(button)
        self.children = [
            controls, self.status, self.alert, self.pictures, side_by_side([self.plane, self.curves]),
            ipywidgets.HBox(exports), *self._pool_widgets(),
        ]  # fmt: skip

        self.choice.observe(lambda _: self._start(), "value")
        self.strength.observe(lambda _: self._show_pictures(), "value")
        self.plane.observe(self._on_click, "clicked")
        self._start()

    def __repr__(self) -> str:
        # What a notebook shows in the widget's place where no kernel runs.
        return f"<AugmentationExplorer of {len(self.study.results)} augmentations: {self._how_to_use}>"

    @property
    def chosen(self) -> str:
        """The chosen augmentation; assign to choose."""
        return str(self.choice.value)

    @chosen.setter
    def chosen(self, name: str) -> None:
        self.choice.value = name

    def measure_along_alpha(self) -> None:
        """Measure the affinity of the chosen augmentation at its strength for zero-shot, fine-tuned, and between."""
        self.alert.value = ""
        if self.ev is None:
            self._show_error(ValueError("without an evaluator there are no models to ask"))
            return
        one = self._augmentation()
        if one is None:
            self._show_error(ValueError(f"{self.chosen!r} is known by its results alone: name it with own="))
            return
        try:
            fine_tuned_models("AugmentationExplorer", self.ev.pool)
        except ValueError as error:
            self._show_error(error)
            return
        self.along = {}
        self._work.request(self._measure(one, str(self.model_choice.value)))

    def export(self, kind: Literal["svg", "png", "csv"]) -> None:
        """Hand the reader the plane, or its numbers, as a file."""
        table = safe_csv(self.study.to_frame()) if kind == "csv" else ""
        self.plane.download(kind, "augmentations", table)

    def to_html(self, path: str | Path) -> Path:
        """Write one self-contained page with a slider over the augmentations: no kernel, no network.

        Parameters
        ----------
        path
            The file to write.

        Returns
        -------
        Path
            The same path.
        """
        names = [r.name for r in self.study.results]
        frames: list[Frame] = []
        drawn: list[Any] = []
        for name in names:
            made = [figures.affinity_diversity(self.study, name), self._curves(name)]
            drawn = drawn or made
            frames.append(Frame(name, [as_patch(f) for f in made], self._pictures(name, 1.0)))
        texts = PageTexts(
            title=f"{self.suite.name}: affinity and diversity of augmentations",
            intro="Move the slider from augmentation to augmentation "
            '(<a href="https://arxiv.org/abs/2002.08973">arXiv 2002.08973</a>).',
            label="augmentation",
            low=names[0],
            high=names[-1],
        )
        return write_frames_page(path, texts, drawn, frames, names.index(self.chosen))

    # What the user does.

    def _start(self) -> None:
        self.alert.value = ""
        self.strength.value = self._strength(self.chosen)
        self.plane.show(figures.affinity_diversity(self.study, self.chosen))
        self.curves.show(self._curves(self.chosen))
        self._show_pictures()

    def _on_click(self, change: Any) -> None:
        clicked = change["new"].get("customdata")
        if isinstance(clicked, list) and len(clicked) == 1 and clicked[0] in self.choice.options:
            self.chosen = clicked[0]

    def _on_hyperparameter(self, change: Any) -> None:
        if change["new"] != _NOTHING:
            self._work.request(self._divide(str(change["new"])))

    # What the worker does.

    def _measure(self, one: Augmentation, fine_tuned: str) -> Steps:
        assert self.ev is not None
        order = [self._grid[i] for i in coarse_to_fine(len(self._grid))]
        recipes = {alpha: wise_ft(self.ev.pool, fine_tuned, alpha) for alpha in order}
        found: dict[float, Affinity] = {}
        for alpha, one_affinity in stream_affinity_along_alpha(self.ev, recipes, one):
            found[alpha] = one_affinity
            yield "along", partial(self._show_along, dict(found), fine_tuned)

    def _divide(self, hyperparameter: str) -> Steps:
        assert self.ev is not None
        groups: list[SoupGroup] = []
        for group in stream_soups_by_hyperparameter(self.ev, hyperparameter):
            groups.append(group)
            yield "groups", partial(self._show_groups, list(groups))

    # What is shown, on the kernel's loop.

    def _show_pictures(self) -> None:
        self.pictures.value = self._pictures(self.chosen, float(self.strength.value))

    def _show_along(self, found: dict[float, Affinity], fine_tuned: str) -> None:
        self.along = dict(sorted(found.items()))
        self.along_figure.layout.display = None
        self.along_figure.show(figures.affinity_along_alpha(self.along, fine_tuned))
        words = f"affinity of {next(iter(found.values())).augmentation}: {len(found)} of {len(self._grid)} alphas"
        self.status.value = progress(words, len(found), len(self._grid))

    def _show_groups(self, groups: list[SoupGroup]) -> None:
        self.groups = groups
        self.status.value = progress(f"soups by {self.hyperparameter_choice.value}: {len(groups)} of 2", len(groups), 2)
        self.groups_figure.layout.display = None
        self.groups_figure.show(soup_figures.by_hyperparameter(groups))

    def _curves(self, name: str) -> Any:
        return figures.curves(self.study, name)

    def _pictures(self, name: str, strength: float) -> str:
        one = self._augmentation(name, strength)
        if one is None:
            return progress(f"{name} is known by its results alone: name it with own= to see images", 1, 1)
        shown = augmented(self._few, one).images.clip(0, 255).round().astype(np.uint8)
        return before_after(self._few.images, shown, [self.suite.classes[c] for c in self._few.labels], one.name)

    def _strength(self, name: str) -> float:
        # A name may be anybody's text: only what `suites.augmentation` could have called it has a strength.
        found = re.fullmatch(r"([a-z]+) ([01]?\.?\d+)", name)
        return float(found[2]) if found and found[1] in AUGMENTATIONS else 1.0

    def _augmentation(self, name: str | None = None, strength: float | None = None) -> Augmentation | None:
        called = self.chosen if name is None else name
        if called in self._own:
            return self._own[called]
        kind = called.partition(" ")[0]
        if kind not in AUGMENTATIONS and kind != "identity":
            return None
        return augmentation(kind, float(self.strength.value) if strength is None else strength)

    def _pool_widgets(self) -> list[ipywidgets.Widget]:
        if self.ev is None:
            return []
        names = [*self.ev.pool.fine_tuned, *self.ev.pool.bad_ingredients]
        self.model_choice = ipywidgets.Dropdown(description="Fine-tuned", options=names)
        self.along_button = ipywidgets.Button(
            description="How does it look along alpha?", tooltip="Affinity for zero-shot, fine-tuned, and between"
        )
        self.along_button.layout.width = "auto"
        self.along_button.on_click(lambda _: self.measure_along_alpha())
        known = numeric_hyperparameters(self.ev.pool)
        self.hyperparameter_choice = ipywidgets.Dropdown(description="Soups by", options=[_NOTHING, *known])
        self.hyperparameter_choice.observe(self._on_hyperparameter, "value")
        self.along_figure, self.groups_figure = LiveFigure(), LiveFigure()
        for figure in (self.along_figure, self.groups_figure):
            figure.layout.display = "none"
        row = ipywidgets.HBox([self.model_choice, self.along_button, self.hyperparameter_choice])
        row.layout.flex_flow = "row wrap"
        return [row, side_by_side([self.along_figure, self.groups_figure])]
