"""What axe-core finds in panels, and words that are too faint: WCAG 2.2, levels A and AA."""

from __future__ import annotations

from typing import Any

from axe_playwright_python.base import AXE_SCRIPT

_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
# Hosts put panels into shadow roots, and what is wrong with a host is none of ours.
_FIND = """
const find = (selector, root = document, found = []) => {
  for (const one of root.querySelectorAll("*")) {
    if (one.matches(selector)) found.push(one);
    if (one.shadowRoot) find(selector, one.shadowRoot, found);
  }
  return found;
};
"""
# Of letters in a drawing axe says that it cannot know what is behind them; below they are looked at.
_AXE = (
    _FIND
    + """
async ([tags, within]) => {
  const where = { include: find(within), exclude: [[".main-svg"]] };
  const { violations, passes } = await axe.run(where, { runOnly: tags });
  const of = ({ id, nodes }) => nodes.map(({ target, failureSummary }) => `${id} ${target}: ${failureSummary}`);
  return { found: violations.flatMap(of), passed: passes.length };
}
"""
)
# Contrast of words and background as WCAG 2.1 works it out (success criterion 1.4.3), for all words of a panel.
_CONTRAST = (
    _FIND
    + """
(within) => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const parse = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((v) => ((v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement ?? at.getRootNode().host) {
      const [r, g, b, a = 1] = parse(getComputedStyle(at).backgroundColor);
      if (a > 0.5) return [r, g, b];
    }
    return [255, 255, 255];
  };
  const low = [];
  let words = 0;
  for (const panel of find(within)) {
    for (const element of panel.querySelectorAll("*")) {
      const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
      const drawn = element instanceof SVGTextElement;
      // What stands on coloured areas of a figure is not on the ground of the page.
      const drawing = element.closest(".cartesianlayer");
      const coloured = element.closest(".heatmap-label") || drawing?.querySelector(".contour");
      const unread = element.closest("[hidden], :disabled, .modebar") || !element.getClientRects().length;
      if (!own || coloured || unread) continue;
      words += 1;
      const style = getComputedStyle(element);
      const [a, b] = [light(parse(drawn ? style.fill : style.color)), light(ground(element))];
      const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
      if (ratio < 4.5) low.push(`${element.textContent.trim().slice(0, 40)}: ${ratio.toFixed(2)}`);
    }
  }
  return { words, low };
}
"""
)


def violations(page: Any, within: str = ".soupwidgets-panel") -> list[str]:
    """What axe-core finds wrong in a part of a page."""
    if not page.evaluate("'axe' in globalThis"):
        page.evaluate(AXE_SCRIPT)
    result = page.evaluate(_AXE, [_TAGS, within])
    assert result["passed"]
    return list(result["found"])


def faint_words(page: Any, within: str = ".soupwidgets-panel", *, at_least: int) -> list[str]:
    """Words of a part of a page, those in drawings among them, with less than 4.5 to 1 to the ground behind them."""
    result = page.evaluate(_CONTRAST, within)
    assert result["words"] > at_least
    return list(result["low"])
