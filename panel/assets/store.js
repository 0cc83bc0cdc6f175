// What the page follows: one subscription per PV and depth, however many parts of the page show it.

/** How long a subscription outlives its last user, in ms: scrolling back and forth costs no messages. */
const LINGER = 1500;

export class Store {
  #connection;
  #entries = new Map();
  #byId = new Map();
  #nextId = 1;
  #dirty = new Set();
  #undrawn = 0;
  #frame = 0;
  #puts = new Map();

  constructor(connection) {
    this.#connection = connection;
    connection.on("hello", () => this.#resume());
    connection.on("lost", () => this.#lost());
    connection.on("meta", (message) => this.#change(message.id, (entry) => {
      entry.meta = message;
      entry.gone = null;
    }));
    connection.on("updates", (message) => this.#updates(message));
    for (const type of ["gone", "refused"]) {
      connection.on(type, (message) => this.#change(message.id, (entry) => { entry.gone = message.reason; }));
    }
    connection.on("put", (message) => this.#answered(message));
  }

  /**
   * Follows a PV: `show(entry)` is called within an animation frame whenever something of it is new.
   * An entry has `pv`, `meta`, `update` and `gone` (a reason). Returns what ends it.
   */
  follow(pv, show, { depth = "plot", remote = false } = {}) {
    const key = `${remote ? "remote " : ""}${depth} ${pv}`;
    let entry = this.#entries.get(key);
    if (!entry) entry = this.#add(key, pv, depth, remote);
    clearTimeout(entry.timer);
    entry.users.add(show);
    if (entry.meta || entry.update || entry.gone) this.#mark(entry);
    return () => {
      entry.users.delete(show);
      if (entry.users.size === 0) {
        clearTimeout(entry.timer);
        entry.timer = setTimeout(() => this.#drop(entry), LINGER);
      }
    };
  }

  /** Puts a value; the promise holds `{ok, reason}` once the put is complete. */
  put(pv, value, remote = false) {
    const id = this.#nextId++;
    return new Promise((resolve) => {
      if (this.#connection.send({ op: "put", id, pv, value, remote })) this.#puts.set(id, resolve);
      else resolve({ ok: false, reason: "there is no connection" });
    });
  }

  /** Runs something within the next frame, together with all that is shown then. */
  inFrame(work) {
    this.#dirty.add({ users: new Set([work]) });
    this.#schedule();
  }

  #add(key, pv, depth, remote) {
    const entry = { key, id: this.#nextId++, pv, depth, remote, users: new Set(), meta: null, update: null, gone: null, timer: 0 };
    this.#entries.set(key, entry);
    this.#byId.set(entry.id, entry);
    this.#subscribe(entry);
    return entry;
  }

  #drop(entry) {
    this.#entries.delete(entry.key);
    this.#byId.delete(entry.id);
    this.#dirty.delete(entry);
    this.#connection.send({ op: "unsubscribe", id: entry.id });
  }

  #subscribe(entry) {
    const { id, pv, depth, remote } = entry;
    this.#connection.send({ op: "subscribe", id, pv, depth, remote });
  }

  #resume() {
    for (const entry of this.#entries.values()) this.#subscribe(entry);
  }

  #lost() {
    this.#undrawn = 0;
    for (const resolve of this.#puts.values()) {
      resolve({ ok: false, reason: "the connection was lost: whether it was done is not known" });
    }
    this.#puts.clear();
  }

  #answered(message) {
    this.#puts.get(message.id)?.(message);
    this.#puts.delete(message.id);
  }

  #updates(message) {
    for (const update of message.list) this.#change(update.id, (entry) => { entry.update = update; });
    this.#undrawn = message.n;
    this.#schedule();
  }

  #change(id, change) {
    const entry = this.#byId.get(id);
    if (!entry) return;
    change(entry);
    this.#mark(entry);
  }

  #mark(entry) {
    this.#dirty.add(entry);
    this.#schedule();
  }

  #schedule() {
    if (this.#frame === 0) this.#frame = requestAnimationFrame(() => this.#draw());
  }

  #draw() {
    this.#frame = 0;
    const dirty = this.#dirty;
    this.#dirty = new Set();
    for (const entry of dirty) {
      for (const show of entry.users) show(entry);
    }
    if (this.#undrawn > 0) this.#connection.send({ op: "ack", n: this.#undrawn });
    this.#undrawn = 0;
  }
}
