"""Reading pickles without running them.

A pickle is a program for a small stack machine, and two of its instructions
call whatever function it names. This reader knows all instructions but calls
nothing: functions and classes stay names, each call becomes a
record of that call, and only a few builders that create data (an ordered
dictionary, a tensor's description) are understood.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from soupwidgets.checkpoints.file_bytes import FileBytes

# What pickles are read from: memory, or a file piece by piece.
Content = memoryview | FileBytes

# A state dict of 10,000 tensors takes half a million instructions.
_MAX_WORK = 4_000_000
_MAX_LONG_BYTES = 1 << 10
_MAX_KEY_PARTS = 16
# Work is charged in blocks of this many instructions.
_BLOCK = 64

_STANDARD_LIBRARY = set(sys.stdlib_module_names) | {"__builtin__", "copy_reg", "cPickle", "nt", "exceptions"}
# Packages whose objects training scripts leave in their checkpoints. They all stay names.
_HARMLESS = {
    "argparse.Namespace", "builtins.bool", "builtins.bytearray", "builtins.bytes", "builtins.complex",
    "builtins.dict", "builtins.float", "builtins.frozenset", "builtins.int", "builtins.list", "builtins.object",
    "builtins.range", "builtins.set", "builtins.slice", "builtins.str", "builtins.tuple", "__builtin__.set",
    "__builtin__.object", "__builtin__.dict", "__builtin__.list", "__builtin__.long", "__builtin__.unicode",
    "collections.OrderedDict", "collections.defaultdict", "collections.Counter", "collections.deque",
    "_codecs.encode", "copyreg._reconstructor", "copy_reg._reconstructor", "datetime.date", "datetime.datetime",
    "datetime.timedelta", "decimal.Decimal", "fractions.Fraction", "functools.partial", "pathlib.Path",
    "pathlib.PosixPath", "pathlib.PurePath", "pathlib.PurePosixPath", "pathlib.WindowsPath", "types.SimpleNamespace",
    "uuid.UUID",
}  # fmt: skip


class PickleError(ValueError):
    """The pickle is damaged, too large, or asks for something that no weight file needs."""


@dataclass(frozen=True)
class Global:
    """The name of a function or class; never the thing itself."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


@dataclass(eq=False)
class Inert:
    """What calling ``function`` would have created: its arguments and attributes, as data."""

    function: Global
    arguments: tuple[Any, ...] = ()
    attributes: dict[Any, Any] = field(default_factory=dict)
    # The state it would have been given afterwards, if that is more than attributes (an array's numbers).
    state: tuple[Any, ...] = ()


def slice_of(content: Content, start: int, stop: int) -> Content:
    """Part of a buffer; nothing is read or copied."""
    return content.part(start, stop) if isinstance(content, FileBytes) else content[start:stop]


class _Mark:
    pass


_MARK = _Mark()
_END = object()


class Budget:
    """How much work the pickles of one file may cause; nested ones share it."""

    def __init__(self, file_bytes: int) -> None:
        self._work = _MAX_WORK
        # Old protocols write bytes as text, which is converted back once; the limit is twice that.
        self._text = 3 * file_bytes

    def spend(self, work: int) -> None:
        """Raise `PickleError` when nothing is left."""
        self._work -= work
        if self._work < 0:
            raise PickleError(f"more than {_MAX_WORK:,} instructions")

    def spend_on(self, arguments: tuple[Any, ...]) -> None:
        """Charge a call for what it copies, so that no loop over one large value can fill the memory."""
        for argument in arguments:
            if isinstance(argument, list | tuple | dict):
                self.spend(len(argument))
            elif isinstance(argument, str | bytes):
                self._text -= len(argument)
                if self._text < 0:
                    raise PickleError("it creates more text than the file holds")


