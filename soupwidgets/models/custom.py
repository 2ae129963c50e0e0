"""A network of one's own: a module, or a function that builds one."""

from __future__ import annotations

import copy
import hashlib
import importlib
import inspect
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from soupwidgets.models.inputs import Arrays, Input
from soupwidgets.models.logits import returning_logits
from soupwidgets.models.model import Model
from soupwidgets.models.placing import built_on

# Their modules are told apart by name and settings; the code is that of an installed version.
_LIBRARIES = ("torch", "torchvision", "timm", "transformers", "open_clip")
_SIMPLE = (bool, int, float, str, type(None))


class Custom(Model):
    """A network of one's own.

    Parameters
    ----------
    build
        Returns a new network each time it is called; or a network, which is copied.
    inputs
        What goes in: `Images`, `Tokens`, or `Arrays` (numbers as they are).
    classes
        How many numbers come out; need not be given.
    name
        How it is called in messages and on cards; that of the function or class when empty.

    Notes
    -----
    Its fingerprint is made of the structure of modules, their plain settings, and the source of every class that is
    not PyTorch's (or torchvision's, timm's, transformers', open_clip's): a network with another ``forward`` has
    another one. What a ``forward`` takes from outside of its class is not seen; give another `name` then.

    Examples
    --------
    >>> one = Custom(lambda: nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3)))
    >>> other = Custom(lambda: nn.Sequential(nn.Linear(4, 8), nn.GELU(), nn.Linear(8, 3)))
    >>> one.fingerprint == other.fingerprint
    False
    """

    def __init__(
        self,
        build: Callable[[], nn.Module] | nn.Module,
        inputs: Input | None = None,
        *,
        classes: int | None = None,
        name: str = "",
    ) -> None:
        self._build = build
        self._inputs = inputs or Arrays()
        self.classes = classes
        if isinstance(build, nn.Module):
            self.name = name or type(build).__name__
        else:
            self.name = name or f"{build.__module__}:{getattr(build, '__qualname__', type(build).__name__)}"

    def __repr__(self) -> str:
        return f"Custom({self.name!r}, {self._inputs})"

    @property
    def code(self) -> str:
        """The Python that makes it; where the code cannot be imported by name, a comment says what to give."""
        where, _, own = self.name.partition(":")
        build = getattr(sys.modules.get(where), own, None) if own and where != "__main__" else None
        if build is None or build is not self._build:
            return f"...  # your own: {self.name}"
        named = f"sw.models.named_factory({self.name!r})"
        if self._inputs == Arrays():
            return named
        return f"sw.models.Custom({named}, sw.models.{self._inputs!r})"

    @property
    def inputs(self) -> Input:
        """What goes in."""
        return self._inputs

    def to_json(self) -> dict[str, Any]:
        """Name and structure: enough to tell networks apart, not to build one."""
        return {"source": "custom", "name": self.name, "inputs": self._inputs.to_json(), "structure": self._structure}

    @property
    def _structure(self) -> str:
        if not hasattr(self, "_known"):
            self._known = structure(self._new("meta"))
        return self._known

    def build(self, device: str | torch.device = "cpu") -> nn.Module:
        """A new network, in evaluation mode.

        Raises
        ------
        TypeError
            When the function returns something other than a module.
        """
        return returning_logits(self._new(device))

    def _new(self, device: str | torch.device) -> nn.Module:
        if isinstance(self._build, nn.Module):
            return copy.deepcopy(self._build).to(device).eval()
        return built_on(device, self._made)

    def _made(self) -> nn.Module:
        built = self._build()
        if not isinstance(built, nn.Module):
            raise TypeError(f"{self.name} returned {type(built).__name__}; a torch.nn.Module is expected")
        return built


