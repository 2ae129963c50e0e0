"""The meaning of records: judgements, reviewers, categories, slices, texts. Untrusted records are checked here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from soupwidgets.topics.review.records import Key, Record, ReviewError, State, is_id

LONGEST_NAME, LONGEST_TEXT = 200, 20_000
GROUP_KINDS = ("session", "category", "severity", "field", "agreement", "removal")
_MOST_ROWS = 100_000
T = TypeVar("T")


@dataclass(frozen=True)
class Image:
    """One image of the suite: a split and a row in it."""

    split: str
    row: int


@dataclass(frozen=True)
class Judgement:
    """One reviewer's judgement of one image.

    Parameters
    ----------
    image
        The image.
    correct, unclear, wrong
        Classes that are correct, possibly correct, and wrong for the image.
    problematic
        Whether the image should be left out of scores.
    prediction
        The mistaken prediction that ``category`` and ``severity`` are about.
    category, severity
        Ids of the group's terms, or None.
    note
        Free text.
    shared
        Whether it may leave the group, as decided by the reviewer.
    """

    image: Image
    correct: frozenset[int] = frozenset()
    unclear: frozenset[int] = frozenset()
    wrong: frozenset[int] = frozenset()
    problematic: bool = False
    prediction: int | None = None
    category: str | None = None
    severity: str | None = None
    note: str = ""
    shared: bool = False

    def to_body(self) -> dict[str, Any]:
        """Plain values for a record."""
        return {
            "split": self.image.split, "row": self.image.row,
            "correct": sorted(self.correct), "unclear": sorted(self.unclear), "wrong": sorted(self.wrong),
            "problematic": self.problematic, "prediction": self.prediction,
            "category": self.category, "severity": self.severity, "note": self.note, "shared": self.shared,
        }  # fmt: skip


@dataclass(frozen=True)
class Reviewer:
    """A participant, with a name if they gave one.

    Parameters
    ----------
    name
        Name of the reviewer; empty if not given.
    answers
        Answers to the fields that the group added, by field id.
    """

    name: str = ""
    answers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Term:
    """A category, a severity, or a field about reviewers.

    Parameters
    ----------
    name
        The group's name for it.
    place
        Position in the list of terms.
    """

    name: str
    place: int


@dataclass(frozen=True)
class Slice:
    """A set of images that somebody considers important.

    Parameters
    ----------
    name, why
        What the set is, and why it matters.
    split, rows
        The split of the images, and their rows.
    """

    name: str
    why: str
    split: str
    rows: tuple[int, ...]


@dataclass(frozen=True)
class SplitFacts:
    """What a session knows about a split without containing it: the number of images, and their hash."""

    images: int
    sha256: str


@dataclass(frozen=True)
class Facts:
    """What a session is about.

    Parameters
    ----------
    title, suite
        Title of the session, and name of the suite.
    classes
        Names of the classes, by split.
    splits
        Facts about the splits, by name.
    """

    title: str
    suite: str
    classes: Mapping[str, tuple[str, ...]]
    splits: Mapping[str, SplitFacts]

    def __repr__(self) -> str:
        return f"Facts({self.title!r}, suite {self.suite!r}, splits {list(self.splits)})"


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
    """

    facts: Facts | None
    reviewers: Mapping[str, Reviewer]
    judgements: Mapping[Key, Judgement]
    categories: Mapping[str, Term]
    severities: Mapping[str, Term]
    fields: Mapping[str, Term]
    slices: Mapping[Key, Slice]
    agreement: str
    shortfalls: Mapping[Key, str]

    def __repr__(self) -> str:
        title = "without a title" if self.facts is None else repr(self.facts.title)
        said = f"{len(self.judgements):,} judgements of {len(self.by_image()):,} images"
        return f"View({title}, {said} by {len({author for author, _ in self.judgements}):,} reviewers)"

    def by_image(self) -> dict[Image, dict[str, Judgement]]:
        """For each image, the judgement of each reviewer."""
        found: dict[Image, dict[str, Judgement]] = {}
        for (author, _), judgement in self.judgements.items():
            found.setdefault(judgement.image, {})[author] = judgement
        return found

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
        judgement = read(record, _judgement)
        judged[record.author, judgement.image] = record, judgement
    agreements = sorted(of.get("agreement", []), key=lambda r: (r.version, r.digest))
    sessions = of.get("session", [])
    return View(
        read(sessions[0], _facts) if sessions else None,
        {r.author: read(r, _reviewer) for r in of.get("reviewer", [])},
        {r.key: judgement for r, judgement in judged.values()},
        _terms(of.get("category", [])),
        _terms(of.get("severity", [])),
        _terms(of.get("field", [])),
        {r.key: read(r, _slice) for r in of.get("slice", [])},
        read(agreements[-1], _written) if agreements else "",
        {r.key: read(r, _written) for r in of.get("shortfall", [])},
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
    found = {r.id: read(r, _term) for r in given}
    return dict(sorted(found.items(), key=lambda item: (item[1].place, item[0])))


def _judgement(body: Mapping[str, Any]) -> Judgement:
    correct, unclear, wrong = (frozenset(_rows(body[kind])) for kind in ("correct", "unclear", "wrong"))
    if correct & unclear or correct & wrong or unclear & wrong:
        raise ValueError("a class cannot be more than one of correct, unclear and wrong")
    return Judgement(
        Image(_text(body["split"]), _number(body["row"])),
        correct,
        unclear,
        wrong,
        problematic=_flag(body["problematic"]),
        prediction=None if body["prediction"] is None else _number(body["prediction"]),
        category=_term_id(body["category"]),
        severity=_term_id(body["severity"]),
        note=_text(body["note"], LONGEST_TEXT),
        shared=_flag(body["shared"]),
    )


def _reviewer(body: Mapping[str, Any]) -> Reviewer:
    return Reviewer(_text(body["name"]), {_id(key): _text(value) for key, value in dict(body["answers"]).items()})


def _term(body: Mapping[str, Any]) -> Term:
    return Term(_text(body["name"]), _number(body["place"]))


def _slice(body: Mapping[str, Any]) -> Slice:
    return Slice(_text(body["name"]), _text(body["why"], LONGEST_TEXT), _text(body["split"]), _rows(body["rows"]))


def _written(body: Mapping[str, Any]) -> str:
    return _text(body["text"], LONGEST_TEXT)


def _facts(body: Mapping[str, Any]) -> Facts:
    splits = {_text(k): SplitFacts(_number(v["images"]), _text(v["sha256"])) for k, v in dict(body["splits"]).items()}
    classes = {_text(k): tuple(_text(name) for name in list(v)) for k, v in dict(body["classes"]).items()}
    if set(classes) != set(splits):
        raise ValueError("splits and classes are not about the same splits")
    return Facts(_text(body["title"]), _text(body["suite"]), classes, splits)


def _text(value: object, longest: int = LONGEST_NAME) -> str:
    if not isinstance(value, str) or len(value) > longest:
        raise ValueError(f"expected text of at most {longest:,} characters")
    return value


def _number(value: object) -> int:
    if type(value) is not int or not 0 <= value < 1 << 31:
        raise ValueError(f"expected a number of at least 0, found {value!r:.50}")
    return value


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("expected true or false")
    return value


def _rows(value: object) -> tuple[int, ...]:
    if not isinstance(value, list) or len(value) > _MOST_ROWS:
        raise ValueError(f"expected a list of at most {_MOST_ROWS:,} numbers")
    return tuple(sorted({_number(one) for one in value}))


def _id(value: object) -> str:
    if not is_id(value):
        raise ValueError("expected an id")
    return str(value)


def _term_id(value: object) -> str | None:
    return None if value is None else _id(value)
