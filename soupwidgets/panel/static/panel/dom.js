// Small helpers to build elements. Every text goes in as text, never as HTML.

function h(tag, attributes = {}, ...children) {
  const [name, ...classes] = tag.split(".");
  const element = document.createElement(name);
  if (classes.length) element.className = classes.join(" ");
  for (const [key, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (key in element && typeof value !== "string") element[key] = value;
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

let idsGiven = 0;
const newId = () => `soupwidgets-${(idsGiven += 1)}`;

const shortNumber = (value) => String(Number(Number(value).toPrecision(4)));

// A number as people type it: with a comma or a point.
function typedNumber(text) {
  const cleaned = text.trim().replace("\u2212", "-").replace(",", ".");
  return cleaned === "" ? NaN : Number(cleaned);
}

function saveFile(name, type, content) {
  const link = h("a", { download: name });
  link.href = URL.createObjectURL(new Blob([content], { type }));
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
