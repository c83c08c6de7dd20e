// Reads our lists with the npm libraries that players are built on, and prints what they understood as one line of JSON.
// Usage: node readers.mjs WHAT BASE NAME PASSWORD, modules from the folder that TEST_NODE_MODULES names.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [what, base, username, password] = process.argv.slice(2);
const modules = process.env.TEST_NODE_MODULES;
const require = createRequire(`${modules}/`);

async function xtream() {
  const { Xtream } = await import(pathToFileURL(`${modules}/@iptv/xtream-api/dist/index.js`));
  const client = new Xtream({ url: base, username, password });
  const channels = await client.getChannels();
  const movies = await client.getMovies();
  const shows = await client.getShows();
  const show = await client.getShow({ showId: shows[0].series_id });
  const movie = await client.getMovie({ movieId: movies[0].stream_id });
  const short = await client.getShortEPG({ channelId: channels[0].stream_id, limit: 2 });
  const full = await client.getFullEPG({ channelId: channels[0].stream_id });
  return {
    profile: await client.getProfile(),
    server: await client.getServerInfo(),
    categories: (await client.getChannelCategories()).map((one) => one.category_name),
    channels,
    movie,
    show,
    short,
    full,
    address: channels[0].url,
    stream: client.generateStreamUrl({ type: "channel", streamId: channels[0].stream_id, extension: "ts" }),
  };
}

async function text(path) {
  return await (await fetch(`${base}${path}`)).text();
}

const login = `username=${encodeURIComponent(username)}&password=${encodeURIComponent(password)}`;

async function playlists() {
  const list = await text(`/get.php?${login}&type=m3u_plus`);
  const first = require("iptv-playlist-parser").parse(list);
  const { parseM3U } = await import(pathToFileURL(`${modules}/@iptv/playlist/dist/playlist.js`));
  const second = parseM3U(list);
  return {
    first: first.items.map((one) => ({ name: one.name, url: one.url, id: one.tvg.id, group: one.group.title })),
    second: second.channels.map((one) => ({ name: one.name, url: one.url, id: one.tvgId, group: one.groupTitle })),
    header: first.header.attrs,
  };
}

async function guide() {
  const parser = require("epg-parser");
  const parsed = (parser.default ?? parser).parse(await text(`/xmltv.php?${login}`));
  return {
    channels: parsed.channels.map((one) => ({ id: one.id, names: one.displayName.map((name) => name.value) })),
    programmes: parsed.programs.map((one) => ({ channel: one.channel, title: one.title[0].value, start: one.start })),
  };
}

console.log(JSON.stringify(await { xtream, playlists, guide }[what]()));
