"use strict";
// The text of the run goes to the clipboard; where the browser lets no page write there, it is selected for the reader.
{
  const recipe = document.querySelector("#provenance .recipe");
  const [button, status, folded, text] = [".copy", ".copied", "details", "pre"].map((name) => recipe.querySelector(name));

  const select = () => {
    folded.open = true;
    text.focus();
    getSelection().selectAllChildren(text);
    status.textContent = "This browser does not let the page copy. The text is selected: press Ctrl+C, or ⌘C.";
  };

  button.hidden = false;
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text.textContent);
      status.textContent = "Copied.";
    } catch {
      select();
    }
  });
}
