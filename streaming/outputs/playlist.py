"""Channels, movies and episodes as an M3U playlist, in pieces."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from channels.listing import ListedChannel
from restreamer.lib import m3u
from streaming.outputs.addresses import Addresses
from vod.listing import ListedEpisode, ListedTitle

#: Entries of a piece.
_PIECE = 500


@dataclass(frozen=True, slots=True)
class PlaylistForm:
    """How a playlist is written."""

    addresses: Addresses
    with_groups: bool = True
    with_numbers: bool = True
    commas_in_names: bool = True
    #: Attributes at all; without them a line is `#EXTINF:-1,Name`.
    plus: bool = True
    #: The second line and the first attribute of the XUI family's lists.
    xui: bool = False
    #: Spares Kodi its look at each channel.
    with_mimetype: bool = False
    lineup: str = ""


def head(form: PlaylistForm) -> str:
    """What stands before the entries."""
    if not form.plus:
        return m3u.header()
    line = m3u.header([form.addresses.guide(form.lineup)])
    return line + ('#EXT-X-SESSION-DATA:DATA-ID="com.xui.1_5_12"\n' if form.xui else "")


def pieces(entries: Iterable[str]) -> Iterator[str]:
    """Many entries at a time."""
    piece: list[str] = []
    for entry in entries:
        piece.append(entry)
        if len(piece) == _PIECE:
            yield "".join(piece)
            piece.clear()
    if piece:
        yield "".join(piece)


def channel_entry(channel: ListedChannel, form: PlaylistForm) -> str:
    """The lines of one channel."""
    url = form.addresses.live(channel.id, adult=channel.adult)
    attributes = {
        "tvg-id": channel.tvg_id,
        "tvg-name": channel.name,
        "tvg-logo": form.addresses.pictures.channel(channel.id, channel.logo, adult=channel.adult),
        "tvg-chno": channel.number if form.with_numbers else "",
        "radio": "true" if channel.is_radio else "",
    }
    if channel.archive_days:
        days = str(channel.archive_days)
        attributes |= {
            "catchup": "default",
            "catchup-days": days,
            "catchup-source": form.addresses.catch_up(channel.id),
        }
        if form.xui:
            attributes["timeshift"] = days
    if channel.adult:
        attributes["parent-code"] = "0000"
    entry = _entry(form, channel.name, url, attributes, channel.group, channel.id)
    if form.with_mimetype and form.addresses.live_form == "ts":
        line, address = entry[:-1].split("\n")
        return f"{line}\n#KODIPROP:mimetype=video/mp2t\n{address}\n"
    return entry


def group_entry(group_id: int, name: str, logo: str, form: PlaylistForm) -> str:
    """The lines of a group that is shown as one channel."""
    attributes = {"tvg-id": f"group-{group_id}.restreamer", "tvg-name": name}
    if logo:
        attributes["tvg-logo"] = form.addresses.pictures.group(group_id, logo)
    return m3u.render_entry(name, form.addresses.group(group_id), attributes, commas_in_name=form.commas_in_names)


def movie_entry(movie: ListedTitle, form: PlaylistForm) -> str:
    """The lines of one movie, with what is known about it (S-060)."""
    url = form.addresses.movie(movie.id, movie.container, adult=movie.adult)
    attributes = {
        "tvg-id": f"{movie.id}.restreamer",
        "tvg-name": movie.name,
        "tvg-logo": form.addresses.pictures.movie(movie.id, movie.poster, adult=movie.adult),
        "tvg-type": "movie",
        "tvg-genre": movie.genres,
        "description": movie.plot,
        "year": str(movie.year or ""),
        "rating": f"{movie.rating:g}" if movie.rating else "",
    }
    return _entry(form, movie.name, url, attributes, movie.category, movie.id, duration_s=movie.duration_s or -1)


def episode_entry(series: ListedTitle, episode: ListedEpisode, form: PlaylistForm) -> str:
    """The lines of one episode, called as players recognise it: `Show S01E02`."""
    url = form.addresses.episode(episode.id, episode.container, adult=series.adult)
    pictures = form.addresses.pictures
    still = pictures.episode(episode.id, episode.poster, adult=series.adult)
    name = f"{series.name} S{episode.season:02d}E{episode.number:02d}"
    attributes = {
        "tvg-id": f"{episode.id}.restreamer",
        "tvg-name": name,
        "tvg-logo": still or pictures.series(series.id, series.poster, adult=series.adult),
        "tvg-type": "series",
        "tvg-season": str(episode.season),
        "tvg-episode": str(episode.number),
        "tvg-genre": series.genres,
        "description": episode.plot,
    }
    return _entry(form, name, url, attributes, series.name, episode.id, duration_s=episode.duration_s or -1)


def _entry(
    form: PlaylistForm,
    name: str,
    url: str,
    attributes: dict[str, str],
    group: str,
    public_id: int,
    *,
    duration_s: int = -1,
) -> str:
    if not form.plus:
        return m3u.render_entry(name, url, {}, commas_in_name=form.commas_in_names)
    if form.xui:
        # Read with the braces, as that family writes it.
        attributes = {"xui-id": f"{{{public_id}}}", **attributes}
    return m3u.render_entry(
        name,
        url,
        attributes,
        groups=[group] if group and form.with_groups else [],
        duration_s=duration_s,
        commas_in_name=form.commas_in_names,
    )
