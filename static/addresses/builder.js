// Shows the fields that the chosen format has a use for, and asks anew when something else is chosen. Without scripts
// all fields are there, and a button.
const form = document.querySelector("[data-builder]");
const format = form.elements.format;
const fit = () => {
  for (const field of form.querySelectorAll("[data-uses]")) {
    const used = field.dataset.uses.split(" ").includes(format.value);
    field.hidden = !used;
    for (const input of field.querySelectorAll("select, input")) input.disabled = !used;
  }
};
fit();
form.querySelector(".buttons").hidden = format.value !== "channel";
form.addEventListener("change", () => {
  fit();
  form.requestSubmit();
});
