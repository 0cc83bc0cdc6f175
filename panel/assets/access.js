// Who may write: nobody, until the server has taken the token.

import { el, toast } from "./dom.js";

const KEY = "panel-token";
const HINT = {
  off: "Read only: the server was started without --panel-write",
  token: "Read only: unlock with the token that the server printed",
  granted: "",
};

export class Access {
  #connection;
  #state = "off";
  #listeners = new Set();
  #asked = false;
  #button = document.getElementById("write");
  #dialog = document.getElementById("unlock");
  #input = el("input", { type: "password", id: "token", autocomplete: "off", spellcheck: "false", required: true });
  #error = el("p", { class: "error", role: "alert" });

  constructor(connection) {
    this.#connection = connection;
    this.#build();
    connection.on("hello", (hello) => this.#hello(hello));
    connection.on("write", (answer) => this.#answered(answer));
    this.#button.addEventListener("click", () => this.#press());
  }

  get granted() {
    return this.#state === "granted";
  }

  /** Why nothing can be written; empty when it can. */
  get hint() {
    return HINT[this.#state];
  }

  /** Calls back now and at each change, until the returned function is called. */
  follow(listener) {
    this.#listeners.add(listener);
    listener(this);
    return () => this.#listeners.delete(listener);
  }

  #build() {
    const form = el("form", { method: "dialog", onsubmit: (event) => this.#submit(event) },
      el("h2", { id: "unlock-title", text: "Allow writing" }),
      el("p", { class: "muted", text: "The server printed a token when it was started with --panel-write. It is kept until this tab is closed." }),
      el("label", { for: "token", text: "Token" }), this.#input, this.#error,
      el("div", { class: "actions" },
        el("button", { type: "button", text: "Cancel", onclick: () => this.#dialog.close() }),
        el("button", { type: "submit", class: "primary", text: "Unlock" })));
    this.#dialog.append(form);
  }

  #set(state) {
    this.#state = state;
    document.documentElement.dataset.write = state;
    this.#button.textContent = state === "granted" ? "Writing allowed" : "Read only";
    this.#button.title = this.hint || "Press to go back to read only";
    for (const listener of this.#listeners) listener(this);
  }

  #hello({ write }) {
    this.#set(write);
    const token = sessionStorage.getItem(KEY);
    if (write === "token" && token) this.#connection.send({ op: "token", token });
  }

  #answered({ granted, reason }) {
    if (granted) {
      this.#set("granted");
      this.#dialog.close();
    } else {
      sessionStorage.removeItem(KEY);
      this.#error.textContent = reason ?? "the token is not the right one";
    }
    if (granted && this.#asked) toast("Writing is allowed in this tab");
    this.#asked = false;
  }

  #press() {
    if (this.#state === "off") return toast(this.hint);
    if (this.#state === "granted") {
      sessionStorage.removeItem(KEY);
      return location.reload();
    }
    this.#error.textContent = "";
    this.#input.value = "";
    this.#dialog.showModal();
  }

  #submit(event) {
    event.preventDefault();
    this.#asked = true;
    sessionStorage.setItem(KEY, this.#input.value);
    if (!this.#connection.send({ op: "token", token: this.#input.value })) this.#error.textContent = "there is no connection";
  }
}
