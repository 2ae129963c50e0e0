"""Files from others are hostile: each ends in one clear error, runs nothing and takes no memory to speak of."""

from __future__ import annotations

import functools
import io
import os
import pickle
import struct
import tracemalloc
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import save
from torch import nn

from soupwidgets import CheckpointError
from soupwidgets.checkpoints import CheckpointFile, pickles, torch_files

MARKER = "SOUPWIDGETS_HOSTILE"


class Calls:
    """Pickles as a call of any function."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return self.call


def hostile_values() -> dict[str, Any]:
    run = f"import os; os.environ[{MARKER!r}] = 'run'"
    return {
        "os.system": Calls(os.system, "true"),
        "eval": Calls(eval, run),
        "exec": Calls(exec, run),
        "open": Calls(open, "/dev/null"),
        "getattr": Calls(getattr, "text", "upper"),
        "__import__": Calls(__import__, "os"),
        "chain": Calls(getattr, Calls(__import__, "os"), "system"),
        "partial": Calls(functools.partial(exec).__call__, run),
        "reduce": Calls(functools.reduce, max, [1, 2]),
        "in a state dict": {"w": torch.zeros(2), "x": Calls(exec, run)},
        "in an ordered dictionary": OrderedDict(a=Calls(exec, run)),
        "as a key's value": {"state_dict": {"w": torch.zeros(2)}, "callbacks": [Calls(os.system, "true")]},
        "many bytes": Calls(bytearray, 10**12),
    }


RAW = {
    "text protocol": b"cos\nsystem\n(S'true'\ntR.",
    "old instance": b"(S'true'\nios\nsystem\n.",
    "old object": b"(cos\nsystem\nS'true'\no.",
    "extension registry": b"\x80\x02\x82\x01.",
    "huge memo": b"\x80\x02]r\xff\xff\xff\xff.",
    "huge string": b"\x80\x04\x8d" + struct.pack("<Q", 1 << 62) + b"x.",
    "huge bytes": b"\x80\x04\x8e" + struct.pack("<Q", (1 << 64) - 1) + b"x.",
    "negative length": b"\x80\x02T" + struct.pack("<i", -5) + b".",
    "huge number": b"\x80\x02\x8b" + struct.pack("<i", 1 << 30) + b".",
    "popping nothing": b"\x80\x020000.",
    "never ends": b"\x80\x02" + b"]" * 100,
    "deep tuples as a key": b"\x80\x02}(N" + b"2\x86" * 200 + b"Nu.",
    "a list in itself": b"\x80\x02]q\x00h\x00a.",
    "a dictionary in itself": b"\x80\x02}q\x00X\x05\x00\x00\x00modelh\x00s.",
    "copies without end": b"\x80\x02]q\x00(" + b"N" * 20_000 + b"e" + b"cbuiltins\nset\nh\x00\x85R" * 3000 + b".",
    "attributes without end": b"\x80\x02}q\x00("
    + b"".join(b"J" + struct.pack("<i", i) + b"N" for i in range(20_000))
    + b"u" + b"csome.where\nThing\n)\x81h\x00b" * 3000 + b".",
    "a long key": b"\x80\x02}(" + b"(" + b"N" * 100 + b"tNu.",
    "text without end": b"\x80\x02X" + struct.pack("<I", 10**6) + b"x" * 10**6 + b"q\x00"
    + b"c_codecs\nencode\nh\x00\x85R" * 5000 + b".",
    "not a pickle": b"hello, I am a text file",
    "a number": pickle.dumps(3),
    "nothing": b"",
}  # fmt: skip


def refuse(path: Path, megabytes: float = 400) -> str:
    tracemalloc.start()
    try:
        with pytest.raises(CheckpointError) as caught:
            dict(CheckpointFile(path).read())
        assert tracemalloc.get_traced_memory()[1] < megabytes * 1e6
    finally:
        tracemalloc.stop()
    assert MARKER not in os.environ
    assert str(path) in str(caught.value)
    return caught.value.reason


@pytest.mark.parametrize("name", hostile_values())
@pytest.mark.parametrize("how", ["pickle", "zip", "old", "nested"])
def test_what_would_run_code_is_refused_by_name(tmp_path: Path, name: str, how: str) -> None:
    path = tmp_path / "model.pt"
    value = hostile_values()[name]
    if how == "pickle":
        path.write_bytes(pickle.dumps(value))
    elif how == "nested":
        inner = io.BytesIO()
        torch.save(value, inner, _use_new_zipfile_serialization=False)
        path.write_bytes(pickle.dumps({"w": Calls(torch.storage._load_from_bytes, inner.getvalue())}))
    else:
        torch.save(value, path, _use_new_zipfile_serialization=how == "zip")
    reason = refuse(path)
    assert "which no weight file needs" in reason or "no weights were found" in reason
    if name not in ("many bytes",):
        assert "it asks for " in reason


@pytest.mark.slow
@pytest.mark.parametrize("name", RAW)
def test_pickles_that_nobody_writes(tmp_path: Path, name: str) -> None:
    path = tmp_path / "model.pt"
    path.write_bytes(RAW[name])
    refuse(path)


def test_a_tenth_of_the_work_takes_a_tenth_of_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Empty lists are what takes most memory for an instruction; counting it makes the whole of it too slow here."""
    tenth = pickles._MAX_WORK // 10
    monkeypatch.setattr(pickles, "_MAX_WORK", tenth)
    path = tmp_path / "model.pt"
    path.write_bytes(b"\x80\x02" + b"]" * (tenth + tenth // 2) + b".")
    assert f"more than {tenth:,} instructions" in refuse(path, megabytes=40)


def rezip(content: bytes, change: Callable[[zipfile.ZipInfo, bytes], list[tuple[str, bytes, int]]]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as source, zipfile.ZipFile(out, "w") as target:
        for info in source.infolist():
            for name, data, compression in change(info, source.read(info)):
                target.writestr(name, data, compression)
    return out.getvalue()


def saved(value: Any, new: bool = True) -> bytes:
    buffer = io.BytesIO()
    torch.save(value, buffer, _use_new_zipfile_serialization=new)
    return buffer.getvalue()


STATE = {"w": torch.arange(6.0), "b": torch.ones(3, dtype=torch.float16)}
STORED = zipfile.ZIP_STORED


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_archives_that_nobody_writes(tmp_path: Path) -> None:
    content = saved(STATE)
    path = tmp_path / "model.pt"

    def check(changed: bytes, reason: str) -> None:
        path.write_bytes(changed)
        assert reason in refuse(path)

    bomb = bytes(10**8)
    check(rezip(content, lambda i, d: [(i.filename, d + bomb, zipfile.ZIP_DEFLATED)]), "compressed")
    check(rezip(content, lambda i, d: [(i.filename, d, STORED), ("a/../../../etc/x", d, STORED)]), "outside its folder")
    check(rezip(content, lambda i, d: [("/" + i.filename, d, STORED)]), "outside its folder")
    check(rezip(content, lambda i, d: [(i.filename, d, STORED)] * 2), "two entries")
    check(rezip(content, lambda i, d: [(i.filename, d, STORED)] if "/data/" not in i.filename else []), "missing")
    check(rezip(content, lambda i, d: [(i.filename, d[:2] if "/data/" in i.filename else d, STORED)]), "announced")
    check(rezip(content, lambda i, d: [(i.filename, b"big" if "byteorder" in i.filename else d, STORED)]), "big-endian")
    check(rezip(content, lambda i, d: [(f"x/{i.filename}", d, STORED)]), "no data.pkl")
    check(rezip(content, lambda i, _d: [(i.filename, content, STORED)]), "")
    other = io.BytesIO()
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr("notes.txt", "hello")
    check(other.getvalue(), "no data.pkl")


def test_tensors_that_claim_more_than_there_is(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    torch.save({"w": torch.zeros(1).expand(1 << 40)}, path)
    assert "reaches beyond its storage" in refuse(path)
    one = torch.zeros(100_000)
    torch.save({f"w{i}": one for i in range(50)}, path)
    assert "many times the size of the file" in refuse(path)


def test_weights_that_cannot_be_mixed(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    for value, reason in (
        ({"epoch": 3}, "it holds: epoch"),
        ([torch.zeros(2)], "no weights"),
        ({"w": torch.zeros(2, dtype=torch.complex64)}, "Complex"),
    ):
        torch.save(value, path)
        assert reason in refuse(path)


def test_a_module_that_contains_itself(tmp_path: Path) -> None:
    module = nn.Linear(2, 2)
    module._modules["again"] = module
    path = tmp_path / "model.pt"
    torch.save(module, path)
    assert "endless modules" in refuse(path)


class Part(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 2, 1)
        self.norm = nn.BatchNorm2d(2)


WHOLE = {
    "zip": saved(STATE),
    "old": saved(STATE, new=False),
    "module": pickle.dumps(Part()),
    "training": saved({"state_dict": STATE, "epoch": 3, "optimizer": {"state": {0: torch.zeros(2)}}}),
    "safetensors": save(STATE),
}
ANY_FILE = st.sampled_from(sorted(WHOLE))
FAST = settings(max_examples=700, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def open_or_refuse(path: Path, content: bytes) -> None:
    """What is no error must be a checkpoint that can be read; anything else than `CheckpointError` fails the test."""
    path.write_bytes(content)
    try:
        read = dict(CheckpointFile(path).read())
    except CheckpointError:
        return
    assert sum(tensor.numel() for tensor in read.values()) < 1000


@FAST
@given(ANY_FILE, st.floats(0, 1, exclude_max=True))
def test_a_truncated_file_is_refused(tmp_path: Path, kind: str, share: float) -> None:
    path = tmp_path / "model.pt"
    path.write_bytes(WHOLE[kind][: int(share * len(WHOLE[kind]))])
    with pytest.raises(CheckpointError, match=r"model\.pt"):
        CheckpointFile(path)


@FAST
@given(ANY_FILE, st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 7)), min_size=1, max_size=4))
def test_flipped_bits(tmp_path: Path, kind: str, flips: list[tuple[float, int]]) -> None:
    content = bytearray(WHOLE[kind])
    for share, bit in flips:
        content[int(share * len(content))] ^= 1 << bit
    open_or_refuse(tmp_path / "model.pt", bytes(content))


@FAST
@given(ANY_FILE, st.floats(0, 1, exclude_max=True), st.binary(min_size=1, max_size=12))
def test_overwritten_bytes(tmp_path: Path, kind: str, share: float, patch: bytes) -> None:
    content = bytearray(WHOLE[kind])
    start = int(share * len(content))
    content[start : start + len(patch)] = patch
    open_or_refuse(tmp_path / "model.pt", bytes(content))


@FAST
@given(st.binary(max_size=60))
def test_any_instructions(tmp_path: Path, program: bytes) -> None:
    open_or_refuse(tmp_path / "model.pt", b"\x80\x04" + program + b".")


class Kept:
    """Stands for a storage of six numbers."""


class PicklerOfKept(pickle.Pickler):
    def persistent_id(self, value: Any) -> Any:
        return ("storage", torch.FloatStorage, "0", "cpu", 6) if isinstance(value, Kept) else None


def archive_with(shape: Any, stride: Any) -> bytes:
    """What ``torch.save`` would write if a tensor could have this shape."""
    text, out = io.BytesIO(), io.BytesIO()
    tensor = Calls(torch._utils._rebuild_tensor_v2, Kept(), 0, shape, stride, False, OrderedDict())
    PicklerOfKept(text, protocol=2).dump({"a.weight": tensor})
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("archive/data.pkl", text.getvalue())
        archive.writestr("archive/data/0", bytes(24))
    return out.getvalue()


def test_shapes_that_no_tensor_has(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    path.write_bytes(archive_with((2, 3), (3, 1)))
    assert dict(CheckpointFile(path).read())["a.weight"].shape == (2, 3)
    many = (1 << 47,) * 2000  # their product alone would take time and memory
    for shape, stride, reason in (
        (many, many, "invalid shape or strides"),
        (3, 1, "invalid shape or strides"),
        ((True, 3), (3, 1), "impossible shape"),
        ((2, 3), (3, -1), "impossible shape"),
        ((7,), (1,), "reaches beyond its storage"),
    ):
        path.write_bytes(archive_with(shape, stride))
        assert reason in refuse(path)


def test_a_list_of_entries_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "model.pt"
    path.write_bytes(saved(STATE))
    monkeypatch.setattr(torch_files, "_MAX_DIRECTORY", 100)
    monkeypatch.setattr(torch_files.zipfile, "ZipFile", None)  # it would make an object of every entry
    assert "a zip archive whose list of entries has" in refuse(path)


def test_a_module_whose_inner_lists_are_something_else(tmp_path: Path) -> None:
    module = nn.Linear(2, 2)
    module.register_buffer("kept", torch.ones(2))
    module._non_persistent_buffers_set = 3  # type: ignore[assignment]
    path = tmp_path / "model.pt"
    path.write_bytes(pickle.dumps(module))
    assert sorted(CheckpointFile(path).tensors) == ["bias", "kept", "weight"]


def test_headers_that_lie(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"

    def check(header: str, numbers: int, reason: str) -> None:
        path.write_bytes(struct.pack("<Q", len(header)) + header.encode() + bytes(numbers))
        assert reason in refuse(path)

    good = '{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}%s}'
    path.write_bytes(struct.pack("<Q", len(good % "")) + (good % "").encode() + bytes(8))
    assert list(CheckpointFile(path).tensors) == ["a"]
    check(good % "", 12, "announced")
    check(good % ',"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}', 8, "is not where it should be")  # overlaps
    check(good % ',"b":{"dtype":"F32","shape":[1],"data_offsets":[12,16]}', 16, "is not where it should be")  # a hole
    check(good % ',"b":{"dtype":"F32","shape":[-1],"data_offsets":[8,4]}', 8, "tensor 'b'")
    check(good % ',"b":{"dtype":"C64","shape":[1],"data_offsets":[8,16]}', 16, "cannot be mixed")
    check(good[:-3] + ',"b":{"dtype":"F32","shape":[' + "1," * 99 + '1],"data_offsets":[8,12]}}', 12, "tensor 'b'")
    check(good % ',"__metadata__":{"note":3}', 8, "metadata")
    check('{"a":' + "[" * 50_000, 8, "header")
