// Mixes checkpoints and puts its share of the images through the network; one of a few that work side by side.
// `fzstd` stands before it in the same script.

// How many images go in at once: few enough that a newer recipe is noticed soon.
const MOST_IMAGES = 50;
const MOST_PIXELS = 200_000;

let ort, session, config;
// The weights as they are stored, and those of the recipe that was mixed last.
let stored, halves;
let feeds, mixed;
const images = new Map();
const queue = [];
let wanted = { id: -1 };
let working = false;

const handlers = {
  async start({ library, program, model, weights, ...rest }) {
    config = rest;
    ort = await import(library);
    ort.env.wasm.numThreads = 1;
    ort.env.wasm.wasmBinary = fzstd.decompress(new Uint8Array(program));
    ort.env.logLevel = "error";
    session = await ort.InferenceSession.create(model, {
      executionProviders: [config.backend],
      logSeverityLevel: 3,
    });
    stored = config.tensors.map((tensor) => values(new Uint8Array(weights, tensor.start), tensor));
    halves = halfTable();
    postMessage({ kind: "ready" });
  },
  images({ key, pixels }) {
    images.set(key, new Uint8Array(pixels));
  },
  recipe(recipe) {
    wanted = recipe;
    queue.length = 0;
  },
  pass(job) {
    queue.push(job);
    if (!working) work();
  },
};

onmessage = async ({ data }) => {
  try {
    await handlers[data.kind](data);
  } catch (error) {
    failed(error, data.id);
  }
};

function failed(error, id) {
  postMessage({ kind: "error", id, message: String(error?.message ?? error) });
}

async function work() {
  working = true;
  while (queue.length) {
    const job = queue.shift();
    try {
      await pass(job);
    } catch (error) {
      failed(error, job.id);
    }
  }
  working = false;
}

async function pass({ id, key, shape, columns }) {
  const recipe = wanted;
  if (mixed !== recipe) {
    feeds = mix(recipe);
    mixed = recipe;
  }
  const pixels = images.get(key);
  const size = shape.reduce((a, b) => a * b, 1);
  const count = pixels.length / size;
  const step = Math.max(1, Math.min(MOST_IMAGES, Math.floor(MOST_PIXELS / size)));
  const batches = [];
  for (let start = 0; start < count; start += step) {
    const stop = Math.min(start + step, count);
    const batch = new ort.Tensor("uint8", pixels.subarray(start * size, stop * size), [stop - start, ...shape]);
    const { logits } = await session.run({ ...feeds, images: batch });
    batches.push(logits.data);
    await breath();
    // A newer recipe came in meanwhile.
    if (wanted !== recipe) return;
  }
  const logits = joined(batches);
  const predictions = predicted(logits, count, columns);
  postMessage({ kind: "passed", id, key, logits, predictions }, [logits.buffer, predictions.buffer]);
}

// Lets messages in; a timer would wait four milliseconds.
const channel = new MessageChannel();
function breath() {
  return new Promise((resolve) => {
    channel.port1.onmessage = resolve;
    channel.port2.postMessage(null);
  });
}

function joined(batches) {
  const all = new Float32Array(batches.reduce((length, batch) => length + batch.length, 0));
  let at = 0;
  for (const batch of batches) {
    all.set(batch, at);
    at += batch.length;
  }
  return all;
}

// The class with the largest logit, or -1 where one is not finite; a class that several outputs mean has their largest.
function predicted(logits, count, columns) {
  const outputs = count ? logits.length / count : 0;
  const found = new Int32Array(count);
  for (let image = 0; image < count; image++) {
    const row = logits.subarray(image * outputs, (image + 1) * outputs);
    const scores = columns ? columns.map((group) => Math.max(...group.map((column) => row[column]))) : row;
    found[image] = scores.every(Number.isFinite) ? largest(scores) : -1;
  }
  return found;
}

function largest(scores) {
  let best = 0;
  for (let i = 1; i < scores.length; i++) if (scores[i] > scores[best]) best = i;
  return best;
}

// The weighted sum of the checkpoints, tensor by tensor.
function mix({ coefficients, byTensor }) {
  return Object.fromEntries(
    config.tensors.map((tensor, number) => {
      const own = byTensor[tensor.name] ?? coefficients;
      const shares = tensor.rows === 1 ? [own.reduce((a, b) => a + b, 0)] : own;
      const sum = weightedSum(stored[number], shares, tensor.dtype === "float16" ? halves : null);
      return [tensor.name, new ort.Tensor("float32", sum, tensor.shape)];
    }),
  );
}

function weightedSum(rows, shares, table) {
  const length = rows.length / shares.length;
  const sum = new Float64Array(length);
  shares.forEach((share, row) => {
    if (share === 0) return;
    const own = rows.subarray(row * length, (row + 1) * length);
    if (table) for (let i = 0; i < length; i++) sum[i] += share * table[own[i]];
    else for (let i = 0; i < length; i++) sum[i] += share * own[i];
  });
  return new Float32Array(sum);
}

// Values are stored byte by byte: the lowest of all, then the next.
function values(planes, { dtype, rows, shape }) {
  const count = shape.reduce((a, b) => a * b, rows);
  const width = dtype === "float16" ? 2 : 4;
  const bits = new (width === 2 ? Uint16Array : Uint32Array)(count);
  for (let byte = 0; byte < width; byte++) {
    for (let i = 0; i < count; i++) bits[i] |= planes[byte * count + i] << (8 * byte);
  }
  return width === 2 ? bits : new Float32Array(bits.buffer);
}

// What every float16 is as float32.
function halfTable() {
  return Float32Array.from({ length: 1 << 16 }, (_, bits) => {
    const sign = bits >> 15 ? -1 : 1;
    const exponent = (bits >> 10) & 31;
    const fraction = (bits & 1023) / 1024;
    if (exponent === 31) return fraction ? NaN : sign * Infinity;
    return sign * (exponent ? 2 ** (exponent - 15) * (1 + fraction) : 2 ** -14 * fraction);
  });
}
