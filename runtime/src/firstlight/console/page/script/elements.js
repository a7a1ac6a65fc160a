// Elements. Text of clients enters the page here, as text nodes and attributes, never as markup.

// An element: `el("p.note", {id: "x"}, ...children)`. Attributes may be missing; those that are null or false are left
// out; functions are listeners (`onclick`). Children are nodes, texts, or lists of them; null and false are left out.
function el(name, ...rest) {
    return fill((tag) => document.createElement(tag), name, rest);
}

// An element of a drawing.
function shape(name, ...rest) {
    return fill((tag) => document.createElementNS("http://www.w3.org/2000/svg", tag), name, rest);
}

function fill(create, name, rest) {
    const [tag, ...kinds] = name.split(".");
    const node = create(tag);
    if (kinds.length) node.setAttribute("class", kinds.join(" "));
    const plainObject = rest[0] && Object.getPrototypeOf(rest[0]) === Object.prototype;
    for (const [key, each] of plainObject ? Object.entries(rest.shift()) : []) {
        if (typeof each === "function") node.addEventListener(key.slice(2), each);
        else if ((each ?? false) !== false) node.setAttribute(key, each === true ? "" : each);
    }
    node.append(...listed(rest));
    return node;
}

const listed = (children) => children.flat(9).filter((child) => (child ?? false) !== false && child !== "");

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
    fresh.append(...listed(nodes));
    morph(container, fresh);
}

// A link inside the console.
function link(text, path, kind) {
    return el("a", { href: `/console/${path}`, class: kind }, text);
}

// The path of a section with a query; empty values are left out.
function address(section, query) {
    const kept = Object.entries(query ?? {}).filter(
        ([, value]) => value !== "" && value !== null && value !== undefined,
    );
    return kept.length ? `${section}?${new URLSearchParams(kept)}` : section;
}

// A table. A column is [title, row => text or node, class]; a class `wide` is hidden on narrow screens.
function table(caption, columns, rows, empty = "Nothing yet.") {
    const head = columns.map(([title, , kind]) => el("th", { scope: "col", class: kind }, title));
    return el(
        "div.scroll",
        { tabindex: 0, role: "region", "aria-label": caption },
        el(
            "table",
            el("caption", caption),
            el("thead", el("tr", head)),
            el(
                "tbody",
                rows.map((row) => tr(columns, row)),
            ),
        ),
        rows.length ? null : el("p.empty", empty),
    );
}

function tr(columns, row) {
    return el(
        "tr",
        { class: row.kind },
        columns.map(([, cell, kind]) => el("td", { class: kind }, cell(row))),
    );
}

// A table of whatever objects have: one column for each key.
function sheet(caption, rows, empty) {
    const keys = [...new Set(rows.flatMap((row) => Object.keys(row)))];
    return table(
        caption,
        keys.map((key) => [key.replaceAll("_", " "), (row) => value(row[key], key)]),
        rows,
        empty,
    );
}

// Names and values.
function pairs(record) {
    return el(
        "dl.pairs",
        Object.entries(record).map(([key, each]) =>
            el("div", el("dt", key.replaceAll("_", " ")), el("dd", value(each, key))),
        ),
    );
}

// A mark whose text says what its colour says.
function mark(text, kind) {
    return el("span", { class: `mark ${kind}` }, text);
}

// A stack of frames, the innermost first, or the text of a traceback.
function stack(lines) {
    return el(
        "pre",
        { tabindex: 0, "aria-label": "Stack" },
        Array.isArray(lines) ? [...lines].reverse().join("\n") : String(lines ?? ""),
    );
}
