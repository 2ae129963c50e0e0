"""Suites: a task's images and labels, and its distribution shifts.

A file in ``transforms/`` with the decorator `transform` is found without being named here, and a file in ``readers/``
with the decorator `reader`.
"""

from soupwidgets.decorators import import_files
from soupwidgets.suites import transforms as _transforms
from soupwidgets.suites.augmentation import AUGMENTATIONS, Augmentation, augmentation, binary_entropy
from soupwidgets.suites.blend import BlendSplit
from soupwidgets.suites.build import BuiltSuite, SplitSource, add_shift, build_suite
from soupwidgets.suites.class_map import ClassMap
from soupwidgets.suites.collapsed_classes import (
    CollapsedClasses,
    imagenet_collapsed_classes,
    read_collapsed_classes,
)
from soupwidgets.suites.content import SuiteError
from soupwidgets.suites.examples import LabelledExamples
from soupwidgets.suites.fourier_basis import fourier_basis
from soupwidgets.suites.in_memory import ArraySplit
from soupwidgets.suites.named import split_named
from soupwidgets.suites.preprocess import Preprocess
from soupwidgets.suites.readers import READERS, reader
from soupwidgets.suites.shifts import Shift
from soupwidgets.suites.slices import SliceSplit, read_slice, write_slice
from soupwidgets.suites.split import Split
from soupwidgets.suites.suite import Suite
from soupwidgets.suites.task import Task
from soupwidgets.suites.texts import read_texts
from soupwidgets.suites.transforms.transform import TRANSFORMS, Transform, transform

__all__ = [
    "AUGMENTATIONS",
    "READERS",
    "TRANSFORMS",
    "ArraySplit",
    "Augmentation",
    "BlendSplit",
    "BuiltSuite",
    "ClassMap",
    "CollapsedClasses",
    "LabelledExamples",
    "Preprocess",
    "Shift",
    "SliceSplit",
    "Split",
    "SplitSource",
    "Suite",
    "SuiteError",
    "Task",
    "Transform",
    "add_shift",
    "augmentation",
    "binary_entropy",
    "build_suite",
    "fourier_basis",
    "imagenet_collapsed_classes",
    "read_collapsed_classes",
    "read_slice",
    "read_texts",
    "reader",
    "split_named",
    "transform",
    "write_slice",
]

import_files(_transforms.__name__, _transforms.__path__)
