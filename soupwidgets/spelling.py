"""What somebody may have meant by a name that there is not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches


def nearest(word: str, known: Iterable[str]) -> list[str]:
    """Names that look like ``word``, the nearest first, three at most; upper and lower case count as the same.

    Parameters
    ----------
    word
        What was written.
    known
        What there is.

    Examples
    --------
    >>> nearest("fashon", ["fashion", "fashions", "cifar"])
    ['fashion', 'fashions']
    """
    by_lower: dict[str, list[str]] = {}
    for name in known:
        by_lower.setdefault(name.lower(), []).append(name)
    # A long word of which only the beginning or the end was written is far by letters, and near in meaning.
    word = word.lower()
    inside = sorted((name for name in by_lower if len(word) > 2 and word in name), key=len)
    found = dict.fromkeys([*get_close_matches(word, by_lower, n=3, cutoff=0.7), *inside])
    return [name for lower in found for name in by_lower[lower]][:3]


def did_you_mean(found: Sequence[str]) -> str:
    """A question, led by a space, whether one of these was meant; empty where there are none.

    Parameters
    ----------
    found
        What `nearest` found, as it is to be written.

    Examples
    --------
    >>> did_you_mean(nearest("tset", ["val", "test"]))
    ' Did you mean test?'
    """
    return f" Did you mean {' or '.join(found)}?" if found else ""
