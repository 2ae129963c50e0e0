"""What the tensors of a pool belong to: how to build it, what goes in, what comes out."""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import cached_property
from html import escape
from typing import Any

import torch
from torch import nn

from soupwidgets.models.inputs import Input


class Model(ABC):
    """A description of a network, small enough for a checkpoint's card.

    Equal descriptions have equal fingerprints in every process, and a measurement is filed under the fingerprint:
    whatever changes the network's function must be part of `to_json`.

    Attributes
    ----------
    classes
        How many numbers come out for each example (classes, or values of a regression); None if not known.
    """

    classes: int | None

    @property
    @abstractmethod
    def inputs(self) -> Input:
        """What goes in."""

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """Every field, as plain JSON values."""

    @abstractmethod
    def build(self, device: str | torch.device = "cpu") -> nn.Module:
        """Build the network.

        Parameters
        ----------
        device
            ``"meta"`` gives shapes without memory; the mixing engine then places
            the parameters over its own buffer.

        Returns
        -------
        nn.Module
            In evaluation mode, with freshly initialised weights. Called with what `inputs` makes of a batch of
            examples, it returns one tensor, ``[n, classes]`` for most tasks.
        """

    def fast(self, device: str | torch.device = "cpu") -> nn.Module:
        """The same network for evaluation only, with a faster forward pass where one is known."""
        return self.build(device)

    @property
    def code(self) -> str:
        """The Python that makes it, after ``import soupwidgets as sw``."""
        return f"sw.models.model_from_json({self.to_json()!r})"

    # Cached: a wide pool needs it for each of ten thousand measurements.
    @cached_property
    def fingerprint(self) -> str:
        """A short content hash: equal models have equal fingerprints in every process."""
        text = json.dumps(self.to_json(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def _repr_html_(self) -> str:
        """A table of all fields, for notebooks."""
        # Content of an untrusted card is text, and must not become markup.
        rows = "".join(
            f"<tr><th>{escape(name)}</th><td>{escape(str(value))}</td></tr>" for name, value in _flat(self.to_json())
        )
        return f"<table><caption>{type(self).__name__} {self.fingerprint}</caption>{rows}</table>"


def _flat(fields: Mapping[str, Any], within: str = "") -> list[tuple[str, Any]]:
    """Names and values; nested descriptions are flattened, with both names joined."""
    found: list[tuple[str, Any]] = []
    for name, value in fields.items():
        inner = isinstance(value, Mapping)
        found += _flat(value, f"{within}{name}.") if inner else [(f"{within}{name}", value)]
    return found
