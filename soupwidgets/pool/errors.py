"""What a pool says when something is wrong, and how it lists names."""

from __future__ import annotations

from collections.abc import Sequence

_SHOWN = 6


class PoolError(ValueError):
    """Checkpoints do not fit together, or a requested one does not exist."""


class SoupWarning(UserWarning):
    """Something about an ingredient or a soup that is allowed but rarely intended."""


def some(names: Sequence[str]) -> str:
    """The first few names, and how many more there are."""
    return ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
