"""Finding the weights in what a PyTorch file holds: a state dict, a training checkpoint, or a whole module."""

from __future__ import annotations

from typing import Any

from soupwidgets.checkpoints.pickles import Inert, PickleError
from soupwidgets.checkpoints.torch_files import StoredTensor

# Under which keys training scripts keep the weights, the first that is there wins;
# then averaged weights, which are only taken when nothing else is there or they are asked for.
_PLAIN = ("state_dict", "model_state_dict", "model", "module", "network", "net", "weights", "params")
_AVERAGED = ("state_dict_ema", "model_ema", "ema_state_dict", "ema_model", "ema", "params_ema", "averaged_model")
# What torch.nn.DataParallel and torch.compile put in front of every name.
_WRAPPERS = ("module.", "_orig_mod.")
_MAX_DEPTH = 64
_MAX_MODULES = 100_000

StateDict = dict[str, StoredTensor]


def find_state_dict(root: Any, part: str | None = None) -> tuple[StateDict, list[str]]:
    """The tensors by name, and which parts of the file hold weights.

    Parameters
    ----------
    root
        What a `TorchFile` holds.
    part
        The key of the part to take, for a training checkpoint with several
        (for example ``"model_ema"``); the plain weights when None.

    Returns
    -------
    dict, list
        The state dict, and the keys of all parts; empty when the file is one state dict.

    Raises
    ------
    PickleError
        When there are no weights, or not the part that was asked for.
    """
    parts = [] if _looks_like_weights(root) else [key for key in (*_PLAIN, *_AVERAGED) if _part(root, key)]
    if part is not None and part not in parts:
        raise PickleError(f"it has no part {part!r}; it has {', '.join(parts) or 'one state dict and no parts'}")
    found = _weights(root[part or parts[0]] if parts else root)
    if not found:
        keys = ", ".join(str(key)[:40] for key in list(root)[:8]) if isinstance(root, dict) else type(root).__name__
        raise PickleError(f"no weights were found in it (it holds: {keys or 'nothing'})")
    return _without_wrappers(found), parts


def _looks_like_weights(value: Any) -> bool:
    return not isinstance(value, dict) or any(isinstance(entry, StoredTensor) for entry in value.values())


def _part(root: dict[Any, Any], key: str) -> StateDict:
    return _weights(root[key]) if isinstance(root.get(key), dict | Inert) else {}


def _weights(value: Any) -> StateDict:
    found: StateDict = {}
    if isinstance(value, dict):
        for key, entry in value.items():
            if isinstance(entry, StoredTensor) and isinstance(key, str):
                found[key] = entry
    elif isinstance(value, Inert):
        _walk_module(value, "", found, [])
    return found


def _walk_module(module: Inert, prefix: str, found: StateDict, visited: list[str]) -> None:
    visited.append(prefix)
    if prefix.count(".") > _MAX_DEPTH or len(visited) > _MAX_MODULES:
        raise PickleError("modules without end: nested too deeply, or one that contains itself")
    attributes = module.attributes
    if "_parameters" in attributes:
        # torch.nn.Module as pickle writes it.
        transient = attributes.get("_non_persistent_buffers_set") or ()
        own = [*_items(attributes["_parameters"])]
        own += [(name, value) for name, value in _items(attributes.get("_buffers")) if name not in transient]
        inner = _items(attributes.get("_modules"))
    else:
        # TorchScript keeps parameters, buffers and submodules side by side.
        own = inner = _items(attributes)
    for name, value in own:
        if isinstance(value, StoredTensor):
            found[prefix + name] = value
    for name, value in inner:
        if isinstance(value, Inert) and value.attributes:
            _walk_module(value, f"{prefix}{name}.", found, visited)


def _items(value: Any) -> list[tuple[str, Any]]:
    return [(key, entry) for key, entry in value.items() if isinstance(key, str)] if isinstance(value, dict) else []


def _without_wrappers(found: StateDict) -> StateDict:
    while wrapper := next((w for w in _WRAPPERS if all(name.startswith(w) for name in found)), None):
        found = {name.removeprefix(wrapper): tensor for name, tensor in found.items()}
    return found
