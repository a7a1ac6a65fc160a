// Requests: the list, and one request with its spans and log lines.

const MOST_ROWS = 200;

function outcome(request) {
    const kind = request.status >= 500 || request.error_type ? "bad" : request.status >= 400 ? "warn" : "";
    return mark(String(request.status ?? "–"), kind);
}

const REQUEST_COLUMNS = [
    ["Time", (r) => clock(r.time)],
    ["Method", (r) => r.method, "wide"],
    [
        "Request",
        (r) => [r.trace_id ? link(short(r.path ?? r.route), requestAddress(r)) : short(r.path)],
        "grow",
    ],
    ["Route", (r) => (r.route === r.path ? "" : el("small", r.route)), "wide"],
    ["Status", outcome],
    ["Duration", (r) => milliseconds(r.ms), "number"],
    ["Size", (r) => bytes(r.bytes), "number wide"],
    ["Error", (r) => r.error_type, "wide"],
];

// A trace may have several requests of this service: the number tells which.
function requestAddress({ trace_id: trace, seq }) {
    return address(`requests/${encodeURIComponent(trace)}`, { seq });
}

// New items in front of those that are shown, at most `MOST_ROWS`.
class Stream {
    constructor(view, path, shown) {
        Object.assign(this, { view, path, shown, items: [], next: null });
        view.follow(
            () => this.address(),
            (data) => this.take(data),
        );
    }

    address() {
        const query = Object.fromEntries(this.view.query);
        return address(this.path, { ...query, limit: MOST_ROWS, after: this.next });
    }

    take(data) {
        const anew = this.next !== null && data.next < this.next; // the service began to count again
        const fresh = anew ? [] : data.items;
        this.items = anew ? [] : [...this.items, ...fresh].slice(-MOST_ROWS);
        this.next = anew ? null : data.next;
        this.shown(this.items, fresh, data);
    }
}

section("requests", "Requests", "r", ["text", "route", "slower", "errors"], (view) => {
    if (view.id) return openRequest(view);
    const since = Number(view.query.get("since")) || 0;
    const until = Number(view.query.get("until")) || Infinity;
    const body = el("tbody");
    const note = el("p.note");
    const holder = table("Finished requests, newest first", REQUEST_COLUMNS, [], "");
    holder.querySelector("tbody").replaceWith(body);
    view.content.append(since ? between(view, since, until) : "", note, holder);
    new Stream(view, "requests", (items, fresh, data) => {
        if (!items.length) body.replaceChildren();
        for (const item of fresh) body.prepend(tr(REQUEST_COLUMNS, item));
        while (body.rows.length > MOST_ROWS) body.lastChild.remove();
        const lost = data.dropped ? ` ${count(data.dropped)} older ones are no longer held.` : "";
        note.textContent = body.rows.length
            ? `${body.rows.length} requests, the newest first.${lost}`
            : `No request yet${view.query.size ? " that fits the filter" : ""}.${lost}`;
    });
});

function between(view, since, until) {
    const rest = Object.fromEntries([...view.query].filter(([key]) => key !== "since" && key !== "until"));
    const end = until === Infinity ? "now" : clock(until, false);
    return el("p", `Between ${clock(since, false)} and ${end}. `, link("All times", address("requests", rest)));
}

function openRequest(view) {
    view.follow(
        requestAddress({ trace_id: view.id, seq: view.query.get("seq") }),
        (data) => show(view.content, requestPage(data)),
    );
}

function requestPage({ request, spans, lines, others }) {
    const { exception, curl } = request;
    const ids = {
        url: request.url ?? request.path,
        route: request.route,
        client: request.client,
        time: request.time,
        trace_id: request.trace_id,
        request_id: request.request_id,
        response_bytes: request.bytes,
        error_type: request.error_type,
    };
    return [
        el(
            "p.lead",
            el("b", request.method),
            " ",
            el("code", request.path ?? request.route),
            " ",
            outcome(request),
            " ",
            milliseconds(request.ms),
        ),
        pairs(ids),
        exception ? [el("h2", "Exception"), el("p", exception.type), stack(exception.stack)] : null,
        el("h2", "Spans"),
        waterfall(spans ?? [], request),
        el("h2", "Log lines"),
        lines?.length
            ? el(
                  "div.lines",
                  lines.map((each) => logLine(each, true)),
              )
            : el("p.empty", "None."),
        curl
            ? [
                  el("h2", "Again"),
                  el("p.note", curl.includes("@") ? "The body is not kept: write it to the file." : ""),
                  el("pre", { tabindex: 0, "aria-label": "Command" }, curl),
                  el("button", { type: "button", "data-copy": curl }, "Copy as curl"),
              ]
            : null,
        others?.length
            ? [
                  el("h2", "Other requests of this trace"),
                  table("Other requests of this trace, the oldest first", REQUEST_COLUMNS, others),
              ]
            : null,
    ];
}

// Spans below their parents, by start.
function ordered(spans) {
    const ids = new Set(spans.map((span) => span.span_id));
    const below = (parent, depth) =>
        depth > 40
            ? []
            : spans
                  .filter((span) => (ids.has(span.parent_id) ? span.parent_id : null) === parent)
                  .sort((a, b) => a.start_ms - b.start_ms)
                  .flatMap((span) => [{ ...span, depth }, ...below(span.span_id, depth + 1)]);
    return below(null, 0);
}

function waterfall(spans, request) {
    const end = Math.max(...spans.map((span) => span.start_ms + span.ms), request.ms ?? 0, 0.001);
    const share = (ms) => `${Math.max((ms / end) * 100, 0).toFixed(2)}%`;
    const bar = (span) =>
        shape(
            "svg.bar",
            {
                width: "100%",
                height: 14,
                role: "img",
                "aria-label": `begins after ${milliseconds(span.start_ms)}, takes ${milliseconds(span.ms)}`,
            },
            shape("rect", {
                x: share(span.start_ms),
                width: share(Math.max(span.ms, end / 300)),
                height: 14,
                rx: 2,
                class: /error/i.test(span.status) ? "bad" : String(span.kind).toLowerCase(),
            }),
        );
    const columns = [
        [
            "Span",
            (span) => [
                el("span", { class: `deep d${Math.min(span.depth, 8)}` }, span.name),
                Object.keys(span.attributes ?? {}).length
                    ? el("details", el("summary", "attributes"), pairs(span.attributes))
                    : null,
            ],
            "grow",
        ],
        ["Time", bar, "bars"],
        ["Begins", (span) => milliseconds(span.start_ms), "number wide"],
        ["Duration", (span) => milliseconds(span.ms), "number"],
    ];
    return table("Spans of the trace", columns, ordered(spans), "No span of this trace is held.");
}
