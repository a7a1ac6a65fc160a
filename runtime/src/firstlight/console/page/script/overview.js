// The overview: alerts, budget, checks, the main charts, the last errors.

// What a glance must tell: alerts, budget and checks as tiles, and the main charts.
function glance(view) {
    const state = el("div.tiles");
    const parts = { alerts: [], budget: [], checks: [] };
    const draw = () => {
        const firing = [...new Set(parts.alerts.filter((each) => each.state === "firing").map((each) => each.name))];
        const failing = parts.checks.filter((each) => !GOOD.test(each.status));
        const least = parts.budget.length
            ? parts.budget.reduce((a, b) => (b.budget_left < a.budget_left ? b : a))
            : null;
        show(
            state,
            tile(
                "Alerts",
                firing.length
                    ? firing.map((name) => link(name, `alerts/${encodeURIComponent(name)}`))
                    : "none would fire",
                firing.length ? "bad" : "good",
                "alerts",
            ),
            tile(
                "Budget left",
                least ? `${percent(least.budget_left)} of ${least.slo}` : "–",
                least && least.budget_left < 0.25 ? "bad" : "good",
                "budget",
            ),
            tile(
                "Checks",
                failing.length ? failing.map((each) => `${each.name} `) : `${parts.checks.length} pass`,
                failing.length ? "bad" : "good",
                "state",
            ),
        );
    };
    const signals = new Signals(view, ["rate", "errors", "latency", "lag"], 5);
    view.follow("alerts", ({ items }) => draw((parts.alerts = items)), 2);
    view.follow("budget", ({ items }) => draw((parts.budget = items)), 2);
    view.follow("state", ({ checks }) => draw((parts.checks = checks ?? [])), 2);
    return [state, signals.holder];
}

section("", "Overview", "o", [], (view) => {
    const latest = el("div");
    view.content.append(...glance(view), latest);
    view.follow("requests?errors=1&limit=8", ({ items }) => {
        show(
            latest,
            el("h2", "Last errors"),
            table("Last failed requests, newest first", REQUEST_COLUMNS, [...items].reverse(), "No request failed."),
        );
    });
});

function tile(title, content, kind, path) {
    return el("section", { class: `tile ${kind}` }, el("h2", link(title, path)), el("p", content));
}
