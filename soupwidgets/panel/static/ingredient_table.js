// One row per ingredient: in or out, its coefficient, what is known of it. Sorts, filters, keeps the sum.

function cell(row, text) {
  const td = row.insertCell();
  td.textContent = text;
  return td;
}

function shown(value, digits) {
  if (value === null || value === undefined) return "";
  if (typeof value !== "number") return String(value);
  // Digits stand below each other where a column has a fixed number of them.
  return digits === undefined ? Number(value.toPrecision(4)).toString() : value.toFixed(digits);
}

// What the other coefficients become when one is set and the sum shall stay 1. Proportions are those of `before`.
export function rebalanced(before, name, value) {
  const others = Object.keys(before).filter((other) => other !== name && before[other] !== 0);
  if (!others.length) return { ...before, [name]: 1 };
  const sum = others.reduce((total, other) => total + before[other], 0);
  const after = { ...before, [name]: value };
  for (const other of others) {
    after[other] = Math.abs(sum) > 1e-9 ? (before[other] * (1 - value)) / sum : (1 - value) / others.length;
  }
  return after;
}

export function switched(before, name, on, lock) {
  const others = Object.keys(before).filter((other) => other !== name && before[other] !== 0);
  const mean = others.length ? others.reduce((total, other) => total + before[other], 0) / others.length : 1;
  if (lock) return rebalanced(before, name, on ? 1 / (others.length + 1) : 0);
  return { ...before, [name]: on ? mean : 0 };
}

