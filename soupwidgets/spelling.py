"""Suggestions for mistyped names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches


def nearest(word: str, known: Iterable[str]) -> list[str]:
    """Names similar to ``word``, the most similar first, three at most; case is ignored.

    Parameters
    ----------
    word
        What the user wrote.
    known
        The valid names.

    Examples
    --------
    >>> nearest("fashon", ["fashion", "fashions", "cifar"])
    ['fashion', 'fashions']
    """
    by_lower: dict[str, list[str]] = {}
    for name in known:
        by_lower.setdefault(name.lower(), []).append(name)
    # A name of which only the beginning or the end was typed differs in many letters, but is a likely match.
    word = word.lower()
    inside = sorted((name for name in by_lower if len(word) > 2 and word in name), key=len)
    found = dict.fromkeys([*get_close_matches(word, by_lower, n=3, cutoff=0.7), *inside])
    return [name for lower in found for name in by_lower[lower]][:3]


def did_you_mean(found: Sequence[str]) -> str:
    """The question whether one of these was meant, with a leading space; empty if there are none.

    Parameters
    ----------
    found
        The result of `nearest`, in the form to print.

    Examples
    --------
    >>> did_you_mean(nearest("tset", ["val", "test"]))
    ' Did you mean test?'
    """
    return f" Did you mean {' or '.join(found)}?" if found else ""
