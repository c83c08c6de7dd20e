// The player page: chooses, plays, and does what keys say.

import { look, Refused } from "./codecs.js";
import { $, button, link, say, start, told, video } from "./stage.js";

const AGAIN_MS = [1000, 2000, 4000, 8000, 15000];

let current = null;
let before = null;
let engine = null;
let asking = null;
let failures = 0;
let again = 0;
let typed = "";
let typing = 0;

// --- what is asked for ----------------------------------------------------------------------------------------------

function address(channel, form) {
  const query = told.query + (channel.adult && told.pin ? `&${told.pin}` : "");
  const path = told[form].replace("{id}", channel.id);
  return new URL(query ? `${path}?${query}` : path, location.origin).href;
}

// Addresses that need the login of this browser are no use to another player.
function elsewhere(channel) {
  return told.query ? [link("Address for another player", address(channel, "ts"))] : [];
}

// A person of the admin pages watches one thing at once: two windows would take it from each other for ever.
const windows = told.page ? new BroadcastChannel("watching") : null;
windows?.addEventListener("message", () => {
  if (!current) return;
  stop();
  say("Another window plays now.", button("Play here", () => play(current)));
});

// --- playing --------------------------------------------------------------------------------------------------------

function stop() {
  clearTimeout(again);
  asking?.abort();
  engine?.destroy();
  engine = null;
  video.removeAttribute("src");
  video.load();
}

async function play(channel, { retry = false } = {}) {
  stop();
  if (!retry) {
    failures = 0;
    windows?.postMessage("mine");
  }
  if (current && current.id !== channel.id) before = current;
  current = channel;
  show();
  say("Opening…");
  asking = new AbortController();
  const mine = asking;
  try {
    await begin(channel, mine.signal);
  } catch (error) {
    if (!mine.signal.aborted) failed(error instanceof Refused ? error.message : "The connection was lost.");
  }
}

async function begin(channel, signal) {
  if (!globalThis.mpegts?.isSupported()) {
    beginHls(channel);
    return;
  }
  const found = await look(address(channel, "ts"), signal);
  if (signal.aborted) return;
  const { video: picture, audio: sound } = found ?? {};
  if (picture && !picture.plays) {
    stop();
    say(
      `This browser cannot play ${channel.name}: its picture is ${picture.name}.`,
      "Another player can, or a transcoding profile for this channel makes it play here.",
      ...elsewhere(channel),
    );
    return;
  }
  if (!picture && sound && !sound.plays) {
    stop();
    say(`This browser cannot play ${channel.name}: its sound is ${sound.name}.`, ...elsewhere(channel));
    return;
  }
  const silent = sound && !sound.plays;
  engine = mpegts.createPlayer(
    { type: "mpegts", isLive: true, url: address(channel, "ts"), hasVideo: found ? Boolean(picture) : undefined, hasAudio: found ? Boolean(sound) && !silent : undefined },
    { lazyLoad: false, autoCleanupSourceBuffer: true, enableStashBuffer: true },
  );
  engine.on(mpegts.Events.ERROR, () => failed("The stream broke off."));
  engine.on(mpegts.Events.LOADING_COMPLETE, () => failed("The stream ended."));
  engine.attachMediaElement(video);
  engine.load();
  await start();
  if (silent) notice(`No sound: this browser cannot play ${sound.name}.`);
}

function beginHls(channel) {
  const source = address(channel, "hls");
  if (video.canPlayType("application/vnd.apple.mpegurl")) {
    video.src = source;
    video.onerror = () => failed("This channel does not play here.");
  } else if (globalThis.Hls?.isSupported()) {
    const hls = new Hls();
    hls.on(Hls.Events.ERROR, (_, data) => data.fatal && failed("The stream broke off."));
    hls.loadSource(source);
    hls.attachMedia(video);
    engine = hls;
  } else {
    say("This browser plays no live television.", ...elsewhere(channel));
    return;
  }
  start();
}

function failed(sentence) {
  const channel = current;
  engine?.destroy();
  engine = null;
  const wait = AGAIN_MS[Math.min(failures, AGAIN_MS.length - 1)];
  failures += 1;
  say(sentence, `Trying again in ${wait / 1000} s.`);
  clearTimeout(again);
  again = setTimeout(() => play(channel, { retry: true }), wait);
}

video.addEventListener("playing", () => {
  failures = 0;
  say();
});

