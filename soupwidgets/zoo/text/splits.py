"""Which package goes where: no two splits share a source package, and each text occurs once."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from soupwidgets.zoo.text.packages import Package
from soupwidgets.zoo.text.sentences import mistype, sentences

CLASSES: dict[str, str] = {
    "administration": "admin kernel shells",
    "desktop": "x11 gnome kde xfce gnustep",
    "development": "devel vcs interpreters embedded",
    "games": "games",
    "network": "net mail comm news",
    "Perl": "perl",
    "pictures and sound": "graphics sound video",
    "Python": "python",
    "science": "science math electronics",
    "text": "text editors tex",
    "web": "web httpd javascript php",
}
_SECTIONS = {section: label for label, names in enumerate(CLASSES.values()) for section in names.split()}
# Packages that hold nothing themselves, and those that warn of what they hold.
_LEFT_OUT = re.compile(r"dummy|transitional|meta-?package|debug symbols|\bsex|porn|offensive|\berotic", re.IGNORECASE)
# Packages of each class in validation, test and training.
VALIDATION, TEST, TRAINING = 140, 330, 220
_FEW_CLASSES_NEED = {"newer": 110, "older": 60}
_SEED = 0
TYPING_ERRORS = 0.15
_FEWEST_DETAILS = 40


@dataclass(frozen=True)
class Example:
    """One text with its label, and the package that it describes."""

    text: str
    label: int
    package: Package


def family(source: str) -> str:
    """A source package's name without version numbers: ``llvm-14`` and ``llvm-15`` describe the same thing.

    Examples
    --------
    >>> family("llvm-toolchain-15"), family("python3.11"), family("0ad")
    ('llvm-toolchain', 'python', '0ad')
    """
    return re.sub(r"[-_.]?\d[\w.]*", "", source) or source


def candidates(packages: Iterable[Package]) -> dict[str, Example]:
    """One example for each family of source packages, with its short description.

    Parameters
    ----------
    packages
        Of one release. Those in a section of no class are left out, and so are empty ones (transitional, debug
        symbols) and offensive ones.

    Returns
    -------
    dict[str, Example]
        By family. Of several binary packages the one named like its source is taken, otherwise the first by name.
        Of families with the same description, but for letter case and punctuation, only the first stays.
    """
    families: dict[str, list[Package]] = defaultdict(list)
    for package in packages:
        if package.section in _SECTIONS and package.short and not _LEFT_OUT.search(package.short + package.long):
            families[family(package.source)].append(package)
    seen: set[str] = set()
    found = {}
    for name in sorted(families):
        package = min(families[name], key=lambda one: (one.name != one.source, one.name))
        if (words := plain_words(package.short)) not in seen:
            seen.add(words)
            found[name] = Example(package.short, _SECTIONS[package.section], package)
    return found


def plain_words(text: str) -> str:
    """The letters and digits of a text in lower case: what two texts are compared by."""
    return " ".join(re.findall(r"[^\W_]+", text.lower()))


def divide(release: Iterable[Package], older: Iterable[Package], newer: Iterable[Package]) -> dict[str, list[Example]]:
    """Divide the packages into the splits of the suite.

    Parameters
    ----------
    release
        Packages that training, validation, test and four shifts are made of.
    older, newer
        Packages of the release before and after, for the two shifts in time.

    Returns
    -------
    dict[str, list[Example]]
        ``train``, ``val`` and ``test`` with equally many of each class; ``typos``, ``capitals``, ``opening`` and
        ``details``, each of another quarter of the test's packages; ``older``: packages that are gone from
        the release; ``newer``: packages that are new in the release after it.
    """
    now, past, future = (list(packages) for packages in (release, older, newer))
    here = candidates(now)
    rng = np.random.default_rng(_SEED)
    splits: dict[str, list[Example]] = {name: [] for name in ("train", "val", "test")}
    for label in range(len(CLASSES)):
        names = [name for name, example in here.items() if example.label == label]
        drawn = [here[names[i]] for i in rng.permutation(len(names))]
        start = 0
        for name, count in (("val", VALIDATION), ("test", TEST), ("train", TRAINING)):
            splits[name] += drawn[start : start + count]
            start += count
        if len(drawn) < start:
            raise ValueError(f"class {list(CLASSES)[label]!r} has {len(drawn)} packages, {start} are needed")
    splits = {name: [examples[i] for i in rng.permutation(len(examples))] for name, examples in splits.items()}
    splits |= _spoiled(splits["test"])
    known = [{family(package.source) for package in packages} for packages in (past, now, future)]
    texts = {plain_words(package.short) for package in now}
    for name, packages, others in (("older", past, known[1] | known[2]), ("newer", future, known[0] | known[1])):
        fresh = {
            name: example
            for name, example in candidates(packages).items()
            if name not in others and plain_words(example.text) not in texts
        }
        splits[name] = _at_most(list(fresh.values()), _FEW_CLASSES_NEED[name], rng)
    return splits


def _spoiled(test: list[Example]) -> dict[str, list[Example]]:
    """Each package of the test in one of four shifts, which are then independent samples."""
    quarter = len(test) // 4
    parts = [test[i * quarter : (i + 1) * quarter] for i in range(4)]
    rng = np.random.default_rng([_SEED, 1])
    long = [[sentences(one.package.long) for one in part] for part in parts]
    texts = {
        "typos": [mistype(one.text, rng, TYPING_ERRORS) for one in parts[0]],
        "capitals": [one.text.upper() for one in parts[1]],
        "opening": [said[0] if said else "" for said in long[2]],
        # Of most packages the first sentence says what the short description says.
        "details": [" ".join(said[1:]) for said in long[3]],
    }
    return {
        name: [
            Example(text, one.label, one.package)
            for text, one in zip(texts[name], part, strict=True)
            if len(text) >= (_FEWEST_DETAILS if name == "details" else 1)
        ]
        for name, part in zip(texts, parts, strict=True)
    }


def _at_most(examples: list[Example], count: int, rng: np.random.Generator) -> list[Example]:
    """At most so many of each class, in random order."""
    kept: list[Example] = []
    for label in range(len(CLASSES)):
        here = [one for one in examples if one.label == label]
        kept += [here[i] for i in rng.permutation(len(here))[:count]]
    return [kept[i] for i in rng.permutation(len(kept))]
