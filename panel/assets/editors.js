// What a value is changed with, right for its type. An editor shows the live value until it is touched.

import { el, setAttr } from "./dom.js";
import { isArray, isText, label, limitsText, number, numeric, textOf } from "./format.js";

/** Elements an array may have to be edited as text. */
const EDITABLE = 2000;

/** The editor of a PV, or `null` when its values cannot be typed. `put(value)` sends. */
export function editorOf(meta, name, put) {
  if (!meta.writable) return null;
  if (meta.kind === "enum" && meta.count === 1) return new Choice(meta, name, put);
  if (isText(meta)) return new Field(meta, name, put, text);
  if (!isArray(meta)) return new Field(meta, name, put, meta.kind === "string" ? text : oneNumber);
  return meta.count <= EDITABLE ? new Field(meta, name, put, list) : null;
}

const text = { show: textOf, parse: (typed) => ({ value: typed }) };

const oneNumber = { show: number, parse: parseNumber, step: true };

const list = {
  show: (value, meta) => value.map((each) => (meta.kind === "string" ? String(each) : number(each, meta))).join(", "),
  parse(typed, meta) {
    const words = typed.trim().replace(/^\[|\]$/g, "").split(/[\s,;]+/).filter(Boolean);
    if (meta.kind === "string") return { value: words };
    const parsed = words.map((word) => parseNumber(word, {}));
    const bad = parsed.find(({ error }) => error);
    if (bad) return bad;
    if (parsed.length > meta.count) return { error: `${parsed.length} elements are more than ${meta.count}` };
    return { value: parsed.map(({ value }) => value) };
  },
};

/** A number that the PV takes, or why not. */
export function parseNumber(typed, meta) {
  const word = typed.trim();
  const special = { nan: "NaN", inf: "Infinity", "+inf": "Infinity", "-inf": "-Infinity", infinity: "Infinity", "-infinity": "-Infinity" }[word.toLowerCase()];
  const value = special ?? Number(word);
  if (word === "" || (!special && Number.isNaN(value))) return { error: `“${word}” is not a number` };
  if (["short", "long", "char"].includes(meta.kind) && !Number.isInteger(value)) return { error: `${word} is not a whole number` };
  const range = meta.limits?.control;
  const [low, high] = (range ?? []).map(numeric);
  const x = numeric(value);
  if (low < high && !(x >= low && x <= high)) {
    return { error: `${word} is outside ${limitsText(range, meta)}${meta.units ? ` ${meta.units}` : ""}` };
  }
  return { value };
}

/** A typed value: Enter sets it, Escape shows the live value again. */
class Field {
  #meta;
  #form;
  #put;
  #shown = "";
  #set;

  constructor(meta, name, put, form) {
    [this.#meta, this.#put, this.#form] = [meta, put, form];
    this.input = el("input", {
      type: "text", "aria-label": `Set ${name}`, autocomplete: "off", spellcheck: "false", enterkeyhint: "send",
      // The decimal keys of phones have no sign.
      inputmode: form.step && meta.limits?.control?.[0] >= 0 ? "decimal" : "text",
      class: form.step ? "number" : "text",
      oninput: () => this.#touch(),
      onkeydown: (event) => this.#key(event),
      onfocus: () => this.input.select(),
    });
    this.#set = el("button", { type: "button", class: "set", text: "Set", hidden: true, onclick: () => this.#send() });
    this.node = el("span", { class: "editor" }, this.input, form.step && meta.units ? el("span", { class: "units", text: meta.units }) : null, this.#set);
    const limits = limitsText(meta.limits?.control, meta);
    if (limits) this.input.title = `${limits} ${meta.units ?? ""}`.trim();
  }

  get dirty() {
    return !this.#set.hidden;
  }

  show({ value, of }) {
    // Only its beginning came: set again, the rest would be lost.
    this.input.readOnly = of !== undefined;
    this.#shown = this.#form.show(value, this.#meta);
    if (!this.dirty && this.input.value !== this.#shown) this.input.value = this.#shown;
  }

  enable(hint) {
    this.input.disabled = hint !== "";
    if (hint) this.#clean();
    this.node.title = hint;
  }

  #touch() {
    this.#set.hidden = false;
    this.node.classList.add("dirty");
    this.#complain("");
  }

  #clean() {
    this.#set.hidden = true;
    this.node.classList.remove("dirty");
    this.input.value = this.#shown;
    this.#complain("");
  }

  #complain(why) {
    setAttr(this.input, "aria-invalid", String(why !== ""));
    this.complain?.(why);
  }

