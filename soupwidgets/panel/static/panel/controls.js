// Controls: each has an element, shows a value, and sends what the reader chooses: `send(value, moving)`.

const KEYS = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: 5, PageDown: -5 };

function numberBox(label, send) {
  const box = h("input.soupwidgets-number", { type: "text", inputmode: "decimal", "aria-label": label, autocomplete: "off" });
  keepKeys(box);
  enterIsChange(box);
  let value = 0;
  box.addEventListener("change", () => {
    const typed = typedNumber(box.value);
    if (Number.isFinite(typed)) send(typed);
    else box.value = shortNumber(value);
  });
  return {
    box,
    show(now) {
      value = now;
      if (document.activeElement !== box) box.value = shortNumber(now);
    },
  };
}

function slider(spec, send, { play, _ }) {
  const name = h("span.soupwidgets-label");
  const range = h("input", { type: "range" });
  range.min = 0;
  range.step = "any";
  keepKeys(range);
  const typed = numberBox(spec.label, (value) => send(inside(value), false));
  const [low, high] = [h("span"), h("span")];
  const player = h("button.soupwidgets-tool", { type: "button", "aria-pressed": "false", hidden: !spec.plays, onclick: () => play(spec.name) }, _("Play"));
  const element = h("div.soupwidgets-slider", {}, name, h("div.soupwidgets-track", {}, range, h("div.soupwidgets-ends", {}, low, high)), typed.box, player);
  let now = spec;
  const inside = (value) => Math.min(now.high, Math.max(now.low, value));
  const steps = (value) => (value - now.low) / now.step;
  const snapped = (count) => inside(Number((now.low + count * now.step).toPrecision(12)));
  range.addEventListener("input", () => {
    // Positions are steps apart; any value between them may be typed.
    const value = snapped(Math.round(steps(range.valueAsNumber)));
    range.value = value;
    send(value, true);
  });
  range.addEventListener("keydown", (event) => {
    const by = KEYS[event.key];
    if (!by || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    // From between two steps the first press goes to the neighbour.
    const from = steps(range.valueAsNumber);
    const near = by > 0 ? Math.floor(from + 1e-6) : Math.ceil(from - 1e-6);
    range.value = snapped(near + by);
    range.dispatchEvent(new Event("input", { bubbles: true }));
  });
  range.addEventListener("keyup", (event) => KEYS[event.key] && range.dispatchEvent(new Event("change", { bubbles: true })));
  range.addEventListener("change", () => send(range.valueAsNumber, false));
  return {
    element,
    show(value, control) {
      now = control;
      [range.min, range.max] = [control.low, control.high];
      name.textContent = control.label;
      range.setAttribute("aria-label", control.label);
      [low.textContent, high.textContent] = [control.low_label, control.high_label];
      if (range.valueAsNumber !== value) range.value = value;
      typed.show(value);
      range.setAttribute("aria-valuetext", `${control.label} ${shortNumber(value)}`);
    },
    playing(on) {
      player.textContent = on ? _("Stop") : _("Play");
      player.setAttribute("aria-pressed", String(on));
      player.setAttribute("aria-label", on ? _("Stop {label}", now) : _("Play {label}", now));
    },
  };
}

function labelled(input) {
  const id = newId();
  input.id = id;
  const label = h("label.soupwidgets-label", { for: id });
  return { element: h("div.soupwidgets-field", {}, label, input), name: (text) => (label.textContent = text) };
}

function number(spec, send) {
  const typed = numberBox(spec.label, (value) => send(value, false));
  const { element, name } = labelled(typed.box);
  return { element, show: (value, control) => (name(control.label), typed.show(value)) };
}

function text(spec, send) {
  const input = h("input", { type: "search", placeholder: spec.placeholder, autocomplete: "off" });
  keepKeys(input);
  enterIsChange(input);
  let timer = 0;
  const say = () => (clearTimeout(timer), send(input.value, false));
  input.addEventListener("input", () => (clearTimeout(timer), (timer = setTimeout(say, 250))));
  input.addEventListener("change", say);
  const { element, name } = labelled(input);
  return { element, show: (value, control) => (name(control.label), document.activeElement !== input && (input.value = value)) };
}

function toggle(spec, send) {
  const input = h("input", { type: "checkbox", onchange: () => send(input.checked, false) });
  const words = h("span");
  keepKeys(input);
  return {
    element: h("label.soupwidgets-field.soupwidgets-toggle", {}, input, words),
    show: (value, control) => ([input.checked, words.textContent] = [value, control.label]),
  };
}

function choice(spec, send) {
  const select = h("select", { onchange: () => send(values[select.selectedIndex], false) });
  keepKeys(select);
  let values = [];
  let written = "";
  const { element, name } = labelled(select);
  return {
    element,
    show(value, control) {
      name(control.label);
      const options = JSON.stringify(control.options);
      if (options !== written) {
        written = options;
        values = control.options.map(([one]) => one);
        select.replaceChildren(...control.options.map(([, words]) => h("option", {}, words)));
      }
      select.selectedIndex = values.findIndex((one) => one === value);
    },
  };
}

// A list in which any number of names is chosen: with the keyboard what a lasso does with the mouse.
function selection(spec, send, { _ }) {
  const list = h("div.soupwidgets-choices", { role: "group" });
  const summary = h("summary");
  const element = h("details.soupwidgets-selection", {}, summary, list);
  let [boxes, written] = [[], ""];
  return {
    element,
    show(value, control) {
      const options = JSON.stringify(control.options);
      if (options !== written) {
        written = options;
        boxes = control.options.map((one) => {
          const box = h("input", { type: "checkbox", onchange: () => send(boxes.filter((b) => b.checked).map((b) => b.value), false) });
          box.value = one;
          keepKeys(box);
          return box;
        });
        list.replaceChildren(...boxes.map((box) => h("label", {}, box, box.value)));
      }
      list.setAttribute("aria-label", control.label);
      for (const box of boxes) box.checked = value.includes(box.value);
      const [label, all] = [control.label, boxes.length];
      summary.textContent = value.length ? _("{label}: {count} of {all}", { label, count: value.length, all }) : _("{label}: none", { label });
    },
  };
}

function button(spec, send, { pressed }) {
  const element = h("button.soupwidgets-button", { type: "button", title: spec.lacks || spec.title, disabled: Boolean(spec.lacks), onclick: () => pressed(spec.name) });
  return { element, show: (_value, control) => (element.textContent = control.label) };
}

const CONTROLS = { slider, number, text, toggle, choice, selection, button };
