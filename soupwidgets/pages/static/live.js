// The third source of a panel's answers: the page itself. What was recorded is shown at once; what nobody recorded is
// mixed and measured here. Of what is asked the newest wins, and its coarse answer comes first.

const told = JSON.parse(document.getElementById("page").textContent);
const _ = speaker(told.phrases);
const here = new URL(".", location.href);
const read = fetching(new URL("data/", here));
const unpacked = async (file) => new TextDecoder().decode(await content(read, file));
// Answers are kept, for a shift may be chosen without moving anything: so many of them.
const KEPT = 24;

// Logits of the split's classes, of one image; a class that several outputs mean has the largest of theirs.
function scoresByClass({ logits, predictions }, columns) {
  const width = logits.length / predictions.length;
  return (i) => {
    const row = logits.subarray(i * width, (i + 1) * width);
    return columns ? columns.map((group) => Math.max(...group.map((column) => row[column]))) : row;
  };
}

async function openPage() {
  // Both are needed for the first picture.
  const plotlyText = unpacked(told.plotly);
  plotlyText.catch(() => {});
  const recorded = JSON.parse(await unpacked(told.content));
  const { live } = recorded;
  const answers = recordedAnswers(recorded);
  const isButton = ({ kind }) => kind === "button";
  const presses = Object.fromEntries(recorded.controls.filter(isButton).map(({ name }) => [name, 0]));
  const offered = (name) => name in recorded.varied || live.controls.includes(name);
  const measured = new Map();
  let [wanted, working, engine, opening] = [null, false, null, null];

  const stateOf = (model) => Object.fromEntries(recorded.controls.filter((one) => !isButton(one)).map(({ name }) => [name, model.get(name)]));

  function ask(model) {
    for (const name of Object.keys(presses)) {
      const pressed = model.get(name) ?? 0;
      if (pressed !== presses[name]) PANEL.press(name, model, live);
      presses[name] = pressed;
    }
    const near = answers.nearest(model.get);
    for (const [name, value] of Object.entries(near)) if (!PANEL.free.includes(name)) model.set(name, value);
    const state = stateOf(model);
    const base = answers.view(near);
    const recipe = PANEL.recipe(state, near, live);
    // One that has shown its first answer has had its turn.
    if (wanted?.shown) wanted.stop.abort();
    wanted = recipe && { recipe, base, state, stop: new AbortController(), shown: false };
    model.tell({ error: "", heard: model.get("asked"), controls: changedControls(recorded.controls, base.controls ?? {}, offered) });
    if (!recipe) {
      const view = { ...(PANEL.unmixed?.(base, state) ?? base), state };
      model.tell({ view });
      // What cannot be loaded is said where it is loaded.
      return illustrate(model, view).catch(() => {});
    }
    const known = measured.get(keyOf(recipe));
    if (known) model.tell({ view: viewOf(wanted, known) });
    else {
      const waits = engine ? _("measuring in this page") : _("waits for what measures, which is loading");
      model.tell({ view: { ...(model.get("view") ?? base), words: `${PANEL.waiting(state)}: ${waits}`, done: 0, total: 1 } });
    }
    return work(model);
  }

  const keyOf = (recipe, splits) => JSON.stringify([recipe, splits]);
  // Pictures take longer than figures; those that are there stay until the new ones are found.
  const viewOf = ({ base, state }, found) => ({ ...PANEL.moved(base, state, found, live), strips: model.get("view").strips, state });

  async function measure(recipe, splits, options) {
    const key = keyOf(recipe, splits);
    if (!measured.has(key)) {
      measured.set(key, await engine.measure(recipe, { splits, ...options }));
      if (measured.size > KEPT) measured.delete(measured.keys().next().value);
    }
    return measured.get(key);
  }

  // Recorded pictures are without their pixels, which the engine has.
  async function illustrate(model, view) {
    if (!PANEL.illustrated) return;
    await opened(model);
    const strips = await PANEL.illustrated(view.strips, view.state, engine, live);
    if (!wanted && same(model.get("view").state, view.state)) model.tell({ view: { ...view, strips } });
  }

  async function work(model) {
    if (working) return;
    working = true;
    try {
      await opened(model);
      while (wanted) {
        const one = wanted;
        await answerTo(one, model);
        if (wanted === one) wanted = null;
      }
    } catch (error) {
      wanted = null;
      model.tell({ error: _("This page cannot measure: {error}", { error: error.message }) });
    } finally {
      working = false;
    }
  }

  async function answerTo(one, model) {
    const { signal } = one.stop;
    // While something newer waits, an older answer still says where it goes; beside a recorded one it says nothing.
    const show = (view) => wanted && model.tell({ view });
    try {
      const begun = performance.now();
      const onCoarse = (found) => {
        show(viewOf(one, found));
        one.shown = true;
        if (wanted !== one) one.stop.abort();
      };
      const found = await measure(one.recipe, undefined, { signal, onCoarse });
      const view = viewOf(one, found);
      show(view);
      const took = _("The last took {seconds} s.", { seconds: ((performance.now() - begun) / 1000).toFixed(1) });
      model.tell({ filled: { words: `${live.ready} ${took}`, done: 1, total: 1 } });
      if (PANEL.strips && wanted === one) {
        const strips = await PANEL.strips(one.state, (recipe, splits) => measure(recipe, splits, { signal }), engine, live);
        if (wanted === one) show({ ...view, strips });
      }
    } catch (error) {
      if (error.name !== "AbortError") throw error;
    }
  }

  function opened(model) {
    opening ??= (async () => {
      model.tell({ filled: { words: _("loading what measures ({megabytes} MB)", told), done: 0, total: 1 } });
      // WASM has the same numbers everywhere; "?backend=webgpu" asks for the graphics processor.
      const backend = new URLSearchParams(location.search).get("backend") ?? "wasm";
      engine = await openEngine(new URL("engine/", here), { manifest: told.manifest, backend });
      model.tell({ filled: { words: live.ready, done: 1, total: 1 } });
      document.documentElement.dataset.engine = "ready";
    })();
    // What failed may be there the next time.
    opening.catch(() => (opening = null));
    return opening;
  }

  const model = pageModel(recorded, ask, async () => {
    try {
      definePlotly(await plotlyText);
    } catch (error) {
      model.tell({ error: _("This page cannot draw: {error}", { error: error.message }) });
    }
  });
  followAddress(model, [...new Set([...Object.keys(recorded.varied), ...PANEL.free])], recorded);
  const panel = document.getElementById("panel");
  panel.replaceChildren();
  render({ model, el: panel });
  document.documentElement.dataset.panel = "shown";
  try {
    await opened(model);
    // So that the first answer does not wait for images, and nothing is missing without a network.
    await engine.load();
  } catch (error) {
    model.tell({ error: _("This page cannot measure: {error}", { error: error.message }) });
  }
  // A browser that keeps nothing shows the page all the same.
  await keepForLater().catch(() => {});
}

// A worker of the site answers from what is kept here when there is no network.
async function keepForLater() {
  if (!navigator.serviceWorker) return;
  await navigator.serviceWorker.register(new URL("offline.js", here));
  const files = performance.getEntriesByType("resource").map(({ name }) => name).filter((name) => name.startsWith(here.href));
  const cache = await caches.open("soupwidgets");
  await cache.addAll(new Set([location.href.split("#")[0], here.href, ...files]));
  document.documentElement.dataset.offline = "ready";
}

openPage().catch((error) => {
  document.getElementById("panel").replaceChildren(h("p", { role: "alert" }, _("This page cannot be shown: {error}", { error: error.message })));
});
