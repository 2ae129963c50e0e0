// Recorded answers, and the model of a page that has no kernel.

const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);

const far = (one, other) => Math.hypot(...one.map((each, i) => each - other[i]));

// The recorded value that is nearest to one that was typed, linked or saved.
function nearestOf(grid, value) {
  if (Array.isArray(value) && typeof value[0] === "number") return grid.reduce((best, one) => (far(one, value) < far(best, value) ? one : best));
  if (typeof value !== "number") return grid.find((one) => same(one, value)) ?? grid[0];
  return grid.reduce((best, one) => (Math.abs(one - value) < Math.abs(best - value) ? one : best));
}

// Views by the values of what is varied.
function recordedAnswers({ answers, varied, shared }) {
  // Python writes 1.0 where this side writes 1.
  const views = new Map(Object.entries(answers).map(([key, view]) => [JSON.stringify(JSON.parse(key)), view]));
  function unshared(value) {
    if (Array.isArray(value)) return value.map(unshared);
    if (value && typeof value === "object") {
      if ("$" in value) return unshared(shared[value.$]);
      return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, unshared(one)]));
    }
    return value;
  }
  return {
    nearest: (valueOf) => Object.fromEntries(Object.entries(varied).map(([name, grid]) => [name, nearestOf(grid, valueOf(name))])),
    view: (state) => unshared(views.get(JSON.stringify(Object.keys(varied).map((name) => state[name])))),
  };
}

// Controls as a view changes them; those that are not `offered` are not drawn.
function changedControls(controls, updates, offered) {
  return controls.map((control) => ({ ...control, ...updates[control.name], hidden: !offered(control.name) || Boolean(updates[control.name]?.hidden ?? control.hidden) }));
}

// What a host gives to a panel. `ask(model)` is called when the reader has set something and answers by `model.tell`;
// `plotly(hear)` brings the library, or gives its packed bytes to `hear`.
function pageModel({ title, controls, state, language, phrases }, ask, plotly) {
  const values = { title, controls, language, phrases, bookmarks: [], asked: 0, heard: 0, filled: {}, error: "", running: "", ...state };
  const listeners = new Map();
  let changed = new Set();
  const fire = (event, ...rest) => [...(listeners.get(event) ?? [])].forEach((tell) => tell(...rest));
  function flush() {
    const told = changed;
    changed = new Set();
    for (const name of told) fire(`change:${name}`);
  }
  const model = {
    get: (name) => values[name],
    set(name, value) {
      if (same(values[name], value)) return;
      values[name] = value;
      changed.add(name);
    },
    tell(changes) {
      for (const [name, value] of Object.entries(changes)) model.set(name, value);
      flush();
    },
    save_changes() {
      ask(model);
      flush();
    },
    on: (event, tell) => listeners.set(event, [...(listeners.get(event) ?? []), tell]),
    off: (event, tell) => listeners.set(event, (listeners.get(event) ?? []).filter((one) => one !== tell)),
    send({ kind }) {
      if (kind === "plotly") plotly((packed) => setTimeout(() => fire("msg:custom", { kind }, [packed])));
    },
  };
  return model;
}

// The address carries what differs from the beginning: #alpha=0.7.
function followAddress(model, names, { state, varied }) {
  const written = (value) => (typeof value === "string" ? value : JSON.stringify(value));
  function read(name, text) {
    const known = varied[name]?.find((one) => written(one) === text);
    if (known !== undefined) return known;
    try {
      const value = JSON.parse(text);
      return typeof value === typeof state[name] ? value : undefined;
    } catch {
      return undefined;
    }
  }
  function fromAddress() {
    for (const [name, text] of new URLSearchParams(location.hash.slice(1))) {
      const value = names.includes(name) ? read(name, text) : undefined;
      if (value !== undefined) model.set(name, value);
    }
    model.save_changes();
  }
  function toAddress() {
    const moved = names.filter((name) => !same(model.get(name), state[name]));
    const text = new URLSearchParams(moved.map((name) => [name, written(model.get(name))])).toString();
    globalThis.history.replaceState(null, "", text ? `#${text}` : location.pathname + location.search);
  }
  fromAddress();
  model.on("change:view", toAddress);
  addEventListener("hashchange", fromAddress);
}
