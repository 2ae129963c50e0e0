// Live panels are pages of their own, which are dark where the system is; here they follow the site's switch.

function dye(frame) {
  const page = frame.contentDocument;
  const { theme } = document.documentElement.dataset;
  if (!page?.documentElement || !theme) return;
  for (const sheet of page.styleSheets) {
    for (const rule of sheet.cssRules) {
      const media = rule.media && (rule.first ??= rule.media.mediaText);
      if (media?.includes("prefers-color-scheme: dark")) rule.media.mediaText = theme === "dark" ? "all" : "not all";
    }
  }
  page.documentElement.style.colorScheme = theme;
  // The panel looks again at the ground that it stands on.
  page.documentElement.dataset.theme = theme;
}

addEventListener("DOMContentLoaded", () => {
  const frames = document.querySelectorAll(".live iframe");
  for (const frame of frames) frame.addEventListener("load", () => dye(frame));
  const all = () => frames.forEach(dye);
  new MutationObserver(all).observe(document.documentElement, { attributeFilter: ["data-theme"] });
  all();
});
