// Tables, strips of pictures and notes.

function shownCell(value) {
  if (value === null || value === undefined) return "";
  return typeof value === "number" ? shortNumber(value) : String(value);
}

function tableOf({ title, columns, rows, note }) {
  const head = h("tr", {}, columns.map((column) => h("th", { scope: "col" }, column)));
  const lines = rows.map(([name, ...cells]) => h("tr", {}, h("th", { scope: "row" }, shownCell(name)),
    cells.map((cell) => h(typeof cell === "number" ? "td.soupwidgets-digits" : "td", {}, shownCell(cell)))));
  const table = h("table", { "aria-label": title }, h("caption", {}, title), h("thead", {}, head), h("tbody", {}, lines));
  return h("div.soupwidgets-part", {}, h("div.soupwidgets-scroll", { tabindex: "0", role: "region", "aria-label": title }, table), note ? h("p.soupwidgets-note", {}, note) : null);
}

// A cell that a spreadsheet would compute is a text.
function csvOf({ columns, saved_columns: headings = columns, rows }) {
  const field = (value) => {
    if (value === null || value === undefined) return "";
    const words = typeof value === "string" && /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value);
    return /[",\n\r]/.test(words) ? `"${words.replaceAll('"', '""')}"` : words;
  };
  return [headings, ...rows].map((row) => row.map(field).join(",")).join("\r\n") + "\r\n";
}

function stripOf({ title, pictures, empty, sets, large }, tell) {
  const cards = pictures.map(({ image, alt, text, whole, label, said, verdict, mark, tone, key }) => {
    const picture = image ? h("img", { src: image, alt }) : h("q", { title: whole || null }, text);
    const inner = [picture, label ? h("b", {}, label) : null, said ? h("span", {}, said) : null,
      verdict ? h("span.soupwidgets-verdict", {}, `${mark} ${verdict}`.trim()) : null];
    const clickable = sets && key !== null;
    return h("li", { "data-tone": tone }, clickable ? h("button", { type: "button", onclick: () => tell(sets, key) }, inner) : inner);
  });
  const texts = pictures.some(({ text }) => text);
  const list = cards.length ? h(`ul.soupwidgets-strip${large ? ".soupwidgets-large" : ""}${texts ? ".soupwidgets-texts" : ""}`, {}, cards) : h("p.soupwidgets-note", {}, empty);
  return h("section.soupwidgets-part", { "aria-label": title }, h("h3", {}, title), list);
}

// Draws a list of parts again only where one of them changed.
function partsIn(parent, make) {
  let written = [];
  return (specs, ...rest) => {
    const texts = specs.map((spec) => JSON.stringify(spec));
    if (texts.length !== written.length) {
      parent.replaceChildren(...specs.map((spec) => make(spec, ...rest)));
    } else {
      texts.forEach((one, i) => one !== written[i] && parent.children[i].replaceWith(make(specs[i], ...rest)));
    }
    written = texts;
  };
}
