"""Answers to an exercise, checked by pytest where the learner works."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

from soupwidgets.translation import gettext as _


def check(test: Callable[[], None]) -> None:
    """Run a test of pytest that a notebook has, and print that the answer is right, or the hint.

    Parameters
    ----------
    test
        A function ``test_...`` of the notebook without parameters; each of its assertions has its hint as message.

    Raises
    ------
    ImportError
        When ipytest is not installed.

    Notes
    -----
    `ipytest <https://github.com/chmp/ipytest>`_ makes a module of the notebook for pytest. What pytest prints is for
    those who wrote the test; a learner is told the message of the first assertion that does not hold.
    """
    try:
        import ipytest
    except ImportError as error:
        raise ImportError("checks of exercises need ipytest: pip install 'soupwidgets[workshop]'") from error
    # The settings of a project around the notebook are not those of its exercises, and nothing is left behind.
    apart = ["-c", os.devnull, "--rootdir", ".", "-p", "no:cacheprovider", "-p", "no:terminal", "--assert=plain"]
    # Neither are those of whoever started the kernel.
    given = os.environ.pop("PYTEST_ADDOPTS", None)
    ipytest.run(
        *apart, f"{{MODULE}}::{test.__name__}", plugins=[_Hints(test.__name__.removeprefix("test_"))],
        module=sys.modules[test.__module__], run_in_thread=False, defopts=False, addopts=(),
    )  # fmt: skip
    if given is not None:
        os.environ["PYTEST_ADDOPTS"] = given


class _Hints:
    """A plugin that says the outcome of a test in a line."""

    def __init__(self, name: str) -> None:
        self.name = name

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.passed and report.when == "call":
            print("\u2713 " + _("{name}: right.").format(name=self.name))
        elif report.failed:
            message = report.longrepr.reprcrash.message.removeprefix("AssertionError: ")
            print(f"\u2717 {self.name}: {message}")
