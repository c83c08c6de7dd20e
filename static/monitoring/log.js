// The log page: follows new lines while asked to and looked at, and asks before lines are forgotten.
const list = document.querySelector("[data-log]");
const button = document.querySelector("[data-follow]");
const said = document.querySelector("[data-said]");
const MOST = 1000;
const EVERY_MS = 2000;
let timer = 0;
let failed = 0;

async function ask() {
  if (!document.hidden) {
    try {
      const where = `${list.dataset.log}&after=${encodeURIComponent(list.dataset.after)}`;
      const answer = await fetch(where, { headers: { Accept: "text/html" } });
      if (answer.redirected || answer.status >= 400) throw new Error(String(answer.status));
      list.dataset.after = answer.headers.get("X-Log-Cursor") || list.dataset.after;
      if (answer.status === 200) add(await answer.text());
      failed = 0;
      said.textContent = "Following; new lines appear below.";
    } catch {
      failed += 1;
      said.textContent = "The pages do not answer; trying again.";
    }
  }
  if (button.ariaPressed === "true") timer = setTimeout(ask, Math.min(EVERY_MS * 2 ** failed, 30000));
}

function add(rows) {
  const atEnd = window.innerHeight + window.scrollY >= document.documentElement.scrollHeight - 80;
  list.insertAdjacentHTML("beforeend", rows);
  const lines = list.querySelectorAll("[data-line]");
  for (let at = 0; at < lines.length - MOST; at += 1) lines[at].remove();
  // Who has scrolled up is reading.
  if (atEnd) list.lastElementChild.scrollIntoView({ block: "end" });
}

function follow(on) {
  clearTimeout(timer);
  button.ariaPressed = String(on);
  button.textContent = on ? "Stop following" : "Follow";
  said.textContent = "";
  if (on) {
    list.lastElementChild?.scrollIntoView({ block: "end" });
    ask();
  }
}

button.hidden = false;
button.addEventListener("click", () => follow(button.ariaPressed !== "true"));
for (const form of document.querySelectorAll("[data-sure]")) {
  form.addEventListener("submit", (event) => {
    if (!confirm(form.dataset.sure)) event.preventDefault();
  });
}
