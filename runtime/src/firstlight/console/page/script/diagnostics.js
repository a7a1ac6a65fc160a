// On demand: a CPU profile as a flame graph, tasks, threads, memory.

// Stacks as a tree of frames: name, samples, own samples, children. Stacks begin at the outermost frame.
function grown(stacks) {
    const root = { name: "all", samples: 0, own: 0, below: new Map() };
    for (const [frames, samples] of stacks) {
        root.samples += samples;
        let node = root;
        for (const name of frames) {
            if (!node.below.has(name)) node.below.set(name, { name, samples: 0, own: 0, below: new Map() });
            node = node.below.get(name);
            node.samples += samples;
        }
        node.own += samples;
    }
    return root;
}

const FRAME_HEIGHT = 18;

// Rectangles of a tree: the outermost frame on top. A click makes a frame as wide as the graph.
function flames(root) {
    const holder = el("div.flames");
    const zoom = (top) => {
        const frames = [];
        const place = (node, x, depth) => {
            const share = node.samples / top.samples;
            if (share < 0.002) return;
            frames.push({ node, x, depth, share });
            let next = x;
            for (const child of node.below.values()) {
                place(child, next, depth + 1);
                next += child.samples / top.samples;
            }
        };
        place(top, 0, 0);
        const depth = Math.max(...frames.map((frame) => frame.depth)) + 1;
        const drawn = frames.map((frame) => rectangle(frame, root, () => zoom(frame.node)));
        const graph = shape(
            "svg",
            {
                width: "100%",
                height: depth * FRAME_HEIGHT,
                role: "group",
                "aria-label": `Flame graph of ${count(root.samples)} samples; the table below has the same frames`,
            },
            drawn,
        );
        holder.replaceChildren(
            el(
                "p.foot",
                el("span", `${top.name}: ${percent(top.samples / root.samples)} of ${count(root.samples)} samples`),
                top === root ? "" : el("button", { type: "button", onclick: () => zoom(root) }, "Whole graph"),
            ),
            graph,
        );
    };
    zoom(root);
    return holder;
}

function rectangle({ node, x, depth, share }, root, zoom) {
    const text = `${node.name}: ${percent(node.samples / root.samples)}, ${count(node.samples)} samples`;
    const hue = [...node.name].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 5, 7);
    const pressed = (event) => ["Enter", " "].includes(event.key) && (event.preventDefault(), zoom());
    return shape(
        "svg",
        {
            x: `${x * 100}%`,
            y: depth * FRAME_HEIGHT,
            width: `${share * 100}%`,
            height: FRAME_HEIGHT,
            tabindex: share > 0.02 ? 0 : null,
            role: "button",
            "aria-label": text,
            onclick: zoom,
            onkeydown: pressed,
        },
        shape("title", text),
        shape("rect", { width: "100%", height: FRAME_HEIGHT - 1, class: `flame f${hue}` }),
        share > 0.03 ? shape("text", { x: 3, y: 13 }, node.name) : null,
    );
}

// The frames that were on top of stacks most often.
function ownTime(root) {
    const own = new Map();
    const visit = (node) => {
        if (node.own) own.set(node.name, (own.get(node.name) ?? 0) + node.own);
        node.below.forEach(visit);
    };
    visit(root);
    const rows = [...own].sort((a, b) => b[1] - a[1]).slice(0, 15);
    return table(
        "Frames by own samples",
        [
            ["Frame", ([name]) => el("code", name), "grow"],
            ["Samples", ([, samples]) => count(samples), "number"],
            ["Share", ([, samples]) => percent(samples / root.samples), "number"],
        ],
        rows,
    );
}

section("profile", "Profile", "f", [], (view) => {
    view.content.append(
        effectForm(view, {
            title: "CPU profile",
            text: "Samples the stacks of all threads while the service works. One profile at a time.",
            fields: [["seconds", "Seconds", 5, 1, 30]],
            action: "Profile",
            path: "profile",
            wait: 15,
            done: ({ stacks }) => {
                const root = grown(stacks);
                return root.samples ? [flames(root), ownTime(root)] : [el("p.empty", "No sample was taken.")];
            },
        }),
    );
});

section("memory", "Memory", "m", [], (view) => {
    const columns = [
        ["Where", (each) => el("code", each.where), "grow"],
        ["Bytes", (each) => bytes(each.bytes), "number"],
        ["Blocks", (each) => count(each.count), "number"],
    ];
    view.content.append(
        effectForm(view, {
            title: "Allocations",
            text: "Records what is allocated meanwhile and still held at the end. That makes the service slower.",
            fields: [["seconds", "Seconds", 5, 1, 30]],
            action: "Record",
            path: "memory",
            wait: 15,
            done: ({ items }) => [table("Allocations by place", columns, items, "Nothing was allocated.")],
        }),
    );
});

// Groups of equal stacks, read once and again on demand.
function dump(name, title, letter, caption) {
    section(name, title, letter, ["text"], (view) => {
        const result = el("div");
        const read = () =>
            view.once(name, ({ items, left_out: more }) => {
                const groups = items.filter((item) => view.matches(item));
                const total = items.reduce((sum, item) => sum + item.count, 0);
                const rest = more ? ` ${count(more)} small groups are left out.` : "";
                const card = (item) =>
                    el(
                        "article.card",
                        el("h2", `${count(item.count)} × ${item.stack.at(-1) ?? "no stack"}`),
                        item.names?.length ? el("p.note", item.names.slice(0, 20).join(", ")) : null,
                        stack(item.stack),
                    );
                show(
                    result,
                    el("p.note", `${caption}: ${count(total)}, in groups of equal stacks.${rest}`),
                    groups.map(card),
                );
            });
        view.content.append(el("button", { type: "button", onclick: read }, "Read again"), result);
        read();
    });
}
dump("tasks", "Tasks", "k", "Tasks of the event loop");
dump("threads", "Threads", "h", "Threads");
