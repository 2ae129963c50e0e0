// How the mixer moves: the soup with its bars, which ingredients are in it, and its rows.

const PANEL = {
  free: ["coefficients"],

  // What is in the soup; null where a method has made it, whose answer is recorded.
  recipe({ coefficients }) {
    const mixed = Object.fromEntries(Object.entries(coefficients).filter(([, one]) => one !== 0));
    return Object.keys(mixed).length ? mixed : null;
  },

  // A method's button.
  press(name, model, { steps }) {
    for (const [key, value] of Object.entries({ method: name, coefficients: {}, step: steps })) model.set(key, value);
  },

  waiting: ({ coefficients }) => `soup of ${membersOf(coefficients).length} (by hand)`,

  // Every coefficient is zero: nothing is measured, and nothing is where the soup was.
  unmixed(base, { coefficients }) {
    if (!Object.keys(coefficients).length) return null;
    const figures = base.figures.filter(({ name }) => name === "frontier").map((figure) => emptied(figure, coefficients));
    return { ...handMade(base, coefficients), words: "the soup is empty: give an ingredient a coefficient", figures };
  },

  moved(base, { coefficients, shift }, found, live) {
    const scores = scoresOf(found, live);
    const exact = allExact(scores);
    const draw = {
      frontier(figure) {
        const point = frontierPoint(scores, shift);
        const said = ` This soup of ${membersOf(coefficients).length}${exact ? "" : " (coarse)"}: ${pointWords(point)}.`;
        const plain = emptied(figure, coefficients);
        const far = plain.words.search(/ Far (below|above) and not in view: /);
        const at = far < 0 ? plain.words.length : far;
        const words = plain.words.slice(0, at) + said + plain.words.slice(at);
        return frontierMoved({ ...plain, data: plain.data.map((trace) => (trace.uid === "here" ? traceOf(figure, "here") : trace)) }, point, exact, { label: "this soup", words });
      },
      splits(figure) {
        const others = figure.words.slice(figure.words.indexOf(").") + 2).replace(/ ensemble of the same members: [^]*$/, "");
        const drawn = rowsMoved(figure, scores, `Accuracy of this soup on every split, with 95% intervals: ${rowWords(scores)}.${others}`);
        return moved(drawn, { ensemble: NOWHERE });
      },
    };
    const { words, ...done } = farWords(scores, live.examples);
    const figures = base.figures.filter(({ name }) => draw[name]).map((figure) => draw[figure.name](figure));
    return { ...handMade(base, coefficients), ...done, words: `${PANEL.waiting({ coefficients })}: ${words}`, figures };
  },
};

// A trace that is not drawn.
const NOWHERE = { x: [null], y: [null] };

const membersOf = (coefficients) => Object.keys(coefficients).filter((name) => coefficients[name] !== 0);

// What is said of a soup that a method made is not said of one made by hand.
function handMade(base, coefficients) {
  const { step, ...controls } = base.controls;
  return { ...base, notes: [], controls: { ...controls, step: { ...step, hidden: true } }, card: { coefficients } };
}

// The ingredients, blue where they are in the soup, without a soup and its ensemble.
function emptied(figure, coefficients) {
  const { marker, customdata } = traceOf(figure, "ingredients");
  const used = customdata.map(([name]) => Boolean(coefficients[name]));
  const pick = (inside, outside) => used.map((one) => (one ? inside : outside));
  const traces = { ingredients: { marker: { ...marker, color: pick("#0072B2", "#C8C8C8"), size: pick(10, 7) } }, ensemble: NOWHERE, here: NOWHERE };
  const away = moved(figure, { ...traces, ...nameAt(figure, "ensemble", null, null) });
  const plain = moved(away, nameAt(away, "this soup", null, null));
  const words = figure.words.replace(/ (This soup of|The ensemble of the same members)[^]*?(?= Far (below|above) and not in view: |$)/, "");
  return { ...plain, words };
}