  #key(event) {
    if (event.key === "Enter") this.#send();
    else if (event.key === "Escape" && this.dirty) {
      this.#clean();
      event.stopPropagation();
    } else if (this.#form.step && (event.key === "ArrowUp" || event.key === "ArrowDown")) this.#step(event);
    else return;
    event.preventDefault();
  }

  #step(event) {
    const whole = !["double", "float"].includes(this.#meta.kind);
    const digits = whole ? 0 : Math.min(this.#meta.precision ?? 0, 12);
    const size = 10 ** -digits * (event.shiftKey ? 100 : event.altKey ? 1 : 10) * (whole ? 0.1 : 1);
    const next = Number(this.input.value) + (event.key === "ArrowUp" ? 1 : -1) * (whole ? Math.max(1, size) : size);
    if (Number.isFinite(next)) this.input.value = next.toFixed(digits);
    this.#touch();
  }

  async #send() {
    const { value, error } = this.#form.parse(this.input.value, this.#meta);
    if (error) return this.#complain(error);
    const typed = this.input.value;
    this.node.setAttribute("aria-busy", "true");
    this.#set.hidden = true;
    this.node.classList.remove("dirty");
    const { ok, reason } = await this.#put(value);
    this.node.removeAttribute("aria-busy");
    if (ok || this.dirty) return;
    this.input.value = typed;
    this.#touch();
    this.#complain(reason);
  }
}

/** A drop-down. The mouse sets at once; arrow keys only choose, Enter sets. */
class Choice {
  #meta;
  #put;
  #shown = "";
  #keyed = false;

  constructor(meta, name, put) {
    [this.#meta, this.#put] = [meta, put];
    this.input = el("select", {
      "aria-label": `Set ${name}`,
      onpointerdown: () => { this.#keyed = false; },
      onkeydown: (event) => this.#key(event),
      onchange: () => this.#change(),
      onblur: () => this.#clean(),
    }, meta.labels.map((text, at) => el("option", { value: String(at), text: text.trim() || "(none)" })));
    this.node = el("span", { class: "editor" }, this.input);
  }

  get dirty() {
    return this.node.classList.contains("dirty");
  }

  show({ value }) {
    this.#shown = String(typeof value === "number" ? value : this.#meta.labels.indexOf(value));
    if (!this.dirty) this.input.value = this.#shown;
  }

  enable(hint) {
    this.input.disabled = hint !== "";
    this.node.title = hint;
  }

  #clean() {
    this.node.classList.remove("dirty");
    this.input.value = this.#shown;
    this.complain?.("");
  }

  #key(event) {
    if (event.key === "Enter" && this.dirty) this.#send();
    else if (event.key === "Escape" && this.dirty) this.#clean();
    else {
      this.#keyed = true;
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  }

  #change() {
    if (!this.#keyed) return this.#send();
    this.node.classList.add("dirty");
    this.complain?.(`Enter sets ${label(Number(this.input.value), this.#meta)}, Escape does not`, true);
  }

  async #send() {
    const value = Number(this.input.value);
    this.node.classList.remove("dirty");
    this.complain?.("");
    this.node.setAttribute("aria-busy", "true");
    const { ok, reason } = await this.#put(value);
    this.node.removeAttribute("aria-busy");
    if (ok) return;
    this.#clean();
    this.complain?.(reason);
  }
}
