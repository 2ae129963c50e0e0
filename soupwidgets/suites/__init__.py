"""Suites: a task's images and labels, and its distribution shifts.

A file in ``transforms/`` with the decorator `transform` is found without being named here, and a file in ``readers/``
with the decorator `reader`.
"""

import importlib
import pkgutil

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
from soupwidgets.suites.transforms import __path__ as _transforms
from soupwidgets.suites.transforms.transform import TRANSFORMS, Transform, transform

__all__ = [
    "AUGMENTATIONS",
    "TRANSFORMS",
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
    "Transform",
    "add_shift",
    "augmentation",
    "binary_entropy",
    "build_suite",
    "fourier_basis",
    "read_slice",
    "split_named",
    "transform",
    "write_slice",
]

for _module in pkgutil.iter_modules(_transforms):
    importlib.import_module(f"soupwidgets.suites.transforms.{_module.name}")
