// State of the service: stalls, checks and parts, settings, routes, versions, and the sections of components.

section("stalls", "Stalls", "t", ["text"], (view) => {
    view.follow("stalls", ({ items }) => {
        const stalls = items.filter((item) => view.matches(item)).reverse();
        const requests = (item) =>
            (item.requests ?? []).map((each) =>
                el(
                    "li",
                    each?.trace_id
                        ? link(
                              `${each.method ?? ""} ${each.path ?? each.route ?? each.trace_id}`,
                              `requests/${encodeURIComponent(each.trace_id)}`,
                          )
                        : value(each),
                ),
            );
        const card = (item) =>
            el(
                "article.card",
                { "data-key": `${item.time}` },
                el("h2", `${clock(item.time)}: ${milliseconds(item.ms)}`),
                stack(item.stack),
                requests(item).length ? [el("h3", "Requests open then"), el("ul", requests(item))] : null,
            );
        show(
            view.content,
            el("p.note", "Times when the event loop did nothing else for more than 100 ms, and what it did instead."),
            stalls.length
                ? stalls.map(card)
                : el("p.empty", view.query.size ? "No stall fits the filter." : "No stall yet."),
        );
    });
});

const STATE_PARTS = [
    ["checks", "Checks"],
    ["dependencies", "Dependencies"],
    ["components", "Components"],
    ["background", "Background work"],
    ["processes", "Processes"],
];

section("state", "State", "c", ["text"], (view) => {
    view.follow("state", (data) => {
        identify(data.service ?? {});
        const parts = STATE_PARTS.map(([key, title]) => [
            el("h2", { id: key }, title),
            sheet(
                title,
                (data[key] ?? []).filter((row) => view.matches(row)),
                "None.",
            ),
        ]);
        show(view.content, pairs(data.service ?? {}), parts);
    });
});

// A section whose rows rarely change.
function listing(name, title, letter, caption, columns) {
    section(name, title, letter, ["text"], (view) => {
        view.follow(
            name,
            ({ items }) =>
                show(
                    view.content,
                    table(
                        caption,
                        columns,
                        items.filter((item) => view.matches(item)),
                        "Nothing fits the filter.",
                    ),
                ),
            10,
        );
    });
}

listing("settings", "Settings", "e", "Effective settings; secrets are only said to be set", [
    ["Variable", (s) => el("code", s.variable), "grow"],
    ["Value", (s) => [value(s.value), s.fault ? el("small.fault", s.fault) : null]],
    ["Source", (s) => value(s.source)],
    ["Note", (s) => s.note ?? "", "wide"],
]);
listing("routes", "Routes", "u", "Routes of the service", [
    ["Method", (r) => r.method],
    ["Path", (r) => link(r.path, address("requests", { route: r.path })), "grow"],
    ["Operation", (r) => value(r.operation), "wide"],
    ["Version", (r) => value(r.version)],
]);
listing("versions", "Versions", "v", "Installed distributions", [
    ["Name", (v) => v.name, "grow"],
    ["Version", (v) => v.version],
]);

// Tables and values, as a component gives them.
function componentPage(data) {
    const rows = ({ columns, rows: cells }) =>
        cells.map((row) =>
            Array.isArray(row) ? Object.fromEntries(columns.map((name, place) => [name, row[place]])) : row,
        );
    return [
        Object.keys(data.values ?? {}).length ? pairs(data.values) : null,
        (data.tables ?? []).map((each) => [
            el("h2", each.title),
            table(
                each.title,
                each.columns.map((name) => [String(name).replaceAll("_", " "), (row) => value(row[name], name)]),
                rows(each),
                "Nothing yet.",
            ),
        ]),
    ];
}

function addComponent(name, title) {
    section(`components/${name}`, title, "", ["text"], (view) => {
        const buttons = new Buttons(view, name);
        const body = el("div");
        view.content.append(buttons.holder, body);
        let glanced = false;
        view.follow(
            () => `components/${encodeURIComponent(name)}`,
            (data) => {
                const content = data.section ?? data;
                const tables = (content.tables ?? []).map((each) => ({
                    ...each,
                    rows: each.rows.filter((row) => view.matches(row)),
                }));
                show(body, componentPage({ ...content, tables }));
                buttons.take(content.actions ?? []);
                if (buttons.actions.length && !glanced) view.content.append(...glance(view)); // what an action changes
                glanced ||= buttons.actions.length > 0;
            },
        );
    });
}
