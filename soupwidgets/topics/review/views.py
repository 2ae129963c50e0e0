"""The meaning of records: judgements, reviewers, categories, slices, texts. Untrusted records are checked here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, TypeVar

from soupwidgets.topics.review import bodies
from soupwidgets.topics.review.content import (
    Description,
    Facts,
    Hidden,
    Image,
    Judgement,
    Reviewer,
    Shortfall,
    Slice,
    SplitFacts,
    Term,
    text_hash,
)
from soupwidgets.topics.review.records import Key, Record, ReviewError, State, is_id
from soupwidgets.topics.review.samples import Sample

__all__ = [
    "Description",
    "Facts",
    "GROUP_KINDS",
    "Hidden",
    "Image",
    "Judgement",
    "Reviewer",
    "Shortfall",
    "Slice",
    "SplitFacts",
    "Term",
    "View",
    "check_records",
    "read",
    "view",
]

GROUP_KINDS = ("session", "category", "severity", "field", "agreement", "removal", "sample")
T = TypeVar("T")


@dataclass(frozen=True)
class View:
    """A state, interpreted.

    Parameters
    ----------
    facts
        What the session is about; None while the session's own record is missing.
    reviewers
        Reviewers by id.
    judgements, slices, shortfalls
        By author and record; ``shortfalls`` are the notes on what fell short, written at the end.
    categories, severities, fields
        The group's terms by id, in their order.
    agreement
        The group's text.
    samples
        Random samples of images, by record.
    agreements
        All texts that the group ever agreed on, the present one last.
    consents
        For each reviewer who agreed to something, hashes of the texts (``content.text_hash``).
    hidden
        Notes, descriptions and words of slices that are not to be shown, and why.
    descriptions
        What pictures show, for those who do not see them, by author and record.
    """

    facts: Facts | None
    reviewers: Mapping[str, Reviewer]
    judgements: Mapping[Key, Judgement]
    categories: Mapping[str, Term]
    severities: Mapping[str, Term]
    fields: Mapping[str, Term]
    slices: Mapping[Key, Slice]
    agreement: str
    shortfalls: Mapping[Key, Shortfall]
    samples: Mapping[str, Sample] = field(default_factory=dict)
    agreements: tuple[str, ...] = ()
    consents: Mapping[str, frozenset[str]] = field(default_factory=dict)
    hidden: tuple[Hidden, ...] = ()
    descriptions: Mapping[Key, Description] = field(default_factory=dict)

    def __repr__(self) -> str:
        title = "without a title" if self.facts is None else repr(self.facts.title)
        said = f"{len(self.judgements):,} judgements of {len(self.by_image()):,} images"
        return f"View({title}, {said} by {len({author for author, _ in self.judgements}):,} reviewers)"

    @property
    def filed(self) -> dict[Key, Judgement]:
        """The judgements that count: all but what somebody is still making up their mind about, blind."""
        return {key: judgement for key, judgement in self.judgements.items() if judgement.filed}

    def by_image(self) -> dict[Image, dict[str, Judgement]]:
        """For each image, the judgement of each reviewer; without those that are not filed yet."""
        found: dict[Image, dict[str, Judgement]] = {}
        for (author, _), judgement in self.filed.items():
            found.setdefault(judgement.image, {})[author] = judgement
        return found

    def current(self, kind: str) -> dict[str, Term]:
        """Categories, severities or fields as they are called now: without those that were given another name."""
        terms = {"category": self.categories, "severity": self.severities, "field": self.fields}[kind]
        renamed = {term.after for term in terms.values()}
        return {id: term for id, term in terms.items() if id not in renamed}

    def history(self, id: str) -> list[str]:
        """Ids of a term's names, from the first one to this."""
        terms = {**self.categories, **self.severities, **self.fields}
        found: list[str] = []
        at: str | None = id
        while at is not None and at in terms and at not in found:
            found.append(at)
            at = terms[at].after
        return found[::-1]

    def consented(self, reviewer: str) -> bool:
        """Whether somebody agreed to the group's text as it is now."""
        return text_hash(self.agreement) in self.consents.get(reviewer, frozenset())

    def hides(self, words: Key, reviewer: str | None = None) -> Hidden | None:
        """What hides somebody's words: from the group, or from a reviewer."""
        of = [one for one in self.hidden if one.of == words and (one.group or one.by == reviewer)]
        # The same one in every copy, in whatever order records came together.
        return max(of, key=lambda one: (one.group, one.by, one.why), default=None)

    def told(self, words: Key, text: str, reviewer: str | None = None) -> str:
        """A text as the group, or a reviewer, is to read it: where it is hidden, by whom and why."""
        if (hidden := self.hides(words, reviewer)) is None:
            return text
        return f"hidden by {'the group' if hidden.group else 'you'}: {hidden.why or 'no reason given'}"

    def shown_slices(self, reviewer: str | None = None) -> dict[Key, Slice]:
        """The slices as the group, or a reviewer, is to read them, by name: hidden words are left out."""
        shown = {
            key: one
            if self.hides(key, reviewer) is None
            else replace(one, name=f"a slice with a hidden name ({key[1][:6]})", why=self.told(key, one.why, reviewer))
            for key, one in self.slices.items()
        }
        return dict(sorted(shown.items(), key=lambda item: (item[1].name, item[0])))

    def described(self, image: Image, reviewer: str | None = None) -> tuple[str, ...]:
        """What people wrote for those who do not see a picture, as a reviewer is to read it."""
        of = sorted((key, one.text) for key, one in self.descriptions.items() if one.image == image)
        return tuple(self.told(key, text, reviewer) for key, text in of)

    def name_of(self, reviewer: str) -> str:
        """A reviewer's current name, or a placeholder."""
        known = self.reviewers.get(reviewer)
        return known.name if known is not None and known.name else f"reviewer {reviewer[:6]}"