def structure(network: nn.Module) -> str:
    """A hash of what a network computes, but for its weights.

    Parameters
    ----------
    network
        Any module.

    Returns
    -------
    str
        Made of each module's class, its source where the class is not a library's, its plain settings, and the names,
        shapes and precisions of its tensors.
    """
    parts: list[Any] = [[n, list(t.shape), str(t.dtype)] for n, t in network.state_dict().items()]
    seen: dict[str, str] = {}
    for name, module in network.named_modules():
        own = type(module)
        if not own.__module__.startswith(_LIBRARIES):
            seen.setdefault(f"{own.__module__}.{own.__qualname__}", _source(own))
        parts.append([name, own.__qualname__, module.extra_repr(), _settings(module)])
    text = json.dumps([parts, sorted(seen.values())], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _source(own: type) -> str:
    """The code of a class and of those it is derived from, as far as it can be read."""
    found = []
    for one in own.__mro__:
        if one.__module__.startswith(_LIBRARIES) or one is object:
            continue
        try:
            found.append(inspect.getsource(one))
        except (OSError, TypeError):
            # Typed into a prompt: the compiled code of its methods is what there is.
            codes = [f.__code__ for f in vars(one).values() if inspect.isfunction(f)]
            found += [f"{code.co_code.hex()} {code.co_names} {code.co_consts!r:.1000}" for code in codes]
    return "\n".join(found)


def _settings(module: nn.Module) -> dict[str, Any]:
    """Plain attributes, buffers that are in no state dict (by shape), and functions by their name."""
    kept = module._non_persistent_buffers_set
    found: dict[str, Any] = {}
    for name, value in vars(module).items():
        if name.startswith("_") or name == "training":
            continue
        if isinstance(value, _SIMPLE):
            found[name] = value
        elif isinstance(value, tuple | list) and all(isinstance(item, _SIMPLE) for item in value):
            found[name] = list(value)
        elif inspect.isroutine(value):
            found[name] = getattr(value, "__qualname__", "")
    for name in sorted(kept):
        buffer = module._buffers.get(name)
        if isinstance(buffer, Tensor):
            found[f"buffer {name}"] = [list(buffer.shape), str(buffer.dtype)]
    return found


def named_factory(text: str) -> Callable[[], nn.Module]:
    """The function that ``package.module:function`` or ``file.py:function`` names.

    Only ever called with what a user has typed: a name in a file must not be imported.

    Parameters
    ----------
    text
        As on the command line.

    Raises
    ------
    ValueError
        When there is no such module or function.
    """
    where, _, function = text.rpartition(":")
    if not where:
        raise ValueError(f"{text!r}: name a module and its function, as in my_package.networks:build")
    if where.endswith(".py"):
        path = Path(where).resolve()
        if not path.is_file():
            raise ValueError(f"{where}: there is no such file")
        sys.path.insert(0, str(path.parent))
        where = path.stem
    elif "" not in sys.path:
        # As for python -m: what lies in the working folder can be named.
        sys.path.insert(0, "")
    try:
        module = importlib.import_module(where)
    except ModuleNotFoundError as error:
        raise ValueError(f"{text!r}: {error}") from error
    found = getattr(module, function, None)
    if not callable(found):
        near = [name for name, value in vars(module).items() if callable(value) and not name.startswith("_")]
        raise ValueError(f"{text!r}: {where} has no function {function!r}; it has {', '.join(near[:8]) or 'none'}")
    return found  # type: ignore[no-any-return]


def model_of(given: Any, inputs: Input | None = None) -> Model:
    """What a user gives as a model: a description, a module, or a function that builds one.

    Parameters
    ----------
    given
        A `Model`, a ``torch.nn.Module``, a function, or a card (a dictionary).
    inputs
        For a module or a function: what goes in.

    Raises
    ------
    TypeError
        When it is none of these.
    ValueError
        When a card is not valid, or names a network that only its author can build.
    """
    from soupwidgets.models.cards import model_from_json

    if isinstance(given, Model):
        return given
    if isinstance(given, Mapping):
        return model_from_json(given)
    if isinstance(given, nn.Module) and hasattr(given, "config") and inputs is None:
        from soupwidgets.models.sources import transformers

        if type(given).__module__.startswith("transformers."):
            return transformers(given)
    if isinstance(given, nn.Module) or callable(given):
        return Custom(given, inputs)
    raise TypeError(
        f"a model is a description (sw.models.timm(...)), a torch.nn.Module or a function that builds one, "
        f"not {type(given).__name__}"
    )
