// One image to judge. What is pressed is sent as it is, numbered; Python folds it, so nothing is lost however fast.
// Keys work wherever the focus is on the card, but not while somebody writes.

const REVIEW_SIDES = [
  ["correct", "\u2713", "is a right label"],
  ["unclear", "?", "may be a right label"],
  ["wrong", "\u2717", "is not a right label"],
];
const CATEGORY_KEYS = ["q", "w", "e", "r", "t", "y"];
const SEVERITY_KEYS = ["a", "s", "d", "f", "g"];
const SHOWN_KEYS = { ArrowLeft: "\u2190" };

CONTROLS.reviewCard = function (spec, send, { model }) {
  const body = h("div.soupwidgets-review-body");
  const status = h("p.soupwidgets-review-status", { role: "status" });
  const problem = h("div.soupwidgets-alert", { role: "alert", hidden: true });
  const disputed = h("details.soupwidgets-note");
  const root = h("section.soupwidgets-review", { tabindex: "0", "aria-label": spec.label }, status, problem, body);
  const element = h("div", {}, root, disputed);
  keepKeys(root);
  let [card, drawn, held, last] = [{}, "", false, 0];

  // What Python has not acknowledged yet is sent again with whatever comes next.
  const received = () => model.get("view")?.received?.[spec.name] ?? 0;
  function press(what) {
    const waiting = (model.get(spec.name) ?? []).filter(({ number }) => number > received());
    last = Math.max(last, received(), ...waiting.map(({ number }) => number)) + 1;
    root.setAttribute("aria-busy", "true");
    send([...waiting, { number: last, ...what }], false);
  }
  const say = (c, side) => press({ do: "say", class: c, side });
  const choose = (field, term) => press({ do: "choose", field, term });
  const flag = (field) => press({ do: "flag", field });

  function button(text, key, pressed, focus, act, label) {
    const keys = key ? [" ", h("kbd", {}, SHOWN_KEYS[key] ?? key)] : [];
    return h("button", { type: "button", "data-focus": focus, "aria-pressed": pressed === null ? null : String(pressed),
      "aria-label": label, "aria-keyshortcuts": key, onclick: act }, text, keys);
  }

  function group(title, ...children) {
    return h("div", { role: "group", "aria-label": title }, children.flat());
  }

  function classRow(c, i, { item, judgement, vocabulary: { classes } }) {
    const said = item.predictions.find((one) => one.class === c);
    const notes = [c === item.label && "label", said && `${(100 * said.probability).toFixed(1)}%`].filter(Boolean);
    const toggles = REVIEW_SIDES.map(([side, sign, meaning]) => {
      const on = judgement[side].includes(c);
      const toggle = button(sign, null, on, `${side}-${c}`, () => say(c, side), `${classes[c]} ${meaning}`);
      toggle.className = side;
      return toggle;
    });
    const key = i < 10 ? [h("kbd", {}, String((i + 1) % 10)), " "] : [];
    return h("tr", {}, h("th", { scope: "row" }, key, classes[c]), h("td", {}, notes.join(", ")), h("td", {}, group(classes[c], toggles)));
  }

  function terms(title, list, keys, field) {
    const buttons = list.map((term, i) => button(term.name, keys[i], card.judgement[field] === term.id, `${field}-${term.id}`, () => choose(field, term.id)));
    return group(title, h("b", {}, title), buttons);
  }

  function picture(source, alt, size) {
    return h("img", { alt, width: size, height: size, src: source.startsWith("data:image/png;base64,") ? source : null });
  }

  // For those who do not see it: read out with the picture, and there to read for everybody.
  function pictured(item) {
    if (!item.image) return [h("q", {}, item.text)];
    if (!item.described.length) return [picture(item.image, item.alt, 280)];
    const words = h("div", { id: newId() }, item.described.map((one) => h("p", {}, one)));
    const image = picture(item.image, item.alt, 280);
    image.setAttribute("aria-describedby", words.id);
    return [image, h("details", {}, h("summary", {}, "What the picture shows, in words"), words)];
  }

  function left({ item }) {
    const guess = item.guess && h("details", {}, h("summary", {}, `A guess, nobody has looked: ${item.guess.category}`), item.guess.reasons.map((one) => h("p", {}, one)));
    const near = item.neighbours.map((one) => h("li", {}, picture(one.image, `training image: ${one.label}`, 52), h("span", {}, one.label)));
    const how = item.hidden && "Label and prediction are hidden until you have judged. Mark every name that is right or perhaps right: what you leave unmarked counts as not right.";
    return h("div.soupwidgets-review-image", {}, h("p", {}, item.place), pictured(item), item.reason ? h("p", {}, item.reason) : null,
      how ? h("p", {}, how) : null, item.blind ? h("p", {}, "You judged this blind. If you change the marks now, it is not blind any more.") : null, guess,
      near.length ? [h("b", {}, "Nearest training images"), h("ul", {}, near)] : null);
  }

  function right({ item, judgement, vocabulary: { classes, categories, severities } }) {
    const table = h("table", {}, h("caption", {}, item.image ? "What may this image be called?" : "What may this text be called?"), h("tbody", {}, item.listed.map((c, i) => classRow(c, i, card))));
    let more = null;
    if (classes.length > item.listed.length) {
      const others = classes.map((name, c) => [name, c]).filter(([, c]) => !item.listed.includes(c));
      // Where label and prediction are hidden, names that one looks for stand in an order that says nothing.
      if (item.hidden) others.sort(([a], [b]) => a.localeCompare(b));
      more = h("select", { "aria-label": "Another class is right", "data-focus": "more", onchange: () => say(Number(more.value), "correct") }, h("option", {}, "another class is right \u2026"),
        others.map(([name, c]) => h("option", { value: String(c) }, name)));
    }
    const flags = [["problematic", "problematic: do not score it", "p"], ["shared", "share this judgement", "h"]]
      .map(([field, text, key]) => button(text, key, judgement[field], field, () => flag(field)));
    const note = h("textarea", { rows: 2, "aria-label": "Note", placeholder: "note (key n; Escape leaves)", "data-focus": "note", maxlength: "20000" });
    note.value = judgement.note;
    const row = item.row;
    note.addEventListener("change", () => press({ do: "note", row, text: note.value }));
    const moves = [["back", "ArrowLeft", "previous"], [item.hidden ? "judged: show label and prediction" : "next", "Enter", "enter"], ["undo", "z", "undo"], ["take back", "x", "take back"]]
      .map(([text, key, what]) => button(text, key, null, what, () => press({ do: what })));
    const others = item.others.length ? h("details", {}, h("summary", {}, `What others say (${item.others.length})`), item.others.map((one) => h("p", {}, one))) : null;
    // They are about the prediction.
    const kinds = item.hidden ? [] : [terms("Kind of mistake", categories, CATEGORY_KEYS, "category"), terms("How bad", severities, SEVERITY_KEYS, "severity")];
    return h("div.soupwidgets-review-form", {}, table, more, kinds, group("The image", flags), note, group("Move", moves), others);
  }

  function draw() {
    const { item } = card;
    if (status.textContent !== (card.status ?? "")) status.textContent = card.status ?? "";
    problem.hidden = !card.problem;
    problem.textContent = card.problem ? `Not saved. ${card.problem}` : "";
    differing(card.disputed ?? []);
    const text = JSON.stringify([item, card.judgement, card.vocabulary]);
    // What somebody is writing, or about to press, is not taken away from under them.
    const focus = root.contains(document.activeElement) ? (document.activeElement.dataset.focus ?? "") : null;
    if (text === drawn || held || (focus === "note" && body.dataset.row === String(item?.row))) return;
    const opened = body.dataset.row === String(item?.row) ? [...body.querySelectorAll("details")].map(({ open }) => open) : [];
    drawn = text;
    body.dataset.row = String(item?.row);
    if (item) body.replaceChildren(left(card), right(card));
    else body.replaceChildren(h("p", {}, "There is no image in this queue: choose another queue or filter."));
    body.querySelectorAll("details").forEach((one, i) => (one.open = opened[i] ?? false));
    if (focus !== null) (body.querySelector(`[data-focus="${CSS.escape(focus)}"]`) ?? root).focus({ preventScroll: true });
  }

  function differing(sentences) {
    const text = JSON.stringify(sentences);
    if (disputed.dataset.text === text) return;
    disputed.dataset.text = text;
    disputed.hidden = !sentences.length;
    disputed.replaceChildren(h("summary", {}, `What this label set does not say: ${sentences.length} image${sentences.length > 1 ? "s" : ""} on which reviewers differ`), h("ul", {}, sentences.map((one) => h("li", {}, one))));
  }

  // A button that is drawn anew between press and release would never be clicked.
  root.addEventListener("pointerdown", () => (held = true));
  const release = () => setTimeout(() => held && ((held = false), draw()));
  for (const end of ["pointerup", "pointercancel", "pointerleave"]) root.addEventListener(end, release);

  root.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !card.item) return;
    if (event.target.matches("textarea, input")) {
      if (event.key === "Escape") root.focus();
      return;
    }
    if (event.target.matches("select, summary")) return;
    const { categories, severities } = card.vocabulary;
    const act = {
      ArrowRight: () => press({ do: "next" }), ArrowLeft: () => press({ do: "previous" }), z: () => press({ do: "undo" }),
      x: () => press({ do: "take back" }), n: () => body.querySelector("textarea").focus(), p: () => flag("problematic"), h: () => flag("shared"),
    };
    if (!event.target.matches("button")) act.Enter = () => press({ do: "enter" });
    categories.slice(0, CATEGORY_KEYS.length).forEach(({ id }, i) => (act[CATEGORY_KEYS[i]] = () => choose("category", id)));
    severities.slice(0, SEVERITY_KEYS.length).forEach(({ id }, i) => (act[SEVERITY_KEYS[i]] = () => choose("severity", id)));
    // Which class a digit means is decided where the keys before it are known: with the image that they lead to.
    if (/^[0-9]$/.test(event.key)) act[event.key] = () => press({ do: "turn", place: (Number(event.key) + 9) % 10 });
    if (!act[event.key]) return;
    event.preventDefault();
    act[event.key]();
  });

  function look(view) {
    card = view?.card?.[spec.name] ?? {};
    root.setAttribute("aria-busy", String(received() < last));
    draw();
  }
  return { element, wide: true, below: true, show: () => look(model.get("view")), view: look };
};
