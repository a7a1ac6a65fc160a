// The table of sections, which the files after this one fill.

const SECTIONS = new Map(); // path: {path, title, letter, filters, open}

// `open(view)` fills `view.content`; `letter` is its key after g.
function section(path, title, letter, filters, open) {
    SECTIONS.set(path, { path, title, letter, filters, open });
}
