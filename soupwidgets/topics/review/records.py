"""The records of a review session, designed so that copies can be merged in any order, any number of times."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

KINDS = (
    "session", "reviewer", "judgement", "category", "severity", "field", "slice", "agreement", "shortfall", "removal",
    "sample", "consent", "hidden", "description",
)  # fmt: skip
ID_LENGTH = 32
# A number that no honest record reaches, and that every database can store.
_MOST_VERSIONS = 1 << 40
_MOST_BYTES = 1 << 20
# Author and id: nobody's record can replace somebody else's.
Key = tuple[str, str]


class ReviewError(ValueError):
    """Something in a review is wrong; the message says what, where, and what to do."""


class ReviewWarning(UserWarning):
    """Something in a review is allowed, and to be thought about before it is shared."""


@dataclass(frozen=True)
class Record:
    """One entry of a session.

    Parameters
    ----------
    id
        32 hexadecimal digits.
    kind
        One of `KINDS`.
    author
        Id of the reviewer who wrote it; empty if it belongs to the group.
    body
        Plain values; ``views`` defines what each kind contains.
    version
        Counts changes of this record; of two versions the higher one wins.
    """

    id: str
    kind: str
    author: str
    body: Mapping[str, Any] = field(hash=False)
    version: int = 1

    @property
    def key(self) -> Key:
        """Author and id."""
        return self.author, self.id

    @cached_property
    def text(self) -> str:
        """The body as canonical JSON."""
        return json.dumps(self.body, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)

    @cached_property
    def digest(self) -> str:
        """Decides which of two records with the same key and version wins, in every copy alike."""
        return hashlib.sha256(f"{self.kind}\n{self.text}".encode()).hexdigest()

    def holds_over(self, other: Record) -> bool:
        """Whether this record replaces another with the same key."""
        return (self.version, self.digest) > (other.version, other.digest)

    def changed(self, body: Mapping[str, Any]) -> Record:
        """The next version."""
        return Record(self.id, self.kind, self.author, body, self.version + 1)

    def check(self) -> Record:
        """Return the record itself if it can be stored.

        Raises
        ------
        ReviewError
            When an id is invalid, the kind is unknown, the version is out of range, or the body is not an object, too
            large, or contains a character that cannot be stored.
        """
        if not is_id(self.id) or not (self.author == "" or is_id(self.author)):
            raise ReviewError(f"record {self.id!r} by {self.author!r}: an id has {ID_LENGTH} hexadecimal digits")
        if self.kind not in KINDS:
            raise ReviewError(f"record {self.id}: unknown kind {self.kind!r}; known are {', '.join(KINDS)}")
        if type(self.version) is not int or not 1 <= self.version < _MOST_VERSIONS:
            raise ReviewError(f"record {self.id}: version {self.version!r} is out of range")
        if not isinstance(self.body, Mapping):
            raise ReviewError(f"record {self.id}: expected an object, found {type(self.body).__name__}")
        try:
            size = len(self.text)
        except (TypeError, ValueError, RecursionError) as error:
            raise ReviewError(f"record {self.id}: cannot be written as JSON ({error})") from error
        if size > _MOST_BYTES:
            raise ReviewError(f"record {self.id}: {size:,} bytes, at most {_MOST_BYTES:,} are allowed")
        return self


@dataclass(frozen=True)
class State:
    """The content of one copy of a session.

    Parameters
    ----------
    records
        Records by author and id.
    gone
        Ids of withdrawn records, and of reviewers who withdrew all of theirs. Nothing else is kept
        of them.
    """

    records: Mapping[Key, Record] = field(default_factory=dict)
    gone: frozenset[str] = frozenset()

    def __repr__(self) -> str:
        return f"State({len(self.records):,} records, {len(self.gone):,} taken back)"

    @classmethod
    def of(cls, records: Iterable[Record], gone: Iterable[str] = ()) -> State:
        """Make a state from records in any order; the highest version of each is kept."""
        lost = frozenset(gone)
        kept: dict[Key, Record] = {}
        for record in records:
            if record.id in lost or record.author in lost:
                continue
            if record.key not in kept or record.holds_over(kept[record.key]):
                kept[record.key] = record
        return cls(kept, lost)

    def merge(self, other: State) -> State:
        """Combine two copies.

        Merging is commutative, associative and idempotent, and what was withdrawn in one copy stays withdrawn.

        Notes
        -----
        A join of two semilattices: last-writer-wins registers and a grow-only set of removals. Shapiro, Preguiça,
        Baquero and Zawirski (2011), 'Conflict-free replicated data types', sections 3.1 and 3.2.

        Examples
        --------
        >>> mine = State.of([Record("a" * 32, "category", "", {"name": "glare"})])
        >>> yours = State.of([], ["a" * 32])
        >>> mine.merge(yours).records, yours.merge(mine) == mine.merge(yours)
        ({}, True)
        """
        return State.of([*self.records.values(), *other.records.values()], self.gone | other.gone)


def is_id(text: object) -> bool:
    """Whether something is a valid id.

    Examples
    --------
    >>> is_id("0" * 32), is_id("../" + "0" * 29), is_id(7)
    (True, False, False)
    """
    return isinstance(text, str) and len(text) == ID_LENGTH and all(c in "0123456789abcdef" for c in text)


def group_id(session: str, *of: str) -> str:
    """An id that is the same in every copy of a session, so that what belongs to the group coincides."""
    return hashlib.sha256("\n".join([session, *of]).encode()).hexdigest()[:ID_LENGTH]


def fixed_id(session: str, kind: str, body: Mapping[str, Any]) -> str:
    """The id of something of the group that never changes: it depends on all that it says."""
    return group_id(session, kind, Record("", kind, "", body).text)