class PickleReader:
    """Reads one pickle after another from a buffer.

    Parameters
    ----------
    content
        The buffer; byte strings in it are returned as parts of it, not copied.
    position
        Where the first pickle starts.
    persistent
        Turns a persistent id into a value (PyTorch stores its storages that way).
    builders
        Functions that handle a call, by the called function's full name. All other calls become `Inert`.
    budget, refused
        Shared with the pickle that this one is nested in.

    Attributes
    ----------
    position
        Where the next pickle would start.
    refused
        Names of the functions and classes that were not called.
    """

    def __init__(
        self,
        content: Content,
        position: int = 0,
        *,
        persistent: Callable[[Any], Any] | None = None,
        builders: dict[str, Callable[..., Any]] | None = None,
        budget: Budget | None = None,
        refused: set[str] | None = None,
    ) -> None:
        self._content = content
        self.position = position
        self._persistent = persistent
        self._builders = {**_BUILDERS, **(builders or {})}
        self.refused: set[str] = set() if refused is None else refused
        self._budget = budget or Budget(len(content))
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}

    def load(self) -> Any:
        """Read the pickle at `position`.

        Raises
        ------
        PickleError
            When it is damaged, too large, or names something dangerous.
        """
        self._stack, self._memo = [], {}
        try:
            while True:
                self._budget.spend(_BLOCK)
                for _ in range(_BLOCK):
                    code = self._content[self.position]
                    self.position += 1
                    instruction = _INSTRUCTIONS.get(code)
                    if instruction is None:
                        raise PickleError(f"the instruction {code:#04x}, which PyTorch never writes")
                    if instruction(self) is _END:
                        return self._stack.pop()
        except PickleError:
            raise
        except (IndexError, KeyError, ValueError, TypeError, AttributeError, OverflowError, struct.error) as error:
            raise PickleError(f"damaged at byte {self.position:,} ({type(error).__name__}: {error})") from error

    # Reading arguments.

    def _take(self, count: int) -> Content:
        end = self.position + count
        if count < 0 or end > len(self._content):
            raise PickleError(f"{count:,} bytes announced at byte {self.position:,}, but the file ends before that")
        part = slice_of(self._content, self.position, end)
        self.position = end
        return part

    def _byte(self) -> int:
        value = self._content[self.position]
        self.position += 1
        return value

    def _number(self, layout: struct.Struct) -> Any:
        return layout.unpack(bytes(self._take(layout.size)))[0]

    def _line(self) -> str:
        end = self.position
        while self._content[end] != 0x0A:
            end += 1
            if end - self.position > 10_000:
                raise PickleError("a line of text that does not end")
        text = bytes(slice_of(self._content, self.position, end)).decode("utf-8")
        self.position = end + 1
        return text

    # What instructions do.

    def _push(self, value: Any) -> None:
        self._stack.append(value)

    def _since_mark(self) -> list[Any]:
        for place in range(len(self._stack) - 1, -1, -1):
            if self._stack[place] is _MARK:
                values = self._stack[place + 1 :]
                del self._stack[place:]
                return values
        raise PickleError(f"no mark at byte {self.position:,}")

    def _global(self, module: Any, name: Any) -> None:
        if not isinstance(module, str) or not isinstance(name, str):
            raise PickleError("a function or class whose name is not a string")
        found = Global(module, name)
        if module.partition(".")[0] in _STANDARD_LIBRARY and str(found) not in _HARMLESS:
            raise PickleError(f"it asks for {str(found)[:200]}, which no weight file needs: the file may be hostile")
        self._push(found)

    def _call(self, function: Any, arguments: Any) -> None:
        if not isinstance(function, Global) or not isinstance(arguments, tuple):
            raise PickleError("a call of something that is not a function")
        builder = self._builders.get(str(function))
        if builder is None:
            self.refused.add(str(function))
            self._push(Inert(function, arguments))
        else:
            self._budget.spend_on(arguments)
            self._push(builder(*arguments))

    def _reduce(self) -> None:
        arguments = self._stack.pop()
        self._call(self._stack.pop(), arguments)

    def _new(self, with_keywords: bool) -> None:
        if with_keywords:
            self._stack.pop()
        self._reduce()

    def _instance_of_named(self) -> None:
        self._global(self._line(), self._line())
        function = self._stack.pop()
        self._call(function, tuple(self._since_mark()))

    def _instance(self) -> None:
        function, *arguments = self._since_mark()
        self._call(function, tuple(arguments))

    def _build(self) -> None:
        state = self._stack.pop()
        target = self._stack[-1]
        if not isinstance(target, Inert):
            return
        if isinstance(state, tuple):
            target.state = state
        # For classes with slots the state is a pair of dictionaries.
        for part in state if isinstance(state, tuple) else (state,):
            if isinstance(part, dict):
                self._budget.spend(len(part))
                target.attributes.update(part)

    def _set_items(self, pairs: list[Any]) -> None:
        target = self._stack[-1]
        if isinstance(target, Inert):
            return
        for key, value in zip(pairs[::2], pairs[1::2], strict=True):
            target[_as_key(key)] = value

    def _extend(self, values: list[Any]) -> None:
        target = self._stack[-1]
        if not isinstance(target, Inert):
            target.extend(values)

    def _remember(self, place: int) -> None:
        self._memo[place] = self._stack[-1]

    def _persist(self, identity: Any) -> None:
        if self._persistent is None:
            raise PickleError("a reference to something outside the pickle")
        self._push(self._persistent(identity))

    def _long(self, count: int) -> None:
        if count > _MAX_LONG_BYTES:
            raise PickleError(f"a number of {count:,} bytes")
        self._push(int.from_bytes(bytes(self._take(count)), "little", signed=True))

    def _tuple(self, count: int) -> None:
        if count > len(self._stack):
            raise PickleError(f"a tuple with more values than there are at byte {self.position:,}")
        values = tuple(self._stack[len(self._stack) - count :])
        del self._stack[len(self._stack) - count :]
        self._push(values)


