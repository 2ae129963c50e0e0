"""Error handling shared by all commands: an expected error is reported in one sentence, without a traceback."""

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
    errno.ENOSPC: f"no space is left there: free some, or choose another location; {_KEPT}",
    errno.EDQUOT: f"your disk quota is exceeded: free some space, or choose another location; {_KEPT}",
    errno.EACCES: "permission denied: choose a location that you own, or ask its owner",
    errno.EPERM: "permission denied: choose a location that you own, or ask its owner",
    errno.EROFS: "this disk is read-only: choose another location",
    errno.EISDIR: "it is a folder: name a file",
    errno.ENOTDIR: "a part of this path is a file, not a folder",
    errno.ENOENT: "there is no such file or folder",
}


class Boundary(TyperGroup):
    """The group of all commands, with one handler for all errors."""

    # The context's class is click's own in some versions of typer, and a copy of it in others.
    def invoke(self, ctx: Any) -> Any:
        """Run the command that was named."""
        with in_a_sentence():
            return super().invoke(ctx)


@contextmanager
def in_a_sentence() -> Iterator[None]:
    """Exit with a sentence on standard error if an expected error occurs.

    Problems with input, files, locations or memory give exit code 2, Ctrl-C gives 130. If the reader of
    standard output has gone, as in ``| head``, the exit code is 1. Any other error is a bug in this
    package and keeps its traceback; with ``SOUPWIDGETS_DEBUG=1`` all errors do.
    """
    try:
        yield
        # A full disk behind standard output is noticed here, while it can still be reported.
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:
        _let_go_of_stdout()
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        if os.environ.get(DEBUG):
            raise
        say("stopped. Completed measurements and trainings are kept; run the same command again to resume.")
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
    """What is wrong and what to do, for an expected error; None for any other.

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
        return f"out of device memory; --device cpu uses main memory instead ({error})"
    if isinstance(error, MemoryError):
        return f"not enough memory{f' ({error})' if str(error) else ''}: close other programs, or use fewer models"
    if isinstance(error, DBAPIError):
        return f"a database cannot be used: {error.orig}"
    if isinstance(error, ValueError | OSError | StoreError | ModuleNotFoundError):
        return str(error) or type(error).__name__
    return None


def _let_go_of_stdout() -> None:
    """Discard output that standard output no longer accepts; otherwise the interpreter complains at exit."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
