"""Entries of a playlist, turned into records."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from portals.providers.m3u import catchup
from portals.providers.m3u.identity import Panel, provider_id
from portals.providers.m3u.kinds import container_of
from portals.providers.records import StreamRecord
from portals.providers.titles import EpisodeTitle, episode_title, is_adult, year_in
from portals.providers.vod_records import About, EpisodeRecord, MovieRecord, SeriesRecord
from restreamer.lib.m3u import Entry, clean_header, header_pairs

#: Longest group name kept; rows hold no more.
_LONGEST_GROUP = 200
_NUMBER_KEYS = ("tvg-chno", "ch-number", "channel-number", "tvh-chnum")
_NUMBER_KEYS_SET = frozenset(_NUMBER_KEYS)
_TRUE = frozenset({"1", "true", "yes"})

#: Attributes no column holds, kept for the guide, the players and the curious.
_KEPT = (
    "tvg-name", "tvg-shift", "tvg-country", "tvg-language", "tvg-type", "tvg-url", "tvc-guide-stationid",
    "tvc-guide-title", "channel-id", "parent-code", "audio-track", "aspect-ratio", "provider", "provider-type",
    "provider-logo", "provider-countries", "provider-languages", "realtime",
)  # fmt: skip

_KEPT_KEYS = frozenset(_KEPT)

_HEADER_NAMES = {
    "user-agent": "User-Agent",
    "http-user-agent": "User-Agent",
    "referrer": "Referer",
    "referer": "Referer",
    "http-referrer": "Referer",
    "http-referer": "Referer",
    "http-origin": "Origin",
}
_CENSORING = frozenset({"censored", "parent-code"})
_HEADER_KEYS = frozenset(_HEADER_NAMES)
_STREAM_HEADERS = frozenset({"stream_headers", "manifest_headers", "common_headers"})
_HLS_TYPES = frozenset({"application/x-mpegurl", "application/vnd.apple.mpegurl", "audio/x-mpegurl", "hls"})
_TS_TYPES = frozenset({"video/mp2t", "video/mpeg"})


def stream_record(entry: Entry, header: Mapping[str, str], main: Panel | None) -> StreamRecord:
    """A live entry; `header` is the list's own, `main` its main panel."""
    attributes = entry.attributes
    group = group_of(entry)
    data = _playing(entry)
    offer = catchup.offered(attributes, header)
    if offer is not None:
        data["catchup"] = {"mode": offer.mode, "source": offer.source, "correction_hours": offer.correction_hours}
    if len(entry.groups) > 1:
        data["groups"] = list(entry.groups)
    if not _KEPT_KEYS.isdisjoint(attributes):
        kept = {key: attributes[key] for key in _KEPT if attributes.get(key) and attributes[key] != entry.name}
        if kept:
            data["attributes"] = kept
    return StreamRecord(
        provider_id=provider_id(entry.url, main),
        name=entry.name,
        number=_number(attributes),
        genre_id=group,
        logo=_picture(attributes),
        guide_id=attributes.get("tvg-id", "").strip(),
        cmd=entry.url,
        is_radio=attributes.get("radio", "").strip().lower() == "true",
        censored=_is_censored(attributes, group),
        archive_hours=round(offer.days * 24) if offer else 0,
        provider_data=data,
    )


def movie_record(entry: Entry, main: Panel | None) -> MovieRecord:
    """An entry that is a movie."""
    group = group_of(entry)
    return MovieRecord(
        provider_id=provider_id(entry.url, main),
        name=entry.name,
        category_ids=_categories(entry),
        cmd=entry.url,
        container=container_of(entry.url),
        about=_about(entry),
        censored=_is_censored(entry.attributes, group),
        provider_data=_playing(entry),
    )


def series_record(entry: Entry, title: EpisodeTitle) -> SeriesRecord:
    """The series an episode belongs to."""
    return SeriesRecord(
        provider_id=series_id(title.series),
        name=title.series,
        category_ids=_categories(entry),
        about=About(year=year_in(title.series), genres=group_of(entry), poster=_picture(entry.attributes)),
        censored=_is_censored(entry.attributes, group_of(entry)),
    )


def episode_record(entry: Entry, title: EpisodeTitle, main: Panel | None) -> EpisodeRecord:
    """An entry that is an episode."""
    return EpisodeRecord(
        provider_id=provider_id(entry.url, main),
        series_id=series_id(title.series),
        season=title.season,
        number=title.number,
        name=title.name or entry.name,
        cmd=entry.url,
        container=container_of(entry.url),
        about=_about(entry),
        provider_data=_playing(entry),
    )


