// How the ring moves: the model under it, its rows and its tables.

const PANEL = {
  free: ["point"],

  // Null where the ring stands as it did when the page was made.
  recipe({ point }, _near, { plane, start }) {
    const at = point ?? start;
    return same(at, start) ? null : mixtureAt(at, plane);
  },

  // The ring goes on to the next model of the plane.
  press(_name, model, { places: marks, start }) {
    const [x, y] = model.get("point") ?? start;
    const off = marks.map(([a, b]) => Math.abs(a - x) + Math.abs(b - y));
    model.set("point", marks[(off.indexOf(Math.min(...off)) + 1) % marks.length]);
  },

  waiting: ({ point }) => `Model at (${point.map(coordinate).join(", ")})`,

  moved(base, { point, quantity }, found, live) {
    const scores = scoresOf(found, live).map((one) => ({ ...one, ...lossOf(found.splits[one.name], live.columns[one.name], live.normal) }));
    const exact = allExact(scores);
    const draw = {
      plane: (figure) => figure,
      point: (figure) => pointMoved(figure, scores, quantity, exact),
    };
    const { words, ...done } = farWords(scores, live.examples);
    const [rows, mixture, ...others] = base.tables;
    const tables = [
      { ...rows, title: `Its scores, ${exact ? "exact" : "coarse so far"}`, rows: scores.map((one) => [one.name, fixed(100 * one.value, 2), limitsWords(one.interval).replaceAll("%", ""), fixed(one.loss, 3), grouped(one.seen)]) },
      { ...mixture, rows: mixtureRows(mixtureAt(point, live.plane)) },
      ...others,
    ];
    const figures = base.figures.map((figure) => draw[figure.name](figure));
    return { ...base, ...done, words: `${PANEL.waiting({ point })}: ${words}`, figures, tables };
  },
};

// A coordinate for people; what rounding leaves of zero is zero.
const coordinate = (value) => String(Number((Number(value.toFixed(9)) + 0).toPrecision(3)));

// The mixture at a point: that at (0, 0), and what one step along each axis changes about it.
function mixtureAt([x, y], { names, origin, u, v }) {
  return Object.fromEntries(names.map((name, i) => [name, origin[i] + x * u[i] + y * v[i]]));
}

function mixtureRows(mixture) {
  const parts = Object.entries(mixture).filter(([, value]) => value !== 0).sort(([, a], [, b]) => Math.abs(b) - Math.abs(a));
  return parts.map(([name, value]) => [name, `${value < 0 ? "" : "+"}${fixed(value, 3)}`]);
}

// Cross-entropy in nats, and its limits: `SplitScore.loss_interval`.
function lossOf(found, columns, normal) {
  const scores = scoresByClass(found, columns);
  const losses = Array.from(found.labels, (label, i) => {
    const row = scores(i);
    const top = Math.max(...row);
    return top + Math.log(row.reduce((sum, one) => sum + Math.exp(one - top), 0)) - row[label];
  });
  const n = losses.length;
  const loss = losses.reduce((a, b) => a + b, 0) / n;
  const margin = (normal * Math.sqrt(losses.reduce((sum, one) => sum + (one - loss) ** 2, 0) / (n - 1))) / Math.sqrt(n);
  return { loss, lossInterval: [loss - margin, loss + margin] };
}

// One row per split of the model under the ring; as in Python the axis goes on in round steps.
function pointMoved(figure, scores, quantity, exact) {
  const here = traceOf(figure, "here");
  const percent = quantity === "error";
  const rows = scores.map(({ value, interval, loss, lossInterval }) =>
    percent ? { at: 100 * (1 - value), low: 100 * (1 - interval[1]), high: 100 * (1 - interval[0]) } : { at: loss, low: lossInterval[0], high: lossInterval[1] });
  const bars = { ...here.error_x, array: rows.map(({ at, high }) => high - at), arrayminus: rows.map(({ at, low }) => at - low) };
  const marker = { ...here.marker, symbol: symbolOf(here.marker.symbol, exact), line: { ...here.marker.line, width: exact ? 0 : 2.5 } };
  const values = rows.map(({ at }, i) => `${here.y[i]} ${percent ? `${fixed(at, 1)}%` : fixed(at, 3)}`);
  const words = `${percent ? "Error" : "Loss"} of the model under the ring${exact ? "" : ", coarse so far"}: ${values.join(", ")}.`;
  const range = percent ? figure.layout.xaxis.range : [0, upTo(Math.max(...rows.map(({ at }) => at)))];
  return moved(figure, { here: { x: rows.map(({ at }) => at), error_x: bars, marker } }, { words, layout: { xaxis: { ...figure.layout.xaxis, range } } });
}

// The end of an axis that has room for a value: a few steps of 1, 2 or 5.
function upTo(value) {
  const least = (1.1 * value) / 5;
  const power = 10 ** Math.floor(Math.log10(least));
  const step = power * [1, 2, 5, 10].find((digit) => power * digit >= least * (1 - 1e-9));
  return Math.max(step, step * Math.ceil((1.1 * value) / step));
}
