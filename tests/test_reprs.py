"""What a prompt and a traceback show of the objects that others are made of: one short line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from soupwidgets import Evaluator
from soupwidgets.checkpoints.safetensors_files import TensorInfo
from soupwidgets.evaluation import BlendReader
from soupwidgets.mixing.layout import Layout
from soupwidgets.mixing.matrix import PoolMatrix
from soupwidgets.store import Claim
from soupwidgets.suites import BlendSplit, ClassMap
from soupwidgets.topics.mistakes.embeddings import Embeddings
from soupwidgets.topics.mistakes.mistake_guess import MistakeGuesser
from tests.fixtures import TINY


def guesser() -> MistakeGuesser:
    labels = np.array([0, 1, 1])
    told = Embeddings("test", "train", np.eye(3), np.eye(3), labels, np.eye(2, 3))
    return MistakeGuesser(told, labels, ("cat", "dog"))


def blends() -> BlendReader:
    images = np.zeros((2, 28, 28), np.uint8)
    split = BlendSplit("blends", images, [0, 1, 0], [1, 0, 0], np.ones((3, 2)), [0, 1, 0])
    return BlendReader(split, TINY.inputs, torch.device("cpu"))


def layout() -> Layout:
    return Layout({"w": TensorInfo((3, 5), torch.float16), "count": TensorInfo((), torch.int64)})


def matrix(ev: Evaluator) -> PoolMatrix:
    made = PoolMatrix(ev.pool, torch.device("cpu"))
    made.row("ft-a")
    return made


def claim(ev: Evaluator) -> Claim:
    taken = ev.store.claims.take("0123456789abcdef")
    assert taken is not None
    taken.release()
    return taken


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (lambda _: guesser(), "MistakeGuesser(3 images of 'test', 2 classes)"),
        (lambda _: blends(), "BlendReader(3 blends of 2 images, cpu)"),
        (lambda _: layout(), "Layout(1 tensors in 16 elements, 1 taken whole)"),
        (matrix, "PoolMatrix(3 x {size:,}, 1 read, cpu)"),
        (claim, "Claim(0123456789ab, not held)"),
        (lambda ev: ev.store.claims, "Claims({folder!r})"),
        (lambda _: ClassMap([[2, 0], [1]]), "ClassMap(2 classes from 3 of the suite's)"),
    ],
)
def test_one_short_line(made: Callable[[Evaluator], Any], said: str, tiny_evaluator: Evaluator) -> None:
    ev = tiny_evaluator
    folder = str(ev.store.folder / "claims")
    assert repr(made(ev)) == said.format(size=ev.matrix.layout.size, folder=folder)
