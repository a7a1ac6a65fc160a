// The filter of a section. Its values are the query of the address, so that a link shows the same.

const FILTERS = {
    text: ["Text", { type: "search", size: 18 }],
    route: ["Route", { type: "search", size: 18 }],
    trace: ["Trace", { type: "search", size: 18 }],
    slower: ["Slower than, ms", { type: "number", min: 0, step: "any" }],
    errors: ["Errors only", { type: "checkbox", value: "1" }],
    level: ["Level from", ["", "debug", "info", "warning", "error"]],
    minutes: ["Minutes", ["5", "1", "15"]],
};

// The form of these filters; `changed` gets the new query.
function filterForm(names, query, changed) {
    const form = document.getElementById("filters");
    form.hidden = !names.length;
    form.replaceChildren(...names.map((name) => filterField(name, query.get(name) ?? "")));
    let soon = 0;
    form.oninput = () => {
        clearTimeout(soon);
        soon = setTimeout(() => changed(filled(form, names, currentQuery())), 200);
    };
    form.onsubmit = (event) => event.preventDefault();
}

function filterField(name, current) {
    const [label, kind] = FILTERS[name];
    if (Array.isArray(kind)) {
        return el(
            "label",
            `${label} `,
            el(
                "select",
                { name },
                kind.map((each) => el("option", { value: each, selected: each === current }, each || "any")),
            ),
        );
    }
    if (kind.type === "checkbox")
        return el("label", el("input", { name, ...kind, checked: current !== "" && current !== "0" }), ` ${label}`);
    return el(
        "label",
        `${label} `,
        el("input", { name, ...kind, value: current, autocomplete: "off", spellcheck: "false" }),
    );
}

// The query with what the form holds; other keys stay.
function filled(form, names, query) {
    const values = new FormData(form);
    for (const name of names) {
        const text = String(values.get(name) ?? "").trim();
        if (text && text !== FILTERS[name][1][0]) query.set(name, text);
        else query.delete(name);
    }
    return query;
}
