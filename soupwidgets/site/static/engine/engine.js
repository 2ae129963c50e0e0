// Measures mixtures of checkpoints in the page, without a kernel: reads what `write_engine` wrote, and shares the work
// out to workers. Needs no cross-origin isolation, so no threads.

const FORMAT = 1;

/**
 * Load a folder of `write_engine`.
 *
 * @param source address of the folder (it ends in "/"), or an object of base64 by file name, as `inlined` makes
 * @param options.manifest name of the manifest: one of fewer checkpoints may lie beside the first
 * @param options.workers how many workers share the images
 * @param options.backend "wasm", or "webgpu" where the browser has it
 */
export async function openEngine(source, { manifest: name = "manifest.json", workers, backend = "wasm" } = {}) {
  const read = typeof source === "string" || source instanceof URL ? fetching(source) : inlined(source);
  const manifest = JSON.parse(new TextDecoder().decode(await read(name)));
  if (manifest.format !== FORMAT) {
    throw new Error(`${name} has format ${manifest.format}, and this page reads ${FORMAT}: export the site again`);
  }
  if (backend === "webgpu") await requireGraphics();
  const library = manifest.library[backend];
  if (!library) throw new Error(`this site cannot compute with ${backend}; it has ${Object.keys(manifest.library)}`);
  const files = [manifest.worker, library.module, library.program, manifest.model, manifest.weights];
  const [worker, module, program, model, weights] = await Promise.all(files.map((file) => content(read, file)));
  const address = URL.createObjectURL(new Blob([worker], { type: "text/javascript" }));
  // Two workers for one graphics processor would stand in each other's way.
  const crew = Array.from({ length: workers ?? (backend === "webgpu" ? 1 : 2) }, () => new Crewman(address));
  const start = { library: await dataAddress(module), program, model, weights, backend, tensors: manifest.tensors };
  try {
    await Promise.all(crew.map((one) => one.start(start)));
  } catch (error) {
    crew.forEach((one) => one.close());
    throw error;
  } finally {
    URL.revokeObjectURL(address);
  }
  return new Engine(manifest, read, crew);
}

async function requireGraphics() {
  const adapter = await globalThis.navigator?.gpu?.requestAdapter();
  if (!adapter) throw new Error('this browser has no WebGPU here: use the backend "wasm"');
}

class Engine {
  #read;
  #crew;
  #loaded = new Map();
  #asked = 0;
  #current = null;

  constructor(manifest, read, crew) {
    this.manifest = manifest;
    this.#read = read;
    this.#crew = crew;
  }

