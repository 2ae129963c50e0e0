"""Predict before you drag: the prediction first, and what was measured beside it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from soupwidgets.panel.controls import Button, Control, Slider, Toggle
from soupwidgets.panel.panel import Panel, State
from soupwidgets.panel.view import Table, View
from soupwidgets.topics.prediction import figures
from soupwidgets.topics.prediction.comparison import Comparison, sentences, summary
from soupwidgets.topics.prediction.question import Measured, Question
from soupwidgets.translation import N_
from soupwidgets.translation import gettext as _

# Names of figures are data; they are shown where one of them is saved.
_FIGURES = (N_("predictions-0"), N_("predictions-1"))
_BEFORE = N_("Set each slider to what you expect, or type a number; then press “Show what was measured”.")


# What the panel itself has.
_OWN = ("questions", "revealed", "show", "again")


class Predict(Panel):
    """Predictions of a few quantities, then what was measured beside each with its 95% interval.

    Nothing is measured or shown before the learner asks for it. From then on the predictions stand as they are, until
    "Predict again".

    Parameters
    ----------
    title
        What is to be predicted, in a few words.
    questions
        The quantities; those of one unit stand in one figure.

    Raises
    ------
    ValueError
        When there is no question, two have the same name or the same words, or one a name that the panel has itself.

    Examples
    --------
    >>> from soupwidgets.topics.prediction.question import Question
    >>> panel = Predict("Half way", [Question("half", "Accuracy at alpha 0.5", lambda: (81.9, 81.1, 82.6))])
    >>> panel.ask(half=80).words.startswith("Set each slider to what you expect")
    True
    >>> panel.ask(half=82, revealed=True).words
    '1 of 1 predictions lie within the 95% interval of what was measured.'
    >>> panel.close()
    """

    # Free numbers cannot be recorded: the page moves its marks itself.
    _page_scripts = ("rounding", "recorded", "prediction")

    revealed: bool

    def __init__(self, title: str, questions: Sequence[Question]) -> None:
        self.questions = list(questions)
        if not self.questions:
            raise ValueError(_("there is nothing to predict: give at least one Question"))
        for what in ("name", "words"):
            given = [getattr(one, what) for one in self.questions]
            if twice := next((one for one in given if given.count(one) > 1), None):
                words = _("two questions have the {what} {value}: they could not be told apart")
                raise ValueError(words.format(what=what, value=repr(twice)))
        for one in self.questions:
            if not one.name.isidentifier() or one.name in _OWN or hasattr(Panel, one.name):
                words = _("a question cannot be called {name}: take another Python name")
                raise ValueError(words.format(name=repr(one.name)))
        self._measured: dict[str, Measured] = {}
        controls: list[Control] = [
            Slider(
                name=one.name, label=one.words, value=one.first, low=one.low, high=one.high, step=one.step,
                low_label=one.show(one.low), high_label=one.show(one.high), plays=False,
            )
            for one in self.questions
        ]  # fmt: skip
        controls += [
            Toggle(name="revealed", label=_("Measured values are shown"), hidden=True),
            Button(name="show", label=_("Show what was measured"), title=_("Draws the measured values beside yours.")),
            Button(name="again", label=_("Predict again"), title=_("Hides what was measured."), hidden=True),
        ]
        super().__init__(title, controls)

    @property
    def comparisons(self) -> list[Comparison]:
        """The predictions beside what was measured; empty before that was asked for."""
        return self._compared(self.state) if self.revealed else []

    def measure(self) -> dict[str, Measured]:
        """Measure what was not measured yet, and return all of it by the questions' names."""
        for one in self.questions:
            if one.name not in self._measured:
                self._measured[one.name] = Measured(*map(float, one.measure()))
        return dict(self._measured)

    def answer(self, state: State) -> Iterator[View | None]:
        """Draw the predictions, and beside them what was measured when that is asked for."""
        if not state["revealed"]:
            yield self._asking(state)
            return
        for done, one in enumerate(self.questions):
            if one.name not in self._measured:
                yield self._asking(state, _("measuring: {words}").format(words=one.words), done)
                self._measured[one.name] = Measured(*map(float, one.measure()))
        yield self._answered(state)

    def act(self, name: str, state: State) -> Iterator[View | State | None]:
        """Show what was measured, or hide it."""
        yield {"revealed": name == "show"}

    def recorded(self, grids: dict[str, list[Any]]) -> dict[str, list[Any]]:
        """Record what is drawn before and after; the predictions are free."""
        return {"revealed": [False, True]}

    def _asking(self, state: State, words: str | None = None, done: int | None = None) -> View:
        total = len(self.questions)
        return View(
            figures=self._figures(state, None),
            words=_(_BEFORE) if words is None else words,
            done=total if done is None else done,
            total=total,
            controls=self._shown(False),
            card=self._card(None),
        )

    def _answered(self, state: State) -> View:
        found = self._compared(state)
        rows = [
            [one.question.words, one.question.show(one.predicted), one.question.show(one.measured.value),
             one.say("limits"), one.say(f"cell {one.side}")]
            for one in found
        ]  # fmt: skip
        columns = ["", N_("predicted"), N_("measured"), N_("95% interval"), N_("how far off")]
        shown = [_(one) if one else "" for one in columns]
        return View(
            figures=self._figures(state, self._measured),
            tables=[Table(_("What you said, and what was measured"), shown, rows, saved_columns=columns)],
            words=summary(found),
            controls=self._shown(True),
            card=self._card(self._measured),
        )

    def _compared(self, state: State) -> list[Comparison]:
        measured = self.measure()
        return [Comparison(one, state[one.name], measured[one.name]) for one in self.questions]

    def _figures(self, state: State, measured: dict[str, Measured] | None) -> dict[str, Any]:
        by_unit = groupby(sorted(self.questions, key=lambda one: one.unit), key=lambda one: one.unit)
        groups = [list(some) for _, some in by_unit]
        return {
            f"predictions-{number}": figures.predictions.plain(some, state, measured)
            for number, some in enumerate(groups)
        }

    def _shown(self, revealed: bool) -> dict[str, dict[str, bool]]:
        """A prediction is not moved to what is known by then."""
        return {one.name: {"hidden": revealed} for one in self.questions} | {
            "show": {"hidden": revealed}, "again": {"hidden": not revealed},
        }  # fmt: skip

    def _card(self, measured: dict[str, Measured] | None) -> dict[str, Any]:
        """What the script of a page needs to say the same of other predictions."""
        asked = []
        for one in self.questions:
            told = {key: value for key, value in vars(one).items() if key != "measure"}
            known = None if measured is None else measured[one.name]._asdict()
            asked.append({**told, "unit_apart": one.unit_apart, "measured": known})
        return {"prediction": {"questions": asked, "sentences": sentences()}}
