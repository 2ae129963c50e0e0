"""Suites: a task's images and labels, and its distribution shifts."""

from soupwidgets.suites.augmentation import AUGMENTATIONS, Augmentation, augmentation, binary_entropy
from soupwidgets.suites.blend import BlendSplit
from soupwidgets.suites.build import BuiltSuite, SplitSource, add_shift, build_suite
from soupwidgets.suites.class_map import ClassMap
from soupwidgets.suites.fourier_basis import fourier_basis
from soupwidgets.suites.named import split_named
from soupwidgets.suites.preprocess import Preprocess
from soupwidgets.suites.shifts import Shift
from soupwidgets.suites.slices import SliceSplit, read_slice, write_slice
from soupwidgets.suites.split import Split, SuiteError
from soupwidgets.suites.suite import Suite

__all__ = [
    "AUGMENTATIONS",
    "Augmentation",
    "BlendSplit",
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
    "augmentation",
    "binary_entropy",
    "build_suite",
    "fourier_basis",
    "read_slice",
    "split_named",
    "write_slice",
]
