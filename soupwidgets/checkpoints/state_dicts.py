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

# The keys under which training scripts keep the weights: of several sets the first in this list is used.
_PLAIN = ("state_dict", "model_state_dict", "model", "module", "network", "net", "weights", "params")
# Averaged weights are only used when there is nothing else or they are asked for.
_AVERAGED = re.compile(r"(^|[_.])(ema|swa|shadow|avg|averaged?)($|[_.])", re.IGNORECASE)
# State stored next to the weights, with their names or shapes; only used when it is asked for.
_BESIDE = re.compile(r"optim|^opt$|sched|scaler|rng|momentum|exp_avg|grad|queue|history|metrics|^loss", re.IGNORECASE)
# Numbers a script may store among flat weights; other scalars without a dot (CLIP's ``logit_scale``) are weights.
_NOTES = re.compile(
    r"(^|_)(best|epochs?|steps?|iter|iterations?|acc\d*|accuracy|loss|lr|seed|rng|score)(_|$)", re.IGNORECASE
)
# Prefixes that torch.nn.DataParallel and torch.compile add to every name.
_WRAPPERS = ("module.", "_orig_mod.")
# The names of parameters without a prefix, as in a single layer.
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
    """A file holds several sets of weights, and nothing says which one to use.

    Parameters
    ----------
    found
        What it holds.
    advice
        How to choose one, for callers that can.
    """

    def __init__(self, found: str, advice: str) -> None:
        super().__init__(f"{found}. {advice}")
        self.found = found


def find_state_dict(root: Any, part: str | None = None) -> tuple[StateDict, list[str]]:
    """Find the tensors by name, and which parts of the file hold weights.

    Weights are recognised by their content, whatever their key: a mapping most
    of whose tensors have names of parameters (``layer1.conv.weight``), or a
    pickled module. Other tensors, such as a best accuracy, do not count as weights.

    Parameters
    ----------
    root
        What a `TorchFile` holds.
    part
        The key of the part to use, for a training checkpoint with several
        (``"model_ema"``; ``"state.model"`` for a nested one). When None,
        the plain weights: those under a usual key, or else the only set.

    Returns
    -------
    dict, list
        The state dict, and the keys of all parts, the default one
        first; empty when the file is one state dict.

    Raises
    ------
    PickleError
        When there are no weights, the requested part does not exist, or there are several
        parts and none has a usual key; the message lists them.
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
        # Names in no known form: still weights if nothing else could be.
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
            f"Say which one to use, for example part={order[0]!r} (--part {shlex.quote(order[0])})",
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
    """Every set of weights within dictionaries and lists, by its path; each object is visited once."""
    seen = {id(root)}
    waiting = deque((key, key, value, 1) for key, value in _entries(root))
    while waiting:
        path, key, value, depth = waiting.popleft()
        if not isinstance(value, dict | list | tuple | Inert) or id(value) in seen or _BESIDE.search(key):
            continue
        seen.add(id(value))
        tensors = modules.tensors(value)
        # Under a usual key anything that could be weights is accepted, such as a state dict of one tensor "w".
        if _are_weights(tensors) or (path in _PLAIN and _could_be_weights(tensors, value)):
            yield path, tensors
        elif depth < _MAX_PART_DEPTH:
            waiting += [(f"{path}.{inner}", inner, entry, depth + 1) for inner, entry in _entries(value)]


def _entries(value: Any) -> list[tuple[str, Any]]:
    """The items of a dictionary or list, by keys that can be written in a path."""
    if isinstance(value, list | tuple):
        return [(str(i), entry) for i, entry in enumerate(value)]
    return [(key, entry) for key, entry in _items(value) if len(key) <= _MAX_NAME]


def _at(root: Any, path: str) -> Any:
    """The value at a path; None when there is none. Keys may contain dots themselves."""
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
    """Whether most of a dictionary's values are tensors, and at least one is a floating-point array."""
    return len(tensors) * 2 >= len(_items(value)) and any(_is_array(tensor) for tensor in tensors.values())


def _is_array(tensor: StoredTensor) -> bool:
    return tensor.dtype.is_floating_point and len(tensor.shape) > 0


class _Modules:
    """Finds the tensors of dictionaries and pickled modules; all modules of a file share one limit."""

    def __init__(self) -> None:
        self._visited = 0

    def tensors(self, value: Any) -> StateDict:
        """The tensors by name; empty when the value is neither, or has none."""
        found: StateDict = {}
        if isinstance(value, dict):
            found = {key: entry for key, entry in _items(value) if isinstance(entry, StoredTensor)}
        elif isinstance(value, Inert):
            self._walk(value, "", found)
        return found

    def _walk(self, module: Inert, prefix: str, found: StateDict) -> None:
        self._visited += 1
        if prefix.count(".") > _MAX_DEPTH or self._visited > _MAX_MODULES or len(prefix) > _MAX_NAME:
            raise PickleError("endless modules: nested too deeply, or one that contains itself")
        attributes = module.attributes
        if "_parameters" in attributes:
            # torch.nn.Module in pickled form.
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
