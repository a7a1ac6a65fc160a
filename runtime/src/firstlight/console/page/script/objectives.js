// The error budget, and the alerts that would fire with their runbooks.

const BUDGET_COLUMNS = [
    ["Objective", (b) => `${b.slo}: ${percent(b.objective)}`, "grow"],
    ["Good", (b) => count(b.good), "number wide"],
    ["Bad", (b) => count(b.bad), "number"],
    ["Ratio", (b) => percent(b.ratio), "number wide"],
    ["Burn rate", (b) => plain(b.burn_rate), "number"],
    ["Budget left", (b) => meter(b.budget_left), "bars"],
];

function meter(left) {
    const share = known(left) ? Math.min(Math.max(left, 0), 1) * 100 : 0;
    return [
        el("span.of", percent(left)),
        shape(
            "svg.bar",
            { width: "100%", height: 8, "aria-hidden": "true" },
            shape("rect.track", { width: "100%", height: 8, rx: 2 }),
            shape("rect", { width: `${share}%`, height: 8, rx: 2, class: share > 25 ? "good" : "bad" }),
        ),
    ];
}

const budgetTable = (items) =>
    table("Error budget of each objective", BUDGET_COLUMNS, items, "No objective is declared.");

section("budget", "Error budget", "b", [], (view) => {
    view.follow("budget", ({ items }) => {
        const broken = items.flatMap((item) => (item.broken_by ?? []).map((each) => ({ ...each, slo: item.slo })));
        const columns = [
            ["Objective", (each) => each.slo],
            [
                "Route",
                (each) =>
                    link(
                        each.route,
                        address("requests", { route: each.route, errors: each.slo === "latency" ? "" : 1 }),
                    ),
                "grow",
            ],
            ["Status", (each) => String(each.status ?? "–")],
            ["Events", (each) => count(each.count), "number"],
        ];
        show(
            view.content,
            budgetTable(items),
            el("p.note", "A burn rate of 1 spends the budget exactly in the period of the objective."),
            el("h2", "Broken by"),
            table("Bad events by route", columns, broken, "No bad event."),
        );
    });
});

const ALERT_COLUMNS = [
    ["State", (a) => mark(a.state === "firing" ? "would fire" : a.state, a.state === "firing" ? "bad" : "good")],
    ["Alert", (a) => [link(a.name, `alerts/${encodeURIComponent(a.name)}`), el("small", a.summary)], "grow"],
    ["Priority", (a) => [a.priority, " ", el("small", a.severity)]],
    ["Value", (a) => plain(a.value), "number"],
    ["Threshold", (a) => plain(a.threshold), "number wide"],
    ["Since", (a) => clock(a.since, false), "wide"],
];
const firingFirst = (items) => [...items].sort((a, b) => (b.state === "firing") - (a.state === "firing"));

section("alerts", "Alerts that would fire", "a", ["text"], (view) => {
    let runbook;
    const draw = ({ items, approximates }) => {
        const rows = firingFirst(items.filter((item) => (view.id ? item.name === view.id : view.matches(item))));
        const [caption, empty] = view.id
            ? ["This alert", "There is no alert of this name."]
            : ["Alerts, firing first", "No alert fits the filter."];
        show(
            view.content,
            view.id && !rows.length ? null : el("p.note", approximates),
            table(caption, ALERT_COLUMNS, rows, empty),
            runbook && el("article.runbook", el("h2", "Runbook"), markdown(runbook.replace(/^# .*\n/, ""))),
        );
        if (!view.id || runbook !== undefined || !rows.length) return;
        runbook = "";
        view.once(`alerts/${encodeURIComponent(view.id)}`, (reply) => {
            runbook = reply.runbook;
            draw(reply);
        });
    };
    view.follow("alerts", draw);
});
