"use strict";
// Confusions: packed as they are, and drawn when their view is first shown, for the model that is chosen.
{
  function head(text, scope) {
    const name = make("bdi", "", text);
    const cell = make("th", "", scope === "col" ? make("span", "", name) : name);
    cell.scope = scope;
    return cell;
  }

  function share(count, total, right) {
    if (!count) return make("td");
    const of = count / total;
    const colour = `${right ? "a" : "b"}${Math.min(5, Math.max(1, Math.ceil(5 * of)))}`;
    return make("td", colour, of < 0.005 ? "<1" : Math.round(100 * of), make("i", "", count));
  }

  function tabulate(table, data, model) {
    const counts = new Array(data.gold.length * data.said.length).fill(0);
    for (let i = 0; i < model.cells.length; i += 2) counts[model.cells[i]] = model.cells[i + 1];
    const heads = ["true \\ said", ...data.said, "rows"].map((text) => head(text, "col"));
    const lines = data.gold.map((gold, i) => {
      const own = counts.slice(i * data.said.length, (i + 1) * data.said.length);
      const total = own.reduce((sum, count) => sum + count, 0);
      const cells = own.map((count, j) => share(count, total, j === data.right[i]));
      cells[data.right[i]]?.classList.add("own");
      return make("tr", "", head(gold, "row"), ...cells, make("td", "", total));
    });
    table.replaceChildren(make("thead", "", make("tr", "", ...heads)), make("tbody", "", ...lines));
  }

  async function draw(place) {
    const data = await unpacked(place.dataset.island).json();
    const select = place.querySelector("select");
    select.append(...data.models.map((model, i) => new Option(model.name, i)));
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
