// Log lines: the tail, and the level while the service runs.

const LEVELS = ["debug", "info", "warning", "error", "critical"];
const PLAIN_KEYS = new Set([
    "timestamp",
    "level",
    "event",
    "trace_id",
    "span_id",
    "service",
    "version",
    "env",
    "exception",
    "logger",
    "request_id",
]);

// One line: time, level, event, the rest as names and values; a stack opens.
function logLine(line, inTrace = false) {
    const rest = Object.entries(line).filter(([key, each]) => !PLAIN_KEYS.has(key) && each !== "" && each !== null);
    const text = (each) => (each && typeof each === "object" ? JSON.stringify(each) : String(each));
    return el(
        "div",
        { class: `logline l-${LEVELS.includes(line.level) ? line.level : ""}` },
        el("span.when", clock(line.timestamp)),
        " ",
        el("span.level", line.level),
        " ",
        el("b", line.event),
        " ",
        rest.map(([key, each]) => [el("span.field", `${key}=`), `${text(each)} `]),
        line.trace_id && !inTrace ? link("trace", `requests/${encodeURIComponent(line.trace_id)}`) : null,
        line.exception
            ? el(
                  "details",
                  el("summary", "exception"),
                  stack(typeof line.exception === "string" ? line.exception : JSON.stringify(line.exception, null, 1)),
              )
            : null,
    );
}

section("logs", "Logs", "l", ["text", "level", "trace"], (view) => {
    const tail = el("div.lines.tail", {
        role: "log",
        "aria-live": "polite",
        "aria-label": "Log lines, newest last",
        tabindex: 0,
    });
    const note = el("p.note");
    view.content.append(note, tail, levelForm(view));
    new Stream(view, "logs", (items, fresh, data) => {
        const atEnd = tail.scrollHeight - tail.scrollTop - tail.clientHeight < 40;
        if (!items.length) tail.replaceChildren();
        tail.append(...fresh.map((item) => logLine(item.line)));
        while (tail.childElementCount > MOST_ROWS) tail.firstChild.remove();
        if (atEnd) tail.scrollTop = tail.scrollHeight;
        const lost = data.dropped ? ` ${count(data.dropped)} older ones are no longer held.` : "";
        note.textContent = items.length
            ? `${items.length} lines.${lost}`
            : `No line yet${view.query.size ? " that fits the filter" : ""}.${lost}`;
    });
});

function levelForm(view) {
    return effectForm(view, {
        title: "Level of the running service",
        text: "After that time, the configured level holds again.",
        fields: [
            ["level", "Level", ["debug", "info", "warning", "error"]],
            ["seconds", "Seconds", 600, 1, 3600],
        ],
        action: "Set the level",
        path: "log-level",
        done: (data, body) => [el("p", `The level is ${body.level} for ${duration(body.seconds)}.`)],
    });
}

// A form whose button has an effect: it says that it waits, then shows what `done` makes of the reply, or the error.
function effectForm(view, { title, text, fields, action, path, done, wait = 10, level = "h2" }) {
    const result = el("div", { "aria-live": "polite" });
    const inputs = fields.map(([name, label, first, least, most]) => {
        const options = Array.isArray(first)
            ? el(
                  "select",
                  { name },
                  first.map((each) => el("option", each)),
              )
            : el("input", { name, type: "number", value: first, min: least, max: most, required: true });
        return el("label", `${label} `, options);
    });
    const button = el("button", action);
    const submit = async (event) => {
        event.preventDefault();
        const body = Object.fromEntries(
            [...new FormData(event.target)].map(([key, each]) => [key, key === "seconds" ? Number(each) : each]),
        );
        button.disabled = true;
        result.replaceChildren(
            el("p.note", body.seconds && wait > 10 ? `Takes ${duration(body.seconds)}.` : "Asks the service."),
        );
        try {
            const data = await ask(path, { body, signal: view.closing.signal, seconds: wait + (body.seconds ?? 0) });
            result.replaceChildren(...done(data, body).filter(Boolean));
        } catch (error) {
            if (!(error instanceof Refusal)) throw error;
            result.replaceChildren(el("p.fault", error.message));
        } finally {
            button.disabled = false;
        }
    };
    return el(
        "section",
        el(level, null, title),
        text ? el("p", text) : null,
        el("form.effect", { onsubmit: submit }, inputs, button),
        result,
    );
}
