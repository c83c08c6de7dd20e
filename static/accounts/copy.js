// Buttons that copy: `data-copy` names the field. Pages in a home network are mostly plain http, where browsers keep
// the clipboard from scripts, so the old way of selecting and copying stands behind the new one.
for (const button of document.querySelectorAll("[data-copy]")) {
  const field = document.getElementById(button.dataset.copy);
  const word = button.textContent;
  field.addEventListener("focus", () => field.select());
  button.addEventListener("click", async () => {
    let done = false;
    try {
      await navigator.clipboard.writeText(field.value);
      done = true;
    } catch {
      field.focus();
      field.select();
      done = document.execCommand("copy");
      button.focus();
    }
    button.textContent = done ? "Copied" : "Press Ctrl-C";
    setTimeout(() => { button.textContent = word; }, 2000);
  });
}
