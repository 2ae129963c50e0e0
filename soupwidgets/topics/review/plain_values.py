"""Reading plain values of records, which may come from anybody: each is what it should be, or an error."""

from __future__ import annotations

from soupwidgets.topics.review.records import is_id

LONGEST_NAME, LONGEST_TEXT = 200, 20_000
MOST_ROWS = 100_000


def text(value: object, longest: int = LONGEST_NAME) -> str:
    """Return a text of at most so many characters."""
    if not isinstance(value, str) or len(value) > longest:
        raise ValueError(f"expected text of at most {longest:,} characters")
    return value


def number(value: object) -> int:
    """Return a whole number of at least 0."""
    if type(value) is not int or not 0 <= value < 1 << 31:
        raise ValueError(f"expected a number of at least 0, found {value!r:.50}")
    return value


def flag(value: object) -> bool:
    """Return true or false."""
    if not isinstance(value, bool):
        raise ValueError("expected true or false")
    return value


def numbers(value: object) -> tuple[int, ...]:
    """Return whole numbers of at least 0, in their order."""
    if not isinstance(value, list) or len(value) > MOST_ROWS:
        raise ValueError(f"expected a list of at most {MOST_ROWS:,} numbers")
    return tuple(number(one) for one in value)


def rows(value: object) -> tuple[int, ...]:
    """Return whole numbers of at least 0, sorted, each once."""
    return tuple(sorted(set(numbers(value))))


def an_id(value: object) -> str:
    """Return an id."""
    if not is_id(value):
        raise ValueError("expected an id")
    return str(value)


def id_or_none(value: object) -> str | None:
    """Return an id, or None."""
    return None if value is None else an_id(value)
