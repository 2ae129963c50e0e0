// A panel on the page: controls above, figures, pictures and tables below. Its model is all that it knows.

// Draws the figures, strips, tables and notes of a view into one column.
function viewOf({ tell, _ }) {
  const [figures, strips, tables] = [h("div.soupwidgets-figures"), h("div"), h("div")];
  const element = h("div.soupwidgets-view", {}, figures, strips, tables);
  const cards = new Map();
  const drawStrips = partsIn(strips, stripOf);
  const drawTables = partsIn(tables, tableOf);
  let plotly = null;
  return {
    element,
    cards,
    library(loaded) {
      plotly = loaded;
      for (const card of cards.values()) card.library(loaded);
    },
    show(view, look) {
      const wanted = view.figures ?? [];
      const names = new Set(wanted.map(({ name }) => name));
      for (const [name, card] of cards) {
        if (names.has(name)) continue;
        card.close();
        cards.delete(name);
      }
      wanted.forEach((figure, i) => {
        if (!cards.has(figure.name)) {
          const card = figureCard(figure.name, { tell, _ });
          if (plotly) card.library(plotly);
          cards.set(figure.name, card);
        }
        const card = cards.get(figure.name);
        if (figures.children[i] !== card.root) figures.insertBefore(card.root, figures.children[i] ?? null);
        card.root.classList.toggle("soupwidgets-lead", i === 0);
        card.show(figure, look);
      });
      figures.dataset.count = String(wanted.length);
      drawStrips(view.strips ?? [], tell);
      drawTables((view.tables ?? []).filter(({ drawn }) => drawn !== false));
    },
    close() {
      for (const card of cards.values()) card.close();
    },
  };
}

