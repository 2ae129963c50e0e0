"""Finding the weights in what a PyTorch file holds: a state dict, a training checkpoint, or a whole module."""

from __future__ import annotations

import re
import shlex
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from soupwidgets.checkpoints.pickles import Inert, PickleError
from soupwidgets.checkpoints.torch_files import StoredTensor
from soupwidgets.text import one_line

# Under which keys training scripts keep the weights: of several sets the first that is there is taken.
_PLAIN = ("state_dict", "model_state_dict", "model", "module", "network", "net", "weights", "params")
# Averaged weights are only taken when nothing else is there or they are asked for.
_AVERAGED = re.compile(r"(^|[_.])(ema|swa|shadow|avg|averaged?)($|[_.])", re.IGNORECASE)
# What is kept beside weights and has their names or shapes; it is only taken when it is asked for.
_BESIDE = re.compile(r"optim|^opt$|sched|scaler|rng|momentum|exp_avg|grad|queue|history|metrics|^loss", re.IGNORECASE)
# What a script may keep among flat weights; other single numbers without a dot (CLIP's ``logit_scale``) are weights.
_NOTES = re.compile(
    r"(^|_)(best|epochs?|steps?|iter|iterations?|acc\d*|accuracy|loss|lr|seed|rng|score)(_|$)", re.IGNORECASE
)
# What torch.nn.DataParallel and torch.compile put in front of every name.
_WRAPPERS = ("module.", "_orig_mod.")
# The last word of a parameter's name where nothing stands in front of it, as in a single layer.
_PARAMETERS = {"weight", "bias", "running_mean", "running_var", "num_batches_tracked", "kernel", "gamma", "beta"}
# The part that stands for the file's outermost dictionary.
_TOP = "."
_MAX_DEPTH = 64
_MAX_MODULES = 100_000
_MAX_PART_DEPTH = 4
_MAX_NAME = 1000
_SHOWN_PARTS = 12

StateDict = dict[str, StoredTensor]


class SeveralPartsError(PickleError):
    """A file holds several sets of weights, and nothing says which one is meant.

    Parameters
    ----------
    found
        What it holds.
    advice
        How to say which one is meant, for who can.
    """

    def __init__(self, found: str, advice: str) -> None:
        super().__init__(f"{found}. {advice}")
        self.found = found


def find_state_dict(root: Any, part: str | None = None) -> tuple[StateDict, list[str]]:
    """The tensors by name, and which parts of the file hold weights.

    Weights are recognised by what they are, whatever their key: a mapping most
    of whose tensors have names of parameters (``layer1.conv.weight``), or a
    pickled module. A tensor beside them, such as a best accuracy, makes no weights.

    Parameters
    ----------
    root
        What a `TorchFile` holds.
    part
        The key of the part to take, for a training checkpoint with several
        (``"model_ema"``; ``"state.model"`` for one within another). When None,
        the plain weights: those under a usual key, or else the only ones.

    Returns
    -------
    dict, list
        The state dict, and the keys of all parts, that which is taken of itself
        first; empty when the file is one state dict.

    Raises
    ------
    PickleError
        When there are no weights, not the part that was asked for, or several
        parts of which none is the usual one; the message lists them.
    """
    modules = _Modules()
    own = modules.tensors(root)
    if _are_weights(own):
        if part not in (None, _TOP):
            raise PickleError(f"it has no part {part!r}; it has one state dict and no parts")
        return _without_wrappers(_without_notes(own)), []
    parts = dict(_parts(root, modules))
    could_be = _could_be_weights(own, root)
    if not parts and could_be and part in (None, _TOP):
        # Names of no known form: still weights when there is nothing else that they could be.
        return _without_wrappers(own), []
    if could_be:
        parts[_TOP] = own
    order = sorted(parts, key=_rank)
    if part is None:
        return _without_wrappers(parts[_the_plain_one(parts, order, root)]), order
    found = parts.get(part) or modules.tensors(_at(root, part))
    if not found:
        raise PickleError(
            f"it has no part {part!r}; it has {_listed(parts, order) or f'no weights, only {_keys(root)}'}"
        )
    return _without_wrappers(found), order


def _the_plain_one(parts: Mapping[str, StateDict], order: Sequence[str], root: Any) -> str:
    if not order:
        raise PickleError(f"no weights were found in it (it holds: {_keys(root) or 'nothing'})")
    if order[0] in _PLAIN:
        return order[0]
    same_rank = [path for path in order if _rank(path) == _rank(order[0])]
    if len(same_rank) > 1:
        raise SeveralPartsError(
            f"it holds {len(parts)} sets of weights: {_listed(parts, order)}",
            f"Say which one is meant, for example part={order[0]!r} (--part {shlex.quote(order[0])})",
        )
    return order[0]


def _rank(path: str) -> int:
    if _AVERAGED.search(path):
        return len(_PLAIN) + 1
    return _PLAIN.index(path) if path in _PLAIN else len(_PLAIN)


