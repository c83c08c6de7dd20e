// What pages that play share: the picture, and what is said over it.

export const told = JSON.parse(document.getElementById("told").textContent);
export const $ = (id) => document.getElementById(id);
export const video = $("video");

/** Says these over the picture: sentences, or elements. Nothing takes the last words away. */
export function say(...parts) {
  $("message").replaceChildren(...parts.map((part) => (typeof part === "string" ? paragraph(part) : part)));
}

function paragraph(text) {
  const p = document.createElement("p");
  p.textContent = text;
  return p;
}

export function link(text, href) {
  const p = paragraph("");
  const a = document.createElement("a");
  a.textContent = text;
  a.href = href;
  p.append(a);
  return p;
}

export function button(text, act) {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = text;
  made.addEventListener("click", act);
  return made;
}

/** Plays; a browser that wants a click first gets a button for it. */
export async function start() {
  try {
    await video.play();
  } catch (error) {
    if (error.name === "NotAllowedError") say(button("Play", () => video.play()));
  }
}