function render({ model, el }) {
  const _ = speaker(model.get("phrases"));
  const bar = h("div.soupwidgets-controls");
  const words = restingLine();
  const filled = h("span.soupwidgets-filled");
  const bars = h("progress", { "aria-label": _("Progress of the answer") });
  const stop = h("button.soupwidgets-tool", { type: "button", onclick: () => model.send({ kind: "stop" }) }, _("Stop"));
  const status = h("div.soupwidgets-status", {}, bars, words.element, stop, filled);
  const alert = h("div.soupwidgets-alert", { role: "alert" });
  const notes = h("ul.soupwidgets-notes");
  const [pinnedTitle, liveTitle] = [h("h3.soupwidgets-side"), h("h3.soupwidgets-side")];
  const views = h("div.soupwidgets-views");
  const head = h("div.soupwidgets-head", {}, bar, status);
  const root = h("section.soupwidgets-panel", { "aria-label": model.get("title"), lang: model.get("language") });
  const specs = () => model.get("controls") ?? [];
  const specOf = (name) => specs().find((one) => one.name === name);
  const isState = ({ kind }) => kind !== "button" && kind !== "events";
  const state = () => Object.fromEntries(specs().filter(isState).map(({ name }) => [name, model.get(name)]));
  const past = history(state());
  const look = { theme: "light", size: 12.5 };
  let [pinned, plotly, playing, closed] = [null, null, null, false];

  // What the reader does.

  function set(changes, moving = false) {
    for (const [name, value] of Object.entries(changes)) model.set(name, value);
    model.set("asked", (model.get("asked") ?? 0) + 1);
    model.save_changes();
    past.add(state(), moving);
    showControls();
    listen();
  }
  const tell = (name, value) => specOf(name) && set({ [name]: value });
  function goTo(there) {
    if (there) set(Object.fromEntries(Object.entries(there).filter(([name, value]) => JSON.stringify(model.get(name)) !== JSON.stringify(value))));
  }
  function pressed(name) {
    set({ [name]: (model.get(name) ?? 0) + 1 });
  }

  // A slider that plays waits at every position for its answer, and long enough to be seen.
  function play(name) {
    if (playing) return stopPlaying();
    if (model.get(name) >= specOf(name).high - 1e-9) set({ [name]: specOf(name).low });
    let since = Date.now();
    const timer = setInterval(() => {
      const [now, value] = [specOf(name), model.get(name)];
      if (Date.now() - since < 450 || Math.abs((model.get("view").state?.[name] ?? value) - value) > 1e-9) return;
      if (value >= now.high - 1e-9) return stopPlaying();
      since = Date.now();
      set({ [name]: Math.min(now.high, Number((value + now.step).toPrecision(12))) }, true);
    }, 60);
    playing = { name, timer };
    made.get(name)?.control.playing?.(true);
  }
  function stopPlaying() {
    if (!playing) return;
    clearInterval(playing.timer);
    made.get(playing.name)?.control.playing?.(false);
    playing = null;
  }

  // A kernel that was restarted, or is busy elsewhere, does not repeat what it was asked.
  let patience = 0;
  function listen() {
    clearTimeout(patience);
    patience = setTimeout(() => {
      if (closed || model.get("heard") >= model.get("asked")) return;
      silent.hidden = false;
    }, 4000);
  }
  const silent = h("div.soupwidgets-alert", { role: "alert", hidden: true },
    _("No answer from the kernel. If it is busy with another cell, wait; if it was restarted, run this cell again."));
  const hear = () => model.get("heard") >= model.get("asked") && (silent.hidden = true);

  // What all panels have.

  const live = viewOf({ tell, _ });
  const tools = toolbar({
    undo: () => goTo(past.back()),
    redo: () => goTo(past.forth()),
    goTo,
    bookmark() {
      const kept = model.get("bookmarks") ?? [];
      model.set("bookmarks", [...kept, { label: newLabel(described(_, state(), specs()), kept), state: state() }]);
      model.save_changes();
      showTools();
      tools.say(_("Kept."));
    },
    forget(i) {
      model.set("bookmarks", model.get("bookmarks").filter((_, j) => j !== i));
      model.save_changes();
      showTools();
    },
    compare() {
      if (pinned) {
        pinned.close();
        pinned = null;
      } else {
        pinned = viewOf({ tell: () => {}, _ });
        if (plotly) pinned.library(plotly);
        pinned.of = structuredClone(model.get("view"));
      }
      arrange();
      showView();
    },
    fullScreen() {
      if (document.fullscreenElement) document.exitFullscreen();
      else root.requestFullscreen?.().catch(() => tools.say(_("This page does not allow full screen.")));
    },
    async copyCode() {
      try {
        await navigator.clipboard.writeText(model.get("view").code);
        tools.say(_("Copied."));
      } catch {
        // Where the page may not use the clipboard the code can be read and copied by hand.
        codeBox.hidden = false;
        codeBox.firstChild.value = model.get("view").code;
        codeBox.firstChild.select();
      }
    },
  }, _);
  const codeBox = h("div.soupwidgets-code", { hidden: true }, h("textarea", { readOnly: true, rows: 6, "aria-label": "Python" }),
    h("button.soupwidgets-tool", { type: "button", onclick: () => (codeBox.hidden = true) }, _("Close")));
  root.addEventListener("keydown", (event) => {
    const writes = event.target.matches("input[type=text], input[type=search], textarea");
    if (!(event.ctrlKey || event.metaKey) || writes) return;
    const key = event.key.toLowerCase();
    if (key !== "z" && key !== "y") return;
    event.preventDefault();
    event.stopPropagation();
    goTo(key === "y" || event.shiftKey ? past.forth() : past.back());
  });
  const fullScreen = () => {
    const on = document.fullscreenElement === root;
    root.classList.toggle("soupwidgets-talk", on);
    look.size = on ? 19 : 12.5;
    showView();
  };
  document.addEventListener("fullscreenchange", fullScreen);

  // What is shown.

  const made = new Map();
  const groups = new Map();
  // Buttons of one group stand together, where the first of them would stand.
  function groupOf(name) {
    if (!groups.has(name)) {
      const group = h("div.soupwidgets-group", { role: "group", "aria-label": name }, h("span.soupwidgets-label", {}, name));
      groups.set(name, group);
      bar.append(group);
    }
    return groups.get(name);
  }
  function showControls() {
    const wanted = specs();
    for (const spec of wanted) {
      if (!made.has(spec.name)) {
        const make = CONTROLS[spec.kind === "events" ? spec.script : spec.kind];
        if (!make) continue;
        const control = make(spec, (value, moving) => {
          if (playing?.name !== spec.name) stopPlaying();
          set({ [spec.name]: value }, moving);
        }, { play, pressed, cardOf: (name) => live.cards.get(name), model, set, _ });
        made.set(spec.name, { control });
        if (control.element) {
          control.element.classList.add(control.wide ? "soupwidgets-wide" : "soupwidgets-control");
          control.element.dataset.control = spec.name;
          (control.below ? below : spec.group ? groupOf(spec.group) : bar).append(control.element);
        }
        control.playing?.(false);
      }
      const { control } = made.get(spec.name);
      if (control.element) control.element.hidden = Boolean(spec.hidden);
      control.show(model.get(spec.name), spec);
    }
    for (const group of groups.values()) group.hidden = !group.querySelector(".soupwidgets-control:not([hidden])");
    showTools();
  }
  const below = h("div");

  function showTools() {
    const view = model.get("view") ?? {};
    const tables = (view.tables ?? []).map((table) => [_("Table: {title} (CSV)", table), () => saveFile(`${table.title}.csv`, "text/csv", csvOf(table))]);
    const figures = (view.figures ?? []).flatMap(({ name, label = name }) => ["svg", "png"].map((format) => [_("Figure: {label} ({format})", { label, format: format.toUpperCase() }), () => live.cards.get(name).save(format)]));
    tools.show({ can: past.can, code: view.code, comparing: Boolean(pinned), bookmarks: model.get("bookmarks") ?? [], choices: [...figures, ...tables],
      still: !specs().some((spec) => isState(spec)) });
    head.hidden = !specs().length && !view.words;
  }

  function showView() {
    const view = model.get("view") ?? {};
    const going = view.done < view.total;
    words.show(view.words ?? "", going);
    bars.hidden = !going;
    if (view.total) [bars.max, bars.value] = [view.total, view.done];
    else bars.removeAttribute("value");
    const advice = view.notes ?? [];
    if (notes.dataset.text !== JSON.stringify(advice)) {
      notes.dataset.text = JSON.stringify(advice);
      notes.replaceChildren(...advice.map((one) => h("li", {}, one)));
    }
    notes.hidden = !advice.length;
    live.show(view, look);
    if (pinned) {
      pinned.show(pinned.of, look);
      const [then, now] = [pinned.of.state ?? {}, view.state ?? state()];
      pinnedTitle.textContent = _("Kept: {state}", { state: described(_, then, specs(), now) });
      liveTitle.textContent = _("Now: {state}", { state: described(_, now, specs(), then) });
    }
    for (const { control } of made.values()) {
      control.attach?.();
      control.view?.(view);
    }
    showTools();
  }

  function showStatus() {
    const { words: what, done, total } = model.get("filled") ?? {};
    filled.textContent = what ?? "";
    filled.classList.toggle("soupwidgets-busy", done < total);
    const running = model.get("running");
    stop.hidden = !running;
    const error = model.get("error");
    alert.hidden = !error;
    const wrong = error ? _("Something went wrong. {error}", { error }) : "";
    // Written again it would be read again.
    if (alert.textContent !== wrong) alert.textContent = wrong;
    for (const spec of specs()) if (spec.kind === "button") made.get(spec.name)?.control.element.toggleAttribute("aria-busy", running === spec.name);
  }

  function arrange() {
    const sides = pinned ? [h("div.soupwidgets-column", {}, pinnedTitle, pinned.element), h("div.soupwidgets-column", {}, liveTitle, live.element)] : [live.element];
    views.classList.toggle("soupwidgets-two", Boolean(pinned));
    views.replaceChildren(...sides);
  }

  // One drawing a frame, whatever changes in between.
  let frame = 0;
  const soon = (draw) => () => {
    cancelAnimationFrame(frame);
    frame = requestAnimationFrame(() => !closed && draw());
  };
  const drawView = soon(showView);

  // What a key brings into view comes to stand below the controls, and not behind them.
  const headSize = new ResizeObserver(() => root.style.setProperty("--sw-head", `${head.offsetHeight}px`));
  headSize.observe(head);
  // Of what is written in, browsers bring only the caret into view.
  root.addEventListener("focusin", ({ target }) => target.matches("textarea") && target.scrollIntoView({ block: "nearest" }));

  root.append(head, alert, silent, notes, below, views, tools.element, codeBox);
  el.append(root);
  arrange();
  showControls();
  showStatus();
  // Draws at once, so what stands on a figure has to be there.
  const stopTheme = followTheme(root, (theme) => {
    look.theme = theme;
    showView();
  });
  // Not every host opens a widget in the same way; the first answer is due when there is a place for it.
  model.send({ kind: "hello" });
  const stopPlotly = withPlotly(model, (loaded) => {
    if (closed) return;
    plotly = loaded;
    live.library(loaded);
    pinned?.library(loaded);
    root.dataset.plotly = "loaded";
  });
  const events = [["change:view", drawView], ["change:controls", showControls], ["change:filled", showStatus], ["change:error", showStatus],
    ["change:running", showStatus], ["change:heard", hear], ["change:bookmarks", showTools]];
  const follow = () => {
    past.add(state(), true);
    showControls();
  };
  for (const { name } of specs()) events.push([`change:${name}`, follow]);
  for (const [event, tellIt] of events) model.on(event, tellIt);

  return () => {
    closed = true;
    stopPlaying();
    clearTimeout(patience);
    stopTheme();
    stopPlotly();
    headSize.disconnect();
    document.removeEventListener("fullscreenchange", fullScreen);
    for (const [event, tellIt] of events) model.off(event, tellIt);
    live.close();
    pinned?.close();
  };
}
