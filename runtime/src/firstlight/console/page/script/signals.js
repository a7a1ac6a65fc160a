// Golden signals: charts of the last minutes, and the routes.

// The charts, with the thresholds of the objectives.
function charts(objectives) {
    const latency = objectives.filter((each) => known(each.threshold_seconds));
    const events = objectives.filter((each) => !known(each.threshold_seconds) && each.slo === "availability");
    const slower = latency.length ? Math.round(Math.min(...latency.map((each) => each.threshold_seconds)) * 1000) : 100;
    const chart = (name, title, lines, format, least, query, hint, rest) => ({
        name,
        title,
        lines,
        format,
        least,
        query,
        hint,
        thresholds: [],
        ...rest,
    });
    return [
        chart("rate", "Traffic", [["rate", "requests/s"]], plain, 1, {}, "Requests"),
        chart("errors", "Errors", [["errors", "failed"]], percent, 0.001, { errors: 1 }, "Failed requests", {
            thresholds: events.map((each) => ({ value: 1 - each.ratio, label: "objective" })),
        }),
        chart(
            "latency",
            "Latency",
            [
                ["p50", "p50"],
                ["p95", "p95"],
                ["p99", "p99"],
            ],
            duration,
            0.01,
            { slower },
            `Slower than ${slower} ms`,
            {
                logarithmic: true,
                thresholds: latency.map((each) => ({
                    value: each.threshold_seconds,
                    label: `${percent(each.ratio)} within`,
                })),
            },
        ),
        chart("lag", "Event loop lag", [["lag", "lag"]], duration, 0.01),
        chart("active", "Active requests", [["active", "active"]], plain, 4),
        chart("cpu", "CPU", [["cpu", "of one core"]], percent, 0.1),
        chart("memory", "Memory", [["memory", "resident"]], bytes, 1e6),
    ];
}

// Points of the last minutes, and the charts that draw them.
class Signals {
    constructor(view, names, minutes, drawn) {
        Object.assign(this, { names, minutes, points: [], charts: [], data: null, holder: el("div.charts") });
        view.follow(
            () => address("signals", { since: this.points.at(-1)?.t ?? "" }),
            (data) => {
                this.take(data);
                drawn?.(data);
            },
        );
        watchPointer(
            this.holder,
            () => this.draw(),
            (name) => this.charts.find((each) => each.name === name)?.query ?? {},
        );
    }

    take(data) {
        const last = this.points.at(-1)?.t ?? 0;
        const fresh = data.points.filter((point) => point.t > last);
        this.points = [...this.points, ...fresh].filter((point) => point.t > data.now - 900);
        this.data = data;
        this.charts = charts(data.objectives ?? []).filter((each) => !this.names || this.names.includes(each.name));
        this.draw();
    }

    draw() {
        if (!this.data) return;
        const end = this.data.now;
        const begin = end - this.minutes * 60;
        const points = this.points.filter((point) => point.t >= begin);
        show(
            this.holder,
            this.charts.map((each) => figure(each, points, begin, end)),
        );
    }
}

const ROUTE_COLUMNS = [
    ["Route", (r) => link(r.route, address("requests", { route: r.route })), "grow"],
    ["Rate", (r) => plain(r.rate), "number"],
    ["p50", (r) => duration(r.p50), "number"],
    ["p99", (r) => duration(r.p99), "number"],
    ["Errors", (r) => link(percent(r.errors), address("requests", { route: r.route, errors: 1 })), "number"],
];

section("signals", "Golden signals", "s", ["minutes"], (view) => {
    const routes = el("div");
    const signals = new Signals(view, null, Number(view.query.get("minutes")) || 5, (data) => {
        show(
            routes,
            el("h2", "Routes"),
            table("Routes in the last minute", ROUTE_COLUMNS, data.routes ?? [], "No request in the last minute."),
        );
    });
    view.content.append(signals.holder, routes);
});
