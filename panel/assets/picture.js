// An image PV as a picture: a new one is asked for when the PV has changed, one at a time.

import { el, setText } from "./dom.js";
import { timeText } from "./format.js";

/** Shortest time between two requests, in ms. */
const PACE = 100;

export class Picture {
  #store;
  #name;
  #image = el("img", { alt: "", class: "picture", hidden: true });
  #said = el("figcaption", { class: "muted", text: "waiting for the first frame" });
  #observer;
  #end = null;
  #counter = 0;
  #wanted = false;
  #busy = false;
  #url = null;

  constructor(store, name) {
    [this.#store, this.#name] = [store, name];
    this.#image.alt = `Picture of ${name}`;
    this.node = el("figure", { class: "card frame-of", "data-picture": name },
      el("header", {}, el("h3", { text: name })), this.#image, this.#said);
    this.#observer = new IntersectionObserver(([{ isIntersecting }]) => this.#see(isIntersecting));
    this.#observer.observe(this.node);
  }

  close() {
    this.#observer.disconnect();
    this.#see(false);
    if (this.#url) URL.revokeObjectURL(this.#url);
  }

  #see(seen) {
    if (seen === (this.#end !== null)) return;
    if (!seen) {
      this.#end();
      this.#end = null;
      return;
    }
    // Some elements of the array tell that there is a new one, and that somebody looks.
    this.#end = this.#store.follow(this.#name, ({ update }) => this.#changed(update), { depth: "text" });
  }

  #changed(update) {
    if (!update) return;
    this.#counter += 1;
    this.#wanted = true;
    this.#stamp = update.time;
    this.#next();
  }

  #stamp = 0;

  async #next() {
    if (this.#busy || !this.#wanted || !this.#end) return;
    this.#wanted = false;
    this.#busy = true;
    const since = performance.now();
    try {
      await this.#fetch();
    } catch (error) {
      setText(this.#said, `no picture: ${error.message}`);
    }
    const wait = Math.max(0, PACE - (performance.now() - since));
    setTimeout(() => {
      this.#busy = false;
      this.#next();
    }, wait);
  }

  async #fetch() {
    const stamp = this.#stamp;
    const answer = await fetch(`/api/image/${encodeURIComponent(this.#name)}.png?counter=${this.#counter}`);
    if (!answer.ok) throw new Error((await answer.json()).error);
    const url = URL.createObjectURL(await answer.blob());
    this.#image.src = url;
    await this.#image.decode();
    if (this.#url) URL.revokeObjectURL(this.#url);
    this.#url = url;
    this.#image.hidden = false;
    setText(this.#said, `${this.#image.naturalWidth} × ${this.#image.naturalHeight}, ${timeText(stamp)}`);
  }
}
