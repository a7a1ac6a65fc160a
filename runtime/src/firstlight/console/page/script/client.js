// What the page asks the service, once a second for what is visible, and what it says when there is no reply.

const AWAY = "The service does not answer. It restarts, or it has ended. This page asks again every second.";
const OLD_TOKEN =
    "The token of this page is old: the service was started anew. Open the address that it printed at its start.";
const OTHER_VERSION = "This page and the service are of different versions. Reload the page.";

class Refusal extends Error {
    constructor(status, message) {
        super(message);
        this.status = status;
    }
}

// The JSON below /console/api/v1/. With a body it is a POST. Raises `Refusal`.
async function ask(path, { body, signal, seconds = 10 } = {}) {
    const patience = AbortSignal.timeout(seconds * 1000);
    const effect = body && {
        method: "POST",
        headers: { "Content-Type": "application/json", "X-Console": "1" },
        body: JSON.stringify(body),
    };
    let response;
    try {
        response = await fetch(`/console/api/v1/${path}`, {
            ...effect,
            signal: signal ? AbortSignal.any([signal, patience]) : patience,
        });
    } catch (error) {
        if (signal?.aborted) throw error;
        throw new Refusal(0, AWAY);
    }
    const data = await response.json().catch(() => ({}));
    if (response.status === 401) throw new Refusal(401, OLD_TOKEN);
    if (!response.ok)
        throw new Refusal(response.status, data.error ?? `The service answered with status ${response.status}.`);
    if (data.version !== 1) throw new Refusal(0, OTHER_VERSION);
    return data;
}

const SILENT = 1500; // milliseconds without a reply
let paused = false;
let blocked = 0; // milliseconds for which the event loop has been blocked

const faults = new Map(); // path: sentence

// Says what is wrong, in one sentence, or that nothing is.
function tell() {
    const [sentence = ""] = faults.values();
    const fault = document.getElementById("fault");
    if (fault.textContent !== sentence) fault.textContent = sentence;
    fault.hidden = !sentence;
    const kind = sentence ? "no data" : paused ? "paused" : blocked ? "blocked" : "live";
    const text = kind === "blocked" ? `event loop blocked for ${milliseconds(blocked)}` : kind;
    const state = document.getElementById("state");
    if (state.textContent !== text) state.textContent = text;
    state.className = kind.replace(" ", "-");
}

// What is open: its query, its place, and what it follows until it is closed.
class View {
    constructor(content, id, query) {
        Object.assign(this, { content, id, query, heard: 0, closing: new AbortController() });
    }

    close() {
        faults.clear();
        this.closing.abort();
    }

    // Where the section asks seldom or never, ask whether the service is there and how it is: the head says it.
    beat() {
        this.follow(
            () => "",
            () => {},
            1,
            () => Date.now() - this.heard > SILENT,
        );
    }

    // Ask for `path`, or what it returns, now and then once every `seconds`, unless paused or hidden.
    follow(path, draw, seconds = 1, needed = () => true) {
        const signal = this.closing.signal;
        let asked = false;
        let done = true;
        const turn = async () => {
            if (signal.aborted) return;
            if (!asked || (!(paused || document.hidden) && needed())) {
                done = await this.once(path.call ? path() : path, draw);
                asked ||= done;
            }
            if (!signal.aborted) setTimeout(turn, (done ? seconds : 1) * 1000);
        };
        turn();
    }

    // Ask once. Whether there was a reply.
    async once(path, draw) {
        const signal = this.closing.signal;
        try {
            const data = await ask(path, { signal });
            if (signal.aborted) return false;
            this.heard = Date.now();
            faults.delete(path.split("?")[0]);
            faults.delete(""); // of the beat
            blocked = data.blocked_ms ?? 0;
            tell();
            draw(data);
            return true;
        } catch (error) {
            if (signal.aborted) return false;
            if (!(error instanceof Refusal)) throw error;
            faults.set(path.split("?")[0], error.message);
            tell();
            return false;
        }
    }

    // Whether a row has the text of the filter.
    matches(row) {
        const text = (this.query.get("text") ?? "").toLowerCase();
        return !text || JSON.stringify(row).toLowerCase().includes(text);
    }
}
