// Charts over time: lines, the threshold of an objective, a line under the pointer. A text says the same.

const WIDTH = 600;
const HEIGHT = 90;
const APART = 3; // seconds between two points without those in between: the service was not there
let pointed = null; // the time under the pointer, for all charts

// The largest value of a scale: 1, 2 or 5 times a power of ten.
function ceiling(largest) {
    if (!(largest > 0)) return 1;
    const power = 10 ** Math.floor(Math.log10(largest));
    return power * [1, 2, 5, 10].find((step) => step * power >= largest * 0.999);
}

// From a value to a height in the drawing. A logarithmic scale begins at a millisecond.
function scale(chart, values) {
    const thresholds = chart.thresholds.map((each) => each.value);
    if (chart.logarithmic) {
        const top = 10 ** Math.ceil(Math.log10(Math.max(...values, ...thresholds, 0.01) * 1.01));
        const floor = 0.001;
        return {
            top,
            middle: 10 ** Math.round(Math.log10(top * floor) / 2),
            y: (v) => HEIGHT * (1 - Math.log(Math.max(v, floor) / floor) / Math.log(top / floor)),
        };
    }
    const top = ceiling(Math.max(...values, ...thresholds.map((each) => each * 1.3), chart.least));
    return { top, middle: top / 2, y: (v) => HEIGHT * (1 - Math.min(v / top, 1)) };
}

// A line with gaps where nothing is known. A point between two gaps is a dot: `h0` with round ends.
function path(points, key, x, y) {
    let drawn = "";
    let joined = false;
    let last = -Infinity;
    for (const point of points) {
        const there = known(point[key]);
        joined &&= point.t - last < APART;
        last = point.t;
        const place = there && `${x(point.t).toFixed(1)} ${y(point[key]).toFixed(1)}`;
        if (there) drawn += joined ? `L${place}` : `M${place}h0`;
        joined = there;
    }
    return drawn;
}

// The point at a time, or the last one.
function pointAt(points, time) {
    return points.findLast((point) => time === null || point.t <= time) ?? {};
}

// A figure. `chart` has title, lines ([key, label]), format, thresholds ([{value, label}]), least (of the scale),
// logarithmic, and query: the filters of the requests behind a time. `begin` and `end` are Unix seconds.
function figure(chart, points, begin, end) {
    const values = points.flatMap((point) => chart.lines.map(([key]) => point[key])).filter(known);
    const { top, middle, y } = scale(chart, values);
    const x = (time) => ((time - begin) / (end - begin)) * WIDTH;
    const at = pointAt(points, pointed);
    const lines = chart.lines.map(([key], place) =>
        shape("path", { d: path(points, key, x, y), class: `line s${place}` }),
    );
    const limits = chart.thresholds.map((each) =>
        shape("line.threshold", { x1: 0, x2: WIDTH, y1: y(each.value), y2: y(each.value) }),
    );
    const cursor = pointed ? shape("line.cursor", { x1: x(pointed), x2: x(pointed), y1: 0, y2: HEIGHT }) : null;
    const grid = shape("line.grid", { x1: 0, x2: WIDTH, y1: y(middle), y2: y(middle) });
    const plot = shape(
        "svg",
        { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", width: "100%", height: HEIGHT },
        grid,
        limits,
        lines,
        cursor,
    );
    const labels = [
        [11, chart.format(top)],
        [HEIGHT / 2 - 3, chart.format(middle)],
    ].map(([height, text]) => shape("text", { x: 3, y: height }, text));
    return el(
        "figure",
        { "data-chart": chart.name, "data-begin": begin, "data-end": end },
        el(
            "figcaption",
            el("h2", chart.title),
            el(
                "p.legend",
                chart.lines.map(([key, label], place) =>
                    el("span", { class: `key s${place}` }, `${label} `, el("b", chart.format(at[key]))),
                ),
                chart.thresholds.map((each) =>
                    el("span.key.threshold", `${each.label} `, el("b", chart.format(each.value))),
                ),
            ),
        ),
        shape(
            "svg.chart",
            { width: "100%", height: HEIGHT, role: "img", "aria-label": spoken(chart, points) },
            plot,
            labels,
        ),
        el(
            "p.foot",
            el("span", pointed ? clock(pointed, false) : `${clock(begin, false)} to ${clock(end, false)}`),
            chart.query ? link(chart.hint, address("requests", chart.query)) : null,
        ),
    );
}

// What the drawing shows, as a sentence.
function spoken(chart, points) {
    const parts = chart.lines.map(([key, label]) => {
        const values = points.map((point) => point[key]).filter(known);
        return values.length
            ? `${label} now ${chart.format(values.at(-1))}, at most ${chart.format(Math.max(...values))}`
            : `${label}: no data`;
    });
    const limits = chart.thresholds.map((each) => `${each.label} ${chart.format(each.value)}`);
    return `${chart.title}: ${[...parts, ...limits].join("; ")}.`;
}

// The pointer over the charts of a container: a line in all of them; a click leads to the requests of that time.
function watchPointer(container, redraw, queryOf) {
    const timeAt = (event) => {
        const drawn = event.target.closest?.("svg.chart");
        if (!drawn) return null;
        const { left, width } = drawn.getBoundingClientRect();
        const { begin, end } = drawn.closest("figure").dataset;
        return Number(begin) + ((event.clientX - left) / width) * (end - begin);
    };
    container.onpointermove = (event) => {
        const time = timeAt(event);
        if (time === pointed) return;
        pointed = time;
        redraw();
    };
    container.onpointerleave = container.onpointermove;
    container.onclick = (event) => {
        const time = timeAt(event);
        if (time === null) return;
        pointed = null;
        const query = queryOf(event.target.closest("figure").dataset.chart);
        visit(address("requests", { ...query, since: Math.floor(time) - 1, until: Math.ceil(time) + 1 }));
    };
}
