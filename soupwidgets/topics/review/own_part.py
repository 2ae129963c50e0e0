"""What only the reviewer decides: their name, whether exports name them, and whether their part stays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from soupwidgets.topics.review.content import Reviewer
from soupwidgets.topics.review.session import ReviewSession


class OwnPart:
    """A reviewer's own choices, pressed in the panel, and what came of the last one.

    Attributes
    ----------
    asked
        Whether everything is taken back when that is pressed once more.
    """

    def __init__(self, session: ReviewSession) -> None:
        self._session, self._said = session, ""
        self.asked = False

    @property
    def credit(self) -> bool:
        """Whether exports may name the reviewer."""
        return self._own.credit

    @property
    def _own(self) -> Reviewer:
        return self._session.view.reviewers.get(self._session.reviewer, Reviewer())

    def do(self, name: str, state: Mapping[str, Any]) -> dict[str, str]:
        """Take a name, agree to nothing any more, or take everything back; returns what becomes of the text field."""
        sure, self.asked = self.asked, False
        if name in ("call", "nameless"):
            called = "" if name == "nameless" else state["called"].strip() or self._own.name
            self._session.rename(called, credit=bool(state["credit"]))
            self._said = "Your name is changed wherever it stood." if called else "You have no name."
            # The panel's state, which bookmarks keep, must not hold a name that is changed later.
            return {"called": ""}
        if name == "disagree":
            done = self._session.take_back_consent()
            self._said = "You agree to nothing any more; your judgements stay." if done else "You had not agreed."
        elif sure:
            self._said = f"{self._session.withdraw()} Whatever you say from now on is a new reviewer's."
        else:
            self.asked = True
            self._said = (
                "This removes all that you said and wrote here: judgements, notes, slices, descriptions, your name. "
                "Press once more to do it."
            )
        return {}

    def notes(self) -> list[str]:
        """Who the reviewer is to the others, and what was done last."""
        known, who = self._session.view, self._session.reviewer
        credit = "exports name you" if self._own.credit and self._own.name else "exports do not name you"
        agreed = "you agreed to the group's text as it is now" if known.consented(who) else "you have not agreed to it"
        return [
            f"To the others you are {known.name_of(who)!r}; {credit}; {agreed}.",
            *([self._said] if self._said else []),
        ]
