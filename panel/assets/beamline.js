// The beamline's control panel: choices, jog, running, and the motor behind it.

import { el, setAttr, setText } from "./dom.js";
import { label, numeric } from "./format.js";

export function beamlineCard(scope, device) {
  const { page } = scope;
  const [choices, jog, running] = ["choices", "jog", "running"].map((name) => device.prefix + name);
  const motor = motorOf(device);
  const remote = !page.directory.has(`${motor}RBV`);
  const jogging = ({ value }) => numeric(value) === 1;
  const button = scope.button("Jog", () => page.tell(jog, 1), { class: "jog", busyPv: jog, busy: jogging });
  scope.follow(jog, ({ update }) => update && setText(button, jogging(update) ? "Jogging…" : "Jog"));
  return el("section", { class: "card beamline", "aria-label": "Beamline", "data-panel": "beamline" },
    el("header", {}, el("h2", { text: "Control panel" }), lamp(scope, running)),
    el("div", { class: "readings" },
      scope.reading(`${motor}RBV`, "Motor readback (RBV)", { remote }), scope.reading(`${motor}VAL`, "Motor setpoint (VAL)", { remote })),
    el("div", { class: "controls" },
      el("div", { class: "setting" }, el("span", { class: "caption", text: "Place (choices)" }), places(scope, choices)),
      el("div", { class: "setting" }, el("span", { class: "caption", text: "0.5 up and back" }), button)));
}

/** The prefix of the motor that it moves: it watches that one's setpoint. */
function motorOf(device) {
  const setpoint = device.watches.find((name) => name.endsWith("VAL")) ?? "BEAMLINE:motor.VAL";
  return setpoint.slice(0, -"VAL".length);
}

/** `running`, in words. */
function lamp(scope, name) {
  const node = el("span", { class: "chip", "data-pv": name });
  scope.follow(name, ({ update, gone }) => {
    const runs = update && numeric(update.value) !== 0;
    const lost = gone || update?.severity === 3;
    setText(node, lost ? "Motor is lost" : runs ? "Running" : "Not running");
    setAttr(node, "data-motion", lost ? "gone" : runs ? "still" : "moving");
  });
  return node;
}

/** A button per place; the one where the motor is, is pressed. */
function places(scope, name) {
  const node = el("span", { class: "places", role: "group", "aria-label": "Place" });
  let known = "";
  const buttons = [];
  scope.follow(name, ({ update, meta }) => {
    if (!meta || !update) return;
    const labels = meta.labels.filter((each) => each.trim() !== "");
    if (labels.join() !== known) {
      known = labels.join();
      buttons.splice(0, buttons.length, ...labels.map((each) => scope.button(each, () => scope.page.tell(name, each), { class: "place" })));
      node.replaceChildren(...buttons);
    }
    for (const [at, button] of buttons.entries()) setAttr(button, "aria-pressed", String(labels[at] === label(update.value, meta)));
  });
  return node;
}
