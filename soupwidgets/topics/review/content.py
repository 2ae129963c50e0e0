"""What is in a review session: images, judgements, reviewers, terms, slices; and what the session is about."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


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
    blind
        Whether the classes were marked before label and prediction were shown, and not changed since.
    filed
        Whether the reviewer is done. A judgement that is being made blind is stored, but counts nowhere, until it is
        filed; only then label and prediction are shown.
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
    blind: bool = False
    filed: bool = True

    @property
    def labels(self) -> tuple[frozenset[int], frozenset[int], frozenset[int], bool]:
        """What is said of the image itself, whatever was predicted."""
        return self.correct, self.unclear, self.wrong, self.problematic

    @property
    def said(self) -> bool:
        """Whether anything is said of the image itself."""
        return any(self.labels)

    def to_body(self) -> dict[str, Any]:
        """Plain values for a record."""
        return {
            "split": self.image.split, "row": self.image.row,
            "correct": sorted(self.correct), "unclear": sorted(self.unclear), "wrong": sorted(self.wrong),
            "problematic": self.problematic, "prediction": self.prediction,
            "category": self.category, "severity": self.severity, "note": self.note, "shared": self.shared,
            "blind": self.blind, "filed": self.filed,
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
    credit
        Whether they want to be named in exports of what they share.
    """

    name: str = ""
    answers: Mapping[str, str] = field(default_factory=dict)
    credit: bool = False


@dataclass(frozen=True)
class Term:
    """A category, a severity, or a field about reviewers.

    Parameters
    ----------
    name
        The group's name for it.
    place
        Position in the list of terms.
    after
        Id of the term whose new name this is; None for one that was not renamed.
    """

    name: str
    place: int
    after: str | None = None


@dataclass(frozen=True)
class Shortfall:
    """A note on what fell short.

    Parameters
    ----------
    text
        What its author says.
    shared
        Whether it may leave the group.
    """

    text: str
    shared: bool = False


@dataclass(frozen=True)
class Description:
    """What somebody wrote for those who do not see a picture.

    Parameters
    ----------
    image
        Which picture.
    text
        What it shows.
    """

    image: Image
    text: str


@dataclass(frozen=True)
class Hidden:
    """Somebody's wish that a note, a description, or the words of a slice are not shown.

    Parameters
    ----------
    by
        Who hid it.
    of
        Author and record of what is hidden.
    group
        Whether it is hidden from everybody, or only from who hid it.
    why
        The reason.
    """

    by: str
    of: tuple[str, str]
    group: bool
    why: str


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


def text_hash(text: str) -> str:
    """What a version of a text is known by."""
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
