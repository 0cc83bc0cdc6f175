// Puts the page together: connection, views, keys.

import { Access } from "./access.js";
import { Connection } from "./connection.js";
import { deviceView } from "./device.js";
import { Directory } from "./directory.js";
import { Dock } from "./dock.js";
import { el, icon, setText, toast } from "./dom.js";
import { Pins, pinnedView, searchView } from "./lists.js";
import { Log, logView } from "./log.js";
import { overview } from "./overview.js";
import { pvView } from "./pv.js";
import { Scope } from "./scope.js";
import { Report, serverView } from "./server.js";
import { Store } from "./store.js";

const LINK = { open: "Connected", lost: "Connection lost", connecting: "Connecting" };
const root = document.documentElement;
const at = (id) => document.getElementById(id);

class Page {
  directory = new Directory();
  connection = new Connection(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/api/stream`);
  access = new Access(this.connection);
  store = new Store(this.connection);
  log = new Log(this.connection);
  report = new Report(this.connection);
  pins = new Pins(this);
  dock = new Dock(this);
  #scope = null;
  #instance = null;

  start() {
    at("menu").append(icon("menu"));
    this.connection.on("hello", (hello) => this.#hello(hello));
    this.connection.on("lost", () => this.#link("lost"));
    this.connection.on("error", ({ reason }) => toast(reason, true));
    addEventListener("hashchange", () => this.show());
    this.#keys();
    this.#search();
    this.connection.start();
  }

  /** Puts a value and says so when it fails where no editor can. */
  async tell(pv, value) {
    const { ok, reason } = await this.put(pv, value);
    if (!ok) toast(`${pv}: ${reason}`, true);
  }

  put(pv, value, remote = false) {
    return this.store.put(pv, value, remote);
  }

  #link(state) {
    root.dataset.link = state;
    setText(at("link"), LINK[state]);
    at("lost").hidden = state !== "lost";
    setText(at("lost"), state === "lost" ? "Connection lost. What is shown is old; it resumes by itself." : "");
  }

  async #hello({ name, instance }) {
    this.#link("open");
    const renewed = instance !== this.#instance;
    this.#instance = instance;
    setText(at("brand"), name);
    document.title = `${name} · Panel`;
    if (!renewed) return;
    try {
      const first = this.directory.devices.length === 0;
      if ((await this.directory.load()) || first) this.show();
      this.navigation();
      if (first) this.dock.restore();
    } catch (error) {
      // The next hello tries again.
      this.#instance = null;
      toast(String(error.message), true);
    }
  }

  /** The list of views at the side. */
  navigation() {
    const here = location.hash || "#/";
    const link = (href, text, extra = "") => el("li", {}, el("a", { href, "aria-current": here === href ? "page" : null }, text, extra && el("span", { class: "muted", text: extra })));
    const devices = this.directory.devices.filter((device) => device.pvs.length > 0);
    at("side").replaceChildren(
      el("ul", {}, link("#/", "Overview")),
      el("h2", { text: "Devices" }), el("ul", {}, devices.map((device) => link(device.link, device.title))),
      el("h2", { text: "More" }), el("ul", {}, link("#/pinned", "Pinned", this.pins.names.length ? String(this.pins.names.length) : ""), link("#/log", "Log"), link("#/server", "Server")));
  }

  /** Shows the view that the address names. */
  show() {
    this.#scope?.close();
    const scope = (this.#scope = new Scope(this));
    const [, view, rest] = location.hash.match(/^#\/([^/]*)\/?(.*)$/) ?? ["", "", ""];
    const name = decodeURIComponent(rest);
    const views = {
      device: () => deviceView(scope, name), pv: () => pvView(scope, name, false), remote: () => pvView(scope, name, true),
      search: () => searchView(scope, name), pinned: () => pinnedView(scope), log: () => logView(scope), server: () => serverView(scope),
    };
    at("main").replaceChildren((views[view] ?? (() => overview(scope)))());
    at("main").dataset.view = view || "overview";
    if (view !== "search") scrollTo(0, 0);
    this.#menu(false);
    this.navigation();
  }

  #menu(open) {
    document.body.classList.toggle("menu-open", open);
    at("menu").setAttribute("aria-expanded", String(open));
  }

  #keys() {
    at("menu").onclick = () => this.#menu(!document.body.classList.contains("menu-open"));
    addEventListener("keydown", (event) => {
      const typing = event.target.closest?.("input, select, textarea, dialog");
      if (event.key === "Escape" && document.body.classList.contains("menu-open")) {
        this.#menu(false);
        at("menu").focus();
      } else if (event.key === "/" && !typing) {
        event.preventDefault();
        at("search").querySelector("input").focus();
      }
    });
  }

  #search() {
    const input = at("search").querySelector("input");
    let timer = 0;
    const go = () => {
      const hash = input.value.trim() ? `#/search/${encodeURIComponent(input.value.trim())}` : "#/";
      if (location.hash !== hash) location.hash = hash;
    };
    input.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(go, 150);
    });
    at("search").addEventListener("submit", (event) => {
      event.preventDefault();
      clearTimeout(timer);
      go();
    });
  }
}

new Page().start();
