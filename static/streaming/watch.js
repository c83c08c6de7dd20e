// Windows over an admin page. What a link with `data-watch` leads to plays in one; without this, links open a page.
const watch = document.getElementById("watch");
const frame = document.getElementById("watch-frame");

document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-watch]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  event.preventDefault();
  document.getElementById("watch-title").textContent = link.dataset.watch;
  document.getElementById("watch-apart").href = link.href;
  // A frame of its own history: "back" leaves the page, not the channel.
  frame.contentWindow.location.replace(link.href);
  watch.showModal();
});

document.getElementById("watch-close").addEventListener("click", () => watch.close());
document.getElementById("watch-apart").addEventListener("click", () => watch.close());
// Beside the window, on the page behind it.
watch.addEventListener("click", (event) => event.target === watch && watch.close());
// The connection ends with the window.
watch.addEventListener("close", () => frame.contentWindow.location.replace("about:blank"));
// The player asks for it when somebody presses Escape in it.
addEventListener("message", (event) => {
  if (event.origin === location.origin && event.source === frame.contentWindow && event.data === "close") watch.close();
});

// What a link with `data-addresses` leads to is a part of a page: the addresses of a channel, for a viewer.
const addresses = document.getElementById("addresses");
const body = document.getElementById("addresses-body");
const VIEWER = "addresses-viewer";
let asked = "";

async function tell(viewer) {
  const mine = asked;
  let text = "";
  try {
    const answer = await fetch(`${mine}?${new URLSearchParams({ viewer })}`, { cache: "no-store" });
    if (answer.ok && !answer.redirected) text = await answer.text();
  } catch {
    // The sentence below says it.
  }
  if (mine !== asked) return;
  if (text) body.innerHTML = text;
  else body.textContent = "The addresses could not be had. Load the page again.";
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-addresses]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  event.preventDefault();
  document.getElementById("addresses-title").textContent = link.dataset.addresses;
  body.textContent = "…";
  asked = link.href;
  addresses.showModal();
  tell(localStorage.getItem(VIEWER) ?? "");
});

body.addEventListener("change", (event) => {
  if (!event.target.matches("[data-viewers]")) return;
  localStorage.setItem(VIEWER, event.target.value);
  tell(event.target.value);
});

document.getElementById("addresses-close").addEventListener("click", () => addresses.close());
addresses.addEventListener("click", (event) => event.target === addresses && addresses.close());
addresses.addEventListener("close", () => {
  asked = "";
  body.replaceChildren();
});
