"""The built site: every link, picture and anchor is there, and nothing is fetched from another host."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from tests.fixtures import ROOT

# The site is built first, which takes a minute or two where the package has changed.
pytestmark = pytest.mark.slow

# What a browser fetches by itself, by tag.
FETCHED = {"script": "src", "img": "src", "iframe": "src", "source": "src", "video": "src", "link": "href"}


@dataclass
class Page(HTMLParser):
    """What a page leads to, what it fetches, and where one can jump to in it."""

    path: Path
    links: list[str] = field(default_factory=list)
    fetched: list[str] = field(default_factory=list)
    anchors: set[str] = field(default_factory=set)
    unnamed: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self.feed(self.path.read_text("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.anchors |= {given[name] for name in ("id", "name") if name in given}
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        if FETCHED.get(tag) in given:
            self.fetched.append(given[FETCHED[tag]])
        if (tag == "img" and len(given.get("alt", "")) < 10) or (tag == "iframe" and not given.get("title")):
            self.unnamed.append(given.get("src", ""))


@pytest.fixture(scope="module")
def pages(docs_site: Path) -> dict[Path, Page]:
    """All but templates that the theme has among its scripts and styles."""
    found = sorted(docs_site.rglob("*.html"))
    return {path.resolve(): Page(path) for path in found if "_static" not in path.parts}


def outside(link: str) -> bool:
    return bool(urlsplit(link).scheme or urlsplit(link).netloc) and not link.startswith("data:")


def test_every_document_is_a_page(pages: dict[Path, Page], docs_site: Path) -> None:
    sources = [
        *ROOT.joinpath("docs").rglob("*.md"),
        ROOT / "README.md",
        ROOT / "CONTRIBUTING.md",
        ROOT / "CHANGELOG.md",
    ]
    expected = {(docs_site / source.relative_to(ROOT)).with_suffix(".html").resolve() for source in sources}
    assert len(expected) > 50
    assert expected - pages.keys() == set()


def test_links_pictures_and_anchors_are_there(pages: dict[Path, Page]) -> None:
    missing = defaultdict(list)
    followed = 0
    for path, page in pages.items():
        for link in [*page.links, *page.fetched]:
            if outside(link) or link.startswith("data:"):
                continue
            parts = urlsplit(link)
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            followed += 1
            # The addresses of live pages carry their state.
            anchored = target in pages and target.parent.name != "live" and parts.fragment
            if not target.is_file() or (anchored and unquote(parts.fragment) not in pages[target].anchors):
                missing[path.name].append(link)
    assert followed > 5000
    assert dict(missing) == {}


def test_other_hosts_are_linked_and_never_asked(pages: dict[Path, Page], docs_site: Path) -> None:
    """Links to other hosts are listed, not followed: a test needs no network."""
    assert {link for page in pages.values() for link in page.fetched if outside(link)} == set()
    styles = "\n".join(path.read_text("utf-8") for path in docs_site.rglob("*.css"))
    assert re.findall(r"(?:@import|url\()\s*['\"]?(?:https?:)?//[^)'\"]+", styles) == []
    links = sorted({link for page in pages.values() for link in page.links if outside(link)})
    assert any("arxiv.org" in link for link in links)
    assert {urlsplit(link).scheme for link in links} <= {"https"}
    artefacts = ROOT / "build" / "artefacts"
    artefacts.mkdir(parents=True, exist_ok=True)
    (artefacts / "links-to-other-hosts.txt").write_text("\n".join(links) + "\n")


def test_pictures_and_frames_say_what_they_show(pages: dict[Path, Page]) -> None:
    assert {path.name: page.unnamed for path, page in pages.items() if page.unnamed} == {}


def test_the_reference_has_every_public_name(docs_site: Path) -> None:
    import soupwidgets as sw

    shown = "\n".join(path.read_text("utf-8") for path in docs_site.joinpath("docs", "api").glob("*.html"))
    rooms = [
        "alpha", "soup", "frontier", "pareto", "landscape", "diagnosis", "diversity", "mistakes", "review", "spectrum",
        "augmentation", "inspection", "prediction", "methods", "stats", "suites", "models", "evaluation", "store",
        "widgets", "hub", "site",
    ]  # fmt: skip
    anchors = set(re.findall(r'id="(soupwidgets\.[\w.]+)"', shown))
    top = {name for name in sw.__all__ if f"soupwidgets.{name}" in anchors}
    assert {name for name in sw.__all__ if name not in top} <= {*rooms, "figures", "training", "zoo"}
    for room in rooms:
        inner = [name for name in getattr(sw, room).__all__ if name not in top]
        assert [name for name in inner if f"soupwidgets.{room}.{name}" not in anchors] == [], room
