"""The command line inside the process of the test: torch takes seconds to load, and is loaded already."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from dataclasses import dataclass

import pytest

from soupwidgets.cli import main
from tests.fixtures import ROOT


@dataclass(frozen=True)
class Done:
    """How a command ended, and what it printed."""

    returncode: int
    stdout: str
    stderr: str


def run(*arguments: str) -> Done:
    """Run ``soupwidgets ARGUMENTS`` in the repository's folder."""
    out, err = io.StringIO(), io.StringIO()
    code: object = 0
    here = os.getcwd()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        patch.setattr(sys, "argv", ["soupwidgets", *arguments])
        patch.setattr(sys, "stdin", io.StringIO())
        os.chdir(ROOT)
        try:
            main()
        except SystemExit as end:
            code = end.code
        finally:
            os.chdir(here)
    return Done(code if isinstance(code, int) else 0 if code is None else 1, out.getvalue(), err.getvalue())
