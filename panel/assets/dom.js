// Building the page. Text always goes in as text: nothing here, or anywhere else, parses HTML.

const SVG = "http://www.w3.org/2000/svg";

const ICONS = {
  menu: "M3 6h18M3 12h18M3 18h18",
  trend: "M3 17l5-6 4 4 4-8 5 6M3 21h18",
  picture: "M3 5h18v14H3zM3 16l5-5 4 4 3-3 6 6",
  pin: "M12 21v-7M7 14h10l-2-4V4H9v6z",
  close: "M6 6l12 12M18 6L6 18",
  left: "M15 5l-7 7 7 7",
  right: "M9 5l7 7-7 7",
};

function set(node, key, value) {
  if (value === undefined || value === null || value === false) return;
  if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
  else if (key === "class") node.setAttribute("class", value);
  else if (key === "text") node.textContent = value;
  else node.setAttribute(key, value === true ? "" : value);
}

/** An element with its attributes (`onclick` and the like are listeners) and children. */
export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) set(node, key, value);
  node.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return node;
}

/** The same for a picture's parts. */
export function svg(tag, attributes = {}, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [key, value] of Object.entries(attributes)) set(node, key, value);
  node.append(...children);
  return node;
}

export function icon(name) {
  return svg("svg", { viewBox: "0 0 24 24", "aria-hidden": "true", class: "glyph" }, svg("path", { d: ICONS[name] }));
}

/** A button that shows a picture and says its name. */
export function iconButton(name, label, onclick, extra = {}) {
  return el("button", { type: "button", class: "icon", "aria-label": label, title: label, onclick, ...extra }, icon(name));
}

/** Writes only what differs: an equal text costs no layout. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

export function setAttr(node, name, value) {
  if (node.getAttribute(name) !== value) node.setAttribute(name, value);
}

let toastTimer = 0;

/** Says something for some seconds, also to a screen reader. */
export function toast(text, bad = false) {
  const node = document.getElementById("toast");
  node.hidden = false;
  node.textContent = text;
  node.classList.toggle("bad", bad);
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => { node.hidden = true; }, bad ? 8000 : 3000);
}