def _as_key(key: Any) -> Any:
    # Shallow only: the hash of tuples within tuples can take time that doubles with every level.
    flat = key if isinstance(key, tuple) else (key,)
    if len(flat) > _MAX_KEY_PARTS or not all(
        isinstance(part, str | int | float | bytes | Global | None) for part in flat
    ):
        raise PickleError(f"a dictionary key of type {type(key).__name__}")
    return key


def _dictionary(*pairs: Any) -> dict[Any, Any]:
    return {_as_key(key): value for key, value in (pairs[0] if pairs else ())}


def _default_dictionary(_factory: Any = None, *pairs: Any) -> dict[Any, Any]:
    return _dictionary(*pairs)


def _encode(text: str, encoding: str = "utf-8") -> bytes:
    if encoding not in ("latin1", "latin-1", "utf-8", "ascii"):
        raise PickleError(f"bytes in the unknown encoding {encoding[:50]!r}")
    return text.encode(encoding)


_BUILDERS: dict[str, Callable[..., Any]] = {
    "collections.OrderedDict": _dictionary,
    "collections.defaultdict": _default_dictionary,
    "_codecs.encode": _encode,
    "builtins.set": lambda values=(): list(values),
    "__builtin__.set": lambda values=(): list(values),
    "builtins.frozenset": lambda values=(): list(values),
    "copyreg._reconstructor": lambda kind, *_: Inert(kind),
    "copy_reg._reconstructor": lambda kind, *_: Inert(kind),
}


def _end(_reader: PickleReader) -> object:
    return _END


def _text_number(text: str) -> int | bool:
    return {"00": False, "01": True}[text] if text in ("00", "01") else int(text.rstrip("L"))


