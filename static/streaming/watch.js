// Plays in a window over an admin page what a link with `data-watch` leads to; without this, links open a page.
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
