// The model of a page without a kernel: recorded answers to every state that the controls can have.

const content = JSON.parse(document.getElementById("content").textContent);

function unshared(value) {
  if (Array.isArray(value)) return value.map(unshared);
  if (value && typeof value === "object") {
    if ("$" in value) return unshared(content.shared[value.$]);
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, unshared(one)]));
  }
  return value;
}

const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);

// Python writes 1.0 where this side writes 1.
const answers = new Map(Object.entries(content.answers).map(([key, view]) => [JSON.stringify(JSON.parse(key)), view]));

const far = (one, other) => Math.hypot(...one.map((each, i) => each - other[i]));

// The recorded value that is nearest to one that was typed, linked or saved.
function nearestOf(grid, value) {
  if (Array.isArray(value) && typeof value[0] === "number") return grid.reduce((best, one) => (far(one, value) < far(best, value) ? one : best));
  if (typeof value !== "number") return grid.find((one) => same(one, value)) ?? grid[0];
  return grid.reduce((best, one) => (Math.abs(one - value) < Math.abs(best - value) ? one : best));
}

function recordedModel() {
  const values = { title: content.title, controls: content.controls, bookmarks: [], asked: 0, heard: 0, filled: {}, error: "", running: "", ...content.state };
  const listeners = new Map();
  let changed = new Set();
  const fire = (event, ...rest) => [...(listeners.get(event) ?? [])].forEach((tell) => tell(...rest));

  function answer() {
    for (const [name, grid] of Object.entries(content.varied)) {
      const near = nearestOf(grid, values[name]);
      if (!same(near, values[name])) changed.add(name);
      values[name] = near;
    }
    values.view = unshared(answers.get(JSON.stringify(Object.keys(content.varied).map((name) => values[name]))));
    const updates = values.view.controls ?? {};
    const hidden = (control) => !(control.name in content.varied);
    values.controls = values.controls.map((control) => ({ ...control, ...updates[control.name], hidden: hidden(control) || Boolean(updates[control.name]?.hidden ?? control.hidden) }));
    values.heard = values.asked;
  }

  answer();
  return {
    get: (name) => values[name],
    set(name, value) {
      if (same(values[name], value)) return;
      values[name] = value;
      changed.add(name);
    },
    save_changes() {
      answer();
      const told = changed;
      changed = new Set();
      for (const name of told) fire(`change:${name}`);
      fire("change:controls");
      fire("change:view");
    },
    on: (event, tell) => listeners.set(event, [...(listeners.get(event) ?? []), tell]),
    off: (event, tell) => listeners.set(event, (listeners.get(event) ?? []).filter((one) => one !== tell)),
    async send({ kind }) {
      if (kind !== "plotly") return;
      const packed = Uint8Array.from(atob(document.getElementById("plotly").textContent), (letter) => letter.charCodeAt(0));
      setTimeout(() => fire("msg:custom", { kind }, [packed]));
    },
  };
}

const model = recordedModel();
const names = Object.keys(content.varied);

// The address carries the state: #alpha=0.7.
function fromAddress() {
  for (const [name, text] of new URLSearchParams(location.hash.slice(1))) {
    const grid = content.varied[name];
    if (!grid) continue;
    const value = typeof grid[0] === "number" ? Number(text) : grid.find((one) => String(one) === text);
    if (value !== undefined && !Number.isNaN(value)) model.set(name, value);
  }
  model.save_changes();
}

function toAddress() {
  const moved = names.filter((name) => !same(model.get(name), content.state[name]));
  const text = new URLSearchParams(moved.map((name) => [name, String(model.get(name))])).toString();
  globalThis.history.replaceState(null, "", text ? `#${text}` : location.pathname + location.search);
}

fromAddress();
model.on("change:view", toAddress);
addEventListener("hashchange", fromAddress);
render({ model, el: document.getElementById("panel") });
