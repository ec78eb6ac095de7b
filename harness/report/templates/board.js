{
  // The leaderboard's filter: by model, family and tag, and which suites stand in it. Letters are the run's and stay.
  const board = document.querySelector(".board");
  const filters = document.querySelector(".filters");
  const lines = [...board.querySelectorAll("tr[data-family]")].map((row) => ({
    row, name: row.cells[0].textContent.toLowerCase(), family: row.dataset.family, tags: JSON.parse(row.dataset.tags),
  }));
  const boxes = [...filters.querySelectorAll("#by-suite input")];

  const chosen = (id) => filters.querySelector(id)?.value ?? "";

  function filterModels() {
    const words = chosen("#by-name").trim().toLowerCase().split(/\s+/);
    const [family, tag] = [chosen("#by-family"), chosen("#by-tag")];
    for (const line of lines) {
      const named = words.every((word) => line.name.includes(word));
      line.row.hidden = !(named && (!family || line.family === family) && (!tag || line.tags.includes(tag)));
    }
    for (const body of board.tBodies) {
      body.hidden = lines.length > 0 && ![...body.rows].some((row) => row.dataset.family !== undefined && !row.hidden);
    }
    const left = lines.filter((line) => !line.row.hidden).length;
    filters.querySelector("#found").textContent = `${left} of ${lines.length} models`;
  }

  function chooseSuites() {
    const shown = new Set(boxes.filter((box) => box.checked).map((box) => Number(box.value)));
    for (const row of board.rows) {
      if (row.classList.contains("band")) row.cells[0].colSpan = shown.size + 1;
      else [...row.cells].forEach((cell, i) => { cell.hidden = i > 0 && !shown.has(i); });
    }
    filters.querySelector("#by-suite output").textContent = `${shown.size} of ${boxes.length}`;
  }

  filters.hidden = false;
  filters.addEventListener("input", (event) => (boxes.includes(event.target) ? chooseSuites() : filterModels()));
  for (const button of filters.querySelectorAll("#by-suite button")) {
    button.addEventListener("click", () => {
      for (const box of boxes) box.checked = button.value === "all";
      chooseSuites();
    });
  }
  filterModels();
  if (boxes.length) chooseSuites();
}
