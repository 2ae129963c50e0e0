"""Data sets and loaders of PyTorch and Hugging Face, and tables of texts, as splits."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torchvision
from PIL import Image
from torch.utils.data import DataLoader, Dataset, IterableDataset, Subset, TensorDataset

from soupwidgets import Suite, SuiteError
from soupwidgets.suites import Split, columns, read_texts

RNG = np.random.default_rng(0)
X = RNG.standard_normal((40, 3)).astype(np.float32)
Y = np.arange(40) % 2
PIXELS = RNG.integers(0, 256, (40, 5, 4, 3), dtype=np.uint8)


class Items(Dataset):
    def __init__(self, items: list[Any]) -> None:
        self.items = items

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, row: int) -> Any:
        item = self.items[row]
        return item() if callable(item) else item


class Stream(IterableDataset):
    def __iter__(self) -> Iterator[Any]:
        return ((x, y) for x, y in zip(X, Y.tolist(), strict=True))


def read(data: Any, task: Any = "single-label", **options: Any) -> Split:
    return Suite.of("mine", {"val": data, "test": data}, task=task, progress=False, **options)["val"]


TENSORS = TensorDataset(torch.from_numpy(X), torch.from_numpy(Y))


@pytest.mark.parametrize(
    "data",
    [
        TENSORS,
        DataLoader(TENSORS, batch_size=7),
        DataLoader(TENSORS, batch_size=None),
        Items([(x, int(y)) for x, y in zip(X, Y, strict=True)]),
        Items([{"inputs": x, "label": y} for x, y in zip(X, Y, strict=True)]),
        Items([({"inputs": x.tolist()}, torch.tensor(y)) for x, y in zip(X, Y, strict=True)]),
        DataLoader(Items([{"inputs": x, "labels": int(y), "id": 3} for x, y in zip(X, Y, strict=True)]), batch_size=16),
        Items([(x, "no" if y == 0 else "yes") for x, y in zip(X, Y, strict=True)]),
        DataLoader(Items([(x, "no" if y == 0 else "yes") for x, y in zip(X, Y, strict=True)]), batch_size=3),
        Stream(),
        DataLoader(Stream(), batch_size=9),
    ],
)
def test_the_same_numbers_are_the_same_split(data: Any) -> None:
    plain = read((X, Y), classes=["no", "yes"])
    found = read(data, classes=["no", "yes"])
    np.testing.assert_array_equal(found.examples["inputs"], X)
    np.testing.assert_array_equal(found.labels, Y)
    assert found.content_hash == plain.content_hash
    assert found.form == plain.form


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "RGBA", "1"])
def test_pictures_are_pixels(mode: str) -> None:
    pictures = [Image.fromarray(pixels).convert(mode) for pixels in PIXELS]
    wanted = np.stack([np.asarray(p if mode in ("RGB", "L") else p.convert("RGB")) for p in pictures])
    for items in (
        [(p, int(y)) for p, y in zip(pictures, Y, strict=True)],
        [{"image": p, "label": 0} for p in pictures],
    ):
        found = read(Items(items))
        assert list(found.examples) == ["images"]
        np.testing.assert_array_equal(found.images, wanted)


def test_labels_of_other_tasks() -> None:
    several = (RNG.random((40, 3)) < 0.5).astype(np.int64)
    np.testing.assert_array_equal(read(Items(list(zip(X, several, strict=True))), "multi-label").labels, several)
    numbers = RNG.standard_normal(40)
    found = read(Items([(x, float(y)) for x, y in zip(X, numbers, strict=True)]), "regression")
    np.testing.assert_array_equal(found.labels, numbers.astype(np.float32))
    masks = [Image.fromarray(pixels[..., 0] % 3) for pixels in PIXELS]
    shown = read(
        Items([(np.zeros((3, 5, 4), np.float32), mask) for mask in masks]), "segmentation", classes=list("abc")
    )
    np.testing.assert_array_equal(shown.labels, PIXELS[..., 0] % 3)


def _same_shape(row: int) -> np.ndarray:
    return np.zeros(3 if row != 20 else 4)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (DataLoader(TENSORS, shuffle=True), "another order than its data set.*shuffle=False"),
        (DataLoader(TENSORS, batch_size=7, drop_last=True), "leaves some out"),
        (DataLoader(TENSORS, sampler=range(5)), "leaves some out"),
        (Items([(_same_shape(row), 0) for row in range(30)]), r"row 20: of shape \(4,\), the rows before are \(3,\)"),
        (Items([(np.zeros(3), 0), (np.zeros(3, np.float32), 0)]), "row 1: float32, the rows before are float64"),
        (Items([(lambda: (torch.rand(3), 0))] * 20), "row 0: not the same when it is read twice.*random transform"),
        (DataLoader(Items([lambda: (torch.rand(3), 0)] * 20)), "random transform"),
        (Items([({"a": X[0]}, 0), ({"b": X[0]}, 0)]), "row 1: b, before a"),
        (Items([(X[0], 0, 1)]), "a tuple of 3 parts; a pair"),
        (Items([X[0]]), "an item is a ndarray"),
        (Items([{"inputs": X[0]}]), "needs one of 'label' and 'labels', it has inputs"),
        (Items([{"inputs": X[0], "label": 0, "labels": 1}]), "needs one of"),
        (Items([{"sentence": "good", "label": 0}]), r"no array that a model could be shown \(sentence\).*tokens first"),
        (Items([{"x": None, "label": 0}]), "x is NoneType of object, no numbers"),
        (Items([({"x": [[1], [1, 2]]}, 0)]), "x is no array of one shape"),
        (Items([(X[0], 0), (X[0], np.zeros(2))]), r"row 1: a label of shape \(2,\), the first is \(\)"),
        (Items([(X[0], "cat")]), "row 0: the label 'cat' is not a number: name the classes"),
        (Items([]), "the data set is empty"),
        (Items([({"a": Image.new("L", (2, 2)), "b": Image.new("L", (2, 2))}, 0)]), "several images"),
        ("nowhere", "'nowhere', which is no folder"),
        (Items([(X[0], -1)]), r"has labels -1\.\.-1, but the suite names 0 classes"),
    ],
)
def test_what_is_no_split_is_said(data: Any, why: str) -> None:
    with pytest.raises(SuiteError, match=why):
        read(data)


def test_a_name_that_is_no_class() -> None:
    items = Items([(X[0], "cat"), (X[1], "cow")])
    with pytest.raises(SuiteError, match="row 1: the label 'cow' is not among the classes"):
        read(items, classes=["cat", "dog"])


def test_what_can_be_read_only_once() -> None:
    class Once(IterableDataset):
        rest = iter([(X[0], 0), (X[1], 1)])

        def __iter__(self) -> Iterator[Any]:
            return self.rest

    with pytest.raises(SuiteError, match="can be read only once"):
        read(Once())


# Large arrays.


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SOUPWIDGETS_CACHE", str(tmp_path))
    monkeypatch.setattr(columns, "IN_MEMORY", 100)
    return tmp_path / "examples"


def test_large_arrays_are_files_that_are_shared(cache: Path) -> None:
    found = read(TENSORS)
    mapped = found.examples["inputs"]
    assert isinstance(mapped.base, np.memmap) or isinstance(mapped, np.memmap)
    np.testing.assert_array_equal(mapped, X)
    (file,) = cache.iterdir()
    stamp = file.stat().st_mtime_ns
    assert read(DataLoader(TENSORS, batch_size=4)).content_hash == found.content_hash == read((X, Y)).content_hash
    assert [path.stat().st_mtime_ns for path in cache.iterdir()] == [stamp]
    np.testing.assert_array_equal(np.load(file), X)


def test_other_content_is_another_file(cache: Path) -> None:
    read(TENSORS)
    read(TensorDataset(torch.from_numpy(X + 1), torch.from_numpy(Y)))
    read(TensorDataset(torch.from_numpy(X.reshape(40, 1, 3)), torch.from_numpy(Y)))
    assert len(list(cache.iterdir())) == 3


def test_a_read_that_fails_leaves_nothing(cache: Path) -> None:
    with pytest.raises(SuiteError, match="row 30"):
        read(Items([(np.zeros(30 if row < 30 else 31), 0) for row in range(40)]))
    assert list(cache.iterdir()) == []


def test_what_a_killed_read_left_is_removed_by_the_next(cache: Path) -> None:
    code = (
        "import os, signal, numpy as np\nfrom soupwidgets.suites import columns\ncolumns.IN_MEMORY = 10\n"
        "c = columns.Column('x')\nfor _ in range(9): c.append(np.zeros(9))\nos.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", code], env={**os.environ, "SOUPWIDGETS_CACHE": str(cache.parent)})
    assert done.returncode == -signal.SIGKILL
    (left,) = cache.iterdir()
    assert left.suffix == ".part"
    read(TENSORS)
    # It might be that of a process that is about to hold it.
    assert left.exists()
    os.utime(left, (time.time() - 100, time.time() - 100))
    read(TensorDataset(torch.from_numpy(X + 1), torch.from_numpy(Y)))
    assert not left.exists()
    assert {path.suffix for path in cache.iterdir()} == {".npy"}


# Hugging Face.


def test_data_sets_of_hugging_face(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    rows = {
        "inputs": X.tolist(),
        "label": Y.tolist(),
        "sentence": [f"text {row}" for row in range(40)],
        "idx": range(40),
    }
    made = datasets.Dataset.from_dict(rows)
    found = read(made)
    np.testing.assert_array_equal(found.examples["inputs"], X)
    assert list(found.examples) == ["inputs"]
    assert found.texts == tuple(rows["sentence"])
    made.save_to_disk(str(tmp_path / "saved"))
    assert read(tmp_path / "saved").content_hash == found.content_hash
    assert read(str(tmp_path / "saved")).texts == found.texts
    assert read(made.with_format("torch")).content_hash == found.content_hash
    datasets.DatasetDict({"train": made, "validation": made}).save_to_disk(str(tmp_path / "several"))
    with pytest.raises(SuiteError, match="holds several splits; name the folder of one: train, validation"):
        read(tmp_path / "several")
    assert len(read(tmp_path / "several" / "validation")) == 40
    (tmp_path / "empty").mkdir()
    with pytest.raises(SuiteError, match="holds no data set saved by save_to_disk"):
        read(tmp_path / "empty")
    pictures = datasets.Dataset.from_dict(
        {"img": [Image.fromarray(pixels) for pixels in PIXELS], "label": Y.tolist()},
        features=datasets.Features({"img": datasets.Image(), "label": datasets.ClassLabel(names=["no", "yes"])}),
    )
    np.testing.assert_array_equal(read(pictures).images, PIXELS)
    pictures.save_to_disk(str(tmp_path / "pictures"))
    other = pictures.cast_column("label", datasets.ClassLabel(names=["yes", "no"]))
    for data in (pictures, tmp_path / "pictures"):
        suite = Suite.of("mine", {"val": data, "test": (PIXELS, Y)}, progress=False)
        assert suite.classes == ("no", "yes")
        assert Suite.of("mine", {"val": data, "test": data}, classes="ab", progress=False).classes == ("a", "b")
        with pytest.raises(SuiteError, match=r"class 0 is 'no' in 'val' and 'yes' in 'test'.*classes="):
            Suite.of("mine", {"val": data, "test": other}, progress=False)
    assert Suite.of("mine", {"val": pictures, "test": other}, classes="ab", progress=False).classes == ("a", "b")


def test_classes_that_data_sets_of_torchvision_state(tmp_path: Path) -> None:
    for row, pixels in enumerate(PIXELS[:6]):
        folder = tmp_path / ("cat", "dog", "owl")[row % 3]
        folder.mkdir(exist_ok=True)
        Image.fromarray(pixels).save(folder / f"{row}.png")
    folder = torchvision.datasets.ImageFolder(str(tmp_path))
    some = Subset(folder, [0, 3, 5])
    loader = DataLoader(some, collate_fn=lambda pairs: ([np.asarray(p) for p, _ in pairs], [y for _, y in pairs]))
    for data in (folder, some, loader):
        suite = Suite.of("mine", {"val": data, "test": data}, progress=False)
        assert suite.classes == ("cat", "dog", "owl")
        np.testing.assert_array_equal(suite["val"].labels, [0, 0, 1, 1, 2, 2] if data is folder else [0, 1, 2])
    named = Items([(x, "no" if y == 0 else "yes") for x, y in zip(X, Y, strict=True)])
    # As ImageNet of torchvision has them.
    named.classes = [("no", "nay"), ("yes",)]  # type: ignore[attr-defined]
    suite = Suite.of("mine", {"val": named, "test": named}, progress=False)
    assert suite.classes == ("no", "yes")
    np.testing.assert_array_equal(suite["val"].labels, Y)
    # What becomes of these labels, nobody knows.
    folder.target_transform = lambda label: label % 2
    assert Suite.of("mine", {"val": folder, "test": folder}, progress=False).classes == ("0", "1")


# Tables of texts.


@pytest.fixture
def tokenizer(tmp_path: Path) -> Path:
    tokenizers = pytest.importorskip("tokenizers")
    words = {"[PAD]": 0, "[UNK]": 1, "good": 2, "bad": 3, "film": 4}
    made = tokenizers.Tokenizer(tokenizers.models.WordLevel(words, unk_token="[UNK]"))
    made.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    made.save(str(tmp_path / "tokenizer.json"))
    return tmp_path / "tokenizer.json"


def test_tables_of_texts(tmp_path: Path, tokenizer: Path) -> None:
    table = tmp_path / "val.csv"
    table.write_text('text,label\n"good, good film",pos\nbad film,neg\n"a bad\nfilm good good",neg\n')
    ids = [[2, 1, 2, 4], [3, 4, 0, 0], [1, 3, 4, 2]]
    found = read_texts(table, tokenizer, length=4)
    assert found.arrays["input_ids"].tolist() == ids
    assert found.arrays["attention_mask"].tolist() == [[1] * 4, [1, 1, 0, 0], [1] * 4]
    split = read(found, classes=["neg", "pos"])
    assert split.labels.tolist() == [1, 0, 0]
    assert split.texts == ("good, good film", "bad film", "a bad\nfilm good good")
    transformers = pytest.importorskip("transformers")
    fast = transformers.PreTrainedTokenizerFast(tokenizer_file=str(tokenizer), pad_token="[PAD]", unk_token="[UNK]")
    called = read_texts(str(table), fast, length=4)
    assert called.arrays["input_ids"].tolist() == ids
    (tmp_path / "val.tsv").write_text("score\tsaid\n2.5\tgood\n-1\tbad\n")
    numbers = read(read_texts(tmp_path / "val.tsv", tokenizer, text="said", label="score", length=2), "regression")
    assert numbers.labels.tolist() == [2.5, -1.0]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("text,class\na,1\n", "there is no column 'label'; there are text, class"),
        ("text,label\n", "no rows"),
        ("", "there is no column 'text'; there are none"),
        ("text,label\na\n", "line 2: fewer columns"),
        ('text,label\n"a,1\n', "not a table"),
        (b"text,label\n\xff\xfe,1\n", "not a text in UTF-8"),
    ],
)
def test_tables_that_are_none(tmp_path: Path, tokenizer: Path, content: str | bytes, why: str) -> None:
    (tmp_path / "a.csv").write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(SuiteError, match=why):
        read_texts(tmp_path / "a.csv", tokenizer)


def test_tokenizers_that_are_none(tmp_path: Path, tokenizer: Path) -> None:
    (tmp_path / "a.csv").write_text("text,label\ngood,1\ngood bad film,0\n")
    for given, why in (
        (tmp_path / "a.csv", "not the tokenizer.json"),
        (lambda texts: [1], "cannot be called as those of transformers"),
        (lambda texts, **_: [1], "gave list without input_ids"),
        (lambda texts, **_: {"input_ids": [[1], [1, 2]]}, "different lengths"),
        (lambda texts, **_: {"input_ids": [[1], [2]]}, r"of shape \(2, 1\), not \(2, 64\)"),
        (lambda texts, **_: {"input_ids": [["a"], ["b"]]}, "not whole numbers"),
    ):
        with pytest.raises(SuiteError, match=why):
            read_texts(tmp_path / "a.csv", given)
