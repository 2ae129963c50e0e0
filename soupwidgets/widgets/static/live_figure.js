// A plotly figure that lives: `figure` is the figure, `patch` the small part of it that moves.
// Both are state, so whatever is on screen is what a saved notebook holds.

const CONFIG = {
  displaylogo: false,
  responsive: true,
  modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"],
  toImageButtonOptions: { format: "svg", filename: "soupwidgets" },
};

// plotly.js is several megabytes: it travels once per kernel and is compiled once per page.
export function loadPlotly(source) {
  if (!window.__soupwidgetsPlotly) {
    window.__soupwidgetsPlotly = (async () => {
      const unzipped = new Blob([source]).stream().pipeThrough(new DecompressionStream("gzip"));
      const text = await new Response(unzipped).text();
      // Pages with a module loader of their own (Voila) must not catch the library's definition.
      new Function("define", "module", "exports", text)();
      return window.Plotly;
    })();
  }
  return window.__soupwidgetsPlotly;
}

async function plotlyOf(model) {
  if (window.__soupwidgetsPlotly) return window.__soupwidgetsPlotly;
  const library = await model.widget_manager.get_model(model.get("library").slice("IPY_MODEL_".length));
  const source = library.get("source");
  if (!source || source.byteLength === 0) return null;
  const plotly = await loadPlotly(source);
  // Only on this side: the kernel keeps the bytes for a reload, the saved notebook goes without.
  library.set("source", new DataView(new ArrayBuffer(0)));
  return plotly;
}

// Unchanged traces keep their identity, so plotly redraws only what moved.
export function patched(figure, patch) {
  const traces = patch.traces ?? {};
  return {
    data: figure.data.map((trace) => (trace.uid in traces ? { ...trace, ...traces[trace.uid] } : trace)),
    layout: { ...figure.layout, ...(patch.layout ?? {}) },
  };
}

function render({ model, el }) {
  const root = document.createElement("div");
  root.className = "soupwidgets-figure";
  root.setAttribute("role", "group");
  const plot = document.createElement("div");
  const words = document.createElement("details");
  const summary = document.createElement("summary");
  summary.textContent = "Figure in words";
  const text = document.createElement("p");
  words.append(summary, text);
  root.append(plot, words);
  el.append(root);

  let plotly = null;
  let waiting = false;
  let closed = false;

  async function draw() {
    waiting = false;
    if (closed || !model.get("figure").data) return;
    const shown = patched(model.get("figure"), model.get("patch"));
    text.textContent = shown.layout.meta?.text ?? "";
    root.setAttribute("aria-label", shown.layout.title?.text ?? "figure");
    if (!plotly) return;
    // plotly fills what it is given in place; the state must stay as the kernel sent it.
    await plotly.react(plot, shown.data, { ...shown.layout, autosize: true }, CONFIG);
    if (!root.dataset.drawn) plot.on("plotly_click", report);
    root.dataset.drawn = String(Number(root.dataset.drawn ?? 0) + 1);
  }

  function report(event) {
    const point = event.points[0];
    model.set("clicked", { uid: point.fullData.uid, customdata: point.customdata ?? null, at: Date.now() });
    model.save_changes();
  }

  // Several changes within one frame are one drawing.
  function schedule() {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(draw);
  }

  model.on("change:figure", schedule);
  model.on("change:patch", schedule);
  const resized = new ResizeObserver(() => plotly && plot.data && plotly.Plots.resize(plot));
  resized.observe(root);

  plotlyOf(model).then((loaded) => {
    plotly = loaded;
    words.open = plotly === null;
    schedule();
  });

  return () => {
    closed = true;
    resized.disconnect();
    model.off("change:figure", schedule);
    model.off("change:patch", schedule);
    if (plotly) plotly.purge(plot);
  };
}

export default { render };
