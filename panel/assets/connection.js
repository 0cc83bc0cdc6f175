// The WebSocket: beats, silence, retries. Knows nothing of PVs.

/** Silence after which the connection counts as lost, in ms; the server beats every 500. */
const SILENCE = 1700;
const CHECK = 150;
const RETRY = [200, 500, 1000, 2000];

export class Connection {
  #url;
  #socket = null;
  #heard = 0;
  #tries = 0;
  #handlers = new Map();
  #retry = 0;

  constructor(url) {
    this.#url = url;
  }

  /** Calls back with each message of a type; also `lost`. */
  on(type, handler) {
    const list = this.#handlers.get(type) ?? [];
    this.#handlers.set(type, [...list, handler]);
  }

  start() {
    setInterval(() => this.#check(), CHECK);
    this.#open();
  }

  get open() {
    return this.#socket?.readyState === WebSocket.OPEN;
  }

  /** False when there is nobody to send to. */
  send(message) {
    if (!this.open) return false;
    this.#socket.send(JSON.stringify(message));
    return true;
  }

  #emit(type, message) {
    for (const handler of this.#handlers.get(type) ?? []) handler(message);
  }

  #open() {
    const socket = new WebSocket(this.#url);
    this.#socket = socket;
    this.#heard = performance.now();
    socket.onmessage = (event) => {
      if (socket === this.#socket) this.#take(event.data);
    };
    socket.onclose = () => {
      if (socket === this.#socket) this.#lose();
    };
  }

  #take(data) {
    this.#heard = performance.now();
    const message = JSON.parse(data);
    if (message.type === "hello") this.#tries = 0;
    this.#emit(message.type, message);
  }

  #check() {
    if (this.#socket && performance.now() - this.#heard > SILENCE) this.#lose();
  }

  #lose() {
    const socket = this.#socket;
    // A stopped server never answers the closing handshake: its socket is forgotten at once.
    this.#socket = null;
    socket.onmessage = null;
    socket.onclose = null;
    socket.close();
    this.#emit("lost", {});
    const wait = RETRY[Math.min(this.#tries, RETRY.length - 1)];
    this.#tries += 1;
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => this.#open(), wait);
  }
}
