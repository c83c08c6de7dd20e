// Buttons that copy: `data-copy` names the field. Pages in a home network are mostly plain http, where browsers keep
// the clipboard from scripts, so the old way of selecting and copying stands behind the new one. Parts of a page that
// come later are heard too.
document.addEventListener("focusin", (event) => {
  if (event.target.matches("input[readonly]") && document.querySelector(`[data-copy="${CSS.escape(event.target.id)}"]`)) event.target.select();
});

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const field = document.getElementById(button.dataset.copy);
  button.dataset.word ??= button.textContent;
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
  setTimeout(() => { button.textContent = button.dataset.word; }, 2000);
});
