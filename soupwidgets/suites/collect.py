"""Examples of data sets and loaders of PyTorch and Hugging Face, read once and in order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm.auto import tqdm

from soupwidgets.suites.class_names import stated_classes
from soupwidgets.suites.columns import Column
from soupwidgets.suites.content import SuiteError
from soupwidgets.suites.examples import LabelledExamples

# So many items are read twice: transforms of a suite's examples must not be random.
_TWICE = 16
# Pixels 0..255 of one or three colours; others are converted.
_PIXELS = ("L", "RGB")
_CONVERTED = ("1", "P", "PA", "LA", "RGBA", "RGBX", "RGBa", "La", "CMYK", "YCbCr", "HSV", "LAB")
# The name of what has none: the first part of a pair.
_UNNAMED = ""

# Arrays by name, the label, and what the example says.
_Row = tuple[dict[str, NDArray[Any]], Any, str]


def collect(name: str, data: Any, *, progress: bool = True) -> LabelledExamples | None:
    """Read all examples of a data set.

    Parameters
    ----------
    name
        Of the split, for messages.
    data
        A ``torch.utils.data.Dataset`` (``IterableDataset`` too) or ``DataLoader``, a ``datasets.Dataset``, or the
        folder of one that was saved with ``save_to_disk``. Items, and batches of a loader, are pairs (example, label)
        or dictionaries with a ``label`` or ``labels``; an example is a tensor, an array, a PIL image, or a dictionary
        of these. Texts among them are kept as what the examples say; other single numbers are left out.
    progress
        Whether to show a bar, if it takes more than a second.

    Returns
    -------
    LabelledExamples | None
        None if ``data`` is none of these. Arrays of more than 256 MB are in files of the cache folder
        (``SOUPWIDGETS_CACHE``), named by their content, which all sessions share.

    Raises
    ------
    SuiteError
        When items differ in shape, cannot be read as an example with its label, come in another order than that of the
        data set, or are not the same when they are read again.
    """
    if isinstance(data, str | Path) and Path(data).is_dir():
        data = _from_disk(name, Path(data))
    found = _reading(name, data)
    if found is None:
        return None
    reading, total, batches = found
    columns: dict[str, Column] = {}
    labels: list[Any] = []
    texts: list[str] = []
    try:
        with tqdm(total=total, desc=name, unit="example", delay=1, disable=not progress) as bar:
            for row in _checked(name, reading, 1 if batches else _TWICE):
                arrays, label, text = row
                if not labels:
                    columns = {key: Column(f"split {name!r}: {key or 'the example'}") for key in arrays}
                elif set(arrays) != set(columns):
                    raise SuiteError(f"split {name!r}, row {len(labels)}: {_named(arrays)}, before {_named(columns)}")
                for key, array in arrays.items():
                    columns[key].append(array)
                labels.append(label)
                texts.append(text)
                bar.update()
        if not labels:
            raise SuiteError(f"split {name!r}: the data set is empty")
        whole = {key: column.finish() for key, column in columns.items()}
    finally:
        for column in columns.values():
            column.close()
    said = tuple(texts) if any(texts) else None
    return LabelledExamples(whole, _labels(name, labels), said, stated_classes(data))


def _from_disk(name: str, folder: Path) -> Any:
    try:
        import datasets
    except ImportError:
        raise SuiteError(
            f"{folder}: data sets of Hugging Face need the package datasets (pip install datasets)"
        ) from None
    try:
        found = datasets.load_from_disk(str(folder))
    except Exception as error:
        # Arrow, JSON and file errors of every kind: a folder may hold anything.
        raise SuiteError(
            f"split {name!r}: {folder} holds no data set saved by save_to_disk ({error!s:.300})"
        ) from error
    if isinstance(found, datasets.DatasetDict):
        raise SuiteError(f"split {name!r}: {folder} holds several splits; name the folder of one: {', '.join(found)}")
    return found


def _reading(name: str, data: Any) -> tuple[Callable[[], Iterator[list[_Row]]], int | None, bool] | None:
    """A function that reads from the start, in lists of rows; how many there are, if known; and whether in batches."""
    from torch.utils.data import DataLoader, Dataset, IterableDataset

    total: int | None = None
    if isinstance(data, DataLoader):
        if not isinstance(data.dataset, IterableDataset):
            total = _require_order(name, data)
        alone = data.batch_size is None and data.batch_sampler is None
        taken = _one if alone else _batch
        return (lambda: (taken(name, given) for given in data)), total, not alone
    if isinstance(data, IterableDataset):
        return (lambda: (_one(name, given) for given in data)), None, False
    if _of_hugging_face(data):
        return (lambda: (_one(name, given) for given in data)), len(data), False
    if isinstance(data, Dataset):
        with suppress(TypeError, NotImplementedError):
            total = len(data)  # type: ignore[arg-type]
        if total is None:
            raise SuiteError(f"split {name!r}: {type(data).__name__} does not say how many examples it has (__len__)")
        number = total
        return (lambda: (_one(name, data[row]) for row in range(number))), total, False
    return None


def _of_hugging_face(data: Any) -> bool:
    return (
        type(data).__module__.partition(".")[0] == "datasets" and hasattr(data, "features") and hasattr(data, "__len__")
    )


def _require_order(name: str, loader: Any) -> int:
    sampler = loader.sampler if loader.batch_sampler is None else loader.batch_sampler
    order = [int(row) for given in sampler for row in (given if isinstance(given, list | tuple) else [given])]
    if order != list(range(len(loader.dataset))):
        raise SuiteError(
            f"split {name!r}: the loader gives examples in another order than its data set, or leaves some out "
            "(shuffle, drop_last or a sampler). Make it with shuffle=False, or give its data set: loader.dataset"
        )
    return len(order)


def _checked(name: str, reading: Callable[[], Iterator[list[_Row]]], lists: int) -> Iterator[_Row]:
    """All rows; the first lists of them are read twice and must be the same."""
    first = [row for some in islice(reading(), lists) for row in some]
    seen = 0
    for some in reading():
        for row in some:
            if seen < len(first) and not _same(first[seen], row):
                raise SuiteError(
                    f"split {name!r}, row {seen}: not the same when it is read twice, so a random transform is applied "
                    "to it (or the order is random). What a suite measures must be fixed: use the transforms of testing"
                )
            seen += 1
            yield row
    if seen < len(first):
        raise SuiteError(f"split {name!r}: the data set can be read only once; give one that can be read again")


def _same(one: _Row, other: _Row) -> bool:
    def equal(a: Any, b: Any) -> bool:
        a, b = np.asarray(a), np.asarray(b)
        return np.array_equal(a, b, equal_nan=a.dtype.kind == "f" and b.dtype.kind == "f")

    alike = one[0].keys() == other[0].keys() and one[2] == other[2]
    return alike and equal(one[1], other[1]) and all(equal(array, other[0][key]) for key, array in one[0].items())


def _one(name: str, given: Any) -> list[_Row]:
    """The row of one item."""
    example, label = _parts(name, given)
    arrays: dict[str, NDArray[Any]] = {}
    said: list[str] = []
    for key, value in example.items():
        if isinstance(value, str):
            said.append(value)
            continue
        array = _array(name, key, value)
        own = "images" if _is_picture(value) and key else key
        if own in arrays:
            raise SuiteError(f"split {name!r}: an example has several images; a model is shown one")
        if array.ndim:
            arrays[own] = array
    if not arrays:
        raise SuiteError(
            f"split {name!r}: an example holds no array that a model could be shown ({_named(example)}). Texts become "
            "tokens first: data.map(tokenizer), or sw.suites.read_texts for a table"
        )
    return [(arrays, _label(name, label), "\n".join(said))]


def _batch(name: str, given: Any) -> list[_Row]:
    """The rows of a batch."""
    examples, labels = _parts(name, given)
    arrays: dict[str, NDArray[Any]] = {}
    said: list[list[str]] = []
    for key, value in examples.items():
        if isinstance(value, list | tuple) and value and isinstance(value[0], str):
            said.append(list(value))
        else:
            arrays[key] = _array(name, key, value)
    labels = labels if isinstance(labels, list | tuple) else _array(name, "label", labels)
    lengths = {len(array) if array.ndim else 0 for array in arrays.values()} | {len(column) for column in said}
    if not arrays or lengths != {len(labels)}:
        raise SuiteError(f"split {name!r}: a batch has {len(labels)} labels, and {_named(arrays)} of {sorted(lengths)}")
    arrays = {key: array for key, array in arrays.items() if array.ndim > 1}
    rows = range(len(labels))
    return [
        ({key: array[row] for key, array in arrays.items()}, _label(name, labels[row]), "\n".join(s[row] for s in said))
        for row in rows
    ]


def _parts(name: str, given: Any) -> tuple[Mapping[str, Any], Any]:
    """Example and label of an item or a batch."""
    if isinstance(given, Mapping):
        keys = [key for key in ("label", "labels") if key in given]
        if len(keys) == 1:
            return {str(key): value for key, value in given.items() if key != keys[0]}, given[keys[0]]
        raise SuiteError(f"split {name!r}: an item needs one of 'label' and 'labels', it has {_named(given)}")
    if isinstance(given, tuple | list) and len(given) == 2:
        example, label = given
        return (example if isinstance(example, Mapping) else {_UNNAMED: example}), label
    many = f" of {len(given)} parts" if isinstance(given, tuple | list) else ""
    raise SuiteError(
        f"split {name!r}: an item is a {type(given).__name__}{many}; a pair (example, label) or a dictionary with a "
        "label is expected"
    )


def _array(name: str, key: str, value: Any) -> NDArray[Any]:
    if _is_picture(value):
        return np.asarray(value.convert("RGB") if value.mode in _CONVERTED else value)
    try:
        array = np.asarray(_from_torch(value))
    except (ValueError, TypeError) as error:
        raise SuiteError(f"split {name!r}: {key or 'an example'} is no array of one shape ({error!s:.200})") from error
    if array.dtype.kind not in "fiub":
        raise SuiteError(
            f"split {name!r}: {key or 'an example'} is {type(value).__name__} of {array.dtype}, no numbers"
        )
    # Python's own floats, as they come from tables.
    return array.astype(np.float32) if isinstance(value, list) and array.dtype == np.float64 else array


def _from_torch(value: Any) -> Any:
    import torch

    if isinstance(value, list | tuple) and value and isinstance(value[0], torch.Tensor):
        value = torch.stack(list(value))
    if not isinstance(value, torch.Tensor):
        return value
    value = value.detach().cpu()
    # NumPy has no such numbers.
    return (value.float() if value.dtype == torch.bfloat16 else value).numpy()


def _label(name: str, value: Any) -> Any:
    if isinstance(value, str):
        return value
    return np.array(value) if _is_picture(value) else np.array(_array(name, "the label", value))


def _labels(name: str, labels: list[Any]) -> Any:
    if all(isinstance(label, str) for label in labels):
        return labels
    shapes = [np.shape(label) for label in labels]
    odd = next((row for row, shape in enumerate(shapes) if shape != shapes[0]), None)
    if odd is not None or any(isinstance(label, str) for label in labels):
        row = odd or 0
        raise SuiteError(f"split {name!r}, row {row}: a label of shape {shapes[row]}, the first is {shapes[0]}")
    return np.stack(labels)


def _named(parts: Mapping[str, Any]) -> str:
    return ", ".join(key or "an example without a name" for key in parts) or "nothing"


def _is_picture(value: Any) -> bool:
    # Whoever has one has loaded Pillow, which is no reason for everybody else to.
    return type(value).__module__.startswith("PIL.")
