// The buttons of a component's section. Each runs once at a time; the service says what was done.

const ACTION_SECONDS = 120;

class Buttons {
    constructor(view, name) {
        Object.assign(this, { view, name, actions: [], holder: el("div.actions") });
        Object.assign(this, { pressed: new Set(), said: new Map() });
        this.holder.onclick = (event) => {
            const button = event.target.closest("button");
            if (button && button.getAttribute("aria-disabled") !== "true") this.press(button.dataset.action);
        };
    }

    take(actions) {
        this.actions = actions;
        this.draw();
    }

    draw() {
        const row = ({ name, title, summary, running }) => {
            const busy = running || this.pressed.has(name);
            const button = { type: "button", "data-action": name, "aria-disabled": busy && "true" };
            return el(
                "p.action",
                el("button", button, title),
                el("span", summary),
                el("span.said", { role: "status" }, busy ? "runs …" : this.said.get(name)),
            );
        };
        show(this.holder, this.actions.map(row));
    }

    // Not again while it runs, also if another tab has pressed it.
    async press(action) {
        this.pressed.add(action);
        this.draw();
        try {
            const path = `components/${encodeURIComponent(this.name)}/${encodeURIComponent(action)}`;
            const signal = this.view.closing.signal;
            this.said.set(action, (await ask(path, { body: {}, signal, seconds: ACTION_SECONDS })).text);
        } catch (error) {
            if (this.view.closing.signal.aborted) return;
            if (!(error instanceof Refusal)) throw error;
            this.said.set(action, error.message);
        }
        this.pressed.delete(action);
        for (const each of this.actions) if (each.name === action) each.running = false;
        this.draw();
    }
}
