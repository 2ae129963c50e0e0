from __future__ import annotations

import csv
import io

import numpy as np
import pandas as pd
import pytest

from soupwidgets.text import plain_cell, safe_csv

FORMULAS = ['=HYPERLINK("http://x","y")', "+1", "-1+cmd", "@SUM(A1)", "\t=1", "\n=1", "  =1", "\uff1d1+1"]


@pytest.mark.parametrize("text", FORMULAS)
def test_what_could_be_a_formula_is_text(text: str) -> None:
    assert plain_cell(text) == f"'{text}"
    # It is text once more, and nothing is added twice.
    assert plain_cell(plain_cell(text)) == plain_cell(text)


def test_line_breaks_and_zeros_hide_nothing() -> None:
    assert plain_cell("\r=1") == "'\n=1"
    assert plain_cell("\0=1\r\n=2\r=3") == "'=1\n=2\n=3"
    # A bare carriage return would begin a row, and with it a formula.
    assert safe_csv(pd.DataFrame({"note": ["a\r=1+1"]})) == 'note\n"a\n=1+1"\n'


@pytest.mark.parametrize("text", ["", "ft-03", "a=b", "a\n=b", "'quoted'", "\u00e4\u00f6", "1-2"])
def test_other_text_stays(text: str) -> None:
    assert plain_cell(text) == text


def test_no_cell_and_no_heading_of_a_table_is_a_formula() -> None:
    frame = pd.DataFrame({
        "model": [*FORMULAS, "plain", None],
        "-class": pd.Categorical([*FORMULAS, "plain", "plain"]),
        "mixed": [*FORMULAS, -1, np.nan],
        "change": np.linspace(-1, 1, len(FORMULAS) + 2),
    })  # fmt: skip
    before = frame.copy(deep=True)
    header, *rows = csv.reader(io.StringIO(safe_csv(frame), newline=""))
    assert header == ["model", "'-class", "mixed", "change"]
    assert [row[0] for row in rows] == [*(f"'{text}" for text in FORMULAS), "plain", ""]
    assert [row[1] for row in rows[:-2]] == [f"'{text}" for text in FORMULAS]
    assert [row[2] for row in rows[-2:]] == ["-1", ""]
    # Numbers are numbers, with all their digits.
    assert [float(row[3]) for row in rows] == frame["change"].tolist()
    pd.testing.assert_frame_equal(frame, before)


def test_two_columns_of_one_name() -> None:
    frame = pd.DataFrame([["=a", "=b"]], columns=["=x", "=x"])
    assert safe_csv(frame) == "'=x,'=x\n'=a,'=b\n"
