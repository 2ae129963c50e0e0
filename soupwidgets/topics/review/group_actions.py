"""What a reviewer does for and with the group: its words, its agreement, notes, and what is hidden."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from soupwidgets.topics.review.content import Image, text_hash
from soupwidgets.topics.review.merging import check_image
from soupwidgets.topics.review.records import Record, ReviewError, fixed_id
from soupwidgets.topics.review.session_copy import SessionCopy, TermKind
from soupwidgets.topics.review.storage import Erasure

_OWN = ("slice", "shortfall", "consent", "hidden", "description")


class GroupActions(SessionCopy):
    """Acts that concern the group. See `ReviewSession`."""

    def add_term(self, kind: TermKind, name: str) -> str:
        """Add a category, a severity, or a field about reviewers; returns its id."""
        self.refresh()
        self._check_new_name(kind, name)
        place = 1 + max((term.place for term in self._terms(kind).values()), default=-1)
        record = group_record(self.id, kind, {"name": name.strip(), "place": place})
        self._write([record])
        return record.id

    def rename_term(self, id: str, name: str) -> str:
        """Give a category, a severity or a field a new name; returns the id under which it is used from now on.

        The old name stays, with all that was said under it: a judgement says what its author said. They may take the
        new name over, `follow`. `View.history` has all names.
        """
        self.refresh()
        record = self.state.records.get(("", id))
        if record is None or record.kind not in ("category", "severity", "field"):
            raise ReviewError(f"the group has no term {id!r}")
        if id not in self.view.current(record.kind):
            raise ReviewError(f"{record.body['name']!r} has a newer name already: rename that")
        self._check_new_name(record.kind, name)  # type: ignore[arg-type]
        new = group_record(self.id, record.kind, {"name": name.strip(), "place": record.body["place"], "after": id})
        self._write([new])
        return new.id

    def follow(self, old: str, new: str) -> int:
        """Say in this reviewer's own judgements a renamed term by its new name; returns in how many."""
        term = self.view.categories.get(new) or self.view.severities.get(new)
        if term is None or old not in self.view.history(new)[:-1]:
            raise ReviewError(f"{new!r} is no later name of {old!r}")
        mine = {key: j for key, j in self.view.judgements.items() if key[0] == self.reviewer}
        changed = []
        for key, judgement in mine.items():
            said = {field: new for field in ("category", "severity") if getattr(judgement, field) == old}
            if said:
                body = replace(judgement, **said).to_body()  # type: ignore[arg-type]
                changed.append(self._changed(self.state.records[key], body))
        if changed:
            self._write(changed)
        return len(changed)

    def agree(self, text: str) -> None:
        """Change the group's agreement; everybody is asked again, and the text of before is kept.

        Raises
        ------
        ReviewError
            When somebody else changed it since this reviewer last read it; neither text is lost.
        """
        seen = self.view.agreement
        if self.refresh().agreement != seen:
            raise ReviewError("somebody changed the agreement meanwhile: read it, and change it again")
        versions = [record.version for record in self.state.records.values() if record.kind == "agreement"]
        new = group_record(self.id, "agreement", {"text": text})
        self._write([replace(new, version=1 + max(versions, default=0))])

    def consent(self) -> None:
        """Agree to the group's text as it is now; who changes their mind takes that back by `take_back_consent`."""
        if not self.view.consented(self.reviewer):
            self._write([self._new("consent", {"text": text_hash(self.view.agreement)})])

    @property
    def asks(self) -> str:
        """The group's text, if this reviewer has not agreed to it as it is now; empty where there is nothing to ask.

        Whoever is alone with the text that a session begins with is not asked.
        """
        alone = not any(record.author not in ("", self.reviewer) for record in self.state.records.values())
        if self.view.consented(self.reviewer) or (alone and len(self.view.agreements) < 2):
            return ""
        return self.view.agreement

    def take_back_consent(self) -> Erasure | None:
        """Agree to nothing any more; judgements stay, until they are taken back as well."""
        own = [r.id for r in self.state.records.values() if (r.kind, r.author) == ("consent", self.reviewer)]
        return self._take_back(own) if own else None

    def fell_short(self, text: str, *, shared: bool = False) -> str:
        """Write at the end what fell short; returns the note's id.

        Parameters
        ----------
        shared
            Whether it may leave the group, in the statement that exports carry.
        """
        record = self._new("shortfall", {"text": text, "shared": shared})
        self._write([record])
        return record.id

    def hide(self, author: str, id: str, why: str, *, for_group: bool = False) -> str:
        """Hide words: from oneself, or from the whole group, for which a reason is needed; returns the record's id.

        That is a note, a description of a picture, or the name and the reason of a slice, whose images stay. What is
        hidden stays where it is, and is its author's. Whoever hid it shows it again by `take_back_record`.

        Parameters
        ----------
        author, id
            Whose words, and in which record: a key of ``view.judgements``, ``view.shortfalls``, ``view.descriptions``
            or ``view.slices``.
        why
            The reason, which everybody can read where it is hidden from the group.
        """
        self.refresh()
        said = self.view
        if not any((author, id) in of for of in (said.judgements, said.shortfalls, said.descriptions, said.slices)):
            raise ReviewError(f"there is no note, description or slice {id!r} by {author!r}")
        if for_group and not why.strip():
            raise ReviewError("hiding something from the group needs a reason")
        record = self._new("hidden", {"author": author, "of": id, "group": for_group, "why": why.strip()})
        self._write([record])
        return record.id

    def describe(self, image: Image, text: str) -> str:
        """Describe a picture for those who do not see it; returns the record's id."""
        check_image(self.view.facts, image)
        if not text.strip():
            raise ReviewError("a description has words")
        record = self._new("description", {"split": image.split, "row": image.row, "text": text.strip()})
        self._write([record])
        return record.id

    def take_back_record(self, id: str) -> Erasure:
        """Remove a slice, a note, a description, or what hides words, by this reviewer."""
        record = self.state.records.get((self.reviewer, id))
        if record is None or record.kind not in _OWN:
            raise ReviewError("this is not yours to take back")
        return self._take_back([id])

    def _check_new_name(self, kind: TermKind, name: str) -> None:
        current = self.view.current(kind)
        same = [id for id, term in current.items() if term.name.strip().lower() == name.strip().lower()]
        if same or not name.strip():
            raise ReviewError(f"{name!r}: a {kind} needs a name that is not taken")


def group_record(session: str, kind: str, body: Mapping[str, Any]) -> Record:
    """Something of the group that never changes: its id depends on what it says."""
    return Record(fixed_id(session, kind, body), kind, "", body)