def view(state: State) -> View:
    """Interpret a state.

    Raises
    ------
    ReviewError
        When a record lacks what its kind requires.
    """
    of: dict[str, list[Record]] = {}
    for record in state.records.values():
        of.setdefault(record.kind, []).append(record)
    # Two records by one reviewer for one image come from one person using two copies: the later change is shown.
    judged: dict[tuple[str, Image], tuple[Record, Judgement]] = {}
    for record in sorted(of.get("judgement", []), key=lambda r: (r.version, r.digest, r.id)):
        judgement = read(record, bodies.judgement)
        judged[record.author, judgement.image] = record, judgement
    agreements = sorted(of.get("agreement", []), key=lambda r: (r.version, r.digest))
    sessions = of.get("session", [])
    return View(
        read(sessions[0], bodies.facts) if sessions else None,
        {r.author: read(r, bodies.reviewer) for r in of.get("reviewer", [])},
        {r.key: judgement for r, judgement in judged.values()},
        _terms(of.get("category", [])),
        _terms(of.get("severity", [])),
        _terms(of.get("field", [])),
        {r.key: read(r, bodies.image_slice) for r in of.get("slice", [])},
        read(agreements[-1], bodies.written) if agreements else "",
        {r.key: read(r, bodies.shortfall) for r in of.get("shortfall", [])},
        {r.id: read(r, bodies.sample) for r in sorted(of.get("sample", []), key=lambda r: r.id)},
        tuple(read(r, bodies.written) for r in agreements),
        _by_author(of.get("consent", [])),
        tuple(read(r, partial(bodies.hidden, by=r.author)) for r in of.get("hidden", [])),
        {r.key: read(r, bodies.description) for r in of.get("description", [])},
    )


def check_records(state: State) -> View:
    """Interpret a state after checking every record, including ids and versions.

    Raises
    ------
    ReviewError
        At the first invalid record.
    """
    for record in state.records.values():
        record.check()
        if (record.author == "") != (record.kind in GROUP_KINDS):
            whose = "the group" if record.kind in GROUP_KINDS else "a reviewer"
            raise ReviewError(f"{record.kind} {record.id} by {record.author!r}: it belongs to {whose}")
    unknown = [one for one in state.gone if not is_id(one)]
    if unknown:
        raise ReviewError(f"{unknown[0]!r} is listed as taken back, but is not a valid id")
    return view(state)


def read(record: Record, reader: Callable[[Mapping[str, Any]], T]) -> T:
    """Interpret a record's body; raises `ReviewError` with the record's name if that fails."""
    try:
        return reader(record.body)
    except (KeyError, TypeError, ValueError) as error:
        raise ReviewError(f"{record.kind} {record.id}: malformed ({error!r})") from error


def _terms(given: list[Record]) -> dict[str, Term]:
    found = {r.id: read(r, bodies.term) for r in given}
    return dict(sorted(found.items(), key=lambda item: (item[1].place, item[0])))


def _by_author(consents: list[Record]) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for record in consents:
        found.setdefault(record.author, set()).add(read(record, bodies.consent))
    return {author: frozenset(texts) for author, texts in found.items()}
