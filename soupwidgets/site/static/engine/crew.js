// One worker, and who waits for it.
class Crewman {
  #waiting = new Map();

  constructor(address) {
    this.worker = new Worker(address);
    this.worker.onmessage = ({ data }) => this.#told(data);
    this.worker.onerror = (event) => this.#failed(event.message || "the worker cannot be started");
  }

  post(message) {
    this.worker.postMessage(message);
  }

  start(message) {
    return this.#ask("ready", { kind: "start", ...message });
  }

  pass(message) {
    return this.#ask(`${message.id} ${message.key}`, message);
  }

  close() {
    this.worker.terminate();
  }

  #ask(key, message) {
    // Nobody waits any more for recipes before this one.
    for (const [old, { id }] of this.#waiting) if (id !== message.id) this.#waiting.delete(old);
    return new Promise((resolve, reject) => {
      this.#waiting.set(key, { id: message.id, resolve, reject });
      this.post(message);
    });
  }

  #told({ kind, message, ...found }) {
    if (kind === "error") return this.#failed(message, found.id);
    const key = kind === "ready" ? kind : `${found.id} ${found.key}`;
    this.#waiting.get(key)?.resolve(found);
    this.#waiting.delete(key);
  }

  // What an older recipe died of is nobody's concern.
  #failed(message, id) {
    for (const [key, one] of this.#waiting) {
      if (id !== undefined && one.id !== id) continue;
      one.reject(new Error(message));
      this.#waiting.delete(key);
    }
  }
}
