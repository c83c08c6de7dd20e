// What a transport stream holds, by its tables, and whether this browser plays it.

const PACKET = 188;
const LOOK_AT = 400 * 1024;

// Stream types of a PMT: a name, and what a browser would have to support; "" = none does.
const TYPES = {
  0x01: ["video", "MPEG-1", ""],
  0x02: ["video", "MPEG-2", ""],
  0x1b: ["video", "H.264", 'video/mp4; codecs="avc1.640028"'],
  0x24: ["video", "H.265", 'video/mp4; codecs="hvc1.1.6.L123.B0"'],
  0x03: ["audio", "MP3", "audio/mpeg"],
  0x04: ["audio", "MP3", "audio/mpeg"],
  0x0f: ["audio", "AAC", 'audio/mp4; codecs="mp4a.40.2"'],
  0x11: ["audio", "AAC (LATM)", 'audio/mp4; codecs="mp4a.40.2"'],
  0x81: ["audio", "AC-3", 'audio/mp4; codecs="ac-3"'],
  0x87: ["audio", "E-AC-3", 'audio/mp4; codecs="ec-3"'],
};
// Descriptors that say what private data (stream type 6) is.
const PRIVATE = { 0x6a: 0x81, 0x7a: 0x87 };

export class Refused extends Error {}

/** Reads the beginning of an address: {video, audio}, each {name, type, plays} or null. Throws Refused with the server's words. */
export async function look(address, signal) {
  const stop = new AbortController();
  signal.addEventListener("abort", () => stop.abort());
  const answer = await fetch(address, { signal: stop.signal, cache: "no-store" });
  if (!answer.ok) throw new Refused((await answer.text()).slice(0, 300).trim() || `The server says ${answer.status}.`);
  let bytes = new Uint8Array(0);
  try {
    for (const reader = answer.body.getReader(); bytes.length < LOOK_AT; ) {
      const { done, value } = await reader.read();
      if (done) break;
      const both = new Uint8Array(bytes.length + value.length);
      both.set(bytes);
      both.set(value, bytes.length);
      bytes = both;
      const found = tracks(bytes);
      if (found && (!found.audio || found.audio.sure)) return found;
    }
  } finally {
    stop.abort();
  }
  return tracks(bytes);
}

/** The first picture and sound of a stream's beginning; null while its tables are missing. */
export function tracks(bytes) {
  let pmt = -1, found = null, sound = -1;
  for (let at = 0; at + PACKET <= bytes.length; at += PACKET) {
    if (bytes[at] !== 0x47) return found;
    const pid = ((bytes[at + 1] & 0x1f) << 8) | bytes[at + 2];
    const starts = bytes[at + 1] & 0x40;
    if (!starts) continue;
    const payload = at + 4 + (bytes[at + 3] & 0x20 ? 1 + bytes[at + 4] : 0);
    const end = at + PACKET;
    if (payload >= end) continue;
    const section = payload + 1 + bytes[payload];
    if (pid === 0) pmt = pmtOf(bytes, section, end);
    else if (pid === pmt && !found) [found, sound] = read(bytes, section, end);
    else if (pid === sound && found?.audio) {
      layer(found.audio, bytes.subarray(payload, end));
      return found;
    }
  }
  return found;
}

function pmtOf(bytes, at, end) {
  const last = Math.min(end, at + 3 + (((bytes[at + 1] & 0x0f) << 8) | bytes[at + 2]) - 4);
  for (let entry = at + 8; entry + 4 <= last; entry += 4) {
    if (bytes[entry] || bytes[entry + 1]) return ((bytes[entry + 2] & 0x1f) << 8) | bytes[entry + 3];
  }
  return -1;
}

function read(bytes, at, end) {
  const found = { video: null, audio: null };
  let sound = -1;
  const last = Math.min(end, at + 3 + (((bytes[at + 1] & 0x0f) << 8) | bytes[at + 2]) - 4);
  let entry = at + 12 + (((bytes[at + 10] & 0x0f) << 8) | bytes[at + 11]);
  while (entry + 5 <= last) {
    let type = bytes[entry];
    const length = ((bytes[entry + 3] & 0x0f) << 8) | bytes[entry + 4];
    if (type === 6) {
      for (let tag = entry + 5; tag < entry + 5 + length; tag += 2 + bytes[tag + 1]) type = PRIVATE[bytes[tag]] ?? type;
    }
    const [kind, name, needs] = TYPES[type] ?? [];
    if (kind && !found[kind]) {
      found[kind] = { name, type, plays: supported(needs), sure: type !== 3 && type !== 4 };
      if (kind === "audio") sound = ((bytes[entry + 1] & 0x1f) << 8) | bytes[entry + 2];
    }
    entry += 5 + length;
  }
  return [found, sound];
}

// MPEG audio is MP2 or MP3: only its first frame tells, and browsers play the one and not the other.
function layer(audio, pes) {
  if (audio.sure || pes[0] || pes[1] || pes[2] !== 1) return;
  const frame = 9 + pes[8];
  audio.sure = true;
  if (pes[frame] === 0xff && ((pes[frame + 1] >> 1) & 3) === 2) Object.assign(audio, { name: "MP2", plays: false });
}

function supported(needs) {
  const source = globalThis.MediaSource ?? globalThis.ManagedMediaSource;
  return Boolean(needs && source?.isTypeSupported(needs));
}