  /**
   * Measure a recipe; an earlier call that is not done is given up.
   *
   * @param recipe coefficients by checkpoint, or { coefficients, by_tensor } as in a recipe's JSON
   * @param options.splits names of splits; all when left out
   * @param options.onCoarse called once with the answer for the first images of every split
   * @param options.signal an AbortSignal
   * @returns { exact, splits: { name: { examples, of, correct, accuracy, predictions, labels, places, logits } } };
   *   it rejects with an AbortError when a newer call, the signal or `close` ends it
   */
  async measure(recipe, { splits, onCoarse, signal } = {}) {
    const chosen = this.#chosen(splits);
    const wanted = this.#wanted(recipe);
    this.#current?.abort(aborted("a newer recipe was asked for"));
    const own = (this.#current = new AbortController());
    const stop = signal ? AbortSignal.any([own.signal, signal]) : own.signal;
    stop.throwIfAborted();
    const id = ++this.#asked;
    this.#crew.forEach((one) => one.post({ kind: "recipe", id, ...wanted }));
    try {
      const first = await this.#passes(id, chosen, (split) => split.pieces.slice(0, 1), stop);
      const labels = await until(stop, Promise.all(chosen.map((split) => this.#places(split))));
      if (onCoarse) onCoarse(answer(chosen, first, labels));
      const others = await this.#passes(id, chosen, (split) => split.pieces.slice(1), stop);
      return answer(chosen, first.map((found, i) => [...found, ...others[i]]), labels);
    } finally {
      if (this.#current === own) {
        this.#current = null;
        // Workers let go of what nobody waits for.
        if (stop.aborted) this.#crew.forEach((one) => one.post({ kind: "recipe", id: -1, ...wanted }));
      }
    }
  }

  /** Fetch all images: nothing is fetched any more when something is measured. */
  async load() {
    await Promise.all(this.manifest.splits.flatMap((split) => [this.#places(split), ...split.pieces.map((piece) => this.#piece(piece))]));
  }

  /**
   * Images of a split, by their places in it.
   *
   * @returns { shape, pixels }: one Uint8Array for each place
   */
  async images(name, wanted) {
    const [split] = this.#chosen([name]);
    const { places } = await this.#places(split);
    const size = split.shape.reduce((a, b) => a * b, 1);
    const cut = async (place) => {
      const at = places.indexOf(place);
      const piece = split.pieces.find(({ start, stop }) => start <= at && at < stop);
      if (!piece) throw new Error(`no image ${place} of ${name} in this site`);
      // Workers hold the pixels; a browser has the file at hand.
      const pixels = new Uint8Array(await content(this.#read, piece));
      return pixels.slice((at - piece.start) * size, (at - piece.start + 1) * size);
    };
    return { shape: split.shape, pixels: await Promise.all(wanted.map(cut)) };
  }

  /** End the workers. */
  close() {
    this.#current?.abort(aborted("the engine was closed"));
    this.#crew.forEach((one) => one.close());
  }

  #chosen(names) {
    const all = this.manifest.splits;
    if (names === undefined) return all;
    return names.map((name) => {
      const split = all.find((one) => one.name === name);
      if (!split) throw new Error(`no split ${name}; there are ${all.map((one) => one.name).join(", ")}`);
      return split;
    });
  }

  #wanted(recipe) {
    const stated = typeof recipe.coefficients === "object" ? recipe : { coefficients: recipe };
    const coefficients = this.#inOrder(stated.coefficients);
    const byTensor = Object.entries(stated.by_tensor ?? {}).map(([name, own]) => [name, this.#inOrder(own)]);
    if (!byTensor.length && !coefficients.some(Boolean)) throw new Error("the recipe has no coefficient but zero");
    return { coefficients, byTensor: Object.fromEntries(byTensor) };
  }

  #inOrder(coefficients) {
    const names = this.manifest.checkpoints;
    const unknown = Object.keys(coefficients).filter((name) => !names.includes(name));
    if (unknown.length) throw new Error(`not in this site: ${unknown.join(", ")}; it has ${names.join(", ")}`);
    const values = names.map((name) => (Object.hasOwn(coefficients, name) ? coefficients[name] : 0));
    if (!values.every(Number.isFinite)) throw new Error("a coefficient is not a finite number");
    return values;
  }

  // Of every split, of some of its pieces, what the workers found.
  async #passes(id, splits, which, stop) {
    const waiting = splits.map((split) =>
      Promise.all(which(split).map((piece) => this.#pass(id, split, piece, stop))),
    );
    return until(stop, Promise.all(waiting));
  }

  async #pass(id, split, piece, stop) {
    await this.#piece(piece);
    if (stop.aborted) return [];
    const { shape, columns } = split;
    return Promise.all(this.#crew.map((one) => one.pass({ kind: "pass", id, key: piece.file, shape, columns })));
  }

  // Fetch a piece's images once, and give each worker its share.
  #piece(piece) {
    return this.#once(piece, (pixels) => {
      const count = piece.stop - piece.start;
      const size = pixels.byteLength / count;
      this.#crew.forEach((one, i) => {
        const [from, to] = [i, i + 1].map((part) => Math.floor((count * part) / this.#crew.length) * size);
        one.post({ kind: "images", key: piece.file, pixels: pixels.slice(from, to) });
      });
    });
  }

  #places(split) {
    return this.#once(split.places, (bytes) => {
      const all = new Int32Array(bytes);
      return { places: all.slice(0, split.examples), labels: all.slice(split.examples) };
    });
  }

  #once(file, use) {
    if (!this.#loaded.has(file)) {
      const loading = content(this.#read, file).then(use);
      // What failed may be there the next time.
      loading.catch(() => this.#loaded.delete(file));
      this.#loaded.set(file, loading);
    }
    return this.#loaded.get(file);
  }
}

function answer(splits, found, labels) {
  const scored = splits.map((split, i) => [split.name, score(split, found[i].flat(), labels[i])]);
  const whole = scored.every(([, one], i) => one.examples === splits[i].examples);
  return { exact: whole, splits: Object.fromEntries(scored) };
}

// Pieces and workers' shares follow each other in the order of the images.
function score(split, found, { places, labels }) {
  const logits = joined(Float32Array, found.map((one) => one.logits));
  const predictions = joined(Int32Array, found.map((one) => one.predictions));
  const examples = predictions.length;
  let correct = 0;
  for (let i = 0; i < examples; i++) correct += predictions[i] === labels[i];
  return {
    examples,
    of: split.of,
    correct,
    accuracy: correct / examples,
    predictions,
    labels: labels.subarray(0, examples),
    places: places.subarray(0, examples),
    logits,
  };
}

function joined(Kind, parts) {
  const all = new Kind(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

function aborted(reason) {
  return new DOMException(reason, "AbortError");
}

// The promise, or the signal's reason as soon as it is given.
function until(signal, promise) {
  return new Promise((resolve, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    promise.then(resolve, reject);
  });
}
