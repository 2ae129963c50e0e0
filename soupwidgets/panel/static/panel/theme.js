// Light or dark, as the page around the panel is; figures get the same colours as the words.

const PALETTE = {
  light: {},
  // What the figures draw with, and what stands for it on a dark ground.
  dark: {
    "#222222": "#ececec", "#767676": "#a8a8a8", "#c8c8c8": "#5c5c5c", "#e6e6e6": "#3a3a3a", white: "#1e1e1e",
    "#0072b2": "#4fb0ec", "#d55e00": "#ff8c42", "#009e73": "#33cfa3",
    // Names of lines are darker than the lines in the light, and as bright as they are in the dark.
    "#b85000": "#ff8c42", "#007a59": "#33cfa3", "#8f6200": "#e69f00", "#a2527e": "#dd9bbf", "#0f6fa3": "#56b4e9",
    "#cc79a7": "#dd9bbf", "rgba(0,114,178,": "rgba(79,176,236,",
    "rgba(213,94,0,": "rgba(255,140,66,", "rgba(0,158,115,": "rgba(51,207,163,",
  },
};

// Red, green, blue and opacity of a colour in any notation: what a canvas makes of it.
function pixelOf(colour) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [1, 1];
  const context = canvas.getContext("2d");
  context.fillStyle = colour;
  context.fillRect(0, 0, 1, 1);
  return context.getImageData(0, 0, 1, 1).data;
}

function groundOf(element) {
  for (let at = element; at; at = at.parentElement ?? at.getRootNode().host) {
    const pixel = pixelOf(getComputedStyle(at).backgroundColor);
    if (pixel[3] > 128) return pixel;
  }
  return [255, 255, 255];
}

// Calls `change` at once and whenever the page's theme becomes another one; returns how to stop.
function followTheme(root, change) {
  function look() {
    const [r, g, b] = groundOf(root.parentElement ?? document.body);
    const theme = 0.3 * r + 0.59 * g + 0.11 * b < 128 ? "dark" : "light";
    if (root.dataset.theme === theme) return;
    root.dataset.theme = theme;
    change(theme);
  }
  // The style sheets of another theme may come a little later than the word of it.
  const soon = () => [0, 150, 600].forEach((wait) => setTimeout(look, wait));
  const observer = new MutationObserver(soon);
  for (const element of [document.documentElement, document.body]) {
    observer.observe(element, { attributes: true, attributeFilter: ["class", "style", "data-jp-theme-light", "data-theme"] });
  }
  const scheme = matchMedia("(prefers-color-scheme: dark)");
  scheme.addEventListener("change", soon);
  look();
  soon();
  return () => {
    observer.disconnect();
    scheme.removeEventListener("change", soon);
  };
}

function recoloured(value, theme) {
  const palette = PALETTE[theme];
  if (typeof value === "string") {
    const low = value.toLowerCase();
    if (low in palette) return palette[low];
    for (const start of Object.keys(palette)) if (start.endsWith(",") && low.startsWith(start)) return palette[start] + low.slice(start.length);
    return value;
  }
  if (Array.isArray(value)) return typeof value[0] === "number" ? value : value.map((one) => recoloured(one, theme));
  if (value && typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, key === "text" || key === "customdata" ? one : recoloured(one, theme)]));
  }
  return value;
}
