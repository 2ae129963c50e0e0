"""iWildCam and FMoW in the layout of WILDS: images of other cameras, and of later years."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np

from soupwidgets.json_files import read_text
from soupwidgets.suites.content import SuiteError
from soupwidgets.suites.listing import FileItem, Listing, some
from soupwidgets.suites.readers.reader import reader
from soupwidgets.suites.split import Role
from soupwidgets.suites.tables import load_table

# The shift is WILDS's out-of-distribution test; choosing uses the in-distribution validation split.
_SPLITS: dict[Role, str] = {"train": "train", "validation": "id_val", "id_test": "id_test", "shift": "test"}
# FMoW's table has 80 MB.
_MOST_BYTES = 1 << 29
_FMOW_TEST_FROM, _FMOW_VALIDATION_FROM = 2016, 2013


@reader("iwildcam")
def iwildcam(path: Path, role: Role) -> Listing:
    """IWildCam 2020 as WILDS 2.0 has it: ``metadata.csv`` and ``train/``; scored by macro F1 over 182 classes.

    Notes
    -----
    Koh et al., arXiv 2012.07421: the shift is to camera traps that were not seen.
    """
    folder = _root(path, "iwildcam_v2.0", "metadata.csv")
    table = _table(folder / "metadata.csv", ["split", "y", "filename"])
    rows = table[table["split"] == _SPLITS[role]]
    if rows.empty:
        raise SuiteError(f"{folder / 'metadata.csv'}: no row has the split {_SPLITS[role]!r}")
    classes = tuple(load_table("iwildcam.txt"))
    labels = _whole(rows["y"], folder / "metadata.csv", len(classes))
    names = [_plain(name, folder / "metadata.csv") for name in rows["filename"]]
    items = [FileItem(folder / "train" / name) for name in names]
    templates = tuple(load_table("templates.json")["iwildcam"])
    return Listing(folder, items, labels, classes, metric="macro_f1", templates=templates)


@reader("fmow")
def fmow(path: Path, role: Role) -> Listing:
    """FMoW as WILDS 1.1 has it: ``rgb_metadata.csv`` and ``images/``; scored by the worst of five regions.

    Notes
    -----
    Koh et al., arXiv 2012.07421: training and ID images are from before 2013, the
    shift is to 2016 and later; the region 'Other' does not count.
    """
    import pandas as pd

    folder = _root(path, "fmow_v1.1", "rgb_metadata.csv")
    file = folder / "rgb_metadata.csv"
    table = _table(file, ["split", "category", "timestamp", "country_code"])
    countries = _table(folder / "country_code_mapping.csv", ["alpha-3", "region"])
    region_of = dict(zip(countries["alpha-3"], countries["region"], strict=True))
    try:
        year = pd.to_datetime(table["timestamp"], utc=True, format="ISO8601").dt.year.to_numpy()
    except (ValueError, OverflowError) as error:
        raise SuiteError(f"{file}: a timestamp is none ({error})"[:500]) from error
    later = year >= _FMOW_TEST_FROM if role == "shift" else year < _FMOW_VALIDATION_FROM
    wanted = {"train": "train", "validation": "val", "id_test": "test", "shift": "test"}[role]
    rows = np.flatnonzero((table["split"] == wanted).to_numpy() & later)
    if not len(rows):
        raise SuiteError(f"{file}: no image of the split {wanted!r} is from the years that are needed")
    categories = load_table("fmow.txt")
    place = {name: i for i, name in enumerate(categories)}
    said = table["category"].iloc[rows]
    strangers = sorted(set(said.astype(str)) - set(place))
    if strangers:
        raise SuiteError(f"{file}: unknown categories: {some(strangers)}")
    regions = [str(region_of.get(code, "Other")) for code in table["country_code"].iloc[rows]]
    names = tuple(sorted(set(regions) - {"Other"}))
    return Listing(
        folder,
        [FileItem(folder / "images" / f"rgb_img_{row}.png") for row in rows],
        np.array([place[str(name)] for name in said], dtype=np.int64),
        tuple(categories),
        metric="worst_group",
        groups=np.array([names.index(r) if r in names else -1 for r in regions], dtype=np.int64),
        group_names=names,
        templates=tuple(load_table("templates.json")["fmow"]),
    )


def _root(path: Path, name: str, file: str) -> Path:
    folder = path / name if (path / name).is_dir() else path
    if not (folder / file).is_file():
        raise SuiteError(f"{folder / file} is missing: {path} is not the folder of {name}")
    return folder


def _table(file: Path, columns: list[str]) -> Any:
    import pandas as pd

    try:
        # Country codes hold the word NA, which means Namibia and no missing value.
        table = pd.read_csv(io.StringIO(read_text(file, _MOST_BYTES)), keep_default_na=False, dtype=str)
    except (ValueError, OverflowError) as error:
        raise SuiteError(f"{file}: cannot be read as a table ({error})") from error
    lacking = [column for column in columns if column not in table.columns]
    if lacking:
        raise SuiteError(f"{file}: it has no column {lacking[0]!r}; found {some(list(table.columns))}")
    return table


def _whole(values: Any, file: Path, classes: int) -> Any:
    import pandas as pd

    numbers = pd.to_numeric(values, errors="coerce").to_numpy(dtype=float)
    wrong = ~((numbers >= 0) & (numbers < classes) & (numbers == np.floor(numbers)))
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise SuiteError(
            f"{file}: y is {values.iloc[row]!r:.100} for {row + 1}. image; a class from 0 to {classes - 1} is due"
        )
    return numbers.astype(np.int64)


def _plain(name: str, file: Path) -> str:
    if Path(name).name != name or not name or "\0" in name:
        raise SuiteError(f"{file}: {name!r:.300} is not the name of a file in train/")
    return name
