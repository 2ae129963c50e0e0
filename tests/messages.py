"""What can be translated: `python -m tests.messages` brings the catalogues up to date and compiles them."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from babel.messages import Catalog, Message
from babel.messages.extract import extract_from_file
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from soupwidgets import Evaluator, translation
from soupwidgets.translation import CATALOGUES, DOMAIN
from tests.fixtures import ROOT

# What a phrase is handed to, in Python and in the front end.
KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2), "N_": None}
SCRIPTS = ("panel/static/panel", "pages/static")


def python_files() -> list[Path]:
    """Every module of the package."""
    return sorted((ROOT / "soupwidgets").rglob("*.py"))


def script_files() -> list[Path]:
    """Every script of panels and of sites."""
    return sorted(path for folder in SCRIPTS for path in (ROOT / "soupwidgets" / folder).glob("*.js"))


@cache
def phrases_of(path: Path) -> tuple[Message, ...]:
    """The phrases in a file."""
    script = path.suffix == ".js"
    options = {"parse_template_string": True} if script else {}
    found = extract_from_file("javascript" if script else "python", path, KEYWORDS, options=options)
    return tuple(Message(message) for _, message, _, _ in found)


def extracted() -> Catalog:
    """All phrases with the files that say them: without line numbers, which change with every other change."""
    catalogue = Catalog(project="soupwidgets", charset="utf-8")
    for path in [*python_files(), *script_files()]:
        for message in phrases_of(path):
            catalogue.add(message.id, locations=[(path.relative_to(ROOT).as_posix(), None)])
    return catalogue


def catalogues() -> list[Path]:
    """The catalogue of each language."""
    return sorted(CATALOGUES.glob(f"*/LC_MESSAGES/{DOMAIN}.po"))


def opened(path: Path) -> Catalog:
    """A catalogue as translators wrote it."""
    with path.open("rb") as file:
        return read_po(file, locale=path.parts[-3], domain=DOMAIN)


def compiled(catalogue: Catalog) -> bytes:
    """A catalogue as gettext reads it."""
    out = io.BytesIO()
    write_mo(out, catalogue)
    return out.getvalue()


def updated(catalogue: Catalog) -> bytes:
    """A catalogue with every phrase that there is now, and no other."""
    # What Babel would guess from a similar phrase is no translation.
    catalogue.update(extracted(), no_fuzzy_matching=True, update_creation_date=False)
    catalogue.obsolete.clear()
    out = io.BytesIO()
    write_po(out, catalogue, width=120, sort_output=True, omit_header=False, ignore_obsolete=True)
    return out.getvalue()


def translated(message: Message) -> bool:
    """Whether a phrase has a translation, in every form."""
    return all(message.string if isinstance(message.string, tuple) else [message.string])


def names(ev: Evaluator) -> list[str]:
    """What is called the same in every language."""
    own = [ev.suite.name, *ev.pool.names, *ev.suite.splits, *ev.suite.classes]
    return sorted(own, key=len, reverse=True)


def nameless(text: str, ev: Evaluator) -> str:
    for name in names(ev):
        text = text.replace(name, " ")
    return text


@pytest.fixture
def mirrored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A language in which every phrase is its own in letters that are nobody's: whatever is in others has none."""
    catalogue = extracted()
    for message in catalogue:
        if message.id:
            forms = [mirror(one) for one in ([message.id] if isinstance(message.id, str) else message.id)]
            message.string = tuple(forms) if isinstance(message.id, tuple) else forms[0]
    path = tmp_path / "xx" / "LC_MESSAGES" / "soupwidgets.mo"
    path.parent.mkdir(parents=True)
    path.write_bytes(compiled(catalogue))
    monkeypatch.setattr(translation, "CATALOGUES", tmp_path)
    yield "xx"
    translation._catalogue.cache_clear()


def mirror(phrase: str) -> str:
    """The letters of a phrase as those of the block of full-width forms.

    >>> mirror("of {seen}")
    'ｏｆ {seen}'
    """  # noqa: RUF002
    parts = re.split(r"(\{\w*\})", phrase)
    wide = (re.sub(r"[A-Za-z]", lambda letter: chr(ord(letter[0]) + 0xFEE0), one) for one in parts[::2])
    return "".join(one for both in zip(wide, [*parts[1::2], ""], strict=True) for one in both)


def main() -> None:
    """Write them."""
    for path in catalogues():
        catalogue = opened(path)
        path.write_bytes(updated(catalogue))
        path.with_suffix(".mo").write_bytes(compiled(opened(path)))
        missing = sum(not translated(message) for message in catalogue if message.id)
        print(f"{path.relative_to(ROOT)}: {len(catalogue)} phrases, {missing} of them not translated")


if __name__ == "__main__":
    main()
