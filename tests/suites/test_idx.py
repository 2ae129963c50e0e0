from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

from soupwidgets.suites.idx import read_idx


def idx(shape: tuple[int, ...], data: bytes, kind: int = 8) -> bytes:
    return struct.pack(f">BBBB{len(shape)}I", 0, 0, kind, len(shape), *shape) + data


def test_reads_plain_and_gzipped(tmp_path: Path) -> None:
    content = idx((2, 3), bytes(range(6)))
    (tmp_path / "a").write_bytes(content)
    (tmp_path / "a.gz").write_bytes(gzip.compress(content))
    for name in ("a", "a.gz"):
        assert np.array_equal(read_idx(tmp_path / name), np.arange(6).reshape(2, 3))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not an IDX"),
        (b"PNG!", "not an IDX"),
        (idx((2,), b"ab", kind=13), "not an IDX"),
        (idx((2, 3), b"")[:6], "axis lengths"),
        (idx((2, 3), b"12345"), "states 6 bytes, the file holds 5"),
        (idx((2, 3), b"1234567"), "holds more"),
        (idx((1 << 31, 1 << 31), b""), "more than this reader takes"),
    ],
)
def test_bad_files(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "bad").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read_idx(tmp_path / "bad")
