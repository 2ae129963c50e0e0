"""Suites: a task's images and labels, and its distribution shifts."""

from soupwidgets.suites.shifts import Shift
from soupwidgets.suites.suite import Split, Suite, SuiteError

__all__ = ["Shift", "Split", "Suite", "SuiteError"]
