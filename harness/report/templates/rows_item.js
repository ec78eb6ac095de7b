"use strict";
// One row of the browser as elements: a line of the list, and all about it when it is open.
const rowItem = (() => {
  const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
  const letter = (i) => LETTERS[i] ?? String(i + 1);

  const bdi = (text, className = "") => make("bdi", className, text);

  function sign(earned) {
    if (earned === null) return ["row-none", "·"];
    return earned === 1 ? ["row-right", "●"] : earned === 0 ? ["row-wrong", "○"] : ["row-none", "◐"];
  }

  function marks(table, row, models) {
    const strip = make("div", "row-marks");
    const earned = table.earned(models, row);
    strip.setAttribute("role", "img");
    strip.setAttribute("aria-label", `${earned.filter((value) => value === 1).length} of ${earned.length} models right`);
    for (const model of models) {
      const mark = make("span", ...sign(table.credit(model, row)));
      mark.title = `${table.modelName(model)}: ${table.predicted(model, row) ?? "–"}`;
      strip.append(mark);
    }
    return strip;
  }

  function image(table, row, className) {
    const source = table.thumbnail(row);
    if (source === null) return make("span", className);
    const picture = make("img", className);
    picture.src = source;
    picture.alt = "";
    return picture;
  }

  function head(table, row, isOpen) {
    const link = make("a", "row-link", bdi(table.ids[row] || "(no name)"));
    link.href = table.address(row);
    link.setAttribute("aria-expanded", String(isOpen));
    const line = make("div", "row-head", link, make("span", "row-of", bdi(table.relation(row))));
    if (table.gold(row) !== table.relation(row)) line.append(make("span", "row-of", "gold: ", bdi(table.gold(row))));
    return line;
  }

  // The true caption or, where captions are not what is chosen from, the text.
  function shortly(table, row) {
    const texts = table.captions(row);
    const place = table.goldPlace(row);
    return (table.paired(row) && place >= 0 ? [texts[place]] : texts).join("\n");
  }

  // A line of the list; `act` are the buttons of the row that is open.
  function item(table, row, models, act = null) {
    if (act) return make("li", "row-item opened", head(table, row, true), detail(table, row, act));
    const text = make("p", "row-text", bdi(shortly(table, row)));
    return make("li", "row-item", image(table, row, "row-thumb"), head(table, row, false), text, marks(table, row, models));
  }

  function detail(table, row, act) {
    const both = make("div", "row-asked", texts(table, row));
    if (table.thumbnail(row) !== null) both.prepend(image(table, row, "row-picture"));
    return make("div", "row-open", both, scores(table, row), act);
  }

  function texts(table, row) {
    const gold = table.goldPlace(row);
    const options = table.options(row);
    const lines = make("ol", "row-captions");
    const add = (mark, text, isGold, option = "") => {
      const body = make("span", "", bdi(text));
      if (option && option !== text) body.append(" ", bdi(option, "row-of"));
      if (isGold) body.append(" ", make("span", "mark", "gold"));
      lines.append(make("li", isGold ? "gold" : "", make("span", "row-letter", mark), body));
    };
    if (table.paired(row)) table.captions(row).forEach((text, i) => add(letter(i), text, i === gold, options[i]));
    else {
      for (const text of table.captions(row)) add("", text, false);
      options.forEach((text, i) => add(letter(i), text, i === gold));
    }
    if (gold < 0) add("", table.gold(row), true);
    return lines;
  }

  // Models × options: what each scored, and which each chose. Scores in an order that is not known are numbered.
  function scores(table, row) {
    const options = table.options(row);
    const lettered = table.named || !table.width(row);
    const width = lettered ? Math.max(options.length, table.width(row)) : table.width(row);
    const body = make("table", "row-table");
    const columns = Array.from({ length: width }, (_, i) => (lettered && options.length ? letter(i) : `#${i + 1}`));
    body.createTHead().insertRow().append(...["model", "chose", "earned", ...columns].map((text) => scoped("col", text)));
    const lines = body.createTBody();
    for (const model of table.models.keys()) {
      const line = lines.insertRow();
      const chosen = table.predicted(model, row);
      const earned = table.credit(model, row);
      const [className, mark] = sign(earned);
      line.append(scoped("row", bdi(table.modelName(model))));
      line.append(make("td", "", bdi(chosen === "" ? "none of them" : chosen ?? "–")));
      line.append(make("td", className, earned === null ? "not answered" : `${mark} ${Number(earned.toFixed(2))}`));
      for (let i = 0; i < width; i += 1) {
        const own = lettered && chosen !== null && options[i] === chosen;
        line.append(make("td", own ? "num chosen" : "num", i < table.width(row) ? table.score(model, row, i) : ""));
        if (own) line.lastChild.append(" ✓");
      }
    }
    const wide = make("div", "wide", body);
    wide.tabIndex = 0;
    wide.setAttribute("role", "region");
    wide.setAttribute("aria-label", "What each model scored");
    return wide;
  }

  function scoped(scope, content) {
    const cell = make("th", "", content);
    cell.scope = scope;
    return cell;
  }

  // Buttons of the row that is open; its address is that of the page.
  function acts(close) {
    const button = make("button", "row-copy", "Copy the address of this row");
    const other = make("button", "row-close", "Close");
    const told = make("span", "row-of");
    told.setAttribute("role", "status");
    for (const one of [button, other]) one.type = "button";
    other.addEventListener("click", close);
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(location.href);
        told.textContent = "copied";
      } catch { // a browser may refuse: then it can be copied by hand
        const field = make("input");
        field.readOnly = true;
        field.value = location.href;
        field.setAttribute("aria-label", "Address of this row");
        button.replaceWith(field);
        field.select();
      }
    });
    return make("div", "row-acts", button, other, told);
  }

  return { item, acts };
})();
