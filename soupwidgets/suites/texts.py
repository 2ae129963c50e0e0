"""Tables of texts and labels."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from soupwidgets.json_files import read_text
from soupwidgets.suites.content import SuiteError
from soupwidgets.suites.examples import LabelledExamples

# Tables of texts are larger than other files that are read whole.
_MOST_BYTES = 1 << 31
_MOST_LENGTH = 1 << 20
# Texts are given to a tokenizer in pieces.
_PIECE = 4096


def read_texts(
    path: str | Path,
    tokenizer: Callable[..., Any] | str | Path,
    *,
    text: str = "text",
    label: str = "label",
    length: int = 64,
) -> LabelledExamples:
    """Texts and labels of a table, as tokens.

    Parameters
    ----------
    path
        A CSV file in UTF-8 whose first line names its columns; of a name that ends in ``.tsv`` tabs separate them.
    tokenizer
        A tokenizer of transformers (or whatever is called like one), or the path of a ``tokenizer.json``.
    text, label
        Names of the columns.
    length
        Tokens of each text: longer ones are cut, shorter ones padded.

    Returns
    -------
    LabelledExamples
        ``input_ids`` and ``attention_mask`` ``[n, length]`` (and ``token_type_ids`` if the tokenizer gives them),
        labels as the file writes them, and the texts: give it to `Suite.of`.

    Raises
    ------
    SuiteError
        When the file cannot be read, lacks a column or has no row, or the tokenizer cannot be used.
    """
    if not 1 <= length <= _MOST_LENGTH:
        raise SuiteError(f"length is {length!r}; a text has at least one token")
    texts, labels = _table(Path(path), text, label)
    encode = _of_file(Path(tokenizer), length) if isinstance(tokenizer, str | Path) else _of_call(tokenizer, length)
    pieces = [encode(texts[start : start + _PIECE]) for start in range(0, len(texts), _PIECE)]
    arrays = {name: np.concatenate([piece[name] for piece in pieces]) for name in pieces[0]}
    for name, array in arrays.items():
        if array.shape != (len(texts), length):
            raise SuiteError(f"{path}: the tokenizer made {name} of shape {array.shape}, not {(len(texts), length)}")
    return LabelledExamples(arrays, labels, tuple(texts))


def _table(path: Path, text: str, label: str) -> tuple[list[str], list[str]]:
    texts: list[str] = []
    labels: list[str] = []
    try:
        content = io.StringIO(read_text(path, _MOST_BYTES), newline="")
        rows = csv.DictReader(content, delimiter="\t" if path.suffix == ".tsv" else ",", strict=True)
        missing = [column for column in (text, label) if column not in (rows.fieldnames or [])]
        if missing:
            have = ", ".join(map(str, rows.fieldnames or [])) or "none"
            raise SuiteError(f"{path}: there is no column {missing[0]!r}; there are {have:.300}")
        for row in rows:
            if row[text] is None or row[label] is None:
                raise SuiteError(f"{path}, line {rows.line_num}: fewer columns than the first line names")
            texts.append(row[text])
            labels.append(row[label].strip())
    except SuiteError:
        raise
    except (ValueError, csv.Error) as error:
        raise SuiteError(f"{path}: not a table that can be read ({error})") from error
    if not texts:
        raise SuiteError(f"{path}: the table has no rows")
    return texts, labels


def _of_call(tokenizer: Callable[..., Any], length: int) -> Callable[[list[str]], dict[str, NDArray[Any]]]:
    def encode(texts: list[str]) -> dict[str, NDArray[Any]]:
        try:
            found = tokenizer(texts, padding="max_length", truncation=True, max_length=length)
        except Exception as error:
            # Somebody's own function, which may raise anything.
            said = f"{type(error).__name__}: {error!s:.300}"
            raise SuiteError(f"the tokenizer cannot be called as those of transformers are ({said})") from error
        if not isinstance(found, Mapping) or "input_ids" not in found:
            raise SuiteError(f"the tokenizer gave {type(found).__name__} without input_ids")
        try:
            return {str(name): _small(np.asarray(rows)) for name, rows in found.items()}
        except ValueError as error:
            raise SuiteError(f"the tokenizer gave texts of different lengths ({error!s:.200})") from error

    return encode


def _of_file(path: Path, length: int) -> Callable[[list[str]], dict[str, NDArray[Any]]]:
    import tokenizers

    try:
        tokenizer = tokenizers.Tokenizer.from_file(str(path))
    except Exception as error:
        # The library raises bare exceptions.
        raise SuiteError(f"{path}: not the tokenizer.json of a tokenizer ({error!s:.300})") from error
    padding = tokenizer.padding or _padding(tokenizer)
    tokenizer.enable_padding(length=length, **{key: padding[key] for key in ("pad_id", "pad_token") if key in padding})
    tokenizer.enable_truncation(length)

    def encode(texts: list[str]) -> dict[str, NDArray[Any]]:
        found = tokenizer.encode_batch(texts)
        ids = np.array([one.ids for one in found])
        return {"input_ids": _small(ids), "attention_mask": _small(np.array([one.attention_mask for one in found]))}

    return encode


def _padding(tokenizer: Any) -> dict[str, Any]:
    """The usual token of padding, where the file does not state one."""
    known = ((token, tokenizer.token_to_id(token)) for token in ("[PAD]", "<pad>", "<|endoftext|>"))
    return next(({"pad_id": number, "pad_token": token} for token, number in known if number is not None), {})


def _small(array: NDArray[Any]) -> NDArray[Any]:
    if array.dtype.kind not in "iu":
        raise ValueError(f"{array.dtype}, not whole numbers")
    return array.astype(np.int32)