function render({ model, el }) {
  const root = document.createElement("div");
  root.className = "soupwidgets-table";
  const bar = document.createElement("div");
  bar.className = "soupwidgets-table-bar";
  const filter = document.createElement("input");
  filter.type = "search";
  filter.placeholder = "Filter, e.g. ft-1";
  filter.setAttribute("aria-label", "Filter ingredients");
  keepKeys(filter);
  const count = document.createElement("span");
  count.setAttribute("role", "status");
  const all = document.createElement("button");
  all.textContent = "Show all";
  const lockLabel = document.createElement("label");
  const lock = document.createElement("input");
  lock.type = "checkbox";
  lockLabel.append(lock, " keep the sum at 1");
  const sum = document.createElement("output");
  bar.append(filter, count, all, lockLabel, sum);
  const frame = document.createElement("div");
  frame.className = "soupwidgets-table-frame";
  const table = document.createElement("table");
  const caption = table.createCaption();
  caption.textContent = "Ingredients and their coefficients";
  const head = table.createTHead().insertRow();
  const body = table.createTBody();
  frame.append(table);
  root.append(bar, frame);
  el.append(root);

  const lines = new Map();
  let sorted = { key: null, down: false };
  // While a thumb moves, proportions are those from before it moved: else they would be lost at 1.
  let before = null;

  function send(coefficients, dragging) {
    model.set("coefficients", coefficients);
    model.set("dragging", dragging);
    model.save_changes();
    showCoefficients();
  }

  function move(name, value, dragging) {
    if (!Number.isFinite(value)) return;
    before ??= model.get("coefficients");
    const after = model.get("lock") ? rebalanced(before, name, value) : { ...before, [name]: value };
    if (!dragging) before = null;
    send(after, dragging);
  }

  function addLine(name) {
    const row = body.insertRow();
    const use = document.createElement("input");
    use.type = "checkbox";
    use.setAttribute("aria-label", `${name} is in the soup`);
    use.addEventListener("change", () => send(switched(model.get("coefficients"), name, use.checked, model.get("lock")), false));
    row.insertCell().append(use);
    const title = document.createElement("th");
    title.scope = "row";
    row.append(title);
    const range = document.createElement("input");
    range.type = "range";
    [range.min, range.max, range.step] = [0, 1, 0.01];
    range.setAttribute("aria-label", `coefficient of ${name}`);
    range.addEventListener("input", () => move(name, range.valueAsNumber, true));
    range.addEventListener("change", () => move(name, range.valueAsNumber, false));
    const number = document.createElement("input");
    number.type = "number";
    number.step = "any";
    number.setAttribute("aria-label", `coefficient of ${name}, typed`);
    number.addEventListener("change", () => move(name, number.valueAsNumber, false));
    [range, number].forEach(keepKeys);
    enterIsChange(number);
    row.insertCell().append(range, number);
    lines.set(name, { row, use, title, range, number, cells: [] });
  }

  function showRows() {
    const columns = model.get("columns");
    head.replaceChildren();
    const headings = [["in", null], ["ingredient", "name"], ["coefficient", "coefficient"], ...columns.map((c) => [c.label, c.key])];
    for (const [label, key] of headings) {
      const th = document.createElement("th");
      th.scope = "col";
      if (key === null) {
        th.textContent = label;
      } else {
        const button = document.createElement("button");
        button.textContent = label;
        button.title = `Sort by ${label}`;
        button.addEventListener("click", () => {
          sorted = { key, down: sorted.key === key ? !sorted.down : key !== "name" };
          showRows();
        });
        if (sorted.key === key) th.setAttribute("aria-sort", sorted.down ? "descending" : "ascending");
        th.append(button);
      }
      head.append(th);
    }
    for (const record of model.get("rows")) {
      if (!lines.has(record.name)) addLine(record.name);
      const line = lines.get(record.name);
      line.record = record;
      line.title.textContent = record.name;
      line.title.title = record.note ?? "";
      line.cells.forEach((td) => td.remove());
      line.cells = columns.map((column) => cell(line.row, shown(record[column.key], column.digits)));
    }
    order();
    showCoefficients();
    choose();
  }

  function order() {
    if (sorted.key === null) return;
    const coefficients = model.get("coefficients");
    const value = (line) => (sorted.key === "coefficient" ? coefficients[line.record.name] ?? 0 : line.record[sorted.key]);
    const known = (v) => v !== null && v !== undefined;
    const inOrder = [...lines.values()].sort((a, b) => {
      const [x, y] = [value(a), value(b)];
      // What is not known yet goes last either way.
      if (!known(x) || !known(y)) return known(y) - known(x);
      const by = typeof x === "string" ? x.localeCompare(String(y), "en", { numeric: true }) : x - y;
      return sorted.down ? -by : by;
    });
    body.append(...inOrder.map((line) => line.row));
  }

  function showCoefficients() {
    const coefficients = model.get("coefficients");
    let total = 0;
    for (const [name, line] of lines) {
      const value = coefficients[name] ?? 0;
      total += value;
      line.use.checked = value !== 0;
      line.row.classList.toggle("soupwidgets-in", value !== 0);
      if (Number(line.range.value) !== value) line.range.value = value;
      if (document.activeElement !== line.number) line.number.value = Number(value.toFixed(4));
    }
    sum.textContent = `sum ${total.toFixed(3)}`;
    lock.checked = model.get("lock");
  }

  // Rows that the text box and the figure's lasso leave.
  function choose() {
    const words = filter.value.trim().toLowerCase();
    const selection = model.get("selection");
    let left = 0;
    for (const [name, line] of lines) {
      const text = line.row.textContent.toLowerCase();
      const keep = (!words || text.includes(words)) && (!selection.length || selection.includes(name));
      line.row.hidden = !keep;
      left += keep;
    }
    count.textContent = `${left} of ${lines.size}`;
    all.hidden = !selection.length && !words;
  }

  filter.addEventListener("input", choose);
  all.addEventListener("click", () => {
    filter.value = "";
    model.set("selection", []);
    model.save_changes();
    choose();
  });
  lock.addEventListener("change", () => {
    model.set("lock", lock.checked);
    model.save_changes();
  });
  model.on("change:rows", showRows);
  model.on("change:columns", showRows);
  model.on("change:coefficients", showCoefficients);
  model.on("change:lock", showCoefficients);
  model.on("change:selection", choose);
  showRows();
}

export default { render };
