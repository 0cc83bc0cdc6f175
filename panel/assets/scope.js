// What a view has open, so that leaving it ends all of it.

import { el, setAttr, setText } from "./dom.js";
import { editorOf } from "./editors.js";
import { alarmText, valueText } from "./format.js";

export class Scope {
  #ends = [];

  constructor(page) {
    this.page = page;
  }

  close() {
    for (const end of this.#ends.splice(0)) end();
  }

  /** Something to do when the view is left. */
  end(end) {
    this.#ends.push(end);
  }

  /** Something with a `close()`. */
  own(thing) {
    this.end(() => thing.close());
    return thing;
  }

  follow(name, show, options = { depth: "text" }) {
    this.end(this.page.store.follow(name, show, options));
  }

  /** Calls back with the right to write, now and when it changes. */
  access(listener) {
    this.end(this.page.access.follow(listener));
  }

  /** A live value in a box with a caption. */
  reading(name, caption, { remote = false, units = true } = {}) {
    const value = el("output", { class: "val", text: "…" });
    const unit = el("span", { class: "units" });
    const alarm = el("span", { class: "alarm" });
    const node = el("div", { class: "reading", "data-pv": name, "data-severity": "0", title: name },
      el("span", { class: "caption", text: caption }), el("span", { class: "big" }, value, unit), alarm);
    this.follow(name, ({ meta, update, gone }) => {
      node.classList.toggle("gone", Boolean(gone));
      setText(alarm, gone ? "Disconnected" : alarmText(update));
      setAttr(node, "data-severity", String(gone ? 3 : update?.severity ?? 0));
      if (!meta || !update || gone) return;
      setText(value, valueText(update, meta));
      if (units) setText(unit, meta.units ?? "");
    }, { depth: "text", remote });
    return node;
  }

  /** An editor in a box with a caption. */
  setting(name, caption, remote = false) {
    const note = el("p", { class: "note", hidden: true, role: "alert" });
    const place = el("span", { class: "edit" });
    const node = el("div", { class: "setting", "data-set": name }, el("span", { class: "caption", text: caption }), place, note);
    const complain = (why) => {
      note.hidden = why === "";
      setText(note, why);
    };
    let [editor, known] = [null, null];
    this.follow(name, ({ meta, update }) => {
      if (meta && meta !== known) {
        known = meta;
        editor = editorOf(meta, caption, (value) => this.page.put(name, value, remote));
        if (editor) editor.complain = complain;
        editor?.enable(this.page.access.hint);
        place.replaceChildren(editor ? editor.node : "");
      }
      if (update) editor?.show(update);
    }, { depth: "text", remote });
    this.access((state) => editor?.enable(state.hint));
    return node;
  }

  /** A button that puts; greyed without the right to write, or while `busy(update)` says so of a PV. */
  button(label, action, { busyPv = null, busy = () => false, remote = false, ...attributes } = {}) {
    const node = el("button", { type: "button", onclick: action, disabled: true, ...attributes }, label);
    let [blocked, hint] = [false, ""];
    const show = () => {
      node.disabled = blocked || hint !== "";
      node.title = hint;
    };
    this.access((state) => {
      hint = state.hint;
      show();
    });
    if (busyPv) {
      this.follow(busyPv, ({ update, gone, meta }) => {
        blocked = Boolean(gone) || (update ? busy(update, meta) : false);
        show();
      }, { depth: "text", remote });
    }
    return node;
  }
}
