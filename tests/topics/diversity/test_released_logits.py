"""Logits as others release them: without a validation split, without names, and hostile ones."""

from __future__ import annotations

import io
import json
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

import soupwidgets as sw
from soupwidgets import Suite
from soupwidgets.topics.diversity.report import imported_members


@pytest.fixture
def logits(small_suite: Suite) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(len(small_suite.id_test), 10)).astype(np.float32)


def test_argmax_needs_no_temperature(small_suite: Suite, logits: np.ndarray, tmp_path: Path) -> None:
    np.save(tmp_path / "l.npy", logits)
    (one,) = imported_members([f"theirs:test={tmp_path / 'l.npy'}"], small_suite)
    assert one.splits == ("test",)
    labels = small_suite.id_test.labels
    assert one.right(small_suite.id_test).mean() == (logits.argmax(axis=1) == labels).mean()
    reviewed = sw.mistakes.MultiLabels("test", {0: sw.mistakes.ImageLabels(frozenset({int(logits[0].argmax())}))})
    assert sw.mistakes.multi_label_accuracy(one.predictions("test"), labels, reviewed, 10).accuracy == 1
    with pytest.raises(ValueError, match="'theirs' has no logits on 'val'; it has those of test"):
        one.temperature(small_suite)
    with pytest.raises(ValueError, match="'theirs' has no logits on 'val'"):
        sw.diversity.pair(one, one, small_suite, "test")


def test_an_array_is_one_whatever_its_file_is_called(small_suite: Suite, logits: np.ndarray, tmp_path: Path) -> None:
    np.save(tmp_path / "l.npy", logits)
    (tmp_path / "l.npy").rename(tmp_path / "bare.npz")
    np.savez_compressed(tmp_path / "unnamed.npz", logits)
    np.savez(tmp_path / "named.npz", logits=logits)
    (tmp_path / "named.npz").rename(tmp_path / "named.npy")
    np.save(tmp_path / "columns.npy", np.asfortranarray(logits.astype(np.float64)))
    torch.save({"logits": torch.from_numpy(logits).bfloat16()}, tmp_path / "half.pt")
    for name in ("bare.npz", "unnamed.npz", "named.npy", "columns.npy"):
        assert np.array_equal(sw.diversity.read_logits(tmp_path / name, small_suite, split="test"), logits)
    half = sw.diversity.read_logits(tmp_path / "half.pt", small_suite, split="test")
    assert np.array_equal(half, torch.from_numpy(logits).bfloat16().float().numpy())


def header(shape: tuple[int, ...], kind: str = "<f4") -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": kind, "fortran_order": False, "shape": shape})
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (header((10**12, 10)), "too short for"),
        (header((10**30, 10)), "too short for"),
        (header((-1, 10)), "too short for"),
        (header((400, 10)), "too short for"),
        (header((10**12, 0), "<U100000000"), "too short for"),
        (header((10**12,), "<U0"), "numbers, truth values or texts"),
        (header((1,), "|O"), "pickled objects"),
        (header((1,), "<M8[D]"), "numbers, truth values or texts"),
        (header((1,)).replace(b"<f4", b"<f{"), "header is damaged"),
        (header((1,)).replace(b"{", b"("), "header is damaged"),
        (b"\x93NUMPY\x03\x00" + header((1,))[8:], "header is damaged"),
        (b"\x93NUMPY", "header is damaged"),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_headers_that_lie(small_suite: Suite, tmp_path: Path, content: bytes, why: str, packed: bool) -> None:
    path = tmp_path / ("l.npz" if packed else "l.npy")
    if packed:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("logits.npy", content)
    else:
        path.write_bytes(content)
    with pytest.raises(ValueError, match=why) as error:
        sw.diversity.read_logits(path, small_suite, split="test")
    assert str(path) in str(error.value)


def test_what_unpacks_to_more_than_the_split_needs_is_not_unpacked(small_suite: Suite, tmp_path: Path) -> None:
    path = tmp_path / "bomb.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("logits.npy", header((50_000, 1000)) + bytes(200_000_000))
    assert path.stat().st_size < 300_000
    tracemalloc.start()
    with pytest.raises(ValueError, match=r"unpacks to 200,000,\d+ bytes, and at most 889,600 are expected"):
        sw.diversity.read_logits(path, small_suite, split="test")
    assert tracemalloc.get_traced_memory()[1] < 5_000_000
    # The directory lies: it states 100 bytes.
    content = path.read_bytes()
    size = (200_000_000 + len(header((50_000, 1000)))).to_bytes(4, "little")
    assert content.count(size) == 2
    path.write_bytes(content.replace(size, (100).to_bytes(4, "little")))
    with pytest.raises(ValueError, match=r"bomb\.npz"):
        sw.diversity.read_logits(path, small_suite, split="test")
    assert tracemalloc.get_traced_memory()[1] < 5_000_000
    tracemalloc.stop()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("index," + "9" * 200_000, "field larger"),
        ("index,0\n" + "0" * 10_000_000, "larger than"),
        ("index,0,1,2,3,4,5,6,7,8,9\n0,1,2,3,4,5,6,7,8,9,\0", "a logit is not a number"),
        ("index,0,1,2,3,4,5,6,7,8,9\n" + "9" * 5000 + ",1,2,3,4,5,6,7,8,9,0", "an index is not a whole number"),
        ("\udcff", "not a text in UTF-8"),
    ],
)
def test_hostile_tables(small_suite: Suite, tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "l.csv").write_text(text, "utf-8", "surrogateescape")
    with pytest.raises(ValueError, match=why):
        sw.diversity.read_logits(tmp_path / "l.csv", small_suite, split="test")


def test_a_frontier_beside_a_wide_table(small_suite: Suite, tiny_pool, tmp_path: Path) -> None:
    from soupwidgets import Evaluator, Store
    from soupwidgets.topics.frontier.report import frontier_report

    ev = Evaluator(tiny_pool, small_suite, device="cpu", store=Store(tmp_path / "store"))
    table = tmp_path / "others.csv"
    table.write_text("model,test,rotate\na,60,30\nb,70,40\nc,80,55\n")
    report = frontier_report(ev, "rotate", baselines=table, progress=False).content
    assert report["baseline"]["models"] == ["a", "b", "c"]
    with pytest.raises(ValueError, match=r"others.csv: no model in it .* its data sets are test, rotate. Name a shift"):
        frontier_report(ev, baselines=table, progress=False)
    lines = tmp_path / "others.jsonl"
    lines.write_text("\n".join(json.dumps({"model_name": m, "test": t, "rotate": r})
                               for m, t, r in (("a", 0.6, 0.3), ("b", 0.7, 0.4), ("c", 0.8, 0.55))))  # fmt: skip
    assert frontier_report(ev, "rotate", baselines=lines, progress=False).content["baseline"] == report["baseline"]
