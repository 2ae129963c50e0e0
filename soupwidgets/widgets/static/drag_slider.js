// A labelled slider with a number box. `dragging` tells a moving thumb from a value that was let go.

function render({ model, el }) {
  const root = document.createElement("div");
  root.className = "soupwidgets-slider";
  const label = document.createElement("label");
  const name = document.createElement("span");
  const range = document.createElement("input");
  range.type = "range";
  const number = document.createElement("input");
  number.type = "number";
  // JupyterLab takes the arrow keys to walk between cells unless the focused element itself forbids it.
  for (const input of [range, number]) input.dataset.lmSuppressShortcuts = "true";
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
    const step = model.get("step");
    for (const input of [range, number]) {
      input.min = model.get("min");
      input.max = model.get("max");
      input.setAttribute("aria-label", model.get("label"));
    }
    range.step = step;
    // Any value may be typed, also between two steps of the thumb.
    number.step = "any";
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

  range.addEventListener("input", () => send(range.valueAsNumber, true));
  range.addEventListener("change", () => send(range.valueAsNumber, false));
  number.addEventListener("change", () => {
    send(number.valueAsNumber, false);
    number.value = Number(model.get("value").toFixed(4));
  });
  for (const trait of ["value", "min", "max", "step", "label", "low_label", "high_label"]) {
    model.on(`change:${trait}`, show);
  }
  show();
}

export default { render };
