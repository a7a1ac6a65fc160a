// Numbers and times as text.

const known = (number) => typeof number === "number" && Number.isFinite(number);
const digits = (number) =>
    number === 0
        ? "0"
        : Math.abs(number) >= 100
          ? number.toFixed(0)
          : String(Number(number.toPrecision(2 + (Math.abs(number) >= 10))));
const count = (number) => (known(number) ? Number(number.toFixed(2)).toLocaleString("en") : "–");
const plain = (number) => (known(number) ? digits(number) : "–");
// A ratio just below 1 is not shown as 100 %.
const percent = (ratio) =>
    known(ratio)
        ? `${ratio > 0.99 && ratio < 1 ? String(Math.floor(ratio * 1e5 + 1e-6) / 1e3) : digits(ratio * 100)} %`
        : "–";

function duration(seconds) {
    if (!known(seconds)) return "–";
    if (seconds < 1) return `${digits(seconds * 1000)} ms`;
    if (seconds < 120) return `${digits(seconds)} s`;
    if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
    return `${(seconds / 3600).toFixed(1)} h`;
}
const milliseconds = (ms) => duration(known(ms) ? ms / 1000 : null);

function bytes(number) {
    if (!known(number)) return "–";
    const power = number < 1000 ? 0 : number < 1e6 ? 1 : number < 1e9 ? 2 : 3;
    return `${digits(number / 1000 ** power)} ${["B", "kB", "MB", "GB"][power]}`;
}

// A time of the day, of Unix seconds or ISO 8601.
function clock(time, fine = true) {
    const date = new Date(typeof time === "number" ? time * 1000 : time);
    if (time === null || time === undefined || Number.isNaN(date.getTime())) return "–";
    const text = [date.getHours(), date.getMinutes(), date.getSeconds()]
        .map((part) => String(part).padStart(2, "0"))
        .join(":");
    return fine ? `${text}.${String(date.getMilliseconds()).padStart(3, "0")}` : text;
}

const UNITS = [
    [/(^|_)ms$/, milliseconds],
    [/(_seconds|^seconds|^age|^every)$/, duration],
    [/bytes$/, bytes],
    [/^(time|since|last_success|.*_at|.*timestamp)$/, clock],
    [/ratio$/, percent],
];
const GOOD = /^(ok|pass(ed|ing)?|ready|up|closed|good|healthy|running|started|true)$/i;
const BAD = /^(fail(ed|ing)?|error|down|bad|stopped|unhealthy|broken|firing|critical|timeout)$/i;

// Any value of a state, by its key.
function value(each, key = "") {
    if (each === null || each === undefined || each === "") return "–";
    if (key === "history" && Array.isArray(each)) return ticks(each);
    if (typeof each === "number") return (UNITS.find(([pattern]) => pattern.test(key)) ?? [0, digits])[1](each);
    if (key === "trace_id") return link(each, `requests/${encodeURIComponent(each)}`);
    if (/^(status|state|ready|outcome)$/.test(key))
        return mark(String(each), GOOD.test(each) ? "good" : BAD.test(each) ? "bad" : "");
    if (typeof each === "boolean") return each ? "yes" : "no";
    if (Array.isArray(each) && !each.some((part) => part && typeof part === "object"))
        return each.length ? each.join(", ") : "–";
    return typeof each === "object" ? JSON.stringify(each) : String(each);
}

// One stroke for each past result, newest last.
function ticks(history) {
    const results = history.slice(-40).map((each) => String(each?.status ?? each?.outcome ?? each));
    const bad = results.filter((each) => !GOOD.test(each)).length;
    const strokes = results.map((each, place) =>
        shape("rect", {
            x: place * 4,
            y: GOOD.test(each) ? 6 : 0,
            width: 3,
            height: GOOD.test(each) ? 6 : 12,
            class: GOOD.test(each) ? "good" : "bad",
        }),
    );
    return shape(
        "svg.ticks",
        {
            width: Math.max(results.length * 4, 1),
            height: 12,
            role: "img",
            "aria-label": `last ${results.length}: ${results.length - bad} passed, ${bad} did not`,
        },
        strokes,
    );
}

// A text that a client chose, cut so that a row stays a row.
function short(text) {
    return text?.length > 120 ? `${text.slice(0, 119)}…` : text;
}
