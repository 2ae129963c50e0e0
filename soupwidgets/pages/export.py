"""A site in a folder: pages, the engine that measures in them, and what was recorded."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from soupwidgets.evaluation import Evaluator
from soupwidgets.pages.examples import exported_suite
from soupwidgets.pages.html import STATIC, index_html, page_html
from soupwidgets.pages.panels import Page, alpha_page, landscape_page, soup_page
from soupwidgets.panel.front_end import plotly_javascript
from soupwidgets.pool import Pool
from soupwidgets.site import SiteError, write_engine
from soupwidgets.site.content import Packed, write_packed
from soupwidgets.site.folder import write_fewer


@dataclass(frozen=True)
class ExportedSite:
    """What was written.

    Parameters
    ----------
    folder
        Where; a plain web server is enough to show it.
    megabytes
        What a visitor of each page fetches, by the name of its file.
    """

    folder: Path
    megabytes: Mapping[str, float]


def export_site(
    folder: str | Path,
    ev: Evaluator,
    *,
    fine_tuned: Sequence[str] | None = None,
    examples: int | None = 500,
    splits: Sequence[str] | None = None,
    accept_mb: float = 8.0,
    progress: bool = True,
) -> ExportedSite:
    """Write a static site in whose pages visitors mix models and measure the mixtures, without a kernel.

    Pages are those of the panels along alpha, of soups, and, from three models on, of a landscape. What they show at
    first was measured here; every other mixture that a visitor chooses is measured in the page, on the same images.

    Parameters
    ----------
    folder
        Files in it are replaced.
    fine_tuned
        Names of the fine-tuned models: the first goes along alpha, the first two span the plane with the zero-shot
        model, all of them are ingredients of soups. All of the pool when None.
    examples
        How many of each split at most, a random sample; all when None.
    splits
        Which distribution shifts, beside validation and test; all when None.
    accept_mb
        How many megabytes a visitor of the page along alpha may have to fetch.

    Returns
    -------
    ExportedSite
        The folder, and what each page weighs.

    Raises
    ------
    PoolError, KeyError
        When there is no such model or split.
    SiteError
        When a page cannot measure the model or a split, or the page along alpha would be too large; nothing is
        written then.
    """
    names = list(ev.pool.fine_tuned if fine_tuned is None else fine_tuned)
    if not names:
        raise SiteError("a site needs at least one fine-tuned model")
    models = list(dict.fromkeys([ev.pool.zero_shot, *names]))
    ev.pool.require(models)
    pool = Pool({name: ev.pool[name] for name in models})
    own = ev.with_suite(exported_suite(ev, splits, examples)).with_pool(pool).in_float32()
    target = Path(folder)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".site-") as temporary:
        site = _Site(Path(temporary), own, ev, models)
        site.write_engine()
        site.require_small(accept_mb)
        makers: dict[str, Callable[[], Page]] = {
            "along alpha": lambda: alpha_page(own, names[0]),
            "soups": lambda: soup_page(own, models),
            **({"a landscape": lambda: landscape_page(own, models[:3])} if len(models) > 2 else {}),
        }
        with tqdm(makers.items(), desc="recording", disable=not progress) as bar:
            for words, make in bar:
                bar.set_postfix_str(words)
                site.take(make())
        site.write_pages()
        site.require_small(accept_mb)
        shutil.copytree(temporary, target, dirs_exist_ok=True)
    return ExportedSite(target, {f"{name}.html": bytes_ / 1e6 for name, bytes_ in site.sizes.items()})


class _Site:
    """A site on its way into a folder."""

    def __init__(self, folder: Path, own: Evaluator, ev: Evaluator, models: Sequence[str]) -> None:
        self.folder, self.own, self.ev, self.models = folder, own, ev, list(models)
        self.sizes: dict[str, int] = {}
        self._pages: list[tuple[Page, Packed]] = []

    def write_engine(self) -> None:
        self._engine = self.folder / "engine"
        manifest = write_engine(self.own, self._engine, checkpoints=self.models, examples=None)
        self._manifests = {"manifest": manifest}
        # A visitor of the page along alpha fetches two models, however many there are for soups.
        for name, some in (("alpha", self.models[:2]), ("landscape", self.models[:3])):
            if some != self.models:
                self._manifests[name] = write_fewer(self.own, self._engine, manifest, some, name)
        self._plotly = write_packed(self.folder / "data", "plotly.js", plotly_javascript().encode())

    def manifest_of(self, page: str) -> str:
        return page if page in self._manifests else "manifest"

    def fetched(self, page: str) -> int:
        """How many bytes a visitor fetches to measure, beside the page itself."""
        manifest = self._manifests[self.manifest_of(page)]
        needed = {**manifest, "library": manifest["library"]["wasm"]}
        return self._plotly.packed + _packed(needed)

    def require_small(self, accept_mb: float) -> None:
        """Refuse a page along alpha that is too large: at first without its recording, which takes a while to make."""
        megabytes = self.sizes.get("alpha", self.fetched("alpha")) / 1e6
        if megabytes > accept_mb:
            weights = self._manifests[self.manifest_of("alpha")]["weights"]["packed"] / 1e6
            images = _packed(self._manifests["manifest"]["splits"]) / 1e6
            raise SiteError(
                f"a visitor of alpha.html would fetch {megabytes:.1f} MB, {images:.1f} MB of them images and "
                f"{weights:.1f} MB weights, which is more than {accept_mb:g}: export fewer examples or splits, or "
                f"accept the size with accept_mb={megabytes + 1:.0f} (--accept-mb {megabytes + 1:.0f})"
            )

    def take(self, page: Page) -> None:
        content = json.dumps(page.content, allow_nan=False).encode()
        self._pages.append((page, write_packed(self.folder / "data", f"{page.name}.json", content)))

    def write_pages(self) -> None:
        pages = [page for page, _ in self._pages]
        for page, content in self._pages:
            manifest = self.manifest_of(page.name)
            size = content.packed + self.fetched(page.name)
            told = {
                "content": content.to_json(),
                "plotly": self._plotly.to_json(),
                "manifest": f"{manifest}.json",
                "megabytes": f"{(self.fetched(page.name) - self._plotly.packed) / 1e6:.1f}",
            }
            html = page_html(page, pages, told, self.own, self.ev)
            (self.folder / f"{page.name}.html").write_text(html, "utf-8")
            others = [self._engine / "engine.js", self._engine / f"{manifest}.json"]
            self.sizes[page.name] = size + len(html.encode()) + sum(path.stat().st_size for path in others)
        (self.folder / "index.html").write_text(index_html(pages, self.sizes, self.own, self.ev), "utf-8")
        shutil.copyfile(STATIC / "offline.js", self.folder / "offline.js")


def _packed(part: Any) -> int:
    """Bytes of all files that a part of a manifest names."""
    if isinstance(part, dict):
        return int(part["packed"]) if "sha256" in part else sum(map(_packed, part.values()))
    return sum(map(_packed, part)) if isinstance(part, list) else 0