def title_of(entry: Entry) -> EpisodeTitle | None:
    """Series, season and episode as the name or the attributes tell; None when neither does."""
    title = episode_title(entry.name)
    if title is not None and title.series:
        return title
    attributes = entry.attributes
    if title is None:
        season, number = attributes.get("tvg-season", "").strip(), attributes.get("tvg-episode", "").strip()
        if not (season.isdecimal() and number.isdecimal()):
            return None
        title = EpisodeTitle("", int(season[:4]), int(number[:4]), "")
    series = attributes.get("tvg-name", "").strip()
    named = episode_title(series)
    return title._replace(series=(named.series if named else series) or group_of(entry) or entry.name)


def series_id(name: str) -> str:
    """One id for all episodes of a series, whatever the case and spacing of its name."""
    plain = " ".join(name.casefold().split())
    return "series:" + hashlib.sha1(plain.encode("utf-8", "replace"), usedforsecurity=False).hexdigest()[:24]


def group_of(entry: Entry) -> str:
    """The entry's first group, as genre and category ids have it; "" without one."""
    return group_name(entry.groups[0]) if entry.groups else ""


def group_name(group: str) -> str:
    """A group as rows can hold it."""
    return group[:_LONGEST_GROUP].strip()


def _categories(entry: Entry) -> tuple[str, ...]:
    return tuple(group_name(group) for group in entry.groups)


def _about(entry: Entry) -> About:
    duration_s = int(entry.duration_s) if entry.duration_s > 0 else None
    return About(
        year=year_in(entry.name), genres=group_of(entry), duration_s=duration_s, poster=_picture(entry.attributes)
    )


def _number(attributes: Mapping[str, str]) -> str:
    if _NUMBER_KEYS_SET.isdisjoint(attributes):
        return ""
    for key in _NUMBER_KEYS:
        value = attributes.get(key, "").strip()
        if value:
            return value[:20]
    return ""


def _picture(attributes: Mapping[str, str]) -> str:
    """An absolute web address or nothing: pictures inside the list (data:) are too large to keep."""
    value = (attributes.get("tvg-logo") or attributes.get("logo") or "").strip()
    return value if value.startswith(("http://", "https://")) else ""


def _is_censored(attributes: Mapping[str, str], group: str) -> bool:
    if not _CENSORING.isdisjoint(attributes) and (
        attributes.get("censored", "").strip().lower() in _TRUE or attributes.get("parent-code", "").strip()
    ):
        return True
    return is_adult(group)


def _playing(entry: Entry) -> dict[str, Any]:
    """What only playing needs: request headers, the form, the programme number. Empty for most entries."""
    data: dict[str, Any] = {}
    headers = _headers(entry)
    if headers:
        data["headers"] = headers
    if entry.kodi_properties:
        form = _form(entry.kodi_properties)
        if form:
            data["form"] = form
        data["kodi"] = dict(entry.kodi_properties)
    if entry.vlc_options.get("program", "").isdecimal():
        data["program"] = int(entry.vlc_options["program"][:5])
    return data


def _headers(entry: Entry) -> dict[str, str]:
    """Request headers the entry asks for; what stands closest to the address wins."""
    if not (entry.headers or entry.vlc_options or entry.kodi_properties) and _HEADER_KEYS.isdisjoint(entry.attributes):
        return {}
    asked = [
        *_named_headers(entry.attributes),
        *_kodi_headers(entry.kodi_properties),
        *_named_headers(entry.vlc_options),
        *entry.headers.items(),
    ]
    found: dict[str, tuple[str, str]] = {}
    for name, value in asked:
        header = clean_header(name, value)
        if header:
            found[name.lower()] = header
    return dict(found.values())


def _named_headers(source: Mapping[str, str]) -> list[tuple[str, str]]:
    if _HEADER_KEYS.isdisjoint(source):
        return []
    return [(name, source[key]) for key, name in _HEADER_NAMES.items() if key in source]


def _kodi_headers(properties: Mapping[str, str]) -> list[tuple[str, str]]:
    return [
        pair
        for key, value in properties.items()
        if key.lower().rpartition(".")[2] in _STREAM_HEADERS
        for pair in header_pairs(value)
    ]


def _form(properties: Mapping[str, str]) -> str:
    for key, value in properties.items():
        if key.lower().rpartition(".")[2] in ("mimetype", "mime_type", "manifest_type"):
            said = value.strip().lower()
            return "hls" if said in _HLS_TYPES else "ts" if said in _TS_TYPES else ""
    return ""
