"""In which language words are shown: English, unless another one is asked for.

Only words are translated. Numbers, names of models, splits and classes, states, files and what commands print are the
same in every language.
"""

from __future__ import annotations

import gettext as _standard
import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import TypeVar

ENGLISH = "en"
DOMAIN = "soupwidgets"
CATALOGUES = Path(__file__).parent / "locale"
VARIABLE = "SOUPWIDGETS_LANGUAGE"
_T = TypeVar("_T")

# What was asked for, for the whole process; and for what runs now, in this thread or task alone.
_asked: str | None = None
_spoken: ContextVar[str | None] = ContextVar("soupwidgets_language", default=None)


class language:  # noqa: N801 - a function for most, and a context for some
    """Show panels and figures in another language from now on, or within a ``with`` block.

    A panel keeps the language that it was made in. Until this is called, the environment variable
    ``SOUPWIDGETS_LANGUAGE`` says which it is; the language of the machine is never looked at.

    Parameters
    ----------
    name
        A code: one of `languages`.

    Raises
    ------
    ValueError
        When there is no such translation.

    Examples
    --------
    >>> with language("de"):
    ...     gettext("images")
    'Bilder'
    >>> gettext("images")
    'images'
    """

    def __init__(self, name: str) -> None:
        global _asked
        self._before, _asked = _asked, _known(name, name)

    def __enter__(self) -> language:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        global _asked
        _asked = self._before


@contextmanager
def speaking(name: str) -> Iterator[None]:
    """Use a language in this thread (or task) alone, whatever the process has asked for."""
    token = _spoken.set(name)
    try:
        yield
    finally:
        _spoken.reset(token)


def asked_language() -> str:
    """What the process has asked for: by `language`, else by the environment.

    Raises
    ------
    ValueError
        When the environment names a language that there is not.
    """
    if _asked is not None:
        return _asked
    name = os.environ.get(VARIABLE) or ENGLISH
    return _known(name, f"{VARIABLE}={name}")


def current_language() -> str:
    """The code of the language in which words are said now."""
    return _spoken.get() or asked_language()


def languages() -> list[str]:
    """Codes of the languages that there are."""
    return sorted({ENGLISH, *(path.parts[-3] for path in CATALOGUES.glob(f"*/LC_MESSAGES/{DOMAIN}.mo"))})


def said_in(name: str, steps: Iterator[_T]) -> Iterator[_T]:
    """The steps of a generator, each of them taken in a language, in whatever thread it is taken."""
    while True:
        # Not around the loop: between two steps the thread may say something else.
        with speaking(name):
            try:
                step = next(steps)
            except StopIteration:
                return
        yield step


def gettext(message: str) -> str:
    """A phrase in the current language; in English where nobody has translated it."""
    return _catalogue(current_language()).gettext(message)


def ngettext(one: str, several: str, count: int) -> str:
    """The form of a phrase that goes with a count."""
    return _catalogue(current_language()).ngettext(one, several, count)


def N_(message: str) -> str:  # noqa: N802 - gettext's own name
    """Mark a phrase for translation where it is written; it is translated where it is shown."""
    return message


def grouped(count: int) -> str:
    """A whole number with its thousands set apart: by a comma in English, by a narrow space elsewhere.

    Examples
    --------
    >>> grouped(2400)
    '2,400'
    """
    # Beside a decimal point the comma of 2,400 would be read as a decimal comma.
    return f"{count:,}" if current_language() == ENGLISH else f"{count:,}".replace(",", "\u202f")


def _known(name: str, written: str) -> str:
    if name != ENGLISH and name not in languages():
        raise ValueError(f"{written}: there is no such translation; there are {', '.join(languages())}")
    return name


@cache
def _catalogue(name: str) -> _standard.NullTranslations:
    if name == ENGLISH:
        return _standard.NullTranslations()
    return _standard.translation(DOMAIN, CATALOGUES, [name])
