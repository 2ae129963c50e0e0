// A figure with its heading, its legend and its words. What moved is found by comparing traces by their uid.

const LIGHT = [undefined, "scatter", "scattergl"];
const AT_ONCE = { mode: "immediate", transition: { duration: 0 }, frame: { duration: 0, redraw: false } };
const SVG = "http://www.w3.org/2000/svg";

// A text as plotly was given it, in the words that it shows.
function plainText(shown) {
  const entities = { lt: "<", gt: ">", amp: "&", "#37": "%" };
  return shown.replace(/<br>/g, " ").replace(/<\/?b>/g, "").replace(/&(lt|gt|amp|#37);/g, (_, name) => entities[name]);
}

function svg(tag, attributes) {
  const element = document.createElementNS(SVG, tag);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}

const first = (value, otherwise) => {
  const one = Array.isArray(value) ? value.find((each) => typeof each === "string") : value;
  return typeof one === "string" ? one : otherwise;
};

// What stands before a name in the legend: a piece of the line, the mark, or both.
function sample(trace) {
  const picture = svg("svg", { width: 26, height: 14, viewBox: "0 0 26 14", "aria-hidden": "true" });
  const mode = trace.mode ?? (trace.type === undefined || trace.type === "scatter" ? "lines+markers" : "markers");
  const own = first(trace.marker?.color, first(trace.line?.color, "currentColor"));
  // What is dark in every theme lies on a pale ground in the figure; here it is as the words are.
  const legible = (one) => (one.toLowerCase() === "#1a1a1a" ? "currentColor" : one);
  const colour = legible(own);
  if (trace.fillpattern) {
    picture.append(svg("path", { d: "M5 2H21V12H5ZM5 8L11 2M7 12L17 2M14 12L21 5", fill: "none", stroke: "currentColor", "stroke-width": 1.2 }));
    return picture;
  }
  if (trace.type === "bar" || trace.fill) {
    picture.append(svg("rect", { x: 5, y: 2, width: 16, height: 10, fill: trace.fill ? first(trace.fillcolor, colour) : colour }));
    return picture;
  }
  if (mode.includes("lines")) {
    const dash = { dot: "2 3", dash: "6 4", dashdot: "6 3 2 3", longdash: "9 4" }[trace.line?.dash] ?? "none";
    picture.append(svg("line", { x1: 0, y1: 7, x2: 26, y2: 7, stroke: legible(first(trace.line?.color, colour)), "stroke-width": 2.5, "stroke-dasharray": dash }));
  }
  if (mode.includes("markers")) {
    const symbol = first(trace.marker?.symbol, "circle");
    const open = symbol.includes("open");
    const paint = { fill: open ? "none" : colour, stroke: open || colour !== own ? colour : first(trace.marker?.line?.color, colour), "stroke-width": open ? 2 : 1 };
    const shapes = { diamond: "13,1 19,7 13,13 7,7", square: "8,2 18,2 18,12 8,12", star: "13,0 15,5 20,5 16,8 18,13 13,10 8,13 10,8 6,5 11,5",
      triangle: "13,2 19,12 7,12", cross: "11,2 15,2 15,5 18,5 18,9 15,9 15,12 11,12 11,9 8,9 8,5 11,5" };
    const shape = shapes[symbol.split("-")[0]];
    picture.append(symbol.startsWith("x") ? svg("path", { d: "M8 2L18 12M18 2L8 12", stroke: colour, "stroke-width": 2.5 })
      : shape ? svg("polygon", { points: shape, ...paint }) : svg("circle", { cx: 13, cy: 7, r: 5, ...paint }));
  }
  return picture;
}

function config({ dragmode, scene }, _) {
  const drags = dragmode === "lasso" ? ["lasso2d", "zoom2d"] : [];
  return {
    displaylogo: false,
    displayModeBar: "hover",
    // Nothing uploads the chart, and a name with dollar signs is a name.
    showSendToCloud: false,
    typesetMath: false,
    responsive: false,
    // What plotly calls its buttons.
    locale: "soupwidgets",
    locales: { soupwidgets: { dictionary: {
      "Reset axes": _("Reset axes"), "Reset camera to default": _("Reset camera to default"), "Lasso Select": _("Lasso Select"), Zoom: _("Zoom"),
    } } },
    modeBarButtons: [[scene ? "resetCameraDefault3d" : "resetScale2d", ...drags]],
  };
}

// The title of an axis goes on in another line where the axis is too short for it; letters are about half as wide as high.
function broken(title, room, size) {
  const most = room / (0.52 * size);
  const lines = [];
  for (const line of title.split("<br>")) {
    let now = "";
    for (const word of line.split(" ")) {
      if (now && now.length + word.length >= most) {
        lines.push(now);
        now = word;
      } else now = now ? `${now} ${word}` : word;
    }
    lines.push(now);
  }
  return lines.join("<br>");
}

// The layout for the screen: heading and legend stand outside, colours and letters are the page's.
function screenLayout({ title, legend, height, margin, ...layout }, data, theme, size, { clientWidth, clientHeight }) {
  const screen = recoloured(layout, theme);
  const room = { l: 8, r: 12, t: 10, b: 8, ...Object.fromEntries(Object.entries(margin ?? {}).filter(([side]) => side === "r")) };
  for (const [key, axis] of Object.entries(screen)) {
    if (!/^[xy]axis\d*$/.test(key)) continue;
    const given = typeof axis.title === "string" ? { text: axis.title } : axis.title;
    const [from, to] = axis.domain ?? [0, 1];
    const length = (to - from) * (key[0] === "x" ? 0.8 * clientWidth : 0.6 * clientHeight);
    const text = given?.text && { ...given, text: broken(given.text, length, size) };
    // Names are all written; numbers may be left out.
    const every = data.some((trace) => typeof trace[key[0]]?.[0] === "string" && (trace[`${key[0]}axis`] ?? key[0]) === key.replace("axis", "")) ? { tickmode: "linear", dtick: 1 } : {};
    screen[key] = { ...every, ...axis, automargin: axis.automargin ?? true, title: { ...text, standoff: 8, font: { ...text?.font, size } } };
  }
  return {
    ...screen,
    margin: room,
    showlegend: false,
    autosize: true,
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { ...screen.font, size },
    modebar: { bgcolor: "rgba(0,0,0,0)", color: recoloured("#767676", theme), activecolor: recoloured("#222222", theme) },
  };
}

// One drawing at a time; what changes meanwhile is drawn once, after it.
function oneAtATime(draw) {
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

// `tell(control, value)` is called for clicks and lassos.
function figureCard(name, { tell, _ }) {
  const heading = h("h3");
  const legend = h("ul.soupwidgets-legend");
  const plot = h("div.soupwidgets-plot");
  const words = h("p");
  const details = h("details", {}, h("summary", {}, _("Figure in words")), words);
  const root = h("figure.soupwidgets-figure", { role: "group", "data-name": name }, heading, legend, plot, details);
  let [plotly, theme, size, wanted, drawn, closed, touched] = [null, "light", 13, null, null, false, false];
  const afterwards = [];
  plot.addEventListener("pointerdown", () => (touched = true), true);
  const observer = new ResizeObserver(() => {
    // In a tab that is not in front it has no size.
    if (!plotly || !plot.data || closed || !plot.clientWidth) return;
    // plotly waits a little, and the figure may be gone by then.
    plotly.Plots.resize(plot).catch(() => {});
    draw();
  });
  observer.observe(plot);

  const draw = oneAtATime(async () => {
    if (!plotly || closed || !wanted) return;
    const now = { data: wanted.data, layout: wanted.layout, theme, size };
    const screen = screenLayout(now.layout, now.data, theme, size, plot);
    const { shapes, ...frame } = screen;
    const next = {
      traces: now.data.map((trace) => JSON.stringify(trace)),
      looks: now.data.map(({ uid, type, name: called }) => `${uid} ${type} ${called}`).join("\n"),
      frame: JSON.stringify(frame),
      shapes: JSON.stringify(shapes),
      of: theme,
    };
    const data = recoloured(now.data, theme);
    const lasso = plot.layout?.selections ?? [];
    const moved = drawn ? next.traces.flatMap((trace, i) => (trace === drawn.traces[i] ? [] : [i])) : [];
    const same = drawn && drawn.looks === next.looks && drawn.frame === next.frame && drawn.of === theme;
    // After plotly's animation a lasso fails over the traces that did not move, and contours are forgotten.
    if (same && now.layout.dragmode !== "lasso" && data.every(({ type }) => LIGHT.includes(type))) {
      drawn = next;
      // Nothing but marks move: five times faster than letting plotly find that out. Beside marks that are animated
      // plotly forgets contours and bars.
      if (plot.dataset.shapes !== next.shapes) await plotly.relayout(plot, { shapes: shapes ?? [] });
      if (moved.length) await plotly.animate(plot, { data: moved.map((i) => data[i]), traces: moved }, AT_ONCE);
    } else {
      touched = false;
      const selections = same ? lasso : [];
      drawn = next;
      await plotly.react(plot, data, { ...frame, selections, shapes }, config(frame, _));
    }
    plot.dataset.shapes = next.shapes;
    if (closed) return;
    inWords();
    if (!root.dataset.drawn) {
      plot.on("plotly_click", ({ points: [point] }) => clicked(point.customdata));
      plot.on("plotly_selected", (event) => event && touched && choose("chooses", event.points.map((p) => first0(p.customdata)).filter(known)));
      plot.on("plotly_deselect", () => touched && choose("chooses", []));
    }
    root.dataset.drawn = String(Number(root.dataset.drawn ?? 0) + 1);
    afterwards.forEach((tellDrawn) => tellDrawn(plot, root));
  });
  const known = (value) => value !== undefined && value !== null;
  const first0 = (customdata) => (Array.isArray(customdata) ? customdata[0] : customdata);
  function clicked(data) {
    if (!Array.isArray(wanted.sets)) choose("sets", first0(data));
    else wanted.sets.forEach((control, i) => known(data?.[i]) && tell(control, data[i]));
  }
  function choose(how, value) {
    if (wanted[how] && known(value)) tell(wanted[how], value);
    else if (how === "sets" && wanted.chooses && known(value)) tell(wanted.chooses, [value]);
  }

  // A drawing is hundreds of lines and letters: who hears it hears its words instead.
  function inWords() {
    const [drawing, ...above] = plot.querySelectorAll(".main-svg");
    drawing.setAttribute("role", "img");
    drawing.setAttribute("aria-label", wanted.words);
    for (const one of [...drawing.children, ...above]) one.setAttribute("aria-hidden", "true");
  }

  function names() {
    const shown = wanted.data.filter((trace) => trace.name && trace.showlegend !== false);
    const text = JSON.stringify([shown.map((t) => [t.name, t.mode, t.marker?.symbol, t.marker?.color, t.line]), theme]);
    if (legend.dataset.text === text) return;
    legend.dataset.text = text;
    const items = recoloured(shown, theme).map((trace) => h("li", {}, sample(trace), plainText(trace.name)));
    legend.replaceChildren(...items);
    legend.hidden = items.length < 2;
  }

  return {
    root,
    get figure() {
      return wanted;
    },
    get plot() {
      return plot;
    },
    onDrawn: (tellDrawn) => afterwards.push(tellDrawn),
    library(loaded) {
      plotly = loaded;
      draw();
    },
    show(figure, look) {
      [wanted, theme, size] = [figure, look.theme, look.size];
      const title = figure.layout.title;
      const text = plainText((typeof title === "string" ? title : title?.text) ?? name);
      if (heading.textContent !== text) heading.textContent = text;
      root.setAttribute("aria-label", text);
      words.textContent = figure.words;
      names();
      draw();
    },
    // As a file of its own: with heading and legend, on white.
    save(format) {
      const { data, layout } = wanted;
      const height = Math.max(layout.height ?? 450, 420);
      plotly?.downloadImage({ data, layout: { ...layout, width: 900, height } }, { format, filename: `soupwidgets ${name}`, width: 900, height, scale: format === "png" ? 2 : 1 });
    },
    close() {
      closed = true;
      observer.disconnect();
      if (plotly && plot.data) plotly.purge(plot);
      root.remove();
    },
  };
}
