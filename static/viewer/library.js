// Movies and series: pictures that cannot be had make room for the name, choosing needs no button, keys lead on.

for (const picture of document.querySelectorAll(".poster img, .still img")) {
  const drop = () => picture.remove();
  if (picture.complete && !picture.naturalWidth) drop();
  else picture.addEventListener("error", drop);
}

const choose = document.getElementById("browse");
for (const select of choose?.querySelectorAll("select") ?? []) {
  select.addEventListener("change", () => choose.requestSubmit());
}
choose?.addEventListener("formdata", (event) => {
  for (const [name, value] of [...event.formData]) if (!value) event.formData.delete(name);
});

/** The posters of a row: as many as stand at the height of the first. */
function columns(links) {
  const top = links[0].offsetTop;
  return links.findIndex((link) => link.offsetTop !== top) || links.length;
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest?.("input, select")) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  const links = [...document.querySelectorAll(".posters a")];
  const steps = links.length && { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns(links), ArrowDown: columns(links) };
  const acts = {
    "/": () => document.getElementById("q")?.focus(),
    PageDown: () => document.querySelector(".pages a[rel=next]")?.click(),
    PageUp: () => document.querySelector(".pages a[rel=prev]")?.click(),
  };
  if (steps && event.key in steps) {
    event.preventDefault();
    const from = links.indexOf(event.target.closest?.(".posters a"));
    links[from < 0 ? 0 : from + steps[event.key]]?.focus();
  } else if (acts[event.key] && links.length) {
    event.preventDefault();
    acts[event.key]();
  }
});
