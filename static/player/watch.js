// Plays one thing with a beginning and an end: a piece of a channel's archive, a movie, an episode.

import { look, Refused } from "./codecs.js";
import { $, button, link, say, start, told, video } from "./stage.js";

const TRANSPORT = ["ts", "m2ts", ""];

let engine = null;
let asking = null;
/** Seconds from the beginning of the whole to the beginning of what plays: an archive is opened anew to jump. */
let offset = 0;

function address() {
  if (!told.archive) return told.address;
  const url = new URL(told.address, location.origin);
  url.searchParams.set("utc", told.archive.start + Math.round(offset));
  url.searchParams.set("utcend", told.archive.stop);
  return url.href;
}

function elsewhere() {
  return link("Address for another player", new URL(address(), location.origin).href);
}

function stop() {
  asking?.abort();
  engine?.destroy();
  engine = null;
  video.onerror = null;
  video.removeAttribute("src");
  video.load();
}

async function play() {
  stop();
  say("Opening…");
  asking = new AbortController();
  const { signal } = asking;
  try {
    if (TRANSPORT.includes(told.container)) await beginTransport(signal);
    else beginFile(signal);
  } catch (error) {
    if (!signal.aborted) failed(error instanceof Refused ? error.message : "The connection was lost.");
  }
}

function failed(...sentences) {
  stop();
  say(...sentences, button("Try again", play));
}

/** What browsers play by themselves. */
function beginFile(signal) {
  video.onerror = async () => {
    if (signal.aborted) return;
    const at = video.currentTime;
    if (at > 0) return failed("The stream broke off.");
    // Refused by us, or a form that the browser does not know? Only asking tells.
    try {
      const found = await look(address(), signal);
      if (found) return await beginTransport(signal, found);
    } catch (error) {
      if (!signal.aborted) failed(error instanceof Refused ? error.message : "The connection was lost.");
      return;
    }
    if (signal.aborted) return;
    stop();
    const form = told.container ? ` (${told.container.toUpperCase()})` : "";
    say(`This browser cannot play this file${form}.`, "Another player can.", elsewhere());
  };
  video.src = address();
  start();
}

async function beginTransport(signal, known = null) {
  if (!globalThis.mpegts?.isSupported()) {
    stop();
    say("This browser plays no transport streams.", elsewhere());
    return;
  }
  const found = known ?? (await look(address(), signal));
  if (signal.aborted) return;
  if (!found && told.container === "") return beginFile(signal);
  const { video: picture, audio: sound } = found ?? {};
  const deaf = [picture, sound].find((one) => one && !one.plays && (one === picture || !picture));
  if (deaf) {
    stop();
    say(`This browser cannot play ${told.name}: its ${deaf === picture ? "picture" : "sound"} is ${deaf.name}.`, elsewhere());
    return;
  }
  const silent = sound && !sound.plays;
  video.onerror = null;
  engine = mpegts.createPlayer(
    { type: "mpegts", isLive: false, url: address(), hasVideo: found ? Boolean(picture) : undefined, hasAudio: found ? Boolean(sound) && !silent : undefined },
    { lazyLoad: true, lazyLoadMaxDuration: 120, lazyLoadRecoverDuration: 40, autoCleanupSourceBuffer: true },
  );
  engine.on(mpegts.Events.ERROR, () => failed("The stream broke off."));
  engine.attachMediaElement(video);
  engine.load();
  await start();
  if (silent) banner(`No sound: this browser cannot play ${sound.name}.`);
}

video.addEventListener("playing", () => say());
video.addEventListener("ended", () => {
  say("This was it.", ...(told.next ? [link(told.next.name, told.next.page)] : []), button("Once more", restart));
});

function restart() {
  offset = 0;
  play();
}

// --- about the whole ----------------------------------------------------------------------------------------------

let hiding = 0;

function banner(more = "") {
  $("banner-more").textContent = more;
  $("banner").hidden = false;
  clearTimeout(hiding);
  hiding = setTimeout(() => ($("banner").hidden = true), 5000);
}

function seek(by) {
  const to = video.currentTime + by;
  const { buffered } = video;
  const within = [...Array(buffered.length).keys()].some((n) => buffered.start(n) <= to && to < buffered.end(n));
  if (!told.archive || within) {
    video.currentTime = Math.max(0, to);
    return;
  }
  // A stream knows no way to a later minute; the archive itself does.
  offset = Math.min(Math.max(0, offset + to), told.archive.stop - told.archive.start - 60);
  play();
}

for (const one of document.querySelectorAll("[data-seek]")) {
  one.addEventListener("click", () => seek(Number(one.dataset.seek)));
}

const KEYS = {
  ArrowLeft: () => seek(-10),
  ArrowRight: () => seek(30),
  PageDown: () => seek(300),
  PageUp: () => seek(-300),
  ArrowUp: () => (video.volume = Math.min(1, video.volume + 0.1)),
  ArrowDown: () => (video.volume = Math.max(0, video.volume - 0.1)),
  " ": () => (video.paused ? video.play() : video.pause()),
  m: () => (video.muted = !video.muted),
  f: () => (document.fullscreenElement ? document.exitFullscreen() : $("stage").requestFullscreen()),
  i: () => banner(),
  r: restart,
};

document.addEventListener(
  "keydown",
  (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === " " && event.target.closest?.("button, a")) return;
    const act = KEYS[event.key];
    if (!act) return;
    event.preventDefault();
    event.stopPropagation();
    act();
  },
  true,
);

if (globalThis.mpegts) mpegts.LoggingControl.enableAll = false;
banner();
play();
