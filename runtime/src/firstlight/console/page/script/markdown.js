// Runbooks: the part of Markdown that they use, as nodes.

const INLINE = /`([^`]+)`|\*\*([^*]+)\*\*|\[([^\]]+)\]\(([^)\s]+)\)/g;

// Code, strong text and links of one paragraph. Links elsewhere open beside the console.
function inline(text) {
    const nodes = [];
    let from = 0;
    for (const found of text.matchAll(INLINE)) {
        const [all, code, strong, label, target] = found;
        nodes.push(text.slice(from, found.index));
        if (code) nodes.push(el("code", code));
        else if (strong) nodes.push(el("strong", inline(strong)));
        else if (/^https?:\/\//.test(target))
            nodes.push(el("a", { href: target, target: "_blank", rel: "noreferrer" }, label));
        else nodes.push(`${label} (${target})`);
        from = found.index + all.length;
    }
    return [...nodes, text.slice(from)].filter(Boolean);
}

const ITEM = /^\s*(?:\d+\.|[-*])\s+/;
const BLOCK = /^(#{1,6} |```|\s*(\d+\.|[-*])\s|\|)/;

// Headings begin at level `level`.
function markdown(source, level = 3) {
    const lines = source.split("\n");
    const nodes = [];
    while (lines.length) {
        const line = lines.shift();
        const heading = /^(#{1,6}) (.*)/.exec(line);
        if (!line.trim()) continue;
        if (heading)
            nodes.push(el(`h${Math.min(Math.max(heading[1].length, 2) + level - 2, 6)}`, null, inline(heading[2])));
        else if (line.startsWith("```")) nodes.push(fenced(lines));
        else if (line.startsWith("|")) nodes.push(grid([line, ...taken(lines, (next) => next.startsWith("|"))]));
        else if (ITEM.test(line)) nodes.push(list([line, ...taken(lines, (next) => next.trim())]));
        else nodes.push(el("p", inline([line, ...taken(lines, (next) => next.trim() && !BLOCK.test(next))].join(" "))));
    }
    return nodes;
}

function taken(lines, wanted) {
    const end = lines.findIndex((line) => !wanted(line));
    return lines.splice(0, end < 0 ? lines.length : end);
}

function fenced(lines) {
    const code = taken(lines, (line) => !line.startsWith("```"));
    lines.shift();
    return el("pre", { tabindex: 0, "aria-label": "Commands" }, code.join("\n"));
}

function list(lines) {
    const items = [];
    for (const line of lines) {
        if (ITEM.test(line)) items.push(line.replace(ITEM, ""));
        else items.push(`${items.pop()} ${line.trim()}`);
    }
    return el(
        /^\s*\d/.test(lines[0]) ? "ol" : "ul",
        null,
        items.map((item) => el("li", inline(item))),
    );
}

function grid(lines) {
    const cells = lines.map((line) =>
        line
            .replace(/^\||\|\s*$/g, "")
            .split(/(?<!\\)\|/)
            .map((cell) => inline(cell.trim().replaceAll("\\|", "|"))),
    );
    const rows = cells.filter((_, place) => place !== 1);
    const [head, ...rest] = rows.map((row, place) =>
        el(
            "tr",
            row.map((cell) => el(place ? "td" : "th", place ? null : { scope: "col" }, cell)),
        ),
    );
    const whole = el("table", el("thead", head), el("tbody", rest));
    return el("div.scroll", { tabindex: 0, role: "region", "aria-label": "Table of the runbook" }, whole);
}
