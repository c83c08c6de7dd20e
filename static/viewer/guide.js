// The TV guide: the line at now, moving about with the keyboard, and a broadcast's details on top of the page.

import "./clock.js";

const grid = document.getElementById("grid");
const table = grid?.querySelector("table");
const details = document.getElementById("details");
const NOW_MS = 30_000;

// --- now --------------------------------------------------------------------------------------------------------

const [start, stop] = table ? [Number(table.dataset.start), Number(table.dataset.stop)] : [0, 0];

/** Where a moment stands in the table, in pixels from its left edge. */
function place(epoch) {
  const head = table.querySelector("thead th").offsetWidth;
  return head + ((table.offsetWidth - head) * (epoch - start)) / (stop - start);
}

function showNow() {
  const now = Date.now() / 1000;
  const line = document.getElementById("now-line");
  line.hidden = now < start || now >= stop;
  line.style.left = `${place(now)}px`;
  line.style.height = `${table.offsetHeight}px`;
}

if (table) {
  showNow();
  setInterval(showNow, NOW_MS);
  new ResizeObserver(showNow).observe(table);
  // Where only a part of the window has room, begin a little before now.
  if (!document.getElementById("now-line").hidden) grid.scrollLeft = place(Date.now() / 1000) - grid.clientWidth / 2;
}

// A picture that cannot be had leaves no hole.
for (const picture of document.querySelectorAll(".logo img, img.logo")) {
  const drop = () => picture.remove();
  if (picture.complete && !picture.naturalWidth) drop();
  else picture.addEventListener("error", drop);
}

// --- choosing ---------------------------------------------------------------------------------------------------

for (const select of document.querySelectorAll("#choose select, #choose input[type=checkbox]")) {
  select.addEventListener("change", () => select.form.requestSubmit());
}
// What says nothing stands in no address.
for (const form of document.querySelectorAll("form.choose")) {
  form.addEventListener("formdata", (event) => {
    for (const [name, value] of [...event.formData]) if (!value) event.formData.delete(name);
  });
}

// --- details ----------------------------------------------------------------------------------------------------

let asked = null;

document.addEventListener("click", async (event) => {
  const link = event.target.closest?.("a.show");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  event.preventDefault();
  asked?.abort();
  asked = new AbortController();
  try {
    const answer = await fetch(link.href, { signal: asked.signal });
    const read = new DOMParser().parseFromString(await answer.text(), "text/html");
    const article = read.getElementById("broadcast");
    if (!article) throw new Error("no broadcast");
    details.replaceChildren(document.adoptNode(article), closing());
    details.showModal();
    details.querySelector(".button.main").focus();
  } catch (error) {
    if (error.name !== "AbortError") location.href = link.href;
  }
});

function closing() {
  const button = Object.assign(document.createElement("button"), { type: "button", textContent: "×", className: "close" });
  button.setAttribute("aria-label", "Close");
  button.addEventListener("click", () => details.close());
  return button;
}

details.addEventListener("click", (event) => event.target === details && details.close());

// --- keys -------------------------------------------------------------------------------------------------------

/** The cell of a row that stands at this place. */
function at(row, x) {
  const links = [...row.querySelectorAll("td a.show")];
  return links.find((link) => link.getBoundingClientRect().right > x + 1) ?? links.at(-1) ?? row.querySelector("th a");
}

function focusOn(link) {
  link.focus({ preventScroll: true });
  link.closest("td, th").scrollIntoView({ block: "nearest", inline: "nearest" });
}

function move(from, key) {
  const row = from.closest("tr");
  if (key === "ArrowLeft" || key === "ArrowRight") {
    const links = [...row.querySelectorAll("a")];
    const next = links[links.indexOf(from) + (key === "ArrowRight" ? 1 : -1)];
    const beyond = document.querySelector(`.jump a[rel=${key === "ArrowRight" ? "next" : "prev"}]`);
    if (next) focusOn(next);
    else if (key === "ArrowRight" || from.closest("th")) beyond.click();
    return;
  }
  const to = key === "ArrowUp" ? row.previousElementSibling : row.nextElementSibling;
  if (!to) return;
  const box = from.getBoundingClientRect();
  focusOn(from.closest("th") ? to.querySelector("th a") : at(to, Math.max(box.left, grid.getBoundingClientRect().left)));
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || details.open) return;
  if (event.target.closest?.("input, select, textarea")) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  const acts = {
    n: () => document.getElementById("to-now")?.click(),
    "/": () => document.getElementById("q")?.focus(),
    PageDown: () => document.querySelector(".pages a[rel=next]")?.click(),
    PageUp: () => document.querySelector(".pages a[rel=prev]")?.click(),
  };
  const link = event.target.closest?.("#grid a");
  if (event.key.startsWith("Arrow") && table) {
    event.preventDefault();
    if (link) move(link, event.key);
    else focusOn(table.querySelector("a.show.on") ?? table.querySelector("tbody a"));
  } else if (acts[event.key]) {
    event.preventDefault();
    acts[event.key]();
  }
});
