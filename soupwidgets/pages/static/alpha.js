// How the panel along alpha moves: the point, the rules, and the images that flip.

const SHOWN = 12;

const PANEL = {
  free: ["alpha"],

  // Null where the answer is recorded.
  recipe({ alpha }, near, { zero_shot, fine_tuned }) {
    return Math.abs(alpha - near.alpha) < 1e-9 ? null : { [zero_shot]: 1 - alpha, [fine_tuned]: alpha };
  },

  waiting: ({ alpha }) => `alpha ${shortNumber(alpha)}`,

  moved(base, { alpha, shift }, found, live) {
    const scores = scoresOf(found, live);
    const exact = allExact(scores);
    const rounded = Number(alpha.toPrecision(3));
    const at = exact ? rounded : _("{alpha} (coarse)", { alpha: rounded });
    const rule = (figure) => ({ shapes: figure.layout.shapes.map((shape) => ({ ...shape, x0: alpha, x1: alpha })) });
    const draw = {
      frontier(figure) {
        const point = frontierPoint(scores, shift);
        const here = _("Here, at alpha {alpha}: ID {id} (95% interval {id_limits}), {name} {ood} ({ood_limits}).");
        const best = figure.words.lastIndexOf(beginning(_("Best alpha by validation: {alpha}.")));
        const { id, ood, name } = point;
        const said = filledIn(here, {
          alpha: at, name, id: percentWords(id.value), id_limits: limitsWords(id.interval), ood: percentWords(ood.value), ood_limits: limitsWords(ood.interval),
        });
        const words = `${figure.words.slice(0, figure.words.indexOf(beginning(here)))}${said} ${figure.words.slice(best)}`;
        return frontierMoved(figure, point, exact, { label: _("this alpha"), words });
      },
      curves(figure) {
        const rows = scores.map(({ name, value }) => `${name} ${percentWords(value)}`).join(", ");
        const last = figure.words.lastIndexOf(beginning(_("At alpha {alpha}: {rows}.")));
        const words = figure.words.slice(0, last) + _("At alpha {alpha}: {rows}.", { alpha: at, rows });
        return moved(figure, {}, { words, layout: rule(figure) });
      },
      splits(figure) {
        const metric = _("accuracy")[0].toUpperCase() + _("accuracy").slice(1);
        const words = _("{metric} on every split at alpha {alpha}, with 95% intervals: {said}.", { metric, alpha: rounded, said: rowWords(scores) });
        return rowsMoved(figure, scores, words);
      },
      classes: (figure) => moved(figure, {}, { layout: rule(figure) }),
    };
    const { words, ...done } = farWords(scores, live.examples);
    const figures = base.figures.map((figure) => draw[figure.name](figure));
    // The tests of single classes are statistics, which are Python's: they are there at the recorded alphas.
    return { ...base, ...done, words: `${PANEL.waiting({ alpha })}: ${words}`, figures, tables: [] };
  },

  // The images whose prediction changes between the recorded alphas around this one.
  async strips({ alpha, shift }, measure, engine, live) {
    const split = splitOf(shift, live);
    const [low, high] = [live.alphas.findLast((one) => one < alpha), live.alphas.find((one) => one > alpha)];
    const ends = [];
    for (const end of [low, high]) ends.push((await measure({ [live.zero_shot]: 1 - end, [live.fine_tuned]: end }, [split])).splits[split]);
    const flips = flipsBetween(...ends, live.columns[split]);
    const place = (alpha - low) / (high - low);
    const distance = (flip) => Math.abs(flip.crossing - place);
    const shown = flips.sort((a, b) => distance(a) - distance(b) || a.index - b.index).slice(0, SHOWN);
    const pictures = shown.map((flip) => picture(flip, live.classes[split]));
    const count = (what) => flips.filter((flip) => flip[what]).length;
    const places = { split, low: shortNumber(low), high: shortNumber(high), flips: flips.length, total: grouped(ends[0].of), fixed: count("fixed"), broken: count("broken") };
    const titles = {
      images: _("Images of '{split}' that flip between alpha {low} and {high}: {flips} of {total} ({fixed} become right, {broken} become wrong)", places),
      texts: _("Texts of '{split}' that flip between alpha {low} and {high}: {flips} of {total} ({fixed} become right, {broken} become wrong)", places),
      examples: _("Examples of '{split}' that flip between alpha {low} and {high}: {flips} of {total} ({fixed} become right, {broken} become wrong)", places),
    };
    const strip = { title: titles[live.examples], pictures, empty: _("No prediction changes here."), sets: null, large: false };
    return PANEL.illustrated([strip], { shift }, engine, live);
  },

  // Strips with the pixels of their pictures.
  async illustrated(strips, { shift }, engine, live) {
    if (!live.pictures) return strips;
    const split = splitOf(shift, live);
    return Promise.all(strips.map(async (strip) => {
      const { shape, pixels } = await engine.images(split, strip.pictures.map(({ key }) => key));
      return { ...strip, pictures: strip.pictures.map((one, i) => ({ ...one, image: pngOf(shape, pixels[i]) })) };
    }));
  },
};

const splitOf = (shift, { splits }) => shift ?? splits.find(({ role }) => role === "id_test").name;

// Images on which two models differ: `soupwidgets.topics.alpha.flips.find_flips`, in its precision.
function flipsBetween(before, after, columns) {
  const { fround } = Math;
  const flips = [];
  const [olds, news] = [before, after].map((found) => scoresByClass(found, columns));
  before.predictions.forEach((old, i) => {
    const now = after.predictions[i];
    if (old === now) return;
    const [a, b] = [olds(i), news(i)];
    const lead = fround(a[old] - a[now]);
    const total = fround(lead + fround(b[now] - b[old]));
    const label = before.labels[i];
    flips.push({ index: before.places[i], label, before: old, after: now, crossing: total > 0 ? fround(lead / total) : 0.5, fixed: now === label, broken: old === label });
  });
  return flips;
}

function picture({ index, label, before, after, fixed: right, broken }, names) {
  const [verdict, mark, tone] = right ? [_("now right"), "\u2713", "good"] : broken ? [_("now wrong"), "\u2717", "bad"] : [_("still wrong"), "\u2022", "neutral"];
  const said = `${names[before]} \u2192 ${names[after]}`;
  return { image: null, alt: _("image {row}: {label}", { row: index, label: names[label] }), label: names[label], said, verdict, mark, tone, key: index, text: "", whole: "" };
}

// Pixels [height, width] or [height, width, 3] as a data: address.
function pngOf([height, width, colours = 1], pixels) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [width, height];
  const context = canvas.getContext("2d");
  const image = context.createImageData(width, height);
  for (let i = 0; i < width * height; i += 1) {
    for (let c = 0; c < 3; c += 1) image.data[4 * i + c] = pixels[colours * i + (colours === 1 ? 0 : c)];
    image.data[4 * i + 3] = 255;
  }
  context.putImageData(image, 0, 0);
  return canvas.toDataURL("image/png");
}
