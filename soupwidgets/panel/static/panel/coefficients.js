// One row per ingredient: in or out, its coefficient, what is known of it. Sorts, filters, keeps the sum.

// What the other coefficients become when one is set and the sum shall stay 1. Proportions are those of `before`.
function rebalanced(before, name, value) {
  const others = Object.keys(before).filter((other) => other !== name && before[other] !== 0);
  if (!others.length) return { ...before, [name]: 1 };
  const sum = others.reduce((total, other) => total + before[other], 0);
  const after = { ...before, [name]: value };
  for (const other of others) {
    after[other] = Math.abs(sum) > 1e-9 ? (before[other] * (1 - value)) / sum : (1 - value) / others.length;
  }
  return after;
}

function switched(before, name, on, lock) {
  const others = Object.keys(before).filter((other) => other !== name && before[other] !== 0);
  const mean = others.length ? others.reduce((total, other) => total + before[other], 0) / others.length : 1;
  if (lock) return rebalanced(before, name, on ? 1 / (others.length + 1) : 0);
  return { ...before, [name]: on ? mean : 0 };
}

// Sums of decimal fractions miss zero by a little; recipes have as many decimals as this.
const cleaned = (coefficients) => Object.fromEntries(Object.entries(coefficients).map(([name, one]) => [name, Number(one.toFixed(12))]));

CONTROLS.coefficients = function (spec, sendOut, { model, set, _ }) {
  const filter = h("input", { type: "search", placeholder: _("Filter by text"), "aria-label": _("Filter ingredients") });
  keepKeys(filter);
  const count = h("span", { role: "status" });
  const all = h("button.soupwidgets-tool", { type: "button" }, _("Show all"));
  const lock = h("input", { type: "checkbox", checked: true });
  const sum = h("output");
  const [head, body] = [h("tr"), h("tbody")];
  const table = h("table", {}, h("caption", {}, _("Ingredients and their coefficients")), h("thead", {}, head), body);
  const bar = h("div.soupwidgets-bar", {}, filter, count, all, h("label.soupwidgets-toggle", {}, lock, h("span", {}, _("keep the sum at 1"))), sum);
  const element = h("div.soupwidgets-coefficients", {}, bar, h("div.soupwidgets-scroll", {}, table));
  const lines = new Map();
  let sorted = { key: null, down: false };
  let [value, control, written] = [{}, spec, ""];
  // What the view says; it holds while the state says nothing, and while a button is at work.
  let answered = null;
  // While a thumb moves, proportions are those from before it moved: else they would be lost at 1.
  let before = null;

  function send(after, moving) {
    answered = null;
    sendOut(cleaned(after), moving);
  }

  function move(name, to, moving) {
    if (!Number.isFinite(to)) return;
    before ??= value;
    const after = lock.checked ? rebalanced(before, name, to) : { ...before, [name]: to };
    if (!moving) before = null;
    send(after, moving);
  }

  function addLine(name) {
    const use = h("input", { type: "checkbox", "aria-label": _("{name} is in the soup", { name }) });
    use.addEventListener("change", () => send(switched(value, name, use.checked, lock.checked), false));
    const title = h("th", { scope: "row" });
    const range = h("input", { type: "range", min: 0, max: 1, step: 0.01, "aria-label": _("coefficient of {name}", { name }) });
    range.addEventListener("input", () => move(name, range.valueAsNumber, true));
    range.addEventListener("change", () => move(name, range.valueAsNumber, false));
    const typed = numberBox(_("coefficient of {name}, typed", { name }), (to) => move(name, to, false));
    [use, range].forEach(keepKeys);
    const row = h("tr", {}, h("td", {}, use), title, h("td", {}, range, typed.box));
    body.append(row);
    lines.set(name, { row, use, title, range, typed, cells: [] });
  }

  function cellText(one, digits) {
    if (one === null || one === undefined) return "";
    if (typeof one !== "number") return String(one);
    // Digits stand below each other where a column has a fixed number of them.
    return digits === undefined || digits === null ? shortNumber(one) : one.toFixed(digits);
  }

  function showRows() {
    const headings = [[_("in"), null], [_("ingredient"), "name"], [_("coefficient"), "coefficient"], ...control.columns.map((c) => [c.label, c.key])];
    head.replaceChildren(...headings.map(([label, key]) => {
      const sort = () => ((sorted = { key, down: sorted.key === key ? !sorted.down : key !== "name" }), showRows());
      const order = sorted.key === key && key !== null ? (sorted.down ? "descending" : "ascending") : null;
      return h("th", { scope: "col", "aria-sort": order }, key === null ? label : h("button", { type: "button", title: _("Sort by {label}", { label }), onclick: sort }, label));
    }));
    for (const record of control.rows) {
      if (!lines.has(record.name)) addLine(record.name);
      const line = lines.get(record.name);
      line.record = record;
      line.title.textContent = record.name;
      line.title.title = record.note ?? "";
      line.cells.forEach((td) => td.remove());
      line.cells = control.columns.map((column) => h("td", {}, cellText(record[column.key], column.digits)));
      line.row.append(...line.cells);
    }
    order();
    choose();
  }

  function order() {
    if (sorted.key === null) return;
    const of = (line) => (sorted.key === "coefficient" ? value[line.record.name] ?? 0 : line.record[sorted.key]);
    const known = (v) => v !== null && v !== undefined;
    const inOrder = [...lines.values()].sort((a, b) => {
      const [x, y] = [of(a), of(b)];
      // What is not known yet goes last either way.
      if (!known(x) || !known(y)) return known(y) - known(x);
      const by = typeof x === "string" ? x.localeCompare(String(y), "en", { numeric: true }) : x - y;
      return sorted.down ? -by : by;
    });
    body.append(...inOrder.map((line) => line.row));
  }

  // Rows that the text box and the chosen names leave.
  const chosen = () => (control.filter && model.get(control.filter)) || [];
  function choose() {
    const [words, names] = [filter.value.trim().toLowerCase(), chosen()];
    let left = 0;
    for (const [name, line] of lines) {
      line.row.hidden = Boolean(words && !line.row.textContent.toLowerCase().includes(words)) || Boolean(names.length && !names.includes(name));
      left += !line.row.hidden;
    }
    count.textContent = _("{count} of {all}", { count: left, all: lines.size });
    all.hidden = !words && !names.length;
  }
  filter.addEventListener("input", choose);
  all.addEventListener("click", () => {
    filter.value = "";
    if (chosen().length) set({ [control.filter]: [] });
    choose();
  });

  function showValue() {
    const own = model.get(spec.name);
    value = answered && (model.get("running") || !Object.keys(own).length) ? answered : own;
    let total = 0;
    for (const [name, line] of lines) {
      const one = value[name] ?? 0;
      total += one;
      line.use.checked = one !== 0;
      line.row.classList.toggle("soupwidgets-in", one !== 0);
      if (line.range.valueAsNumber !== one) line.range.value = one;
      line.typed.show(one);
    }
    sum.textContent = _("sum {value}", { value: total.toFixed(3) });
  }

  return {
    element,
    wide: true,
    below: true,
    show(_now, shown) {
      control = shown;
      const text = JSON.stringify([shown.rows, shown.columns]);
      if (text !== written) {
        written = text;
        showRows();
      }
      choose();
      showValue();
    },
    view({ card }) {
      answered = card?.[spec.name] ?? null;
      showValue();
    },
  };
};