// Browsers wait for ever before a hole, and fall behind without a word.
setInterval(() => {
  if (!engine || video.paused || video.seeking) return;
  const { buffered, currentTime } = video;
  if (!buffered.length) return;
  const end = buffered.end(buffered.length - 1);
  if (end - currentTime > 30) video.currentTime = end - 3;
  else if (video.readyState < 3) {
    for (let n = 0; n < buffered.length; n++) {
      if (buffered.start(n) > currentTime) {
        video.currentTime = buffered.start(n) + 0.05;
        break;
      }
    }
  }
}, 1000);

// --- the list -------------------------------------------------------------------------------------------------------

const rows = new Map();

function list() {
  const made = told.channels.map((channel) => {
    const entry = document.createElement("li");
    const row = button("", () => play(channel));
    const number = Object.assign(document.createElement("span"), { className: "number", textContent: channel.number });
    const name = Object.assign(document.createElement("span"), { className: "name", textContent: channel.name, title: channel.name });
    let logo = document.createElement("span");
    if (channel.logo) {
      logo = Object.assign(document.createElement("img"), { alt: "", loading: "lazy", decoding: "async", referrerPolicy: "no-referrer" });
      logo.addEventListener("error", () => logo.replaceWith(document.createElement("span")));
      logo.src = channel.logo;
    }
    row.append(number, logo, name);
    entry.append(row);
    rows.set(channel.id, row);
    return entry;
  });
  $("list").replaceChildren(...made);
}

function show() {
  for (const row of rows.values()) row.removeAttribute("aria-current");
  const row = rows.get(current.id);
  row?.setAttribute("aria-current", "true");
  row?.scrollIntoView({ block: "nearest" });
  document.title = current.name;
  const path = told.page ? told.page.replace("{id}", current.id) : location.pathname.replace(/(\/player)(\/.*)?$/, `$1/${current.id}`);
  history.replaceState(null, "", path + location.search);
  banner();
}

let hiding = 0;

function banner() {
  if (!current) return;
  $("banner-number").textContent = current.number;
  $("banner-name").textContent = current.name;
  $("banner-group").textContent = current.group;
  reveal(4000);
}

function notice(text) {
  $("banner-group").textContent = text;
  reveal(8000);
}

function reveal(for_ms) {
  $("banner").hidden = false;
  clearTimeout(hiding);
  hiding = setTimeout(() => ($("banner").hidden = true), for_ms);
}

$("q").addEventListener("input", () => {
  const wanted = $("q").value.toLocaleLowerCase();
  for (const channel of told.channels) {
    rows.get(channel.id).parentElement.hidden = !`${channel.number} ${channel.name}`.toLocaleLowerCase().includes(wanted);
  }
});

// --- keys -----------------------------------------------------------------------------------------------------------

function step(by) {
  const shown = told.channels.filter((channel) => !rows.get(channel.id).parentElement.hidden);
  if (!shown.length) return;
  const at = shown.findIndex((channel) => channel.id === current?.id);
  play(shown[(at + by + shown.length) % shown.length]);
}

function digit(key) {
  typed = (typed + key).slice(-5);
  $("typed").textContent = typed;
  $("typed").hidden = false;
  clearTimeout(typing);
  typing = setTimeout(() => {
    const found = told.channels.find((channel) => channel.number === typed);
    $("typed").hidden = true;
    typed = "";
    if (found) play(found);
  }, 1200);
}

const KEYS = {
  ArrowUp: () => step(-1),
  ArrowDown: () => step(1),
  PageUp: () => step(-10),
  PageDown: () => step(10),
  ArrowLeft: () => (video.volume = Math.max(0, video.volume - 0.1)),
  ArrowRight: () => (video.volume = Math.min(1, video.volume + 0.1)),
  " ": () => (video.paused ? video.play() : video.pause()),
  m: () => (video.muted = !video.muted),
  f: () => (document.fullscreenElement ? document.exitFullscreen() : $("stage").requestFullscreen()),
  i: banner,
  l: () => document.body.classList.toggle("alone"),
  b: () => before && play(before),
  r: () => current && play(current),
  "/": () => $("q").focus(),
};

// In a window of the admin pages: they close it, the key is pressed here.
if (told.page && parent !== globalThis) KEYS.Escape = () => parent.postMessage("close", location.origin);

document.addEventListener(
  "keydown",
  (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target === $("q")) {
      if (event.key === "Escape") $("q").blur();
      return;
    }
    if (event.key === " " && event.target.closest?.("button, summary, a")) return;
    const act = /^[0-9]$/.test(event.key) ? () => digit(event.key) : KEYS[event.key];
    if (!act) return;
    event.preventDefault();
    event.stopPropagation();
    act();
  },
  true,
);

if (globalThis.mpegts) mpegts.LoggingControl.enableAll = false;
list();
const first = told.channels.find((channel) => channel.id === told.current);
if (first) play(first);
