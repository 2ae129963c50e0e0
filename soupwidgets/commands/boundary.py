"""What every command passes through: whatever goes wrong is said in a sentence, and no traceback is shown."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from typer.core import TyperGroup

FAILED, INTERRUPTED = 2, 130
DEBUG = "SOUPWIDGETS_DEBUG"

_KEPT = "what was measured or trained is kept"
_WORDS = {
    errno.ENOSPC: f"no room is left there: make some, or choose another place; {_KEPT}",
    errno.EDQUOT: f"your share of this disk is used up: make room, or choose another place; {_KEPT}",
    errno.EACCES: "no permission: choose a place that is yours, or ask its owner",
    errno.EPERM: "no permission: choose a place that is yours, or ask its owner",
    errno.EROFS: "nothing can be written on this disk: choose another place",
    errno.EISDIR: "it is a folder: name a file",
    errno.ENOTDIR: "a part of this path is a file, not a folder",
    errno.ENOENT: "there is no such file or folder",
}


class Boundary(TyperGroup):
    """The group of all commands, with one end for all errors."""

    # The class of the context is click's own in one version of typer, and a copy of it in another.
    def invoke(self, ctx: Any) -> Any:
        """Run the command that was named."""
        with in_a_sentence():
            return super().invoke(ctx)


@contextmanager
def in_a_sentence() -> Iterator[None]:
    """End the process with a sentence on standard error where an error was to be expected.

    What was wrong with input, a file, a place or memory ends with exit code 2, Ctrl-C with 130. When the reader of
    standard output has gone, as in ``| head``, there is nobody to tell: exit code 1. Any other error is a mistake of
    ours and keeps its traceback; with ``SOUPWIDGETS_DEBUG=1`` all do.
    """
    try:
        yield
        # A full disk behind standard output is met here, and not when nobody can say anything any more.
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:
        _let_go_of_stdout()
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        if os.environ.get(DEBUG):
            raise
        say("stopped. What was measured or trained to its end is kept; the same command goes on from there.")
        raise SystemExit(INTERRUPTED) from None
    except Exception as error:
        words = sentence(error)
        if words is None or os.environ.get(DEBUG):
            raise
        say(words)
        _let_go_of_stdout()
        raise SystemExit(FAILED) from None


def say(words: str) -> None:
    """Write to standard error, with control characters spelled out."""
    from soupwidgets.text import printable

    print(printable(f"soupwidgets: {words}"), file=sys.stderr)


def sentence(error: Exception) -> str | None:
    """What is wrong and what to do, of an error that is to be expected; None of any other.

    Examples
    --------
    >>> sentence(OSError(errno.ENOTDIR, "Not a directory", "notes.txt/out.json"))
    'notes.txt/out.json: a part of this path is a file, not a folder'
    >>> sentence(ValueError("no split 'fog'"))
    "no split 'fog'"
    >>> sentence(KeyError("fog")) is None
    True
    """
    import torch
    from sqlalchemy.exc import DBAPIError

    from soupwidgets.store import StoreError

    if isinstance(error, OSError) and error.strerror:
        where = f"{os.fsdecode(error.filename)}: " if isinstance(error.filename, str | bytes) else ""
        return where + _WORDS.get(error.errno or 0, error.strerror)
    if isinstance(error, torch.OutOfMemoryError):
        return f"the device's memory is not enough; --device cpu uses the computer's own ({error})"
    if isinstance(error, MemoryError):
        return f"not enough memory{f' ({error})' if str(error) else ''}: close other programs, or take fewer models"
    if isinstance(error, DBAPIError):
        return f"a database cannot be used: {error.orig}"
    if isinstance(error, ValueError | OSError | StoreError | ModuleNotFoundError):
        return str(error) or type(error).__name__
    return None


def _let_go_of_stdout() -> None:
    """What is left for a standard output that takes nothing goes nowhere; else the interpreter's end complains."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
