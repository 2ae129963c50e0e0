// A plotly figure that lives: `figure` is the figure, `patch` the small part of it that moves.
// Both are state, so whatever is on screen is what a saved notebook holds.

// As `ShownFigure.config` for figures shown by themselves: a picture, and the way back. Nothing uploads the chart.
function config({ dragmode, scene }) {
  // Where marks are chosen by drawing around them, both ways to drag are offered.
  const drags = dragmode === "lasso" ? ["lasso2d", "zoom2d"] : [];
  return {
    displaylogo: false,
    displayModeBar: "hover",
    showSendToCloud: false,
    // A name with dollar signs is a name, not a formula.
    typesetMath: false,
    modeBarButtons: [["toImage", scene ? "resetCameraDefault3d" : "resetScale2d", ...drags]],
    toImageButtonOptions: { format: "svg", filename: "soupwidgets" },
  };
}

// A text as plotly was given it, in the words that it shows.
export function plainText(shown) {
  const entities = { lt: "<", gt: ">", amp: "&", "#37": "%" };
  return shown.replace(/<br>/g, " ").replace(/<\/?b>/g, "").replace(/&(lt|gt|amp|#37);/g, (_, name) => entities[name]);
}

// What plotly can move without drawing the whole figure again.
const LIGHT = [undefined, "scatter", "scattergl"];
const AT_ONCE = { mode: "immediate", transition: { duration: 0 }, frame: { duration: 0, redraw: false } };

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

// Draws the figure with its patch, and says the same in words.
export async function drawFigure(plotly, plot, text, figure, patch) {
  const { data, layout } = patched(figure, structuredClone(patch));
  // The words are ours; to plotly they would be a new layout, and a complete redrawing.
  const { meta, shapes, ...frame } = layout;
  text.textContent = meta?.text ?? "";
  if (!plotly) return;
  const before = plot.soupwidgets;
  const after = { figure, frame: JSON.stringify(frame), shapes: JSON.stringify(shapes) };
  plot.soupwidgets = after;
  // With a lasso on screen plotly's animation fails over traces that the lasso holds nothing of.
  const lasso = plot.layout?.selections ?? [];
  // A legend is not drawn anew by plotly's animation: where a name changes, all is drawn.
  const named = plot.data?.length === data.length && data.every(({ name }, i) => name === plot.data[i].name);
  const light = named && data.every(({ uid, type }) => LIGHT.includes(type) || !(uid in (patch.traces ?? {})));
  if (before && before.figure === figure && before.frame === after.frame && light && !lasso.length) {
    // Nothing but marks move: five times faster than letting plotly find that out.
    if (before.shapes !== after.shapes) await plotly.relayout(plot, { shapes });
    const traces = data.flatMap(({ uid }, index) => (uid in (patch.traces ?? {}) ? [index] : []));
    if (traces.length) await plotly.animate(plot, { data: traces.map((index) => data[index]), traces }, AT_ONCE);
    return;
  }
  // Without a height of its own the element would collapse as soon as plotly fits the figure into it.
  plot.style.height = `${layout.height}px`;
  // plotly fills what it is given in place; the state must stay as the kernel sent it.
  // A lasso belongs to the marks it was drawn around: other marks do not inherit it.
  const selections = before?.figure === figure ? lasso : [];
  await plotly.react(plot, data, { ...frame, selections, shapes, autosize: true }, config(frame));
}

// One drawing at a time; what changes meanwhile is drawn once, after it.
export function oneAtATime(draw) {
  let drawing = false;
  let stale = false;
  return async () => {
    stale = true;
    if (drawing) return;
    drawing = true;
    try {
      while (stale) {
        stale = false;
        await draw();
      }
    } finally {
      drawing = false;
    }
  };
}

// The figure takes the width that there is, also after the window or a side bar changed.
export function followWidth(plotly, plot) {
  const observer = new ResizeObserver(() => plot.data && plotly.Plots.resize(plot));
  observer.observe(plot);
  return observer;
}

// Shows a figure in an element; `onDrawn` is told the plot after each drawing.
function renderFigure({ model, el }, onDrawn = () => {}) {
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
  let closed = false;
  // Whether the reader did something to the plot since it was drawn.
  let touched = false;
  plot.addEventListener("pointerdown", () => (touched = true), true);

  const draw = oneAtATime(async () => {
    if (closed || !model.get("figure").data) return;
    const figure = model.get("figure");
    root.setAttribute("aria-label", plainText(figure.layout.title?.text ?? "figure"));
    touched = false;
    await drawFigure(plotly, plot, text, figure, model.get("patch"));
    if (!plotly || closed) return;
    if (!root.dataset.drawn) {
      plot.on("plotly_click", report);
      plot.on("plotly_selected", reportSelection);
      plot.on("plotly_deselect", () => reportSelection({ points: [] }));
    }
    root.dataset.drawn = String(Number(root.dataset.drawn ?? 0) + 1);
    onDrawn({ plot, root });
  });

  function report(event) {
    const point = event.points[0];
    model.set("clicked", { uid: point.fullData.uid, customdata: point.customdata ?? null, at: Date.now() });
    model.save_changes();
  }

  function reportSelection(event) {
    // plotly also reports a lasso that it draws again itself, or that went with an old figure.
    if (!event || !touched) return;
    const points = event.points.flatMap((point) => (point.customdata ? [point.customdata] : []));
    model.set("selected", { points, at: Date.now() });
    model.save_changes();
  }

  // One file for each wish, also where the same figure is shown in two places.
  function exportFile() {
    const { kind, name, text: table, number } = model.get("exported");
    if (!kind || window.__soupwidgetsExported?.get(model.model_id) === number) return;
    (window.__soupwidgetsExported ??= new Map()).set(model.model_id, number);
    if (kind === "csv") {
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob([table], { type: "text/csv" }));
      link.download = `${name}.csv`;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
    } else if (plotly) {
      const { width, height } = plot.getBoundingClientRect();
      plotly.downloadImage(plot, { format: kind, filename: name, width, height, scale: kind === "png" ? 2 : 1 });
    }
  }

  model.on("change:figure", draw);
  model.on("change:patch", draw);
  model.on("change:exported", exportFile);
  let observer = null;
  plotlyOf(model).then((loaded) => {
    if (closed) return;
    plotly = loaded;
    observer = plotly && followWidth(plotly, plot);
    words.open = plotly === null;
    draw();
  });

  return () => {
    closed = true;
    observer?.disconnect();
    model.off("change:figure", draw);
    model.off("change:patch", draw);
    model.off("change:exported", exportFile);
    if (plotly) plotly.purge(plot);
  };
}