_U16, _U32, _U64 = struct.Struct("<H"), struct.Struct("<I"), struct.Struct("<Q")
_I32, _F64 = struct.Struct("<i"), struct.Struct(">d")
# The opcodes of protocols 0 to 5 (PEP 307, 3154, 574), by their byte.
_INSTRUCTIONS: dict[int, Callable[[PickleReader], object]] = {
    ord("."): _end,
    0x80: lambda r: r._take(1),  # the protocol
    0x95: lambda r: r._take(8),  # a frame: its length is not needed here
    ord("("): lambda r: r._push(_MARK),
    ord("0"): lambda r: r._stack.pop(),
    ord("1"): lambda r: r._since_mark(),
    ord("2"): lambda r: r._push(r._stack[-1]),
    ord("N"): lambda r: r._push(None),
    0x88: lambda r: r._push(True),
    0x89: lambda r: r._push(False),
    ord("I"): lambda r: r._push(_text_number(r._line())),
    ord("L"): lambda r: r._push(_text_number(r._line())),
    ord("J"): lambda r: r._push(r._number(_I32)),
    ord("K"): lambda r: r._push(r._byte()),
    ord("M"): lambda r: r._push(r._number(_U16)),
    0x8A: lambda r: r._long(r._byte()),
    0x8B: lambda r: r._long(r._number(_I32)),
    ord("F"): lambda r: r._push(float(r._line())),
    ord("G"): lambda r: r._push(r._number(_F64)),
    ord("S"): lambda r: r._push(r._line().strip("'\"")),
    ord("V"): lambda r: r._push(r._line()),
    ord("X"): lambda r: r._push(bytes(r._take(r._number(_U32))).decode("utf-8", "surrogatepass")),
    0x8C: lambda r: r._push(bytes(r._take(r._byte())).decode("utf-8", "surrogatepass")),
    0x8D: lambda r: r._push(bytes(r._take(r._number(_U64))).decode("utf-8", "surrogatepass")),
    ord("U"): lambda r: r._push(bytes(r._take(r._byte())).decode("latin-1")),
    ord("T"): lambda r: r._push(bytes(r._take(r._number(_I32))).decode("latin-1")),
    ord("C"): lambda r: r._push(r._take(r._byte())),
    ord("B"): lambda r: r._push(r._take(r._number(_U32))),
    0x8E: lambda r: r._push(r._take(r._number(_U64))),
    0x96: lambda r: r._push(r._take(r._number(_U64))),
    ord(")"): lambda r: r._push(()),
    ord("t"): lambda r: r._push(tuple(r._since_mark())),
    0x85: lambda r: r._tuple(1),
    0x86: lambda r: r._tuple(2),
    0x87: lambda r: r._tuple(3),
    ord("]"): lambda r: r._push([]),
    ord("l"): lambda r: r._push(r._since_mark()),
    ord("a"): lambda r: r._extend([r._stack.pop()]),
    ord("e"): lambda r: r._extend(r._since_mark()),
    ord("}"): lambda r: r._push({}),
    ord("d"): lambda r: r._push(_dictionary(_pairs(r._since_mark()))),
    ord("s"): lambda r: r._set_items([r._stack.pop(-2), r._stack.pop()]),
    ord("u"): lambda r: r._set_items(r._since_mark()),
    0x8F: lambda r: r._push([]),  # sets become lists: nothing needs them to be hashable
    0x90: lambda r: r._extend(r._since_mark()),
    0x91: lambda r: r._push(r._since_mark()),
    ord("c"): lambda r: r._global(r._line(), r._line()),
    0x93: lambda r: r._global(r._stack.pop(-2), r._stack.pop()),
    ord("R"): lambda r: r._reduce(),
    0x81: lambda r: r._new(with_keywords=False),
    0x92: lambda r: r._new(with_keywords=True),
    ord("i"): lambda r: r._instance_of_named(),
    ord("o"): lambda r: r._instance(),
    ord("b"): lambda r: r._build(),
    ord("P"): lambda r: r._persist(r._line()),
    ord("Q"): lambda r: r._persist(r._stack.pop()),
    ord("p"): lambda r: r._remember(int(r._line())),
    ord("q"): lambda r: r._remember(r._byte()),
    ord("r"): lambda r: r._remember(r._number(_U32)),
    0x94: lambda r: r._remember(len(r._memo)),
    ord("g"): lambda r: r._push(r._memo[int(r._line())]),
    ord("h"): lambda r: r._stack.append(r._memo[r._byte()]),
    ord("j"): lambda r: r._push(r._memo[r._number(_U32)]),
}


def _pairs(values: list[Any]) -> list[tuple[Any, Any]]:
    return list(zip(values[::2], values[1::2], strict=True))
