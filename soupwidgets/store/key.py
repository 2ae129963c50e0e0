"""The key under which a measurement is stored."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any


def measurement_key(
    recipe: Sequence[tuple[str, float]],
    architecture: str,
    *,
    split_hash: str,
    precision: str = "float32",
    by_tensor: Mapping[str, Sequence[tuple[str, float]]] | None = None,
    treatment: Mapping[str, Any] | None = None,
) -> str:
    """Compute the key under which a measurement is stored.

    Parameters
    ----------
    recipe
        Content hash of each checkpoint, with its coefficient.
    architecture
        Fingerprint of the architecture.
    split_hash
        Content hash of the split.
    precision
        Numerical precision in which the model computed.
    by_tensor
        Tensors with separate coefficients, in the form of ``recipe``.
    treatment
        Any other treatment of the mixture before it was measured, as plain values.

    Returns
    -------
    str
        64 hexadecimal digits, the same on every machine.
    """
    parts: dict[str, Any] = {
        "recipe": [[checkpoint, float(value).hex()] for checkpoint, value in recipe],
        "architecture": architecture,
        "split": split_hash,
        "precision": precision,
    }
    if by_tensor:
        parts["by_tensor"] = {t: [[c, float(value).hex()] for c, value in own] for t, own in by_tensor.items()}
    if treatment:
        parts["treatment"] = dict(treatment)
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
