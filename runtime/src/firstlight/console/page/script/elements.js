// Elements. Text of clients enters the page here, as text nodes and attributes, never as markup.

// An element. Attributes that are null or false are left out; functions are listeners (`onclick`).
function el(name, attributes, ...children) {
  return fill(document.createElement(name), attributes, children);
}

// An element of a drawing.
function shape(name, attributes, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);
}

function fill(node, attributes, children) {
  for (const [key, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") node.addEventListener(key.slice(2), value);
    else node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.flat(9).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

// Make `old` equal to `fresh` with as few changes as possible, so that focus, selection and opened details stay.
function morph(old, fresh) {
  if (old.nodeName !== fresh.nodeName || old.dataset?.key !== fresh.dataset?.key) return old.replaceWith(fresh);
  if (old.nodeType === Node.TEXT_NODE) {
    if (old.data !== fresh.data) old.data = fresh.data;
    return;
  }
  for (const { name } of [...old.attributes]) {
    if (name !== "open" && !fresh.hasAttribute(name)) old.removeAttribute(name);
  }
  for (const { name, value } of fresh.attributes) {
    if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  const before = [...old.childNodes];
  const after = [...fresh.childNodes];
  after.forEach((child, place) => (before[place] ? morph(before[place], child) : old.append(child)));
  before.slice(after.length).forEach((child) => child.remove());
}

// Show these nodes, and nothing else, in a container.
function show(container, ...nodes) {
  const fresh = container.cloneNode(false);
  fresh.append(...nodes.flat(9).filter(Boolean));
  morph(container, fresh);
}

// A link inside the console.
function link(text, path, kind) {
  return el("a", { href: `/console/${path}`, class: kind }, text);
}

// The path of a section with a query; empty values are left out.
function address(section, query) {
  const kept = Object.entries(query ?? {}).filter(([, value]) => value !== "" && value !== null && value !== undefined);
  return kept.length ? `${section}?${new URLSearchParams(kept)}` : section;
}

// A table. A column is [title, row => text or node, class]; a class `wide` is hidden on narrow screens.
function table(caption, columns, rows, empty = "Nothing yet.") {
  const head = columns.map(([title, , kind]) => el("th", { scope: "col", class: kind }, title));
  return el(
    "div",
    { class: "scroll", tabindex: 0, role: "region", "aria-label": caption },
    el("table", null, el("caption", null, caption), el("thead", null, el("tr", null, head)), el("tbody", null, rows.map((row) => tr(columns, row)))),
    rows.length ? null : el("p", { class: "empty" }, empty),
  );
}

function tr(columns, row) {
  return el("tr", { class: row.kind }, columns.map(([, cell, kind]) => el("td", { class: kind }, cell(row))));
}

// A table of whatever objects have: one column for each key.
function sheet(caption, rows, empty) {
  const keys = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  return table(caption, keys.map((key) => [key.replaceAll("_", " "), (row) => value(row[key], key)]), rows, empty);
}

// Names and values.
function pairs(record) {
  return el("dl", { class: "pairs" }, Object.entries(record).map(([key, each]) => el("div", null, el("dt", null, key.replaceAll("_", " ")), el("dd", null, value(each, key)))));
}

// A mark whose text says what its colour says.
function mark(text, kind) {
  return el("span", { class: `mark ${kind}` }, text);
}

function stack(lines) {
  return el("pre", { tabindex: 0, "aria-label": "Stack" }, Array.isArray(lines) ? lines.join("\n") : String(lines ?? ""));
}
