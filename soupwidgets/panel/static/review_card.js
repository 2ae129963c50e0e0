// One image to judge. Every text goes in as text; keys work wherever the focus is, but not while somebody writes.

const SIDES = [
  ["correct", "\u2713", "is a right label"],
  ["unclear", "?", "may be a right label"],
  ["wrong", "\u2717", "is not a right label"],
];
const CATEGORY_KEYS = ["q", "w", "e", "r", "t", "y"];
const SEVERITY_KEYS = ["a", "s", "d", "f", "g"];
const SHOWN_KEYS = { ArrowLeft: "\u2190" };
// More classes than this are found in a list.
const ROWS = 10;

function node(tag, text, attributes = {}) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

function picture(source, alt, size) {
  const image = node("img", undefined, { alt, width: size, height: size });
  if (source.startsWith("data:image/png;base64,")) image.src = source;
  return image;
}

// The classes that have a row: label, predictions, what was judged; all where there are few.
function listed(item, judgement, classes) {
  if (classes.length <= ROWS) return classes.map((_, i) => i);
  const first = [item.label, ...item.predictions.map((p) => p.class)];
  return [...new Set([...first, ...SIDES.flatMap(([side]) => judgement[side])])];
}

function sideOf(judgement, c) {
  return SIDES.find(([side]) => judgement[side].includes(c))?.[0] ?? null;
}

function placed(judgement, c, side) {
  const next = { ...judgement };
  for (const [name] of SIDES) next[name] = judgement[name].filter((other) => other !== c);
  if (side) next[side] = [...next[side], c].sort((a, b) => a - b);
  return next;
}

// A key goes through: right, perhaps, not, nothing said.
function turned(judgement, c) {
  const order = [null, ...SIDES.map(([side]) => side)];
  return placed(judgement, c, order[(order.indexOf(sideOf(judgement, c)) + 1) % order.length]);
}

