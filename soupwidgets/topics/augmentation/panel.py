"""The plane of affinity and diversity: choose an augmentation to see what it does to images, training and models."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from soupwidgets.evaluation import Evaluator, coarse_to_fine
from soupwidgets.methods import wise_ft
from soupwidgets.methods.sweep import alpha_grid
from soupwidgets.panel.controls import Button, Choice, Control, Slider
from soupwidgets.panel.given import check_kind, evaluator_for, fine_tuned_models
from soupwidgets.panel.panel import Panel, State
from soupwidgets.panel.python import script
from soupwidgets.panel.view import View
from soupwidgets.suites import AUGMENTATIONS, Augmentation, Suite
from soupwidgets.topics.augmentation import figures
from soupwidgets.topics.augmentation.affinity import Affinity, stream_affinity_along_alpha
from soupwidgets.topics.augmentation.examples import Examples, numbers, together
from soupwidgets.topics.augmentation.names import kind_and_strength
from soupwidgets.topics.augmentation.study import AugmentationStudy
from soupwidgets.topics.augmentation.variants import VariantStudy
from soupwidgets.topics.soup import figures as soup_figures
from soupwidgets.topics.soup.by_hyperparameter import SoupGroup, numeric_hyperparameters
from soupwidgets.topics.soup.by_hyperparameter import stream_by_hyperparameter as stream_soups_by_hyperparameter


class AugmentationExplorer(Panel):
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
    alphas
        At how many alphas affinity is measured.
    variants
        Results of `augmentation.run_variant_study`, of which the chosen augmentation's are shown.

    Raises
    ------
    TypeError
        When it was given no study, no suite, or something else as variants; it says what to write.
    ValueError
        When the study is empty, or the suite is not one of images with one label each.
    """

    augmentation: str
    strength: float
    fine_tuned: str
    measure: int
    hyperparameter: str | None

    def __init__(
        self,
        study: AugmentationStudy,
        suite: Suite | None = None,
        *,
        ev: Evaluator | None = None,
        own: Sequence[Augmentation] = (),
        alphas: int = 6,
        variants: VariantStudy | None = None,
    ) -> None:
        if not isinstance(study, AugmentationStudy) or not isinstance(suite, Suite):
            raise TypeError(
                "AugmentationExplorer explores a study and shows images of a suite: write "
                "AugmentationExplorer(read_augmentation_study(file), suite, ev=Evaluator(pool, suite))"
            )
        if not isinstance(variants, VariantStudy | None):
            raise TypeError("variants= is a study of variants: write variants=read_variant_study(file)")
        changes = "shows what augmentations do to images that have one label each"
        check_kind("AugmentationExplorer", suite, changes, tasks=("single-label",), examples=("images",))
        if ev is not None:
            evaluator_for("AugmentationExplorer", ev)
        if not study.results:
            raise ValueError("the study has no results: there is nothing to show")
        self.study, self.suite, self.ev = study, suite, ev
        self.variants = variants
        self._examples, self._tables = Examples(suite, own), [*together(study), numbers(study)]
        self._grid = alpha_grid(alphas)
        # By augmentation and model, and by hyper-parameter.
        self._along: dict[tuple[str, str], dict[float, Affinity]] = {}
        self._groups: dict[str, list[SoupGroup]] = {}
        best = max(study.results, key=lambda r: r.change.value).name
        controls = [
            Choice(name="augmentation", label="Augmentation", value=best, options=[r.name for r in study.results]),
            Slider(
                name="strength",
                label="strength",
                value=kind_and_strength(best)[1],
                low_label="nothing",
                high_label="full",
            ),
            *self._of_the_pool(),
        ]
        super().__init__(f"{suite.name}: affinity and diversity of augmentations", controls)

    @property
    def along(self) -> dict[float, Affinity]:
        """Alpha to the affinity of the chosen augmentation at its strength, as far as measured."""
        return self._found_along(self.state)

    @property
    def groups(self) -> list[SoupGroup]:
        """The two soups by the chosen hyper-parameter; empty before they are measured."""
        return self._groups.get(self.state.get("hyperparameter") or "", [])

    def answer(self, state: State) -> Iterator[View]:
        """Show an augmentation, and measure the soups by a hyper-parameter if one is chosen."""
        wanted = state.get("hyperparameter")
        if wanted is None or wanted in self._groups:
            yield self._view(state, self._groups.get(wanted or "", []))
            return
        groups: list[SoupGroup] = []
        yield self._view(state, groups, f"soups by {wanted}: 0 of 2", 0, 2)
        for group in stream_soups_by_hyperparameter(self._evaluator, wanted):
            groups.append(group)
            yield self._view(state, groups, f"soups by {wanted}: {len(groups)} of 2", len(groups), 2)
        self._groups[wanted] = groups

    def act(self, name: str, state: State) -> Iterator[View | State]:
        """Measure the affinity of the augmentation at its strength for zero-shot, fine-tuned, and between."""
        ev, one = self._evaluator, self._named(state)
        if one is None:
            raise ValueError(f"{state['augmentation']!r} is known by its results alone: name it with own=")
        fine_tuned_models("AugmentationExplorer", ev.pool)
        found = self._along.setdefault((one.name, state["fine_tuned"]), {})
        order = [self._grid[i] for i in coarse_to_fine(len(self._grid)) if self._grid[i] not in found]
        recipes = {alpha: wise_ft(ev.pool, state["fine_tuned"], alpha) for alpha in order}
        groups = self._groups.get(state["hyperparameter"] or "", [])
        for alpha, affinity in stream_affinity_along_alpha(ev, recipes, one):
            found[alpha] = affinity
            yield self._view(state, groups, "measuring along alpha", len(found), len(self._grid))

    def led(self, name: str, value: Any) -> State:
        """Choose with an augmentation the strength that it has in the study."""
        return {"strength": kind_and_strength(str(value))[1]} if name == "augmentation" else {}

    def code(self, state: State) -> str:
        """Write how to measure the affinity of the augmentation."""
        kind, strength = state["augmentation"].partition(" ")[0], state["strength"]
        # One's own is a function that nobody can write down here.
        named = kind in AUGMENTATIONS and state["augmentation"] not in self._examples.own
        if self.ev is None or not named or "fine_tuned" not in state:
            return ""
        return script(
            self.ev,
            f"augmentation = sw.suites.augmentation({kind!r}, {strength:.6g})",
            f"recipes = {{alpha: sw.wise_ft(pool, {state['fine_tuned']!r}, alpha) for alpha in {list(self._grid)!r}}}",
            "for alpha, affinity in sw.augmentation.affinity_along_alpha(ev, recipes, augmentation).items():",
            "    print(alpha, affinity.ratio)",
        )

    def recorded(self, grids: dict[str, list[Any]]) -> dict[str, list[Any]]:
        """Record every augmentation as strong as it was in the study."""
        return {"augmentation": grids["augmentation"]} if "augmentation" in grids else {}

    @property
    def _evaluator(self) -> Evaluator:
        if self.ev is None:
            raise ValueError("without an evaluator there are no models to ask")
        return self.ev

    def _of_the_pool(self) -> list[Control]:
        if self.ev is None:
            return []
        pool = self.ev.pool
        names = [*pool.fine_tuned, *pool.bad_ingredients]
        why = "Affinity for zero-shot, fine-tuned, and between"
        known = [(None, "nothing chosen"), *((name, name) for name in numeric_hyperparameters(pool))]
        of_models: list[Control] = [
            Choice(name="fine_tuned", label="Fine-tuned", value=names[0], options=names),
            Button(name="measure", label="How does it look along alpha?", title=why),
        ] if names else []  # fmt: skip
        return [*of_models, Choice(name="hyperparameter", label="Soups by", options=known)]

    def _named(self, state: State) -> Augmentation | None:
        return self._examples.named(state["augmentation"], state["strength"])

    def _found_along(self, state: State) -> dict[float, Affinity]:
        one = self._named(state)
        found = self._along.get((one.name if one else "", state.get("fine_tuned", "")), {})
        return dict(sorted(found.items()))

    def _view(self, state: State, groups: Sequence[SoupGroup], doing: str = "", done: int = 1, total: int = 1) -> View:
        name = state["augmentation"]
        result = self.study[name]
        drawn = {"plane": figures.affinity_diversity(self.study, name), "curves": figures.curves(self.study, name)}
        words = [f"{name}: affinity {result.affinity.value:.3g}, diversity {result.diversity.value:.3g}, "
                 f"test accuracy {100 * result.change.value:+.1f} points"]  # fmt: skip
        others = {} if self.variants is None else self.variants.of(name)
        if self.variants is not None and others:
            drawn["variants"] = figures.variant_curves(self.variants, name)
        for variant, other in others.items():
            if other.to_dynamic is not None:
                words.append(f"{variant} {100 * other.to_dynamic.value:+.1f} points against dynamic")
        if along := self._found_along(state):
            drawn["along"] = figures.affinity_along_alpha(along, state["fine_tuned"])
            words.append(f"along alpha: {len(along)} of {len(self._grid)} alphas")
        if groups:
            drawn["soups"] = soup_figures.by_hyperparameter(groups)
        return View(
            figures=drawn,
            strips=self._examples.strips(name, self._named(state)),
            tables=self._tables,
            words="; ".join([*words, *([doing] if doing else [])]),
            done=done,
            total=total,
            clicks={"plane": "augmentation"},
        )
