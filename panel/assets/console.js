// The command line of a device: history, completion, progress, abort.

import { el, setAttr, setText } from "./dom.js";
import { duration, label, numeric, textOf, timeText, valueText } from "./format.js";

const HISTORY = 100;
const LINES = 200;
const ON = (value) => value === 1 || value === "Busy";

export function consoleCard(scope, device) {
  return new Console(scope, device).node;
}

class Console {
  #scope;
  #device;
  #key;
  #history;
  #at = 0;
  #draft = "";
  #said = null;
  #lines = el("ol", { class: "transcript", "aria-live": "polite", "aria-label": "Transcript" });
  #input;
  #hint = el("p", { class: "muted hint" });

  constructor(scope, device) {
    [this.#scope, this.#device] = [scope, device];
    this.#key = `panel-history ${device.name}`;
    this.#history = JSON.parse(localStorage.getItem(this.#key) ?? "[]");
    this.#at = this.#history.length;
    this.#input = el("input", {
      type: "text", class: "command", "aria-label": `Command to ${device.title}`, autocomplete: "off", autocapitalize: "off", spellcheck: "false", enterkeyhint: "send",
      placeholder: device.commands.length ? device.commands[0].call : "[1, 2, 3]",
      onkeydown: (event) => this.#keyed(event), oninput: () => this.#explain(),
    });
    const send = scope.button("Send", () => this.#send(), { class: "primary" });
    this.node = el("section", { class: "card console", "aria-label": "Command console", "data-panel": "console" },
      el("header", {}, el("h2", { text: "Commands" }), this.#state()),
      this.#progress(),
      el("div", { class: "prompt" }, this.#input, send, this.#abort()),
      this.#hint, this.#commands(), this.#lines);
    scope.access((state) => {
      this.#input.disabled = state.hint !== "";
      this.#input.title = state.hint;
      if (state.hint) setText(this.#hint, state.hint);
      else this.#explain();
    });
    this.#follow("message", ({ update }) => this.#message(textOf(update.value), update.time));
  }

  #follow(name, show) {
    const pv = this.#device.templatePv(name);
    if (!pv) return;
    this.#scope.follow(pv, (entry) => {
      if (entry.meta && entry.update && !entry.gone) show(entry);
    });
  }

  #state() {
    const [state, ack, queue, refused] = [el("span", { class: "chip", "data-state": "" }), ...Array.from({ length: 3 }, () => el("span", { class: "muted" }))];
    this.#follow("STATE", ({ update, meta }) => {
      const word = label(update.value, meta);
      setText(state, word);
      setAttr(state, "data-state", word);
    });
    this.#follow("ACK", ({ update }) => setText(ack, `ACK ${textOf(update.value)}`));
    this.#follow("QUEUED", ({ update }) => setText(queue, update.value > 0 ? `${update.value} queued` : ""));
    this.#follow("REFUSED", ({ update }) => setText(refused, update.value > 0 ? `${update.value} refused` : ""));
    return el("span", { class: "states" }, refused, queue, ack, state);
  }

  #progress() {
    const bar = el("progress", { max: "100", value: "0", "aria-label": "Progress of the command" });
    const time = el("span", { class: "muted time" });
    const values = el("output", { class: "muted values" });
    this.#follow("PROGRESS", ({ update }) => { bar.value = numeric(update.value) || 0; });
    this.#follow("ELAPSED", ({ update }) => setText(time, duration(numeric(update.value))));
    this.#follow("values", ({ update, meta }) => setText(values, `values ${valueText(update, meta)}`));
    return el("div", { class: "progress" }, bar, time, values);
  }

  #abort() {
    const pv = this.#device.templatePv("ABORT");
    const busy = this.#device.templatePv("BUSY");
    if (!pv || !busy) return null;
    return this.#scope.button("Abort", () => this.#scope.page.tell(pv, 1), { class: "stop", busyPv: busy, busy: (update) => !ON(update.value) });
  }

  #commands() {
    if (this.#device.commands.length === 0) return null;
    const one = (command) => el("li", {},
      el("button", { type: "button", class: "call", onclick: () => this.#insert(command) }, command.call), el("span", { class: "muted", text: command.doc ?? "" }));
    return el("details", {}, el("summary", { text: `${this.#device.commands.length} commands` }), el("ul", { class: "calls" }, this.#device.commands.map(one)));
  }

  #insert(command) {
    this.#input.value = command.name ? opening(command) : "[";
    this.#explain();
    this.#input.focus();
  }

  #message(text, time) {
    if (this.#said !== null && text !== this.#said && text !== "") this.#line(text, "said", time);
    this.#said = text;
  }

  #line(text, kind, time = Date.now() / 1000) {
    this.#lines.prepend(el("li", { class: kind }, el("time", { text: timeText(time) }), el("span", { text })));
    while (this.#lines.children.length > LINES) this.#lines.lastChild.remove();
  }

  async #send() {
    const text = this.#input.value.trim();
    if (text === "") return;
    if (this.#history.at(-1) !== text) this.#history.push(text);
    this.#history.splice(0, this.#history.length - HISTORY);
    localStorage.setItem(this.#key, JSON.stringify(this.#history));
    this.#at = this.#history.length;
    this.#input.value = "";
    this.#explain();
    this.#line(text, "sent");
    const since = performance.now();
    const { ok, reason } = await this.#scope.page.put(`${this.#device.template}CMD`, text);
    const took = duration((performance.now() - since) / 1000);
    this.#line(ok ? `done in ${took}: ${text}` : `${text}: ${reason}`, ok ? "done" : "failed");
  }

  #keyed(event) {
    const { key } = event;
    if (key === "Enter") this.#send();
    else if (key === "ArrowUp") this.#recall(-1);
    else if (key === "ArrowDown") this.#recall(1);
    else if (key === "Escape" && this.#input.value !== "") this.#input.value = "";
    // Where there is nothing to complete, Tab goes on to the next control.
    else if (key !== "Tab" || event.shiftKey || !this.#complete()) return;
    event.preventDefault();
    this.#explain();
  }

  #recall(by) {
    const to = this.#at + by;
    if (to < 0 || to > this.#history.length) return;
    if (this.#at === this.#history.length) this.#draft = this.#input.value;
    this.#at = to;
    this.#input.value = this.#history[to] ?? this.#draft;
  }

  #matching() {
    const typed = this.#input.value.trim();
    return this.#device.commands.filter(({ name }) => name !== "" && name.startsWith(typed));
  }

  /** True when Tab has added something. */
  #complete() {
    const typed = this.#input.value.trim();
    const found = this.#matching();
    if (typed === "" || found.length === 0) return false;
    const whole = found.length === 1 ? opening(found[0]) : common(found.map(({ name }) => name));
    if (whole === typed) return false;
    this.#input.value = whole;
    return true;
  }

  #explain() {
    if (this.#input.disabled) return;
    const typed = this.#input.value.trim();
    const name = typed.split("(")[0];
    const called = this.#device.commands.find((command) => command.name !== "" && command.name === name);
    const found = this.#matching();
    if (called) setText(this.#hint, `${called.call}: ${called.doc ?? ""}`);
    else if (typed !== "" && found.length > 0) setText(this.#hint, `Tab: ${found.map((each) => each.name).join(", ")}`);
    else setText(this.#hint, "Enter sends, Tab completes, ↑ and ↓ recall");
  }
}

/** What is typed of a call before its arguments; the whole of one that has none. */
function opening({ name, call }) {
  return call === `${name}()` ? call : `${name}(`;
}

function common(names) {
  let length = 0;
  while (names.every((name) => name.length > length && name[length] === names[0][length])) length += 1;
  return names[0].slice(0, length);
}
