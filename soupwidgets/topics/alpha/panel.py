"""Drag alpha: a slider between a zero-shot model and its fine-tuned version."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from scipy.special import softmax

from soupwidgets.evaluation import Evaluation, Evaluator, coarse_to_fine
from soupwidgets.figures.units import unit_of
from soupwidgets.methods import Sweep, wise_ft
from soupwidgets.methods.sweep import alpha_grid
from soupwidgets.panel.choices import choice_of_fine_tuned, choice_of_shift
from soupwidgets.panel.controls import Choice, Number, Slider
from soupwidgets.panel.examples import examples_word, picture_of
from soupwidgets.panel.given import evaluator_for
from soupwidgets.panel.measured import how_far, spaced
from soupwidgets.panel.panel import Filled, Panel, State
from soupwidgets.panel.python import script
from soupwidgets.panel.view import Strip, View
from soupwidgets.suites import Split
from soupwidgets.topics.alpha import figures
from soupwidgets.topics.alpha.between import between, confusion
from soupwidgets.topics.alpha.cases import cases_table, gained_strip
from soupwidgets.topics.alpha.flip_strips import flips_near
from soupwidgets.topics.alpha.groups import group_changes, group_curves, groups_of
from soupwidgets.topics.alpha.kinds import Judged, Kinds, mistake_kinds
from soupwidgets.topics.alpha.who_pays import LOOKS, changes_table, grouped_split, kinds_table, looks_of
from soupwidgets.translation import N_
from soupwidgets.translation import gettext as _

# Names of figures are part of a view's data; they are shown where one of them is saved.
_FIGURES = (N_("frontier"), N_("curves"), N_("splits"), N_("classes"), N_("confusion"), N_("image"),
            N_("kinds"), N_("severities"))  # fmt: skip
_LARGE = {
    "images": N_("Image {row} of '{split}': click to close"),
    "texts": N_("Text {row} of '{split}': click to close"),
    "examples": N_("Example {row} of '{split}': click to close"),
}


def _judged_mistakes(ev: Evaluator, judged: Mapping[str, Iterable[Judged]]) -> dict[str, list[Judged]]:
    """Mistakes by split, each of which has one at least: what is wrong is said where they are given."""
    found = {name: list(mistakes) for name, mistakes in judged.items()}
    for name, mistakes in found.items():
        if name not in ev.suite.splits:
            raise ValueError(f"mistakes were judged on {name!r}, and the suite has {', '.join(ev.suite.splits)}")
        mistake_kinds({}, ev.suite, mistakes, ev.suite.splits[name])
    return found


class AlphaExplorer(Panel):
    """A slider that moves theta_alpha, with the metric on every split following it.

    While the slider moves, a coarse answer (a few images of each split) comes at once and is refined; where it
    rests, the answer becomes exact. Meanwhile a sweep fills the curve; alphas it has been at are instant.
    Classes, and examples whose prediction changes, are shown where an example has one label.

    Parameters
    ----------
    ev
        Evaluator of a pool with one zero-shot model. Measurements go to its store.
    fine_tuned
        Which fine-tuned model to show first; the pool's first when None.
    alphas
        How many evenly spaced alphas the sweep visits: the positions of the slider.
    alpha
        Where the slider is at first. 0.5 is what WiSE-FT advises without any knowledge of the shift
        (arXiv 2109.01903, section 4).
    judged
        Mistakes that people judged, by the name of the split, as in `soupwidgets.alpha.mistake_kinds`; with some, kinds
        of mistakes can be followed.

    Raises
    ------
    PoolError
        When the pool has no such model, or not exactly one zero-shot model.
    ValueError
        When mistakes were judged on a split that the suite does not have, or none of them is on its images.
    """

    alpha: float
    fine_tuned: str
    shift: str | None

    def __init__(
        self,
        ev: Evaluator,
        fine_tuned: str | None = None,
        *,
        alphas: int = 21,
        alpha: float = 0.5,
        judged: Mapping[str, Iterable[Judged]] | None = None,
    ) -> None:
        self.ev = evaluator_for("AlphaExplorer", ev)
        models = choice_of_fine_tuned("AlphaExplorer", ev.pool, fine_tuned)
        # Predicted classes of single examples are there in this task alone.
        self._one_label = ev.suite.task == "single-label"
        self._judged = _judged_mistakes(ev, judged or {})
        words = unit_of(ev.suite.id_test.scoring.metric).words
        looks = [
            ("splits", _("{metric} on every split").format(metric=words)),
            *(looks_of(ev.suite) * self._one_label),
            *([("mistakes", _("what is taken for what"))] * self._one_label),
            *([("kinds", _("kinds of mistakes"))] * bool(self._judged)),
        ]
        self._grid = alpha_grid(alphas)
        self._measured: dict[str, dict[float, Evaluation]] = {name: {} for name in models.options}
        self._pictures: list[Strip] = []
        # Of the curves that were drawn last: their limits are drawn at random, and do not change while a slider moves.
        self._curves: tuple[Any, dict[str, Any]] = (None, {})
        self._ends: dict[str, dict[float, Evaluation]] = {name: {} for name in models.options}
        controls = [
            models,
            choice_of_shift(ev.suite),
            Choice(name="look", label=_("Show"), value="splits", options=looks, hidden=len(looks) == 1),
            Slider(
                name="alpha", label="alpha", value=alpha, step=1 / (alphas - 1),
                low_label=ev.pool.zero_shot, high_label=models.value,
            ),
            Number(name="image", label=_("image"), value=-1, hidden=True),
        ]  # fmt: skip
        title = _("{suite}: from {model} to a fine-tuned model")
        super().__init__(title.format(suite=ev.suite.name, model=ev.pool.zero_shot), controls)

    @property
    def sweep(self) -> Sweep:
        """The exact evaluations there are for the fine-tuned model in use."""
        return self._sweep(self.fine_tuned, self._measured[self.fine_tuned])

    @property
    def evaluation(self) -> Evaluation | None:
        """The exact evaluation at the slider's alpha; None while there is only a coarse one."""
        return self._measured[self.fine_tuned].get(self.alpha)

    def answer(self, state: State) -> Iterator[View | None]:
        """Measure theta_alpha, coarse first."""
        name, alpha = state["fine_tuned"], state["alpha"]
        # Without its ends there is no line to draw; a first sample of them will do until the sweep was there.
        for end in (0.0, 1.0):
            if end not in self._ends[name]:
                self._ends[name][end] = next(self._stream(name, end))
        for evaluation in spaced(self._stream(name, alpha), lambda one: one.exact):
            # Pictures take longer than figures; those that are there stay until the new ones are found.
            view = self._view(state, evaluation) if evaluation else None
            yield view
        assert view is not None
        yield replace(view, strips=self._strips(state))

    def fill(self, state: State) -> Iterator[Filled | None]:
        """Sweep alpha from coarse to fine."""
        name, total = state["fine_tuned"], len(self._grid)
        alphas = [self._grid[place] for place in coarse_to_fine(total)]
        due = [wise_ft(self.ev.pool, name, alpha) for alpha in alphas if alpha not in self._measured[name]]
        filling = _("filling the curve: {done} of {total} alphas")
        with self.ev.ahead(due):
            for done, alpha in enumerate(alphas):
                yield Filled(filling.format(done=done, total=total), done, total)
                if alpha not in self._measured[name]:
                    for __ in self._stream(name, alpha):
                        yield None
                    yield Filled(filling.format(done=done + 1, total=total), done + 1, total, fresh=True)
        yield Filled(_("the curve is complete"), total, total)
        # When all of that was in the store, nothing was loaded yet: the first new alpha should not wait for it.
        self.ev.warm_up(wise_ft(self.ev.pool, name, state["alpha"]))

    def fill_key(self, state: State) -> Any:
        """Each fine-tuned model has its own sweep."""
        return state["fine_tuned"]

    def code(self, state: State) -> str:
        """Write how to measure the same mixture."""
        recipe = f"sw.wise_ft(pool, {state['fine_tuned']!r}, {state['alpha']:.6g})"
        return script(self.ev, f"evaluation = ev.evaluate({recipe})", "print(evaluation.to_frame())")

    def recorded(self, grids: dict[str, list[Any]]) -> dict[str, list[Any]]:
        """Record one fine-tuned model, at every alpha."""
        kept = {name: grid for name, grid in grids.items() if name != "fine_tuned"}
        # What is taken for what is another table at every alpha, and as many pictures.
        looks = {"look": [look for look in kept["look"] if look != "mistakes"]} if "look" in kept else {}
        return kept | looks | {"alpha": list(self._grid)}

    def _stream(self, name: str, alpha: float) -> Iterator[Evaluation]:
        if alpha in self._measured[name]:
            yield self._measured[name][alpha]
            return
        for evaluation in self.ev.stream(wise_ft(self.ev.pool, name, alpha)):
            if evaluation.exact:
                self._measured[name][alpha] = evaluation
            yield evaluation

    def _sweep(self, name: str, evaluations: Mapping[float, Evaluation]) -> Sweep:
        ordered = {alpha: evaluations[alpha] for alpha in sorted(evaluations)}
        return Sweep(name, ordered, self.ev.suite.validation.name, self.ev.suite.id_test.name)

    def _view(self, state: State, evaluation: Evaluation) -> View:
        name, alpha, shift = state["fine_tuned"], state["alpha"], state["shift"]
        measured = dict(self._measured[name])
        sweep = self._sweep(name, {**self._ends[name], **measured})
        split = self.ev.suite.splits[shift] if shift else self.ev.suite.id_test
        drawn = {}
        if shift or self.ev.suite.shifts:
            drawn["frontier"] = figures.frontier.plain(sweep, alpha, evaluation, shift)
        drawn["curves"] = figures.curves.plain(sweep, alpha, evaluation, shift)
        tables, notes = [], []
        by = LOOKS.get(state["look"])
        if by is not None and measured:
            where = grouped_split(self.ev.suite, shift, by)
            try:
                groups = groups_of(self.ev.suite, where, by)
            except ValueError:
                notes.append(_("There is nothing of that kind on '{split}' to compare.").format(split=where.name))
            else:
                curves = self._followed(state["look"], name, measured, where)
                drawn["classes"] = figures.classes.plain(curves, alpha, together=True, by=by)
                if evaluation.exact and 0.0 in measured:
                    changes = group_changes(measured[0.0], evaluation, self.ev.suite, where, groups=groups)
                    tables.append(changes_table(changes, self.ev.suite, where, alpha, by))
        elif state["look"] == "kinds" and measured:
            if split.name in self._judged:
                drawn |= self._kinds(name, measured, split, alpha)
                curves = self._followed("category", name, measured, split)
                tables += [kinds_table(curves, split, alpha)] if alpha in measured else []
            else:
                notes.append(_("No mistake on '{split}' was judged.").format(split=split.name))
        elif state["look"] == "mistakes" and evaluation.exact:
            names = self.ev.suite.class_names(split.name)
            table = confusion(evaluation, split, len(names))
            drawn["confusion"] = figures.confusion.plain(table, names, split.name, alpha)
            if 0.0 in measured and 1.0 in measured:
                cases = between(measured[0.0], measured[1.0], evaluation, split)
                tables.append(cases_table(cases, self.ev.suite, split, alpha))
        else:
            drawn["splits"] = figures.splits.plain(sweep, alpha, evaluation)
        image = int(state["image"])
        if self._one_label and 0 <= image < len(split) and len(measured) > 1:
            drawn["image"] = self._path(measured, image, split, alpha)
        far, seen, total = how_far(evaluation, examples_word(self.ev.suite))
        return View(
            figures=drawn,
            tables=tables,
            strips=self._pictures,
            words=f"alpha {alpha:.4g}: {far}",
            notes=notes,
            done=seen,
            total=total,
            clicks=dict.fromkeys(drawn, "alpha"),
            controls={"alpha": {"high_label": name}},
        )

    def _kinds(self, name: str, measured: Mapping[float, Evaluation], split: Split, alpha: float) -> dict[str, Any]:
        of: dict[str, Kinds] = {"kinds": "category", "severities": "severity"}
        return {
            figure: figures.kinds.plain(self._followed(by, name, measured, split), split.name, alpha, by=by)
            for figure, by in of.items()
        }

    def _followed(self, what: str, name: str, measured: Mapping[float, Evaluation], split: Split) -> Any:
        """Curves of classes, slices, groups or kinds, which are computed again where there is another alpha."""
        key = (name, split.name, tuple(measured))
        if self._curves[0] != key:
            self._curves = key, {}
        known = self._curves[1]
        if what not in known:
            suite = self.ev.suite
            if what in LOOKS:
                known[what] = group_curves(measured, suite, split, groups=groups_of(suite, split, LOOKS[what]))
            else:
                by: Kinds = "severity" if what == "severity" else "category"
                known[what] = mistake_kinds(measured, suite, self._judged[split.name], split, by=by)
        return known[what]

    def _strips(self, state: State) -> list[Strip]:
        if not self._one_label:
            return []
        shift, image = state["shift"], int(state["image"])
        split = self.ev.suite.splits[shift] if shift else self.ev.suite.id_test
        measured = dict(self._measured[state["fine_tuned"]])
        flips = flips_near(self.ev.suite, measured, state["alpha"], split)
        if state["look"] == "mistakes" and {0.0, state["alpha"], 1.0} <= measured.keys():
            found = between(measured[0.0], measured[1.0], measured[state["alpha"]], split)
            flips = gained_strip(found, self.ev.suite, split)
        large = [self._picture(image, split)] if 0 <= image < len(split) else []
        self._pictures = [*large, *([flips] if flips else [])]
        return self._pictures

    def _path(self, measured: Mapping[float, Evaluation], image: int, split: Split, alpha: float) -> Any:
        alphas = sorted(measured)
        shares = softmax([measured[a].split_logits(split.name)[image].astype(float) for a in alphas], axis=1)
        names = self.ev.suite.class_names(split.name)
        return figures.image_path.plain(alphas, shares, names, int(split.labels[image]), alpha)

    def _picture(self, image: int, split: Split) -> Strip:
        label = self.ev.suite.class_names(split.name)[int(split.labels[image])]
        picture = picture_of(split, image, label=label, key=-1)
        return Strip(
            _(_LARGE[examples_word(self.ev.suite)]).format(row=image, split=split.name),
            [picture],
            sets="image",
            large=True,
        )
