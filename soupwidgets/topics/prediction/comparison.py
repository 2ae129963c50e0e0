"""How far a prediction is from what was measured, in numbers and in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from soupwidgets.topics.prediction.question import Measured, Question
from soupwidgets.translation import N_
from soupwidgets.translation import gettext as _

Side = Literal["within", "above", "below"]

# All that is said, in one place: a page without Python fills the same sentences.
SENTENCES = {
    "within": N_(
        "{words}: you said {predicted}, and {measured} was measured ({low} to {high}). "
        "The measurement cannot tell the two apart."
    ),
    "above": N_("{words}: you said {predicted}, and {measured} was measured ({low} to {high}): {apart} lower."),
    "below": N_("{words}: you said {predicted}, and {measured} was measured ({low} to {high}): {apart} higher."),
    "cell within": N_("within the interval"),
    "cell above": N_("measured {apart} lower"),
    "cell below": N_("measured {apart} higher"),
    "limits": N_("{low} to {high}"),
    "unmeasured": N_("{words}: you say {predicted}"),
    "summary": N_("{within} of {count} predictions lie within the 95% interval of what was measured."),
    "surprise": N_("The largest surprise is “{words}”, {apart} away: what did you expect, and why?"),
}


def sentences() -> dict[str, str]:
    """All of them, in the current language."""
    return {name: _(sentence) for name, sentence in SENTENCES.items()}


@dataclass(frozen=True)
class Comparison:
    """A prediction beside what was measured, in the question's unit.

    Parameters
    ----------
    question
        What was asked.
    predicted
        What somebody said.
    measured
        What was found.
    """

    question: Question
    predicted: float
    measured: Measured

    @property
    def apart(self) -> float:
        """Predicted minus measured."""
        return self.predicted - self.measured.value

    @property
    def side(self) -> Side:
        """Whether the prediction lies within the 95% interval, above or below it.

        Examples
        --------
        >>> asked = Question("a", "A", measure=lambda: (0, 0, 0))
        >>> [Comparison(asked, one, Measured(50.0, 40.0, 55.0)).side for one in (40, 55.1, 39.9)]
        ['within', 'above', 'below']
        """
        low, high = self.measured.low, self.measured.high
        return "above" if self.predicted > high else "below" if self.predicted < low else "within"

    def say(self, sentence: str) -> str:
        """One of the sentences about it."""
        show = self.question.show
        return _(SENTENCES[sentence]).format(
            words=self.question.words, predicted=show(self.predicted), measured=show(self.measured.value),
            low=show(self.measured.low), high=show(self.measured.high), apart=self.question.show_apart(self.apart),
        )  # fmt: skip

    @property
    def words(self) -> str:
        """Both, and how far they are apart, in a sentence."""
        return self.say(self.side)


def compare(question: Question, predicted: float) -> Comparison:
    """Measure what a question asks for, and put it beside a prediction.

    Parameters
    ----------
    question
        What is asked.
    predicted
        What somebody says, in the question's unit.

    Examples
    --------
    >>> asked = Question("alpha", "Accuracy at alpha 0.5", measure=lambda: (81.9, 81.1, 82.6))
    >>> compare(asked, 72).words
    'Accuracy at alpha 0.5: you said 72.0%, and 81.9% was measured (81.1% to 82.6%): 9.9 points higher.'
    """
    return Comparison(question, predicted, Measured(*question.measure()))


def summary(found: list[Comparison]) -> str:
    """How many predictions lie within their intervals, and which one is furthest away where that can be said."""
    within = sum(one.side == "within" for one in found)
    said = sentences()["summary"].format(within=within, count=len(found))
    # Differences in different units have no order.
    if within == len(found) or len({one.question.unit for one in found}) > 1:
        return said
    furthest = max((one for one in found if one.side != "within"), key=lambda one: abs(one.apart))
    return f"{said} {furthest.say('surprise')}"
