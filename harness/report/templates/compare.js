"use strict";
// Which verdicts stand in the table of the comparison; what it says without this script is all of them.
{
  const choice = document.getElementById("compare-verdict");
  if (choice) {
    const filter = choice.closest(".filter");
    const status = filter.querySelector("[role=status]");
    const rows = [...document.querySelectorAll("#compare tr[data-verdict]")];
    const show = () => {
      for (const row of rows) row.hidden = choice.value !== "" && row.dataset.verdict !== choice.value;
      const shown = rows.filter((row) => !row.hidden).length;
      status.textContent = shown === rows.length ? "" : `${shown} of ${rows.length}`;
    };
    filter.hidden = false;
    choice.addEventListener("change", show);
    show(); // a browser may keep what was chosen before the page was loaded again
  }
}
