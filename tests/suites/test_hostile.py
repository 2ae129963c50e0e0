"""Suites, slices and data sets of strangers: a sentence, and neither memory nor time."""

from __future__ import annotations

import gzip
import io
import json
import os
import pickle
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from soupwidgets import Suite, SuiteError
from soupwidgets.suites import ClassMap, Preprocess, SplitSource, build_suite
from soupwidgets.suites.idx import read_idx
from soupwidgets.suites.listing import FileItem
from soupwidgets.suites.readers import READERS
from tests.suites import trees
from tests.suites.test_suite import edit

HUGE = 10**12


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Ten images of 4 x 4 pixels: validation, test, and a shift of the test."""
    rng = np.random.default_rng(0)
    for name in ("val", "test"):
        np.save(tmp_path / f"{name}.images.npy", rng.integers(0, 256, (10, 4, 4), dtype=np.uint8))
        np.save(tmp_path / f"{name}.labels.npy", np.arange(10) % 2)
    (tmp_path / "test.names.json").write_text(json.dumps([f"{i}.png" for i in range(10)]))
    files = [{"images": f"{name}.images.npy", "labels": f"{name}.labels.npy"} for name in ("val", "test", "test")]
    shift = {"corruption": "rotate", "seed": 1, "uniform": {"degrees": [1, 9]}, "either_sign": []}
    manifest = {
        "name": "small",
        "classes": ["a", "b"],
        "splits": [
            {"name": "val", "role": "validation", **files[0]},
            {"name": "test", "role": "id_test", **files[1], "names": "test.names.json"},
            {"name": "fog", "role": "shift", **files[2], "rows": {"seed": 0, "of": 10, "start": 2, "stop": 7},
             "shift": shift, "classes": ["x", "y"], "class_map": [[1], [0]]},
        ],
    }  # fmt: skip
    (tmp_path / "suite.json").write_text(json.dumps(manifest))
    return tmp_path


def test_the_suite_itself_opens(folder: Path) -> None:
    suite = Suite.open(folder)
    assert (len(suite["fog"]), suite["fog"].images.shape) == (5, (5, 4, 4))
    assert suite["test"].file_names == tuple(f"{i}.png" for i in range(10))


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"splits__2__rows__of": HUGE}, r"int` <= 16777216 - at `.\.splits\[2\]\.rows\.of"),
        ({"splits__2__rows__of": 11}, "rows 2 to 7 of 11 images, test.labels.npy has 10"),
        ({"splits__2__rows__of": -1}, "int` >= 1"),
        ({"splits__2__rows__seed": -1}, "int` >= 0"),
        ({"splits__2__rows__seed": 10**30}, "out of range|<="),
        ({"splits__2__rows__start": 7}, "rows 7 to 7"),
        ({"splits__2__rows__stop": 11}, "rows 2 to 11"),
        ({"splits__2__rows": None}, "Expected `object`, got `null`"),
        ({"splits__2__rows": [0, 1]}, "Expected `object`, got `array`"),
        ({"splits__2__shift__uniform": {"degrees": [0, 1e300]}}, "1000000"),
        ({"splits__2__shift__uniform": {"degrees": [0]}}, "array` of length 2"),
        ({"splits__2__shift__uniform": {"degrees": ["0", "1"]}}, "Expected `float`, got `str`"),
        ({"splits__2__shift__seed": -1}, "int` >= 0"),
        ({"splits__2__shift__corruption": "cutout"}, "cutout takes the parameters strength, the definition gives degr"),
        (
            {
                "splits__2__shift": {
                    "corruption": "cutout",
                    "seed": 0,
                    "uniform": {"strength": [0, 2]},
                    "either_sign": [],
                }
            },
            r"the strength of an augmentation lies in 0\.\.1, not at 2",
        ),
        (
            {
                "splits__2__shift": {
                    "corruption": "mixup",
                    "seed": 0,
                    "uniform": {"strength": [0, 1]},
                    "either_sign": [],
                }
            },
            "mixup mixes images and their labels",
        ),
        ({"splits__2__shift__corruption": "__init__"}, "suite.json: split 'fog': there is no corruption"),
        ({"splits__2__class_map": [[1], [HUGE]]}, "int` <"),
        ({"splits__2__class_map": [[1], [2]]}, "names classes that the suite does not have"),
        ({"splits__2__class_map": [[1], [-1]]}, "int` >= 0"),
        ({"splits__2__class_map": [[1], [1]]}, "none twice"),
        ({"splits__2__class_map": [[], []]}, "one or more"),
        ({"splits__2__class_map": "10"}, "Expected `array`"),
        ({"splits__2__name": "test"}, "two splits are named 'test'"),
        ({"splits__2__name": ""}, "length >= 1"),
        ({"splits__2__name": "x" * 300}, "length <= 200"),
        ({"splits__2__images": "a\0b"}, "not the name of a file"),
        ({"splits__2__images": ".."}, "cannot be read"),
        ({"splits__2__images": "x" * 100_000}, "not the name of a file"),
        ({"splits__2__groups": "test.images.npy", "splits__2__metric": "worst_group"}, "1 axes are expected"),
        ({"splits__2__metric": "__class__"}, "not a metric"),
        ({"splits__1__names": "suite.json"}, r"Expected `array`, got `object`.*list of the examples' names"),
        ({"splits": {}}, "Expected `array`"),
        ({"classes": []}, "length >= 1"),
        ({"classes": [["a"], "b"]}, "got `array`"),
        ({"splits": [{"name": str(i)} for i in range(2000)]}, "missing required field|length <= 1000"),
    ],
)
def test_manifests(folder: Path, changes: dict[str, Any], why: str) -> None:
    edit(folder, **changes)
    with pytest.raises(SuiteError, match=why) as error:
        _ = [(split.images.shape, split.groups, split.file_names) for split in Suite.open(folder).splits.values()]
    assert str(folder) in str(error.value)
    assert len(str(error.value)) < 1000


@pytest.mark.parametrize("text", ["", "[" * 200_000, "null", '{"name": 1e999}', "9" * 5000, "\udcff"])
def test_files_that_are_no_manifest(folder: Path, text: str) -> None:
    (folder / "suite.json").write_text(text, "utf-8", "surrogateescape")
    with pytest.raises(SuiteError, match=r"suite\.json"):
        Suite.open(folder)


def test_permutations_are_limited_together(folder: Path) -> None:
    """A file of zeros costs nothing on disk; a thousand permutations of it would."""
    with open(folder / "big.labels.npy", "wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "|i1", "fortran_order": False, "shape": (1 << 24,)})
        file.truncate(file.tell() + (1 << 24))
    content = json.loads((folder / "suite.json").read_text())
    more = {
        **content["splits"][2],
        "labels": "big.labels.npy",
        "rows": {"seed": 0, "of": 1 << 24, "start": 0, "stop": 5},
    }
    content["splits"] += [{**more, "name": str(i)} for i in range(100)]
    (folder / "suite.json").write_text(json.dumps(content))
    with pytest.raises(SuiteError, match="more than 33,554,432 images in all"):
        Suite.open(folder)


@pytest.mark.parametrize(
    ("array", "why"),
    [
        (np.zeros((10, 4, 4), np.float32), "expected uint8 images"),
        (np.zeros((10, 4, 4, 2), np.uint8), "three colours"),
        (np.zeros((10, 0, 4), np.uint8), "axes are expected"),
        (np.zeros(10, np.uint8), "axes are expected"),
        (np.zeros((6, 4, 4), np.uint8), "images but 10 labels"),
        (np.zeros((10, 4, 4), [("a", "u1")]), "numbers, truth values or texts"),
    ],
)
def test_images_of_other_kinds(folder: Path, array: np.ndarray, why: str) -> None:
    np.save(folder / "test.images.npy", array)
    with pytest.raises(SuiteError, match=why):
        _ = [split.images for split in Suite.open(folder).splits.values()]


def test_a_pipe_does_not_wait(folder: Path) -> None:
    (folder / "test.images.npy").unlink()
    os.mkfifo(folder / "test.images.npy")
    with pytest.raises(SuiteError, match="a folder, pipe or device"):
        Suite.open(folder)
    (folder / "suite.json").unlink()
    os.mkfifo(folder / "suite.json")
    with pytest.raises(SuiteError, match="is missing"):
        Suite.open(folder)


def test_large_class_maps_take_no_time() -> None:
    big = ClassMap([list(range(20_000)), *([i] for i in range(20_000, 60_000))])
    assert sum(len(classes) for classes, _ in big._ranks) == 60_000


def test_a_wrong_folder_says_what_is_there(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match="there is no such folder"):
        Suite.open(tmp_path / "nowhere")
    with pytest.raises(SuiteError, match=r"it is a file\. Name the folder"):
        Suite.open(folder / "suite.json")
    (tmp_path / "above" / "mine").mkdir(parents=True)
    with pytest.raises(SuiteError, match=r"in it are mine\. `soupwidgets suite build`"):
        Suite.open(tmp_path / "above")
    (tmp_path / "above" / "mine" / "suite.json").write_text("{}")
    with pytest.raises(SuiteError, match=r"suites are in it: .*above/mine"):
        Suite.open(tmp_path / "above")


def test_splits_by_name_and_as_tables(folder: Path) -> None:
    edit(folder, name="<script>alert(1)</script>", splits__2__name="<b>fog</b>")
    suite = Suite.open(folder)
    assert suite["test"] is suite.id_test
    assert ("test" in suite, "mist" in suite, list(suite)) == (True, False, ["val", "test", "<b>fog</b>"])
    with pytest.raises(KeyError, match="no split 'mist'; it has val, test"):
        suite["mist"]
    assert repr(suite) == "Suite('<script>alert(1)</script>', 2 classes, val=10, test=10, <b>fog</b>=5)"
    shown = suite._repr_html_()
    assert "<script>" not in shown
    assert "<td>&lt;b&gt;fog&lt;/b&gt;</td><td>distribution shift</td><td>5</td><td>4 x 4</td>" in shown
    assert "<b>fog" not in suite["<b>fog</b>"]._repr_html_()


# Images.


def test_only_formats_of_data_sets_are_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[object] = []
    monkeypatch.setattr("PIL.EpsImagePlugin.Ghostscript", lambda *a, **k: ran.append(a))
    eps = io.BytesIO()
    trees.picture(0).convert("L").save(eps, "EPS")
    (tmp_path / "data" / "cat").mkdir(parents=True)
    (tmp_path / "data" / "cat" / "0.png").write_bytes(eps.getvalue())
    trees.write_image(tmp_path / "data" / "cat" / "1.png", 1)
    source = [SplitSource(role, "folder", tmp_path / "data") for role in ("validation", "id_test")]  # type: ignore[arg-type]
    built = build_suite(tmp_path / "s", source, preprocess=Preprocess(size=8), workers=1, progress=False)
    assert ran == []
    assert len(built.suite.id_test) == 1
    assert any("0.png: cannot be read as an image" in problem for problem in built.problems["test"])


@pytest.mark.parametrize("ending", ["jpg", "png", "webp", "bmp", "gif", "tif"])
def test_the_formats_that_are_named_open(tmp_path: Path, ending: str) -> None:
    trees.picture(0).save(tmp_path / f"a.{ending}")
    with FileItem(tmp_path / f"a.{ending}").open() as image:
        assert image.convert("RGB").size == (40, 32)


def test_more_pixels_than_images_have(tmp_path: Path) -> None:
    Image.new("1", (9000, 9000)).save(tmp_path / "bomb.png")
    assert (tmp_path / "bomb.png").stat().st_size < 20_000
    with pytest.raises(ValueError, match="9,000 x 9,000 pixels; images have at most 80,000,000 in all"):
        FileItem(tmp_path / "bomb.png").open()


# Archives and tables.


@pytest.mark.parametrize(
    "labels", [np.zeros(3), np.zeros((3, 1), np.int64), np.zeros(0, "<U100000000"), np.array([0, 1, 10])]
)
def test_labels_of_cifar(tmp_path: Path, labels: np.ndarray) -> None:
    np.save(tmp_path / "cifar10.1_v6_data.npy", np.zeros((3, 32, 32, 3), np.uint8))
    np.save(tmp_path / "cifar10.1_v6_labels.npy", labels)
    with pytest.raises(SuiteError, match=r"labels are|labels of shape|images and labels"):
        READERS["cifar10.1"](tmp_path, "shift")


@pytest.mark.parametrize("label", [b"999999", b"9" * 5000, b"x" * 300, b"", b"\xff\xfe", b"9" * 2_000_000])
def test_labels_of_an_archive_that_are_none(tmp_path: Path, label: bytes) -> None:
    trees.shard(
        tmp_path / "0.tar",
        [("a.jpg", trees.jpeg(0)), ("a.cls", label), ("b.jpg", trees.jpeg(1)), ("b.cls", b"3")],
    )
    found = READERS["webdataset"](tmp_path, "id_test")
    assert (found.labels.tolist(), len(found.classes)) == ([3], 4)
    assert any("1 images without a label are left out, first '/a'" in problem for problem in found.problems)


def test_archives_that_lie(tmp_path: Path) -> None:
    good = trees.shard(tmp_path / "0.tar", [("a.jpg", trees.jpeg(0)), ("a.cls", b"1")])
    content = bytearray(good.read_bytes())
    info = tarfile.TarInfo("b.jpg")
    info.size = 1 << 40
    (tmp_path / "1.tar").write_bytes(info.tobuf(tarfile.GNU_FORMAT) + bytes(content))
    found = READERS["webdataset"](tmp_path, "id_test")
    assert found.labels.tolist() == [1]
    assert any("has 1,099,511,627,776 bytes; it is left out" in problem for problem in found.problems)


class _Bytes:
    """Unpickled, this would ask for a terabyte of zeros."""

    def __init__(self, data: object) -> None:
        self.data = data

    def __reduce__(self):
        kind = np.dtype("u1")
        array = np.zeros(0, np.uint8).__reduce__()
        return array[0], array[1], (1, (2, 3072), kind, False, self.data)


@pytest.mark.parametrize(
    ("data", "labels"),
    [
        (HUGE, [0, 1]),
        (bytes(6144), [0, HUGE**3]),
        (bytes(6144), [[0], [0, 1]]),
        (bytes(6144), [0, 77]),
        (bytes(6144), {"a": 1}),
    ],
)
def test_pickles_of_cifar(tmp_path: Path, data: object, labels: object) -> None:
    (tmp_path / "test_batch").write_bytes(pickle.dumps({b"data": _Bytes(data), b"labels": labels}))
    with pytest.raises(SuiteError, match=str(tmp_path)):
        READERS["cifar10"](tmp_path, "id_test")


@pytest.mark.parametrize(
    "content", [b"", b"a,b\n\0,1\n", b"split,y,filename\nid_test,0,a\0b\n", b'"' * 100_000, b"\xff"]
)
def test_tables_of_wilds(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "metadata.csv").write_bytes(content)
    with pytest.raises(SuiteError, match="metadata"):
        READERS["iwildcam"](tmp_path, "id_test")


@pytest.mark.parametrize(
    "content",
    [
        b"\0\0\x08\x03\0\0\1\0\x00\0\x40\0\0\0\x40\0",
        b"\0\0\x08\xff" + b"\0\0\0\1" * 255,
        gzip.compress(b"\0\0\x08\x01\x7f\xff\xff\xff", mtime=0)[:-9],
        b"not gzip",
    ],
)
def test_idx_files(tmp_path: Path, content: bytes) -> None:
    for name in ("a", "a.gz"):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ValueError, match=str(tmp_path)):
            read_idx(tmp_path / name)
