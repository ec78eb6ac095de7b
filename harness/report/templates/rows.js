"use strict";
{ // The browser over rows: which suite is listed, what the filters leave of it, and which row is open.
  const PAGE = 50;
  const view = document.getElementById("rows");
  const find = (selector) => view.querySelector(selector);
  let form = null;
  let table = null; // of the suite that is listed
  let listed = []; // its rows that the filters leave, in order
  let page = 0;
  let opened = null;
  let turn = 0; // a suite may be asked for while another is unpacked: the last is listed

  // --- which rows are listed ---

  // The models that count, of those that were asked the suite.
  function counted() {
    const boxes = [...form.querySelectorAll(".row-checks input")];
    return [...table.models.keys()].filter((model) => boxes[table.models[model]].checked);
  }

  function shows(row, what, models) {
    if (what === "") return true;
    if (what === "differ") {
      return new Set(models.map((model) => table.predicted(model, row)).filter((said) => said !== null)).size > 1;
    }
    const earned = table.earned(models, row);
    return earned.length > 0 && earned.every((value) => value === (what === "right" ? 1 : 0));
  }

  // Rows that no model was asked stand last either way.
  function sorted(rows, order, models) {
    const sign = order === "hard" ? 1 : -1;
    const keys = new Map(rows.map((row) => {
      const earned = table.earned(models, row);
      return [row, earned.length ? sign * (earned.reduce((sum, value) => sum + value, 0) / earned.length) : 2];
    }));
    return rows.sort((a, b) => keys.get(a) - keys.get(b) || a - b);
  }

  function filtered() {
    const { relation, show, better, worse, search, order } = Object.fromEntries(new FormData(form));
    const models = counted();
    const wanted = search.trim().toLowerCase();
    const rows = [...Array(table.count).keys()].filter((row) =>
      (relation === "" || table.column.relation[row] === Number(relation))
      && (better === "" || table.credit(Number(better), row) === 1)
      && (worse === "" || table.credit(Number(worse), row) === 0)
      && shows(row, show, models)
      && (wanted === "" || table.words(row).includes(wanted)));
    return order === "" ? rows : sorted(rows, order, models);
  }

  // --- the list ---

  function tell(text) { find(".row-status").textContent = text; }

  function draw() {
    const models = counted();
    const pages = Math.max(1, Math.ceil(listed.length / PAGE));
    const list = find(".row-list");
    page = Math.min(page, pages - 1);
    list.replaceChildren(...listed.slice(page * PAGE, (page + 1) * PAGE).map(
      (row) => rowItem.item(table, row, models, row === opened ? rowItem.acts(close) : null),
    ));
    list.start = page * PAGE + 1;
    list.hidden = false;
    find(".row-pages").hidden = pages === 1;
    find(".row-page").textContent = `${page + 1} of ${pages}`;
    find(".row-before").disabled = page === 0;
    find(".row-after").disabled = page === pages - 1;
  }

  function refresh() {
    listed = filtered();
    tell(`${listed.length.toLocaleString("en")} of ${table.count.toLocaleString("en")} rows`);
    draw();
  }

  function close() {
    const place = listed.indexOf(opened) - page * PAGE;
    forget();
    draw();
    find(".row-list").children[place]?.querySelector(".row-link").focus();
  }

  // The address no longer names a row.
  function forget() {
    if (opened !== null) history.replaceState(null, "", table.address(null));
    opened = null;
  }

  function open(id) {
    opened = table.places.get(id) ?? null;
    if (opened !== null && !listed.includes(opened)) { // whoever sent the address had other filters
      for (const name of ["relation", "show", "better", "worse", "search"]) form.elements[name].value = "";
      refresh();
    }
    if (opened === null) {
      draw();
      tell(`This page has no such row of ${table.name}.`);
      return;
    }
    page = Math.floor(listed.indexOf(opened) / PAGE);
    draw();
    find(".opened").scrollIntoView();
    find(".opened .row-link").focus({ preventScroll: true });
  }

  // --- filters ---

  // What was chosen stays so where the other suite has it, too.
  function offer(name, options) {
    const select = form.elements[name];
    const before = select.selectedOptions[0]?.textContent;
    select.replaceChildren(...options.map(([text, value]) => new Option(text, value)));
    const again = [...select.options].find((option) => option.textContent === before);
    if (again) again.selected = true;
  }

  async function list(suite) {
    const mine = (turn += 1);
    const found = await RowTable.load(suite);
    if (mine !== turn) return false;
    if (found === table) return true;
    table = found;
    opened = null;
    page = 0;
    form.elements.suite.value = String(suite);
    const relations = table.relations.map((name, place) => [name, String(place)]);
    const models = [...table.models.keys()].map((model) => [table.modelName(model), String(model)]);
    offer("relation", [["all", ""], ...relations.sort(([a], [b]) => (a < b ? -1 : Number(a > b)))]);
    offer("better", [["any", ""], ...models]);
    offer("worse", [["any", ""], ...models]);
    refresh();
    return true;
  }

  function decoded(text) {
    try {
      return decodeURIComponent(text);
    } catch {
      return text;
    }
  }

  // What the address names behind "#rows/": a suite, and a row of it; either may be left out.
  async function show(rest) {
    delete view.dataset.listed;
    const [suite, ...row] = rest.split("/");
    const place = RowTable.index.suites.findIndex((one) => one.suite === decoded(suite));
    const wanted = rest === "" ? table?.number ?? 0 : Math.max(place, 0);
    if (!(await list(wanted))) return;
    if (rest !== "" && place < 0) tell("This page has no such suite; its first is listed.");
    else if (row.length) open(decoded(row.join("/")));
    else if (opened !== null) close();
    view.dataset.listed = table.suite;
  }

  function prepare() {
    RowTable.index = JSON.parse(RowTable.island("row-index"));
    form = find(".row-filters");
    offer("suite", RowTable.index.suites.map((one, number) => [one.name, String(number)]));
    const some = RowTable.index.models.some((model) => !model.control);
    for (const model of RowTable.index.models) {
      const box = make("input");
      box.type = "checkbox";
      box.checked = !some || !model.control;
      find(".row-checks").append(make("label", "", box, make("bdi", "", model.name)));
    }
    form.hidden = false;
    find(".row-hardest").hidden = true;
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("input", changed);
    find(".row-before").addEventListener("click", () => turnTo(page - 1));
    find(".row-after").addEventListener("click", () => turnTo(page + 1));
    find(".row-list").addEventListener("keydown", pressed);
  }

  async function changed(event) {
    forget();
    page = 0;
    if (event.target !== form.elements.suite) {
      refresh();
    } else if (await list(Number(event.target.value))) {
      history.replaceState(null, "", table.address(null));
      view.dataset.listed = table.suite;
    }
  }

  function turnTo(number) {
    page = number;
    draw();
    find(".row-link").focus();
  }

  function pressed(event) {
    if (event.key === "Escape" && opened !== null) close();
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step || !event.target.matches(".row-link")) return;
    const links = [...view.querySelectorAll(".row-link")];
    links[links.indexOf(event.target) + step]?.focus();
    event.preventDefault();
  }

  if (view) {
    document.addEventListener("view", (event) => {
      if (event.detail.view !== view) return;
      if (!form) prepare();
      show(event.detail.rest);
    });
  }
}
