"""Mix a soup: a coefficient for every ingredient, every method as a button, and why greedy took what it took."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import Any

from soupwidgets.evaluation import Evaluation, Evaluator
from soupwidgets.figures.units import unit_of
from soupwidgets.methods import GreedySoup
from soupwidgets.panel.choices import choice_of_shift
from soupwidgets.panel.controls import Button, Choice, Coefficients, Selection, Slider, Text
from soupwidgets.panel.given import evaluator_for
from soupwidgets.panel.measured import spaced
from soupwidgets.panel.panel import Filled, Panel, State
from soupwidgets.panel.python import script
from soupwidgets.panel.view import View
from soupwidgets.recipe import Recipe
from soupwidgets.topics.soup.making import Making, lacking
from soupwidgets.topics.soup.pot import Pot, step_of
from soupwidgets.topics.soup.rows import columns_of, row_of
from soupwidgets.topics.soup.shown import empty_view, soup_view, view_on_the_way

_FILES = "Written to a file"


class SoupMixer(Panel):
    """A table of ingredients whose coefficients move a soup, with its scores following the slider.

    What is in the pot is what was set by hand last: ``coefficients``, or where these are empty what ``method`` makes
    of the ingredients ``of`` (of a greedy soup as far as ``step``), or else ``given``, the JSON of a recipe.

    A method that no recipe expresses (TIES, DARE, Fisher) writes a file beside ``file``, under a new name, and that
    model becomes one more ingredient to mix with.

    Parameters
    ----------
    ev
        Evaluator of the pool. Measurements go to its store.
    ingredients
        Names of the rows; all checkpoints of the pool when None. At first the
        pool's fine-tuned ones among them are in, in equal parts.

    Raises
    ------
    PoolError
        When a name is not in the pool.
    ValueError
        When there is no ingredient.
    """

    coefficients: dict[str, float]
    chosen: list[str]
    method: str | None
    of: list[str]
    step: float
    shift: str | None
    given: str
    file: str

    def __init__(self, ev: Evaluator, ingredients: Sequence[str] | None = None) -> None:
        evaluator_for("SoupMixer", ev)
        names = ev.pool.names if ingredients is None else list(ingredients)
        ev.pool.require(names)
        if not names:
            raise ValueError("a soup needs at least one ingredient")
        self._pot = pot = Pot(ev, names)
        unit = unit_of(ev.suite.id_test.scoring.metric)
        controls = [
            *(Button(name=name, label=one.label, title=one.why, group=one.group, lacks=lacking(name, ev))
              for name, one in pot.methods.items()),
            *(Button(name=name, label=one.label, title=f"{one.summary} ({one.paper})", group=_FILES,
                     lacks=lacking(name, ev), writes=True)
              for name, one in pot.files.items()),
            choice_of_shift(ev.suite),
            Selection(name="chosen", label="Chosen ingredients", options=names),
            Slider(
                name="step", label="greedy step", value=len(names), low=1, high=len(names), step=1,
                low_label="best single model", hidden=True,
            ),
            Text(name="file", label="File", value="soup.safetensors", writes=True),
            Button(name="save", label="Save soup", title="Write the weights, with their recipe", writes=True),
            Coefficients(
                name="coefficients", label="Coefficients", columns=columns_of(ev.pool, names, unit),
                rows=[row_of(ev.pool, name, None, unit) for name in names], filter="chosen",
            ),
            Choice(name="method", value="uniform", options=[None, *pot.methods], hidden=True),
            Selection(name="of", value=pot.tuned, options=names, hidden=True),
            Text(name="given", hidden=True),
        ]  # fmt: skip
        super().__init__(f"{ev.suite.name}: a soup of {len(names)} ingredients", controls)

    @property
    def ev(self) -> Evaluator:
        """What measures: once a method has written a file, that of the pool with it."""
        return self._pot.ev

    @property
    def recipe(self) -> Recipe:
        """The soup; assign to change it."""
        return self._pot.contents(self.state)[0]

    @recipe.setter
    def recipe(self, recipe: Recipe) -> None:
        unknown = [name for name in recipe if name not in self._pot.names]
        if unknown:
            raise ValueError(f"the mixer has no row for {', '.join(map(repr, unknown))}")
        by_hand = {} if recipe.by_tensor else {name: recipe.get(name, 0.0) for name in self._pot.names}
        self.state = {"coefficients": by_hand, "method": None, "given": recipe.to_json() if recipe.by_tensor else ""}

    @property
    def trace(self) -> GreedySoup | None:
        """The verdicts behind a greedy soup; None for any other."""
        return self._pot.contents(self.state)[1]

    @property
    def evaluation(self) -> Evaluation | None:
        """What is known of the soup, coarse or exact."""
        known = self._pot.known(self.recipe)
        return known.evaluation if known else None

    @property
    def ensemble(self) -> Evaluation | None:
        """The ensemble of the soup's members, once it is known; logits have no layers to mix by."""
        known = self._pot.known(self.recipe)
        return known.ensemble if known else None

    def answer(self, state: State) -> Iterator[View | None]:
        """Measure the soup, coarse first; then the ensemble of its members, and what is odd about it."""
        pot = self._pot
        if state["method"] and not state["coefficients"]:
            yield from self._making(pot.make(state["method"], state["of"]), state)
        recipe, _ = pot.contents(state)
        if not recipe:
            pot.forget()
            yield empty_view(pot, state)
            return
        for known in spaced(pot.measure(recipe), lambda one: one is None or one.evaluation.exact):
            yield soup_view(pot, state, known) if known else None

    def fill(self, state: State) -> Iterator[Filled | None]:
        """Measure every ingredient alone."""
        names, total = self._pot.names, len(self._pot.names)
        # First a coarse answer for all, so that there is a frontier soon, however many there are.
        for done, name in enumerate(names, 1):
            yield from self._pot.look_at(name)
            yield Filled(f"a first look at {done} of {total} ingredients", 0, total, fresh=True)
        for done, name in enumerate(names):
            yield Filled(f"measuring {done} of {total} ingredients alone", done, total)
            yield from self._pot.measure_alone(name)
            yield Filled(f"measuring {done + 1} of {total} ingredients alone", done + 1, total, fresh=True)
        yield Filled("every ingredient is measured", total, total)
        self.ev.warm_up(Recipe({names[0]: 1}))

    def act(self, name: str, state: State) -> Iterator[View | State | None]:
        """Make a soup of the chosen ingredients (else of the fine-tuned models), or save the one that is there."""
        pot = self._pot
        if name == "save":
            yield from self._save(state)
            return
        if why := lacking(name, self.ev):
            raise ValueError(f"{name} cannot be used here: {why}")
        of = [one for one in pot.names if one in state["chosen"]] or pot.tuned
        if name in pot.files:
            made = yield from self._making(pot.write(name, of, Path(state["file"]).parent), state)
            yield {"coefficients": dict.fromkeys(pot.names, 0.0) | dict(made.recipe or {})}
            return
        made = yield from self._making(pot.make(name, of), state)
        after: State = {"method": name, "of": of, "coefficients": {}, "given": ""}
        if made.trace:
            after["step"] = len(made.trace.steps)
            # How far the slider goes is told before it is set.
            yield view_on_the_way(pot, state, made, ready=True)
        yield after

    def code(self, state: State) -> str:
        """Write how to make and measure the same soup."""
        if state["method"] and not state["coefficients"]:
            recipe = self._pot.methods[state["method"]].code(self.ev, state["of"])
            if trace := self._pot.contents(state)[1]:
                recipe += f".after({step_of(state, trace)})"
        else:
            recipe = f"sw.{self._pot.contents(state)[0]}"
        return script(self.ev, f"recipe = {recipe}", "print(ev.evaluate(recipe).to_frame())")

    def recorded(self, grids: dict[str, list[Any]]) -> dict[str, list[Any]]:
        """Record every step of the greedy soup, for each shift."""
        kept = {name: grid for name, grid in grids.items() if name in ("step", "shift")}
        trace = self._pot.contents(self._greedy())[1]
        return kept | ({"step": list(range(1, len(trace.steps) + 1))} if trace and "step" in kept else {})

    def to_html(self, path: str | Path, **fixed: Any) -> Path:
        """Write one self-contained page that replays the greedy soup: no kernel, no network.

        A greedy soup of the chosen ingredients (else of the fine-tuned models) is made first, if there is none.

        Parameters
        ----------
        path
            The file to write.
        fixed
            Controls that keep this value in the page.

        Returns
        -------
        Path
            The same path.
        """
        # Every ingredient has its place in the page's figures.
        self.wait(background=True)
        kept = {name: value for name, value in self._greedy().items() if name in ("method", "of", "coefficients")}
        return super().to_html(path, **{**kept, **fixed})

    def _greedy(self) -> State:
        return self.state if self.trace else self.do("greedy")

    def _making(
        self, steps: Generator[Making | None, None, Making], state: State
    ) -> Generator[View | None, None, Making]:
        while True:
            try:
                step = next(steps)
            except StopIteration as end:
                made: Making = end.value
                return made
            yield view_on_the_way(self._pot, state, step) if step else None

    def _save(self, state: State) -> Iterator[View]:
        (recipe, _), path = self._pot.contents(state), Path(state["file"])
        if path.exists():
            raise FileExistsError(f"{path} is there already: choose another name")
        yield view_on_the_way(self._pot, state, Making(f"writing {path}", 0, 1, recipe))
        note = f"saved as {self.ev.save(recipe, path, progress=False)}"
        self._pot.saved = {**self._pot.saved, recipe: (*self._pot.saved.get(recipe, ()), note)}
