"""A table of judged mistakes, which is an untrusted file."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path

from soupwidgets.json_files import read_text

_NEEDED = ("image", "prediction")
_MOST_CLASSES, _LONGEST = 1 << 31, 100


@dataclass(frozen=True)
class JudgedMistake:
    """One row of a table: an image's name or place, the class it was taken for, and what was said of that."""

    image: str
    prediction: int
    category: str | None = None
    severity: str | None = None


def read_judged(path: str | Path) -> list[JudgedMistake]:
    """Read a CSV file of judged mistakes.

    Parameters
    ----------
    path
        With the columns ``image`` (its name in the data set, or its place in the split), ``prediction`` (the number of
        the class it was taken for), ``category`` and ``severity``; what is empty was not said, and other columns are
        not read. Of a review: ``pd.DataFrame(map(vars, sw.review.reviewed_mistakes(known, "test"))).to_csv(path)``.

    Raises
    ------
    ValueError
        When it is no such table; the message names the line.
    """
    try:
        rows = csv.DictReader(io.StringIO(read_text(path), newline=""), restval="")
        lacking = [name for name in _NEEDED if name not in (rows.fieldnames or ())]
        if lacking:
            raise ValueError(
                f"{path}: it has no column {lacking[0]!r}; image and prediction are needed, and category or severity"
            )
        found = [_mistake(path, rows.line_num, row) for row in rows]
    except csv.Error as error:
        raise ValueError(f"{path}: cannot be read as a table ({error})") from error
    if not found:
        raise ValueError(f"{path}: it has no row")
    return found


def _mistake(path: str | Path, line: int, row: dict[str, str]) -> JudgedMistake:
    said = row["prediction"].strip()
    # Tables of numbers may have been written as 3.0.
    whole = said.removesuffix(".0")
    if not (whole.isdecimal() and len(whole) < 11 and int(whole) < _MOST_CLASSES):
        raise ValueError(f"{path}, line {line}: {said!r:.60} is not the number of a class")
    kinds = [_kind(row.get(name, "")) for name in ("category", "severity")]
    return JudgedMistake(row["image"].strip(), int(whole), *kinds)


def _kind(cell: str) -> str | None:
    """A category or severity without control characters, so that it can be shown; None where there is none."""
    printable = "".join(c if c.isprintable() else " " for c in cell[:_LONGEST])
    return " ".join(printable.split()) or None
