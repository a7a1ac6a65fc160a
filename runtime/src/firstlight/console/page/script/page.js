// The page: which section the address names, links, keys, pause, theme. Runs last.

const byId = (id) => document.getElementById(id);
const currentQuery = () => new URLSearchParams(location.search);
let view = null;
let here = ""; // the address of what is open, without its fragment
let serviceName = "Console";

// Section and id of an address: the longest section that it begins with.
function resolve(pathname) {
    const path = pathname.replace(/^\/console\/?/, "").replace(/\/$/, "");
    for (const found of [...SECTIONS.values()].sort((a, b) => b.path.length - a.path.length)) {
        if (path === found.path) return [found, ""];
        if (found.path && path.startsWith(`${found.path}/`)) return [found, path.slice(found.path.length + 1)];
    }
    return [null, path];
}

// Open what the address names.
function open(moved) {
    const [found, id] = resolve(location.pathname);
    here = location.pathname + location.search;
    navigate(found);
    byId("title").textContent = !found ? "Not found" : id ? `${found.title}: ${id}` : found.title;
    document.title = `${byId("title").textContent} · ${serviceName}`;
    filterForm(found && !id ? found.filters : [], currentQuery(), (query) => {
        here = location.pathname + (query.size ? `?${query}` : "");
        history.replaceState(null, "", here);
        fillContent(found, id);
    });
    fillContent(found, id);
    byId("sections").querySelector("[aria-current=page]")?.scrollIntoView({ block: "nearest" });
    if (!moved) return;
    byId("title").focus({ preventScroll: true });
    scrollTo(0, 0);
}

function fillContent(found, id) {
    view?.close();
    tell();
    pointed = null;
    const content = el("div", { id: "content" });
    byId("content").replaceWith(content);
    view = new View(content, id, currentQuery());
    if (found) found.open(view);
    else content.append(el("p", "The console has no such section."));
    view.beat();
}

// Go to a path of the console.
function visit(path) {
    history.pushState(null, "", path ? `/console/${path}` : "/console");
    open(true);
}

function navigate(current) {
    show(
        byId("sections"),
        [...SECTIONS.values()].map((each) =>
            el(
                "li",
                el(
                    "a",
                    { href: `/console${each.path && "/"}${each.path}`, "aria-current": each === current && "page" },
                    each.title,
                ),
            ),
        ),
    );
}

// Name and version of the service, in the head of the page.
function identify({ name, serviceId, version, environment }) {
    serviceName = name ?? serviceId ?? serviceName;
    byId("service").textContent = serviceName;
    byId("identity").textContent = [version, environment].filter(Boolean).join(" · ");
}

function pause() {
    paused = !paused;
    byId("pause").setAttribute("aria-pressed", paused);
    byId("pause").textContent = paused ? "Resume" : "Pause";
    tell();
}

// The theme: the system's, or the one that was chosen in this browser.
const THEMES = ["system", "dark", "light"];
function setTheme(theme) {
    document.documentElement.dataset.theme = theme;
    byId("theme").textContent = `Theme: ${theme}`;
    try {
        localStorage.setItem("console-theme", theme);
    } catch {} // a browser without storage forgets it
}
function chosenTheme() {
    try {
        return THEMES.find((each) => each === localStorage.getItem("console-theme")) ?? "system";
    } catch {
        return "system";
    }
}

// Keys. Never while something is typed.
let going = 0; // when g was pressed
function pressed(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    const typing = event.target.closest("input, select, textarea");
    if (event.key === "Escape" && typing) return typing.blur();
    if (typing || byId("help").open) return;
    const goal = Date.now() - going < 1500 && [...SECTIONS.values()].find((each) => each.letter === event.key);
    going = event.key === "g" ? Date.now() : 0;
    if (goal) return (event.preventDefault(), visit(goal.path));
    const act = { "/": focusFilter, p: pause, "?": help }[event.key];
    if (act) act(event.preventDefault());
}

function focusFilter() {
    byId("filters").querySelector("input, select")?.focus();
}

function help() {
    const keys = [
        ["/", "to the filter"],
        ["p", "pause and resume"],
        ["?", "this list"],
        ["Esc", "out of the filter"],
    ];
    const letters = [...SECTIONS.values()]
        .filter((each) => each.letter)
        .map((each) => [`g ${each.letter}`, each.title]);
    show(
        byId("help").querySelector("dl"),
        [...keys, ...letters].map(([key, text]) => el("div", el("dt", el("kbd", key)), el("dd", text))),
    );
    byId("help").showModal();
}

function clicked(event) {
    const copy = event.target.closest("[data-copy]");
    if (copy) navigator.clipboard.writeText(copy.dataset.copy).then(() => (copy.textContent = "Copied"));
    const target = event.target.closest("a[href^='/console']");
    if (!target || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    visit(target.getAttribute("href").replace(/^\/console\/?/, ""));
}

document.addEventListener("keydown", pressed);
document.addEventListener("click", clicked);
addEventListener("popstate", () => here !== location.pathname + location.search && open(true)); // not for a fragment
byId("pause").onclick = pause;
byId("keys").onclick = help;
byId("theme").onclick = () => setTheme(THEMES[(THEMES.indexOf(chosenTheme()) + 1) % THEMES.length]);
setTheme(chosenTheme());
open(false);

// What only the service knows: its name, and the sections of its components.
async function begin() {
    try {
        const [list, state] = [await ask(""), await ask("state")];
        for (const { name, title } of list.components ?? []) addComponent(name, title);
        identify(state.service ?? {});
        navigate(resolve(location.pathname)[0]);
        if (location.pathname.startsWith("/console/components/")) open(false);
        document.title = `${byId("title").textContent} · ${serviceName}`;
    } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        setTimeout(begin, 1000);
    }
}
begin();
