"""Suites: a task's images and labels, and its distribution shifts."""

from soupwidgets.suites.build import BuiltSuite, SplitSource, add_shift, build_suite
from soupwidgets.suites.class_map import ClassMap
from soupwidgets.suites.preprocess import Preprocess
from soupwidgets.suites.shifts import Shift
from soupwidgets.suites.slices import SliceSplit, read_slice, write_slice
from soupwidgets.suites.split import Split, SuiteError
from soupwidgets.suites.suite import Suite

__all__ = [
    "BuiltSuite",
    "ClassMap",
    "Preprocess",
    "Shift",
    "SliceSplit",
    "Split",
    "SplitSource",
    "Suite",
    "SuiteError",
    "add_shift",
    "build_suite",
    "read_slice",
    "write_slice",
]
