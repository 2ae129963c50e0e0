"""A build notices images that were replaced, whatever their size and date say."""

from __future__ import annotations

import io
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from soupwidgets import Suite
from soupwidgets.suites import Preprocess, SplitSource, build_suite
from soupwidgets.suites.decode import fingerprint
from soupwidgets.suites.readers import READERS
from tests.suites import trees

SMALL = Preprocess(size=8)


def bitmap(seed: int) -> bytes:
    """An image whose file has always the same size."""
    buffer = io.BytesIO()
    trees.picture(seed, (12, 12)).save(buffer, "BMP")
    return buffer.getvalue()


def build(folder: Path, kind: str, source: Path) -> Suite:
    sources = [SplitSource("validation", kind, source), SplitSource("id_test", kind, source)]
    return build_suite(folder, sources, preprocess=SMALL, workers=1, progress=False).suite


def in_place(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def by_another_file(path: Path, content: bytes) -> None:
    """As `cp -p` and `mv` leave it: of the same size and date."""
    other = path.with_suffix(".other")
    other.write_bytes(content)
    shutil.copystat(path, other)
    other.replace(path)


@pytest.mark.parametrize("replace", [in_place, by_another_file])
def test_an_image_of_equal_size_is_decoded_again(tmp_path: Path, replace) -> None:
    data = tmp_path / "data"
    for seed, name in enumerate(("cat", "dog")):
        (data / name).mkdir(parents=True)
        (data / name / "0.bmp").write_bytes(bitmap(seed))
    before = np.array(build(tmp_path / "suite", "folder", data).id_test.images)
    stat = (data / "cat" / "0.bmp").stat()
    replace(data / "cat" / "0.bmp", bitmap(7))
    assert (data / "cat" / "0.bmp").stat().st_size == stat.st_size
    after = build(tmp_path / "suite", "folder", data).id_test.images
    fresh = build(tmp_path / "fresh", "folder", data).id_test.images
    assert np.array_equal(after, fresh)
    assert not np.array_equal(after[0], before[0])


def test_a_forged_date_hides_nothing(tmp_path: Path) -> None:
    path = tmp_path / "cat" / "0.bmp"
    path.parent.mkdir()
    path.write_bytes(bitmap(0))
    os.utime(path, ns=(0, 0))
    before = fingerprint(READERS["folder"](tmp_path, "id_test"), SMALL)
    path.write_bytes(bitmap(1))
    os.utime(path, ns=(0, 0))
    assert fingerprint(READERS["folder"](tmp_path, "id_test"), SMALL) != before


def test_an_archive_that_was_replaced_is_decoded_again(tmp_path: Path) -> None:
    def shard(*seeds: int) -> None:
        parts = [(f"{i}.bmp", bitmap(seed)) for i, seed in enumerate(seeds)]
        trees.shard(tmp_path / "data" / "0.tar", [*parts, *((f"{i}.cls", str(i).encode()) for i in range(len(seeds)))])

    shard(0, 1)
    before = np.array(build(tmp_path / "suite", "webdataset", tmp_path / "data").id_test.images)
    size = (tmp_path / "data" / "0.tar").stat().st_size
    shard(0, 2)
    assert (tmp_path / "data" / "0.tar").stat().st_size == size
    after = build(tmp_path / "suite", "webdataset", tmp_path / "data").id_test.images
    assert np.array_equal(after[0], before[0])
    assert not np.array_equal(after[1], before[1])


def test_a_member_counts_by_its_place_and_size(tmp_path: Path) -> None:
    trees.shard(tmp_path / "0.tar", [("0.bmp", bitmap(0)), ("0.cls", b"0"), ("1.bmp", bitmap(1)), ("1.cls", b"1")])
    items = READERS["webdataset"](tmp_path, "id_test").items
    assert len({item.identity for item in items}) == 2
    assert items[0].identity.split()[:2] == ["512", str(len(bitmap(0)))]
