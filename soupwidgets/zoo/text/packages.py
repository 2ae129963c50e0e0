"""The descriptions of Debian's packages, as the package lists of three releases state them."""

from __future__ import annotations

import hashlib
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

# The release that the suite is made of, the one before it and the one after it.
RELEASE, OLDER, NEWER = "bookworm", "bullseye", "trixie"
RELEASES = (OLDER, RELEASE, NEWER)
_KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
_PATTERNS = ("*_dists_{}_main_binary-amd64_Packages", "*_dists_{}_main_i18n_Translation-en")


@dataclass(frozen=True)
class Package:
    """One binary package.

    Parameters
    ----------
    name, source, version
        Of the binary package; the name of the source package that it is built from; its version.
    section
        Debian's section, such as ``sound``.
    short
        The short description: a phrase.
    long
        The long description: lines, with ``.`` alone between paragraphs.
    """

    name: str
    source: str
    version: str
    section: str
    short: str
    long: str


def stanzas(text: str) -> Iterator[dict[str, str]]:
    r"""The stanzas of a control file (Debian policy, section 5.1) as dictionaries; lines of one field stay apart.

    Examples
    --------
    >>> list(stanzas("Package: a\nDescription: one\n two\n .\n three\n\nPackage: b\n"))
    [{'Package': 'a', 'Description': 'one\ntwo\n.\nthree'}, {'Package': 'b'}]
    """
    for stanza in re.split(r"\n{2,}", text):
        fields: dict[str, str] = {}
        key = ""
        for line in stanza.splitlines():
            if line[:1] in (" ", "\t"):
                fields[key] += "\n" + line.strip()
            elif ":" in line:
                key, value = line.split(":", 1)
                fields[key] = value.strip()
        if fields:
            yield fields


def fetch_lists(folder: Path) -> Path:
    """Have apt fetch the package lists and English descriptions of `RELEASES` into a folder of their own.

    Parameters
    ----------
    folder
        Gets the lists (230 MB, 45 MB to fetch); if it holds all of them already, nothing is fetched. The machine's
        own lists and sources are left alone; its mirror is used, and Debian's keys check what comes.

    Returns
    -------
    Path
        ``folder``.

    Raises
    ------
    FileNotFoundError
        When this machine has no apt with Debian's lists, or apt fetched something else.
    """
    if all(_find(folder, release) for release in RELEASES):
        return folder
    try:
        asked = ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages", "Origin: Debian"]
        mirrors = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.split()
        mirror = next(one for one in mirrors if one.rstrip("/").endswith("/debian"))
    except (OSError, subprocess.CalledProcessError, StopIteration):
        raise FileNotFoundError(
            f"{folder} does not hold the package lists of {', '.join(RELEASES)}, and this machine's apt knows no "
            "mirror of Debian to fetch them from. Build on a Debian machine, or with --from-bundle"
        ) from None
    for sub in ("lists/partial", "cache/archives/partial"):
        (folder / sub).mkdir(parents=True, exist_ok=True)
    sources = folder / "sources.list"
    sources.write_text("".join(f"deb [signed-by={_KEYRING}] {mirror} {release} main\n" for release in RELEASES))
    settings = {
        "Dir::Etc::sourcelist": sources.resolve(),
        "Dir::Etc::sourceparts": "/dev/null",
        "Dir::State::lists": folder.resolve() / "lists",
        "Dir::Cache": folder.resolve() / "cache",
        "Acquire::Languages": "en",
        "Acquire::GzipIndexes": "false",
    }
    options = [part for key, value in settings.items() for part in ("-o", f"{key}={value}")]
    subprocess.run(["apt-get", *options, "update"], check=True, stdout=subprocess.DEVNULL)
    for release in RELEASES:
        if not _find(folder, release):
            raise FileNotFoundError(f"apt fetched no package list with English descriptions of {release} to {folder}")
    return folder


def _find(folder: Path, release: str) -> list[Path]:
    """The list of packages and that of descriptions, or nothing."""
    found = [sorted((folder / "lists").glob(pattern.format(release))) for pattern in _PATTERNS]
    return [paths[0] for paths in found] if all(found) else []


def read_packages(folder: Path, release: str) -> list[Package]:
    """Read the packages of a release that have an English description.

    Parameters
    ----------
    folder
        What `fetch_lists` wrote.
    release
        One of `RELEASES`.

    Returns
    -------
    list[Package]
        By name.

    Raises
    ------
    FileNotFoundError
        When the lists are not in ``folder``.
    """
    paths = _find(folder, release)
    if not paths:
        raise FileNotFoundError(f"{folder} does not hold the package lists of {release}")
    listed, translated = (list(stanzas(path.read_text(encoding="utf-8"))) for path in paths)
    descriptions = {one["Description-md5"]: one["Description-en"] for one in translated}
    packages = []
    for one in listed:
        # A description is in the translations, but for the few packages that came in a security update.
        text = descriptions.get(one.get("Description-md5", ""), one.get("Description", ""))
        short, _, long = text.partition("\n")
        source = one.get("Source", one["Package"]).split(" ")[0]
        packages.append(Package(one["Package"], source, one["Version"], one["Section"], " ".join(short.split()), long))
    return sorted(packages, key=lambda package: (package.name, package.version))


def provenance(folder: Path) -> dict[str, dict[str, str]]:
    """SHA-256 of each list and the date of its release, by release: what a rebuild needs to be the same."""
    stated = {}
    for release in RELEASES:
        packages, descriptions = (hashlib.sha256(path.read_bytes()).hexdigest() for path in _find(folder, release))
        signed = next(iter(sorted((folder / "lists").glob(f"*_dists_{release}_InRelease")))).read_text(encoding="utf-8")
        fields = dict(line.split(": ", 1) for line in signed.splitlines() if re.match(r"(Date|Version): ", line))
        stated[release] = {
            "version": fields.get("Version", ""),
            "date": fields["Date"],
            "Packages": packages,
            "Translation-en": descriptions,
        }
    return stated
