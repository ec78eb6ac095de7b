"use strict";
// Confusions: packed as they are, and drawn when their view is first shown, for the model that is chosen.
{
  async function unpacked(id) {
    const bytes = Uint8Array.from(atob(document.getElementById(id).textContent), (c) => c.charCodeAt(0));
    return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).json();
  }

  function element(name, text, place) {
    const made = document.createElement(name);
    if (text !== undefined) made.textContent = text;
    place?.append(made);
    return made;
  }

  function head(row, text, scope) {
    const cell = element("th", undefined, row);
    cell.scope = scope;
    element("bdi", text, scope === "col" ? element("span", undefined, cell) : cell);
    return cell;
  }

  function fill(cell, count, total, right) {
    if (!count) return;
    const share = count / total;
    cell.textContent = share < 0.005 ? "<1" : Math.round(100 * share);
    element("i", count, cell);
    cell.className = `${right ? "a" : "b"}${Math.min(5, Math.max(1, Math.ceil(5 * share)))}`;
  }

  function tabulate(table, data, model) {
    const counts = new Array(data.gold.length * data.said.length).fill(0);
    for (let i = 0; i < model.cells.length; i += 2) counts[model.cells[i]] = model.cells[i + 1];
    table.replaceChildren();
    const top = element("tr", undefined, element("thead", undefined, table));
    head(top, "true \\ said", "col");
    for (const said of data.said) head(top, said, "col");
    head(top, "rows", "col");
    const body = element("tbody", undefined, table);
    data.gold.forEach((gold, i) => {
      const own = counts.slice(i * data.said.length, (i + 1) * data.said.length);
      const total = own.reduce((sum, count) => sum + count, 0);
      const row = element("tr", undefined, body);
      head(row, gold, "row");
      own.forEach((count, j) => {
        const cell = element("td", undefined, row);
        fill(cell, count, total, j === data.right[i]);
        if (j === data.right[i]) cell.classList.add("own");
      });
      element("td", total, row);
    });
  }

  async function draw(place) {
    const data = await unpacked(place.dataset.island);
    const select = place.querySelector("select");
    data.models.forEach((model, i) => { element("option", model.name, select).value = i; });
    const show = () => tabulate(place.querySelector("table"), data, data.models[select.value]);
    select.addEventListener("change", show);
    show();
  }

  for (const place of document.querySelectorAll(".confusion[data-island]")) place.hidden = false;

  document.addEventListener("view", ({ detail }) => {
    for (const place of detail.view.querySelectorAll(".confusion[data-island]:not([data-drawn])")) {
      place.dataset.drawn = "";
      draw(place);
    }
  });
}
