// The page of predictions: the reader's numbers are free, and what was measured is shown when it is asked for.

const content = JSON.parse(document.getElementById("content").textContent);
const answers = recordedAnswers(content);
const presses = { show: 0, again: 0 };

function withUnit(value, digits, unit) {
  return `${fixed(value, digits)}${["%", ""].includes(unit) ? "" : " "}${unit}`;
}

// One question with what was said and what was found: `soupwidgets.topics.prediction.comparison`.
function compared(question, predicted, sentences) {
  const { words, digits, unit, unit_apart: unitApart, measured } = question;
  const show = (value) => withUnit(value, digits, unit);
  const say = (sentence, parts) => sentences[sentence].replace(/\{(\w+)\}/g, (_, name) => parts[name]);
  if (!measured) return { question, predicted, words: `${say("unmeasured", { words, predicted: show(predicted) })}.` };
  const { value, low, high } = measured;
  const side = predicted > high ? "above" : predicted < low ? "below" : "within";
  const apart = Math.abs(predicted - value);
  const parts = { words, predicted: show(predicted), measured: show(value), low: show(low), high: show(high), apart: withUnit(apart, digits, unitApart) };
  const row = [words, parts.predicted, parts.measured, say("limits", parts), say(`cell ${side}`, parts)];
  return { question, predicted, measured, side, apart, row, words: say(side, parts), surprise: say("surprise", parts) };
}

function summaryOf(found, sentences) {
  const within = found.filter(({ side }) => side === "within").length;
  const said = sentences.summary.replace("{within}", within).replace("{count}", found.length);
  const units = new Set(found.map(({ question }) => question.unit));
  if (within === found.length || units.size > 1) return said;
  const off = found.filter(({ side }) => side !== "within");
  return `${said} ${off.reduce((a, b) => (b.apart > a.apart ? b : a)).surprise}`;
}

function moved(view, valueOf) {
  const { questions, sentences } = view.card.prediction;
  const found = questions.map((one) => compared(one, valueOf(one.name), sentences));
  const figures = view.figures.map((figure) => {
    // Rows are told by their question, and not by its words, which are drawn with "<" and "&" as plotly wants them.
    const names = figure.data.find(({ uid }) => uid === "predicted").customdata;
    const shown = names.map(([name]) => found.find(({ question }) => question.name === name));
    const known = shown.every(({ measured }) => measured);
    const apart = known ? { x: shown.flatMap((one) => [one.predicted, one.measured.value, null]) } : {};
    const changes = { predicted: { x: shown.map(({ predicted }) => predicted) }, apart };
    return { ...figure, data: figure.data.map((trace) => ({ ...trace, ...changes[trace.uid] })), words: shown.map(({ words }) => words).join(" ") };
  });
  if (!found.every(({ measured }) => measured)) return { ...view, figures };
  return { ...view, figures, words: summaryOf(found, sentences), tables: [{ ...view.tables[0], rows: found.map(({ row }) => row) }] };
}

function answer(model) {
  for (const name of Object.keys(presses)) {
    const pressed = model.get(name) ?? 0;
    if (pressed !== presses[name]) model.set("revealed", name === "show");
    presses[name] = pressed;
  }
  const base = answers.view({ revealed: Boolean(model.get("revealed")) });
  const state = Object.fromEntries(Object.keys(content.state).map((name) => [name, model.get(name)]));
  const view = { ...moved(base, model.get), state };
  model.tell({ controls: changedControls(content.controls, base.controls, (name) => name !== "revealed"), view, heard: model.get("asked") });
}

function plotly(hear) {
  hear(Uint8Array.from(atob(document.getElementById("plotly").textContent), (letter) => letter.charCodeAt(0)));
}

const model = pageModel(content, answer, plotly);
// What was measured is not in an address: who follows one predicts first.
followAddress(model, Object.keys(content.state).filter((name) => name !== "revealed"), content);
render({ model, el: document.getElementById("panel") });
