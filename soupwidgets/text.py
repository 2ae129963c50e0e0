"""Text of others on its way to a terminal or a spreadsheet."""

from __future__ import annotations

import pandas as pd

# What spreadsheets take for the beginning of a formula, with the wide forms that some of them read alike.
_FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_HIDING = ("\t", "\n")


def printable(text: str) -> str:
    r"""Text whose control characters are spelled out, so that nothing from a file steers the terminal.

    Parameters
    ----------
    text
        One line or several; the line breaks ``\n`` stay.

    Examples
    --------
    >>> print(printable("red \x1b[31m\nbell \x07"))
    red \x1b[31m
    bell \x07
    """
    return "\n".join(map(one_line, text.split("\n")))


def one_line(text: str) -> str:
    r"""A name from elsewhere as one line: it neither steers the terminal nor begins a line that looks like ours.

    Parameters
    ----------
    text
        Line breaks in it are spelled out too, and so are the marks that turn the direction of writing.

    Examples
    --------
    >>> print(one_line("ft-03\nall is well\u202e"))
    ft-03\nall is well\u202e
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def plain_cell(value: str) -> str:
    r"""Text that no spreadsheet runs: an apostrophe stands before what could be a formula.

    Parameters
    ----------
    value
        The text of one cell.

    Returns
    -------
    str
        The text itself, or with an apostrophe before it, which spreadsheets show as 'this is text'. Every line break
        is ``\n``, which CSV quotes, and zero characters are left out.

    Notes
    -----
    OWASP, 'CSV Injection': cells that begin with ``= + - @``, a tab or a line break. Spaces before them help nobody.

    Examples
    --------
    >>> plain_cell("=1+1"), plain_cell("a = b")
    ("'=1+1", 'a = b')
    """
    # A bare carriage return is not quoted by Python's writer, and would begin a row of its own.
    value = value.replace("\0", "").replace("\r\n", "\n").replace("\r", "\n")
    return f"'{value}" if value.startswith(_HIDING) or value.lstrip().startswith(_FORMULA) else value


def safe_csv(frame: pd.DataFrame) -> str:
    """A table as CSV, without its index, whose texts and headings are `plain_cell`; numbers stay as they are.

    Parameters
    ----------
    frame
        The table.

    Examples
    --------
    >>> print(safe_csv(pd.DataFrame({"model": ["@a", "b"], "change": [-0.5, 1.0]})))
    model,change
    '@a,-0.5
    b,1.0
    """
    plain = frame.copy()
    for place in range(plain.shape[1]):
        if not pd.api.types.is_numeric_dtype(plain.dtypes.iloc[place]):
            cells = [plain_cell(cell) if isinstance(cell, str) else cell for cell in plain.iloc[:, place]]
            plain.isetitem(place, pd.array(cells, dtype=object))
    plain.columns = pd.Index([plain_cell(name) if isinstance(name, str) else name for name in plain.columns])
    text: str = plain.to_csv(index=False)
    return text
