"""Data sets as they lie on disk, by the name that the command line knows them by."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from soupwidgets.suites.listing import Listing
from soupwidgets.suites.readers.cifar import cifar10, cifar10_1, cifar10_2
from soupwidgets.suites.readers.folder import image_folder
from soupwidgets.suites.readers.imagenet import imagenet, imagenet_a, imagenet_r, imagenet_sketch, imagenet_v2
from soupwidgets.suites.readers.objectnet import objectnet
from soupwidgets.suites.readers.webdataset import webdataset
from soupwidgets.suites.readers.wilds import fmow, iwildcam
from soupwidgets.suites.split import Role

Reader = Callable[[Path, Role], Listing]

READERS: dict[str, Reader] = {
    "imagenet": imagenet,
    "imagenet-v2": imagenet_v2,
    "imagenet-r": imagenet_r,
    "imagenet-a": imagenet_a,
    "imagenet-sketch": imagenet_sketch,
    "objectnet": objectnet,
    "cifar10": cifar10,
    "cifar10.1": cifar10_1,
    "cifar10.2": cifar10_2,
    "iwildcam": iwildcam,
    "fmow": fmow,
    "folder": image_folder,
    "webdataset": webdataset,
}

__all__ = ["READERS", "Reader"]
