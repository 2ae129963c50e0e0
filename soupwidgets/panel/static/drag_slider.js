// A labelled slider with a number box. `dragging` tells a moving thumb from a value that was let go.

const KEYS = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: 5, PageDown: -5 };

function render({ model, el }) {
  const root = document.createElement("div");
  root.className = "soupwidgets-slider";
  const label = document.createElement("label");
  const name = document.createElement("span");
  const range = document.createElement("input");
  range.type = "range";
  const number = document.createElement("input");
  number.type = "number";
  [range, number].forEach(keepKeys);
  const ends = document.createElement("div");
  ends.className = "soupwidgets-slider-ends";
  const low = document.createElement("span");
  const high = document.createElement("span");
  ends.append(low, high);
  const track = document.createElement("div");
  track.className = "soupwidgets-slider-track";
  track.append(range, ends);
  label.append(name);
  root.append(label, track, number);
  el.append(root);

  function show() {
    for (const input of [range, number]) {
      input.min = model.get("min");
      input.max = model.get("max");
      input.setAttribute("aria-label", model.get("label"));
    }
    // Any value may be typed, also between two steps; a browser would show the thumb at the nearest step instead.
    range.step = number.step = "any";
    name.textContent = model.get("label");
    low.textContent = model.get("low_label");
    high.textContent = model.get("high_label");
    const value = model.get("value");
    if (Number(range.value) !== value) range.value = value;
    if (document.activeElement !== number) number.value = Number(value.toFixed(4));
    range.setAttribute("aria-valuetext", `${name.textContent} ${Number(value.toFixed(4))}`);
  }

  function send(value, dragging) {
    if (!Number.isFinite(value)) return;
    const inside = Math.min(model.get("max"), Math.max(model.get("min"), value));
    model.set("value", inside);
    model.set("dragging", dragging);
    model.save_changes();
  }

  function snapped(steps) {
    return Math.min(model.get("max"), model.get("min") + steps * model.get("step"));
  }

  function stepsTo(value) {
    return (value - model.get("min")) / model.get("step");
  }

  range.addEventListener("input", () => {
    range.value = snapped(Math.round(stepsTo(range.valueAsNumber)));
    send(range.valueAsNumber, true);
  });
  range.addEventListener("keydown", (event) => {
    const by = KEYS[event.key];
    if (!by || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    // From between two steps the first press goes to the neighbour.
    const from = stepsTo(range.valueAsNumber);
    const near = by > 0 ? Math.floor(from + 1e-6) : Math.ceil(from - 1e-6);
    range.value = snapped(near + by);
    range.dispatchEvent(new Event("input", { bubbles: true }));
  });
  // A key that is held down moves the thumb on and on: it was let go when the key comes up.
  range.addEventListener("keyup", (event) => {
    if (KEYS[event.key]) range.dispatchEvent(new Event("change", { bubbles: true }));
  });
  range.addEventListener("change", () => send(range.valueAsNumber, false));
  number.addEventListener("change", () => {
    send(number.valueAsNumber, false);
    number.value = Number(model.get("value").toFixed(4));
  });
  enterIsChange(number);
  for (const trait of ["value", "min", "max", "step", "label", "low_label", "high_label"]) {
    model.on(`change:${trait}`, show);
  }
  show();
}

export default { render };
