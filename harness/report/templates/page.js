"use strict";
// The page reads without this script: it draws charts, closes the tables behind them, and sorts.

const tip = document.createElement("div");
tip.className = "tip";
tip.hidden = true;
document.body.append(tip);

// An element with a class and contents; everything is put in as text.
function make(tag, className = "", ...content) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...content);
  return element;
}

// What an island holds behind base64 and gzip, as a response to read.
function unpacked(id) {
  const bytes = Uint8Array.from(atob(document.getElementById(id).textContent), (character) => character.charCodeAt(0));
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip")));
}

// Own tooltip: text only, whatever a label says.
function showTip(handler, event, item, value) {
  tip.hidden = value === null || value === undefined || value === "";
  if (tip.hidden) return;
  tip.textContent = Object.entries(value).map(([name, text]) => `${name}: ${text}`).join("\n");
  tip.style.left = `${Math.max(4, Math.min(event.clientX + 12, innerWidth - tip.offsetWidth - 8))}px`;
  tip.style.top = `${Math.max(4, Math.min(event.clientY + 12, innerHeight - tip.offsetHeight - 8))}px`;
}

// The drawing library is text until a chart is first drawn; the policy knows it by its hash.
function drawing() {
  if (!window.vegaEmbed) {
    const script = document.createElement("script");
    script.textContent = document.getElementById("vega").textContent;
    document.head.append(script);
  }
  return window.vegaEmbed;
}

async function draw(place) {
  const table = place.closest("figure").parentElement.querySelector("details.data") ?? {};
  const spec = JSON.parse(document.getElementById(place.dataset.spec).textContent);
  place.dataset.drawn = "";
  place.hidden = false;
  table.open = false;
  try {
    // ast: expressions are interpreted, never compiled, so that the policy can forbid eval
    await drawing()(place, spec, {
      mode: "vega-lite", ast: true, renderer: "svg", actions: false, defaultStyle: false, tooltip: showTip,
      logLevel: 1, // errors; that a number has no interval is none
    });
    place.tabIndex = 0; // so that keys can scroll it
  } catch (error) {
    place.hidden = true;
    table.open = true;
    console.error(error);
  }
}

// What is folded away is drawn when it is first unfolded.
async function drawAll(part) {
  for (const place of part.querySelectorAll(".chart[data-spec]:not([data-drawn])")) {
    if (!place.closest("details.drawings:not([open])")) await draw(place);
  }
}

for (const folded of document.querySelectorAll("details.drawings")) {
  folded.addEventListener("toggle", () => folded.open && drawAll(folded));
}

// A number with or without its unit, the low end of an interval, or the text itself.
function sortKey(row, column) {
  const cell = row.children[column];
  const text = cell.dataset.order ?? cell.textContent.trim();
  if (text === "" || text === "–") return null;
  const first = text.replace(/^\[(.+), .+\]$/, "$1");
  const number = Number(first.replace(/,|\s*%$/g, "").replace("−", "-"));
  return Number.isNaN(number) ? text : number;
}

// Rows are sorted within their band; missing values stay last both ways.
function sortBy(table, column, sign) {
  for (const body of table.tBodies) {
    const rows = [...body.rows].filter((row) => !row.classList.contains("band"));
    const keyed = rows.map((row) => [sortKey(row, column), row]);
    keyed.sort(([a], [b]) => {
      if (a === null || b === null) return (a === null) - (b === null);
      if (typeof a === "number" && typeof b === "number") return sign * (a - b);
      return sign * String(a).localeCompare(String(b));
    });
    body.append(...keyed.map(([, row]) => row));
  }
}

function makeSortable(table) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "↕";
    button.setAttribute("aria-label", `Sort by ${head.innerText.trim().replace(/\s+/g, " ")}`);
    button.addEventListener("click", () => {
      const before = head.getAttribute("aria-sort");
      const down = before ? before === "ascending" : column > 0;
      for (const other of heads) {
        other.removeAttribute("aria-sort");
        other.querySelector("button").textContent = "↕";
      }
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      button.textContent = down ? "↓" : "↑";
      sortBy(table, column, down ? -1 : 1);
    });
    const name = head.querySelector(".metric")?.lastChild ?? head.querySelector("a, bdi") ?? head.lastChild;
    name.after(button);
  });
}

document.querySelectorAll("table.sortable").forEach(makeSortable);

// One view at a time: that of the address' fragment up to its first slash, or the one that holds that element.
const views = [...document.querySelectorAll("main > section")];
const title = document.title;
const places = new Map(); // how far down each view was left
let shown = null;
let followed = false; // a link was, and not the way back

function fragment() {
  const [name, ...rest] = location.hash.slice(1).split("/");
  const target = name && document.getElementById(name);
  const view = target && target.closest("main > section");
  return { view: view || views[0], target: view ? target : views[0], rest: rest.join("/") };
}

function unfold(element) {
  for (let folded = element.closest("details"); folded; folded = folded.parentElement.closest("details")) {
    folded.open = true;
  }
}

function reveal(view) {
  document.documentElement.className = "scripted";
  for (const other of views) {
    // a search in the page still finds what is hidden
    if (other === view) other.removeAttribute("hidden");
    else other.setAttribute("hidden", "until-found");
  }
  for (const link of document.querySelectorAll("nav a[href]")) {
    if (link.hash === `#${view.id}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  for (const menu of document.querySelectorAll("nav details")) {
    menu.open = false;
    menu.classList.toggle("current", menu.querySelector("[aria-current]") !== null);
  }
}

function place(view, target, first) {
  const heading = view.querySelector("h2");
  heading.tabIndex = -1;
  if (!first) heading.focus({ preventScroll: true });
  unfold(target);
  if (target !== view) target.scrollIntoView();
  else scrollTo(0, (!followed && places.get(view)) || 0);
}

async function route() {
  const { view, target, rest } = fragment();
  const first = shown === null;
  delete document.documentElement.dataset.ready;
  if (view !== shown) {
    shown = view;
    reveal(view);
    document.title = first && view === views[0] ? title : `${view.querySelector("h2").textContent} – ${title}`;
    place(view, target, first);
  } else {
    place(view, target, true);
  }
  followed = false;
  document.dispatchEvent(new CustomEvent("view", { detail: { view, rest } }));
  await drawAll(view);
  if (view === shown) document.documentElement.dataset.ready = view.id;
}

history.scrollRestoration = "manual"; // what is restored stands in `places`
addEventListener("scroll", () => places.set(shown, scrollY));
document.addEventListener("click", (event) => {
  const a = event.target.closest("a[href^='#']");
  followed = a !== null && !event.defaultPrevented && a.hash !== location.hash; // else nothing is routed
});
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault(); // the address names the view, and stays
  shown.querySelector("h2").focus();
});

// A menu closes on a click elsewhere and on Escape.
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) menu.open = menu.contains(event.target);
});
document.addEventListener("keydown", (event) => {
  const menu = event.key === "Escape" && event.target.closest("details.menu[open]");
  if (!menu) return;
  menu.open = false;
  menu.querySelector("summary").focus();
});
document.addEventListener("beforematch", (event) => { // by a search, or on the way to what the address names
  const found = event.target.closest("main > section");
  if (found !== fragment().view) location.hash = found.id;
});
addEventListener("hashchange", route);
if (views.length) queueMicrotask(route); // after the scripts that listen
