"""Options and configurations as plain values: nothing in them may load a file, run code or ask for a monster."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# Each of these makes a library read a file or fetch one.
_LOADING = ("pretrained", "weights", "checkpoint", "url", "hub", "file", "cache", "overlay", "custom_load")
_DEEPEST = 6
# The largest vocabularies have some hundred thousand entries, the deepest networks some hundred layers.
_LARGEST = 1 << 24
_MOST_LAYERS = 4096
_LONGEST = 100_000


def plain_options(options: Mapping[str, Any], of: str) -> dict[str, Any]:
    """Options of a network's builder, checked: numbers, strings, None, and lists or dictionaries of them.

    Raises
    ------
    ValueError
        When one would make the builder load something, is not plain, or is absurdly large.

    Examples
    --------
    >>> plain_options({"channels": (16, 32)}, "timm's resnet18")
    {'channels': [16, 32]}
    >>> plain_options({"checkpoint_path": "x"}, "timm's resnet18")
    Traceback (most recent call last):
    ...
    ValueError: timm's resnet18: the option 'checkpoint_path' would load weights, which come from the pool's files
    """
    for name in options:
        if any(word in str(name) for word in _LOADING):
            raise ValueError(f"{of}: the option {name!r:.100} would load weights, which come from the pool's files")
    require_moderate(options, of)
    return {str(name): _listed(value) for name, value in options.items()}


def require_moderate(said: Any, of: str, *, name: str = "", depth: int = 0) -> None:
    """Raise `ValueError` unless all values are plain and none is absurdly large."""
    if depth > _DEEPEST:
        raise ValueError(f"{of}: nested too deeply")
    if isinstance(said, Mapping):
        for key, value in said.items():
            if not isinstance(key, str | int):
                raise ValueError(f"{of}: {key!r:.100} is not a name")
            require_moderate(value, of, name=str(key), depth=depth + 1)
    elif isinstance(said, list | tuple):
        if len(said) > _LONGEST:
            raise ValueError(f"{of}: {name!r} has {len(said):,} entries")
        for value in said:
            require_moderate(value, of, name=name, depth=depth + 1)
    elif isinstance(said, int | float) and not isinstance(said, bool):
        many = "layers" in name or "depth" in name or "blocks" in name
        if not abs(said) <= (_MOST_LAYERS if many else _LARGEST):
            raise ValueError(f"{of}: {name!r} is {said!r:.40}, which no network has")
    elif said is not None and not isinstance(said, str | bool):
        raise ValueError(f"{of}: {name!r} is {type(said).__name__}; numbers, strings and lists of them are expected")


def _listed(value: Any) -> Any:
    return [_listed(item) for item in value] if isinstance(value, list | tuple) else value
