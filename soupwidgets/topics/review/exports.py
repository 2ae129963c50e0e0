"""Exports of a review, with a summary before anything is written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from soupwidgets.suites import SliceSplit, Suite, write_slice
from soupwidgets.topics.review.community import community_slices
from soupwidgets.topics.review.crossing import small_cells
from soupwidgets.topics.review.files import export_labels, write_copy
from soupwidgets.topics.review.label_set import Rule
from soupwidgets.topics.review.major import major_slice
from soupwidgets.topics.review.records import ReviewError
from soupwidgets.topics.review.session import ReviewSession
from soupwidgets.topics.review.statement import statements

LABELS, MAJOR, SESSION = "labels after review", "the 'major' slice", "the whole session, for the group"
# What can be exported, with the name that its file has at first.
KINDS = {LABELS: "labels.json", MAJOR: "major.json", SESSION: "session.json"}


# What is in an export that is ready, in sentences; and what writes it to a file.
Prepared = tuple[tuple[str, ...], Callable[[Path], Path]]


class Exports:
    """What was looked at, and may be written as long as nothing that it depends on was changed."""

    def __init__(self, session: ReviewSession, suite: Suite, split: str) -> None:
        self._session, self._suite, self._split = session, suite, split
        self._prepared: tuple[Mapping[str, Any], Prepared] | None = None
        self._said = ""

    def do(self, name: str, state: Mapping[str, Any]) -> None:
        """Look what an export would hold, write it, or share everything of this reviewer's."""
        self._said = ""
        if name == "look":
            made = prepare(state["kind"], self._session, suite=self._suite, split=self._split, rule=state["rule"])
            self._prepared = _about(state), made
        elif name == "write":
            if self._prepared is None or not self.ready(state):
                raise ReviewError("look at what is in it first")
            self._said = f"written: {self._prepared[1][1](Path(state['file']))}"
            self._prepared = None
        else:
            mine = self._session.mine()
            self._session.share(mine)
            self._prepared = None
            self._said = f"{len(mine):,} judgements of yours may now leave the group."

    def ready(self, state: Mapping[str, Any]) -> bool:
        """Whether what was looked at is what would be written."""
        return self._prepared is not None and self._prepared[0] == _about(state)

    def notes(self, state: Mapping[str, Any]) -> list[str]:
        """What would be in the file, or what was done last."""
        if self._prepared is not None and self.ready(state):
            return [f"This would be in {state['file']}:", *self._prepared[1][0]]
        return [self._said] if self._said else []


def prepare(kind: str, session: ReviewSession, *, suite: Suite, split: str, rule: Rule) -> Prepared:
    """Look what an export would hold now: of one split, or of all in the file of the whole session."""
    view, state = session.refresh(), session.state
    if kind == LABELS:
        export = export_labels(view, suite.splits[split], rule=rule)
        return export.summary, export.write
    if kind == MAJOR:
        found = major_slice(view, suite.splits[split], rule=rule)
        return slice_summary(found), lambda path: write_slice(path, found)
    named = sum(bool(one.name) for one in view.reviewers.values())
    answered = sum(bool(one.answers) for one in view.reviewers.values())
    private = sum(not judgement.shared for judgement in view.judgements.values())
    told = [f"On {name!r}: {sentence}" for name, one in statements(view).items() for sentence in one["sentences"]]
    everything = (
        f"Everything: {len(view.judgements):,} judgements ({private:,} of them not shared), notes, descriptions, "
        f"slices, the agreement and who agreed, {named} names, and answers of {answered} reviewers to the group's "
        "fields.",
        "It is for merging with copies of people in the group: give it to nobody else.",
        *small_cells(community_slices(view, suite, reviewer=session.reviewer)),
        "What is taken back later disappears from a copy when that is merged, not before.",
        "It begins with this statement, on what is shared:",
        *told,
    )
    return everything, lambda path: write_copy(path, session.id, state)


def slice_summary(found: SliceSplit) -> tuple[str, ...]:
    """What the file of a slice would hold, in sentences to be read before it is written."""
    return (
        f"{len(found):,} images of {found.parent.name!r}, each with one label, and why they were chosen.",
        "Only of judgements that their reviewers share. No notes, no pixels. It says of itself:",
        found.why,
        *small_cells([found]),
        "Suite.open(folder, slices=[this file]) opens it as a split.",
    )


def _about(state: Mapping[str, Any]) -> dict[str, Any]:
    return {name: state[name] for name in ("kind", "file", "rule")}