def _listed(parts: Mapping[str, StateDict], order: Sequence[str]) -> str:
    shown = [f"{one_line(path)} ({len(parts[path])} tensors)" for path in order[:_SHOWN_PARTS]]
    return ", ".join(shown) + (f" and {len(order) - _SHOWN_PARTS} more" if len(order) > _SHOWN_PARTS else "")


def _keys(root: Any) -> str:
    if not isinstance(root, dict):
        return type(root).__name__
    return ", ".join(one_line(str(key)[:40]) for key in list(root)[:8])


def _parts(root: Any, modules: _Modules) -> Iterator[tuple[str, StateDict]]:
    """Every set of weights within dictionaries and lists, by its path; each object is looked at once."""
    seen = {id(root)}
    waiting = deque((key, key, value, 1) for key, value in _entries(root))
    while waiting:
        path, key, value, depth = waiting.popleft()
        if not isinstance(value, dict | list | tuple | Inert) or id(value) in seen or _BESIDE.search(key):
            continue
        seen.add(id(value))
        tensors = modules.tensors(value)
        # Under a usual key anything goes that could be weights, as a state dict of one tensor "w".
        if _are_weights(tensors) or (path in _PLAIN and _could_be_weights(tensors, value)):
            yield path, tensors
        elif depth < _MAX_PART_DEPTH:
            waiting += [(f"{path}.{inner}", inner, entry, depth + 1) for inner, entry in _entries(value)]


def _entries(value: Any) -> list[tuple[str, Any]]:
    """What lies in a dictionary or list, by keys that can be said."""
    if isinstance(value, list | tuple):
        return [(str(i), entry) for i, entry in enumerate(value)]
    return [(key, entry) for key, entry in _items(value) if len(key) <= _MAX_NAME]


def _at(root: Any, path: str) -> Any:
    """What lies at a path; None when nothing does. Keys may have dots themselves."""
    if path == _TOP:
        return root
    entries = dict(_entries(root))
    if path in entries:
        return entries[path]
    for dot in (i for i, letter in enumerate(path) if letter == "."):
        if path[:dot] in entries:
            return _at(entries[path[:dot]], path[dot + 1 :])
    return None


def _are_weights(tensors: StateDict) -> bool:
    named = [name for name in tensors if "." in name or name in _PARAMETERS]
    return len(named) * 2 > len(tensors) and any(_is_array(tensors[name]) for name in named)


def _could_be_weights(tensors: StateDict, value: Any) -> bool:
    """Whether most of what a dictionary holds are tensors, and one of them an array of floating-point numbers."""
    return len(tensors) * 2 >= len(_items(value)) and any(_is_array(tensor) for tensor in tensors.values())


def _is_array(tensor: StoredTensor) -> bool:
    return tensor.dtype.is_floating_point and len(tensor.shape) > 0


class _Modules:
    """Finds the tensors of dictionaries and pickled modules; all modules of a file share one limit."""

    def __init__(self) -> None:
        self._visited = 0

    def tensors(self, value: Any) -> StateDict:
        """By name; empty when the value is neither, or has none."""
        found: StateDict = {}
        if isinstance(value, dict):
            found = {key: entry for key, entry in _items(value) if isinstance(entry, StoredTensor)}
        elif isinstance(value, Inert):
            self._walk(value, "", found)
        return found

    def _walk(self, module: Inert, prefix: str, found: StateDict) -> None:
        self._visited += 1
        if prefix.count(".") > _MAX_DEPTH or self._visited > _MAX_MODULES or len(prefix) > _MAX_NAME:
            raise PickleError("modules without end: nested too deeply, or one that contains itself")
        attributes = module.attributes
        if "_parameters" in attributes:
            # torch.nn.Module as pickle writes it.
            transient = attributes.get("_non_persistent_buffers_set")
            transient = transient if isinstance(transient, list) else []
            own = [*_items(attributes["_parameters"])]
            own += [(name, value) for name, value in _items(attributes.get("_buffers")) if name not in transient]
            inner = _items(attributes.get("_modules"))
        else:
            # TorchScript keeps parameters, buffers and submodules side by side.
            own = inner = _items(attributes)
        for name, value in own:
            if isinstance(value, StoredTensor) and len(name) <= _MAX_NAME:
                found[prefix + name] = value
        for name, value in inner:
            if isinstance(value, Inert) and value.attributes:
                self._walk(value, f"{prefix}{name}.", found)


def _items(value: Any) -> list[tuple[str, Any]]:
    return [(key, entry) for key, entry in value.items() if isinstance(key, str)] if isinstance(value, dict) else []


def _without_notes(found: StateDict) -> StateDict:
    return {
        name: tensor for name, tensor in found.items() if "." in name or _is_array(tensor) or not _NOTES.search(name)
    }


def _without_wrappers(found: StateDict) -> StateDict:
    while wrapper := next((w for w in _WRAPPERS if all(name.startswith(w) for name in found)), None):
        found = {name.removeprefix(wrapper): tensor for name, tensor in found.items()}
    return found
