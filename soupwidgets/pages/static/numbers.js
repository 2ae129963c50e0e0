// Counts as scores, in the words and places that the figures have. Limits come from Python: nothing is estimated here.

// What a phrase begins with, before its first place: by that its sentence is found among others.
const beginning = (phrase) => phrase.split("{")[0];

const percentWords = (share, digits = 1) => `${fixed(100 * share, digits)}%`;
const limitsWords = ([low, high], digits = 1) => _("{low} to {high}", { low: percentWords(low, digits), high: percentWords(high, digits) });
// Beside a decimal point the comma of 2,400 would be read as a decimal comma.
const grouped = (count) => (document.documentElement.lang === "en" ? count.toLocaleString("en-US") : count.toLocaleString("en-US").replaceAll(",", "\u202f"));

// What the engine found, split by split, with intervals.
function scoresOf(found, { splits, limits }) {
  return splits.map((split) => {
    const { examples, of, correct } = found.splits[split.name];
    const [low, high] = limits[examples];
    return { ...split, seen: examples, total: of, correct, exact: examples === of, value: correct / examples, interval: [low[correct], high[correct]] };
  });
}

// The mean over shifts, each with the same weight, with its interval: `soupwidgets.stats.intervals.mean_interval`.
function meanOf(scores) {
  const share = 1 / scores.length;
  const root = (parts) => Math.sqrt(parts.reduce((sum, part) => sum + (share * part) ** 2, 0));
  const value = scores.reduce((sum, one) => sum + share * one.value, 0);
  const below = root(scores.map((one) => one.value - one.interval[0]));
  const above = root(scores.map((one) => one.interval[1] - one.value));
  return { value, interval: [value - below, value + above] };
}

// In distribution and under a shift (the mean of all when null); null where there is none.
function frontierPoint(scores, shift) {
  const shifts = scores.filter(({ role }) => role === "shift");
  if (!shifts.length) return null;
  const id = scores.find(({ role }) => role === "id_test");
  return shift === null ? { id, ood: meanOf(shifts), name: _("Mean OOD") } : { id, ood: scores.find(({ name }) => name === shift), name: _("OOD ({split})", { split: shift }) };
}

function pointWords({ id, ood, name }) {
  return `ID ${percentWords(id.value)} (95% interval ${limitsWords(id.interval)}), ${name} ${percentWords(ood.value)} (${limitsWords(ood.interval)})`;
}

const rowWords = (scores) => scores.map((one) => {
  const counted = _("{correct} of {seen}", one);
  return `${one.name} ${percentWords(one.value, 2)} (${limitsWords(one.interval)}, ${counted})`;
}).join("; ");

const allExact = (scores) => scores.every(({ exact }) => exact);

function farWords(scores, examples) {
  const [seen, total] = ["seen", "total"].map((what) => scores.reduce((sum, one) => sum + one[what], 0));
  const counts = { seen: grouped(seen), total: grouped(total) };
  const far = { images: _("{seen} of {total} images", counts), texts: _("{seen} of {total} texts", counts), examples: _("{seen} of {total} examples", counts) };
  const state = allExact(scores) ? _("exact") : _("coarse so far");
  return { words: `${state}, ${far[examples]}`, done: seen, total };
}

// Where scores stand on an axis of percent, with the lengths of their error bars; `bar` is how these look.
function places(scores, bar) {
  const at = scores.map(({ value }) => 100 * value);
  const lengths = { array: scores.map(({ interval }, i) => 100 * interval[1] - at[i]), arrayminus: scores.map(({ interval }, i) => at[i] - 100 * interval[0]) };
  return { at, bars: { ...bar, ...lengths } };
}

const symbolOf = (symbol, exact) => symbol.replace("-open", "") + (exact ? "" : "-open");

// A figure with some of its traces changed, by uid; what it says, and its layout, where they change as well.
function moved(figure, traces, { words = figure.words, layout = {} } = {}) {
  const data = figure.data.map((trace) => (traces[trace.uid] ? { ...trace, ...traces[trace.uid] } : trace));
  return { ...figure, data, words, layout: { ...figure.layout, ...layout } };
}

const traceOf = (figure, uid) => figure.data.find((trace) => trace.uid === uid);

// A name that stands beside a point goes with it, and away with one that is nowhere.
function nameAt(figure, text, x, y) {
  const names = traceOf(figure, "names");
  const i = names?.text.indexOf(text) ?? -1;
  if (i < 0) return {};
  return { names: { x: names.x.with(i, x), y: names.y.with(i, y) } };
}

// An axis that has room for values as well.
function wider(axis, values) {
  const [low, high] = axis.range;
  const room = 0.05 * (high - low);
  return { ...axis, range: [Math.min(low, ...values.map((one) => one - room)), Math.max(high, ...values.map((one) => one + room))] };
}

// The point of a frontier with its bars, its name and room for it.
function frontierMoved(figure, point, exact, { label, words }) {
  const here = traceOf(figure, "here");
  const [x, y] = [places([point.id], here.error_x), places([point.ood], here.error_y)];
  const marker = { ...here.marker, symbol: symbolOf(here.marker.symbol, exact), line: { ...here.marker.line, width: exact ? 0 : 2.5 } };
  const traces = { here: { x: x.at, y: y.at, error_x: x.bars, error_y: y.bars, marker }, ...nameAt(figure, label, x.at[0], y.at[0]) };
  const ends = ({ interval }) => interval.map((end) => 100 * end);
  const layout = { xaxis: wider(figure.layout.xaxis, ends(point.id)), yaxis: wider(figure.layout.yaxis, ends(point.ood)) };
  return moved(figure, traces, { words, layout });
}

// One row per split: the trace of what is shown, with its bars.
function rowsMoved(figure, scores, words) {
  const here = traceOf(figure, "here");
  const { at, bars } = places(scores, here.error_x);
  const marker = { ...here.marker, symbol: scores.map(({ exact }) => (exact ? "circle" : "circle-open")) };
  const layout = { xaxis: wider(figure.layout.xaxis, scores.flatMap(({ interval }) => interval.map((end) => 100 * end))) };
  return moved(figure, { here: { x: at, error_x: bars, marker } }, { words, layout });
}
