"""What is installed along with the package, by its licence, is said in the documents."""

from __future__ import annotations

import importlib.metadata
import re
import tomllib

import pytest
from packaging.requirements import Requirement

from tests.fixtures import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
DOCUMENT = (ROOT / "docs" / "licences.md").read_text()
# Of those that are not this, the document speaks.
PERMISSIVE = re.compile(
    r"\b(MIT|MIT-CMU|BSD|Apache|ISC|ISCL|PSF|Python Software Foundation|HPND|Unlicense|CNRI-Python|0BSD|Zlib)\b"
)
NOT_PERMISSIVE = re.compile(r"GPL|GNU|MPL|Mozilla|EPL|EUPL|CDDL|OSL|SSPL|CC-BY-(SA|NC)|Proprietary", re.IGNORECASE)


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def stated(name: str) -> str:
    """The licence that a package's metadata states: an expression, or a short text, or its classifiers."""
    metadata = importlib.metadata.metadata(name)
    classifiers = [line for line in metadata.get_all("Classifier") or [] if line.startswith("License ::")]
    # Some put the whole text there; its first line names it.
    text = (metadata.get("License") or "").strip().splitlines()[:1]
    return " | ".join([metadata.get("License-Expression") or "", *text, *classifiers])


def installed_along(extras: list[str]) -> dict[str, str]:
    """Every package that comes with the requirements of these extras, and theirs, with its licence."""
    lines = [*PROJECT["dependencies"], *(line for extra in extras for line in PROJECT["optional-dependencies"][extra])]
    waiting = [Requirement(line) for line in lines]
    found: dict[str, str] = {}
    seen: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        one = waiting.pop()
        key = canonical(one.name), frozenset(one.extras)
        if key in seen:
            continue
        seen.add(key)
        try:
            found[key[0]] = stated(one.name)
            theirs = importlib.metadata.requires(one.name) or []
        except importlib.metadata.PackageNotFoundError:
            # Of another platform.
            continue
        for requirement in map(Requirement, theirs):
            marker = requirement.marker
            if marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *one.extras)):
                waiting.append(requirement)
    return found


def not_permissive(found: dict[str, str]) -> dict[str, str]:
    return {n: text for n, text in found.items() if NOT_PERMISSIVE.search(text) or not PERMISSIVE.search(text)}


def test_every_licence_that_is_not_permissive_is_named() -> None:
    extras = [extra for extra in PROJECT["optional-dependencies"] if extra != "dev"]
    found = installed_along(extras)
    assert {"torch", "numpy", "jupyterlab", "psycopg", "cleanlab"} <= set(found)
    table = "\n".join(line for line in DOCUMENT.splitlines() if line.startswith("|"))
    named = set(re.findall(r"[a-z0-9-]+", table))
    missing = {n: text for n, text in not_permissive(found).items() if n not in named and not n.startswith("nvidia-")}
    assert missing == {}, "say in docs/licences.md what these mean for users, or do without them"


def test_a_strong_copyleft_is_in_no_extra_for_users() -> None:
    extras = [extra for extra in PROJECT["optional-dependencies"] if extra != "dev"]
    strong = {n: t for n, t in installed_along(extras).items() if re.search(r"(?<!L)GPL|Affero", t.replace("LGPL", ""))}
    # What it names the GPL for is in its source archive alone.
    strong.pop("docutils", None)
    assert [str(one) for one in importlib.metadata.files("docutils") or [] if one.suffix == ".el"] == []
    assert strong == {}
    assert "krippendorff" not in installed_along(extras)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("MIT", False), ("BSD-3-Clause", False), ("Apache-2.0 WITH LLVM-exception", False),
        ("GPL-3.0-or-later", True), ("MPL-2.0 AND MIT", True), ("LGPL-3.0-only", True), ("", True), ("UNKNOWN", True),
        ("License :: OSI Approved :: GNU Affero General Public License v3", True),
    ],
)  # fmt: skip
def test_licences_are_told_apart(text: str, named: bool) -> None:
    assert bool(not_permissive({"x": text})) is named