function render({ model, el }) {
  keepKeysOfNeighbours();
  const root = node("section", undefined, { class: "soupwidgets-review", tabindex: "0", "aria-label": "Image to judge" });
  keepKeys(root);
  const body = node("div", undefined, { class: "soupwidgets-review-body" });
  const status = node("p", undefined, { role: "status" });
  root.append(body, status);
  el.append(root);

  const send = (action, judgement) => {
    model.set("event", { number: (model.get("event").number ?? 0) + 1, do: action, judgement: judgement ?? null });
    model.save_changes();
  };
  const judge = (judgement) => send("judge", judgement);
  const now = () => model.get("judgement");

  function button(text, key, pressed, focus, act, label) {
    const made = node("button", text, { type: "button", "data-focus": focus });
    if (pressed !== null) made.setAttribute("aria-pressed", String(pressed));
    if (label) made.setAttribute("aria-label", label);
    if (key) {
      made.setAttribute("aria-keyshortcuts", key);
      made.append(" ", node("kbd", SHOWN_KEYS[key] ?? key));
    }
    made.addEventListener("click", act);
    return made;
  }

  function classRow(c, i, item, judgement, classes) {
    const row = node("tr");
    const name = node("th", classes[c], { scope: "row" });
    if (i < 10) name.prepend(node("kbd", String((i + 1) % 10)), " ");
    const said = item.predictions.find((p) => p.class === c);
    const notes = [c === item.label && "label", said && `${(100 * said.probability).toFixed(1)}%`].filter(Boolean);
    row.append(name, node("td", notes.join(", ")));
    const cell = node("td");
    const group = node("span", undefined, { role: "group", "aria-label": classes[c] });
    for (const [side, sign, meaning] of SIDES) {
      const on = sideOf(judgement, c) === side;
      const toggle = button(sign, null, on, `${side}-${c}`, () => judge(placed(now(), c, on ? null : side)),
        `${classes[c]} ${meaning}`);
      toggle.className = side;
      group.append(toggle);
    }
    cell.append(group);
    row.append(cell);
    return row;
  }

  function terms(title, list, keys, field, judgement) {
    const group = node("div", undefined, { role: "group", "aria-label": title });
    group.append(node("b", title));
    list.forEach((term, i) => {
      const on = judgement[field] === term.id;
      group.append(button(term.name, keys[i], on, `${field}-${term.id}`,
        () => judge({ ...now(), [field]: on ? null : term.id })));
    });
    return group;
  }

  function draw() {
    const item = model.get("item");
    const judgement = now();
    const { classes, categories, severities } = model.get("vocabulary");
    const inside = root.contains(document.activeElement);
    const focus = document.activeElement?.dataset?.focus;
    if (focus === "note" && body.dataset.image === item.key) return;
    body.dataset.image = item.key ?? "";
    body.replaceChildren();
    if (!item.image) {
      body.append(node("p", "There is no image in this queue: choose another queue or filter."));
      return;
    }
    const left = node("div", undefined, { class: "soupwidgets-review-image" });
    left.append(node("p", item.place), picture(item.image, item.alt, 280), node("p", item.reason));
    if (item.guess) {
      const guess = node("details");
      guess.append(node("summary", `A guess, nobody has looked: ${item.guess.category}`));
      for (const reason of item.guess.reasons) guess.append(node("p", reason));
      left.append(guess);
    }
    if (item.neighbours.length) {
      left.append(node("b", "Nearest training images"));
      const list = node("ul");
      for (const neighbour of item.neighbours) {
        const entry = node("li");
        entry.append(picture(neighbour.image, `training image: ${neighbour.label}`, 52), node("span", neighbour.label));
        list.append(entry);
      }
      left.append(list);
    }

    const right = node("div", undefined, { class: "soupwidgets-review-form" });
    const table = node("table");
    table.append(node("caption", "What may this image be called?"));
    const shown = listed(item, judgement, classes);
    shown.forEach((c, i) => table.append(classRow(c, i, item, judgement, classes)));
    right.append(table);
    if (classes.length > shown.length) {
      const more = node("select", undefined, { "aria-label": "Another class is right", "data-focus": "more" });
      more.append(node("option", "another class is right \u2026"));
      classes.forEach((name, c) => shown.includes(c) || more.append(node("option", name, { value: String(c) })));
      more.addEventListener("change", () => judge(placed(now(), Number(more.value), "correct")));
      right.append(more);
    }
    right.append(terms("Kind of mistake", categories, CATEGORY_KEYS, "category", judgement));
    right.append(terms("How bad", severities, SEVERITY_KEYS, "severity", judgement));
    const flags = node("div", undefined, { role: "group", "aria-label": "The image" });
    for (const [field, text, key] of [["problematic", "problematic: do not score it", "p"], ["shared", "share this judgement", "h"]]) {
      flags.append(button(text, key, judgement[field], field, () => judge({ ...now(), [field]: !now()[field] })));
    }
    right.append(flags);
    const note = node("textarea", undefined, { rows: "2", "aria-label": "Note", placeholder: "note (key n; Escape leaves)", "data-focus": "note", maxlength: "20000" });
    note.value = judgement.note;
    note.addEventListener("change", () => note.value !== now().note && judge({ ...now(), note: note.value }));
    right.append(note);
    const moves = node("div", undefined, { role: "group", "aria-label": "Move" });
    moves.append(
      button("back", "ArrowLeft", null, "previous", () => send("previous")),
      button("next", "Enter", null, "next", () => send("next")),
      button("undo", "z", null, "undo", () => send("undo")),
      button("take back", "x", null, "take back", () => send("take back")),
    );
    right.append(moves);
    if (item.others.length) {
      const others = node("details");
      others.append(node("summary", `What others say (${item.others.length})`));
      for (const sentence of item.others) others.append(node("p", sentence));
      right.append(others);
    }
    body.append(left, right);
    if (inside) (body.querySelector(`[data-focus="${CSS.escape(focus ?? "")}"]`) ?? root).focus({ preventScroll: true });
  }

  root.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !model.get("item").image) return;
    if (event.target.matches("textarea, input")) {
      if (event.key === "Escape") root.focus();
      return;
    }
    if (event.target.matches("select, summary")) return;
    const { classes, categories, severities } = model.get("vocabulary");
    const judgement = now();
    const act = {
      ArrowRight: () => send("next"), ArrowLeft: () => send("previous"), z: () => send("undo"),
      x: () => send("take back"), n: () => body.querySelector("textarea").focus(),
      p: () => judge({ ...judgement, problematic: !judgement.problematic }),
      h: () => judge({ ...judgement, shared: !judgement.shared }),
    };
    if (!event.target.matches("button")) act.Enter = () => send("next");
    categories.slice(0, CATEGORY_KEYS.length).forEach((term, i) => {
      act[CATEGORY_KEYS[i]] = () => judge({ ...judgement, category: judgement.category === term.id ? null : term.id });
    });
    severities.slice(0, SEVERITY_KEYS.length).forEach((term, i) => {
      act[SEVERITY_KEYS[i]] = () => judge({ ...judgement, severity: judgement.severity === term.id ? null : term.id });
    });
    listed(model.get("item"), judgement, classes).slice(0, 10).forEach((c, i) => {
      act[String((i + 1) % 10)] = () => judge(turned(judgement, c));
    });
    if (act[event.key]) {
      event.preventDefault();
      act[event.key]();
    }
  });

  const say = () => (status.textContent = model.get("status"));
  const watched = { "change:item": draw, "change:judgement": draw, "change:vocabulary": draw, "change:status": say };
  for (const [name, react] of Object.entries(watched)) model.on(name, react);
  draw();
  say();
  return () => Object.entries(watched).forEach(([name, react]) => model.off(name, react));
}

export default { render };
