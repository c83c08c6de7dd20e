"""Addresses put together from what a person chooses: format, kind, lineup, group, portal, channel."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django import forms

from accounts.addresses import ReadyAddress
from channels.models import Channel, Group, Lineup
from portals.models import Portal
from streaming import playlists
from streaming.tuner_devices import TunerDevice
from streaming.tuning import tuner_count
from streaming.visible import Sight

FORMATS = (
    ("m3u", "Playlist (M3U)"),
    ("hls", "Playlist for HLS players"),
    ("groups", "Playlist of groups"),
    ("guide", "Guide (XMLTV)"),
    ("xtream", "Xtream"),
    ("tuner", "Network tuner (HDHomeRun)"),
    ("channel", "One channel"),
)
#: Which fields a format has a use for, besides itself.
FIELDS_OF = {
    "m3u": ("kind", "lineup", "group", "portal", "sort"),
    "hls": ("kind", "lineup", "group", "portal", "sort"),
    "groups": ("lineup", "portal"),
    "guide": ("lineup",),
    "xtream": (),
    "tuner": (),
    "channel": ("channel",),
}
_KINDS = (
    ("", "Channels"),
    ("movies", "Movies"),
    ("series", "Series"),
    ("live,movies,series", "Channels, movies and series"),
)
_SORTS = (("", "As it comes"), ("number", "By number"), ("name", "By name"), ("group", "By group"))
#: So many groups and portals are offered to choose from.
_MOST_CHOICES = 1000


class Wanted(forms.Form):
    """What to put together. Choices are what this viewer sees; portals are named to administrators only."""

    format = forms.ChoiceField(choices=FORMATS, required=False)
    kind = forms.ChoiceField(choices=_KINDS, required=False, label="What")
    lineup = forms.ChoiceField(required=False)
    group = forms.ChoiceField(required=False)
    portal = forms.ChoiceField(required=False)
    sort = forms.ChoiceField(choices=_SORTS, required=False, label="Order")
    channel = forms.CharField(required=False, max_length=200, help_text="Its name, the beginning of it, or its number.")

    def __init__(self, data: Any, sight: Sight, *, names_portals: bool) -> None:
        super().__init__(data or {"format": "m3u"})
        given = sight.viewer.lineups.all()
        lineups = given if given.exists() else Lineup.objects.all()
        groups = Group.objects.filter(pk__in=sight.channels().order_by().values("group")).order_by("position", "name")
        self._offer("lineup", "Everything", lineups.values_list("slug", "name")[:_MOST_CHOICES])
        self._offer(
            "group", "All groups", ((name, name) for name in groups.values_list("name", flat=True)[:_MOST_CHOICES])
        )
        if names_portals:
            self._offer("portal", "All portals", Portal.objects.values_list("slug", "name")[:_MOST_CHOICES])
        else:
            del self.fields["portal"]
        for name, field in self.fields.items():
            # For the page: it shows what the chosen format has a use for.
            field.uses = " ".join(one for one, names in FIELDS_OF.items() if name in names)  # type: ignore[attr-defined]

    @property
    def chosen_format(self) -> str:
        """The format; a playlist unless one was chosen."""
        return self.cleaned_data.get("format") or "m3u"

    def filters(self) -> dict[str, str]:
        """The parameters of the address: what was chosen, as far as the format has a use for it."""
        wanted = {name: self.cleaned_data.get(name, "") for name in FIELDS_OF[self.chosen_format]}
        if wanted.get("kind") in ("movies", "series"):
            # Lineups hold channels.
            wanted["lineup"] = ""
        return {name: value for name, value in wanted.items() if value}

    def _offer(self, name: str, everything: str, found: Any) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [("", everything), *found]


def built(wanted: Wanted, sight: Sight, base_url: str) -> tuple[list[ReadyAddress], str]:
    """The addresses to copy, and a sentence on what they give. `wanted` is valid. Raises LineupUnknown."""
    make = {"guide": _guide, "xtream": _xtream, "tuner": _tuner, "channel": _channel}.get(wanted.chosen_format, _list)
    return make(wanted, sight, base_url)


def _list(wanted: Wanted, sight: Sight, base_url: str) -> tuple[list[ReadyAddress], str]:
    filters, chosen = wanted.filters(), wanted.chosen_format
    if chosen == "hls":
        filters["form"] = "hls"
    path = "groups_playlist" if chosen == "groups" else "playlist.m3u8"
    address = _address(f"{base_url}/{path}", sight, filters)
    guide = _address(f"{base_url}/epg.xml", sight, {"lineup": filters.get("lineup", "")})
    label = dict(FORMATS)[chosen]
    lines = [
        ReadyAddress("playlist", label, address, "it names its guide"),
        ReadyAddress("guide", "Guide (XMLTV)", guide, "for players that ask for one"),
    ]
    return lines, _held(filters, sight)


def _guide(wanted: Wanted, sight: Sight, base_url: str) -> tuple[list[ReadyAddress], str]:
    filters = wanted.filters()
    lines = [
        ReadyAddress("guide", "Guide (XMLTV)", _address(f"{base_url}/epg.xml", sight, filters), "yesterday and a week"),
        ReadyAddress(
            "packed", "The same, packed", _address(f"{base_url}/epg.xml.gz", sight, filters), "ten times smaller"
        ),
    ]
    return lines, _held(filters, sight)


def _xtream(wanted: Wanted, sight: Sight, base_url: str) -> tuple[list[ReadyAddress], str]:
    viewer = sight.viewer
    login = {"username": viewer.name, "password": viewer.token}
    listed = urlencode({**login, "type": "m3u_plus", "output": "ts"})
    lines = [
        ReadyAddress("server", "Server", base_url, ""),
        ReadyAddress("name", "Name", viewer.name, ""),
        ReadyAddress("password", "Password", viewer.token, "the token counts as one, besides the viewer's own"),
        ReadyAddress("list", "Playlist of that scheme", f"{base_url}/get.php?{listed}", ""),
        ReadyAddress("guide", "Guide of that scheme", f"{base_url}/xmltv.php?{urlencode(login)}", ""),
    ]
    return lines, "Channels, movies and series, all the viewer sees."


def _tuner(wanted: Wanted, sight: Sight, base_url: str) -> tuple[list[ReadyAddress], str]:
    viewer = sight.viewer
    row = TunerDevice.objects.active().filter(viewer=viewer).order_by("id").first() or TunerDevice(viewer=viewer)
    root = f"{base_url}/hdhr/{viewer.token}"
    lines = [
        ReadyAddress("tuner", "Tuner", root, "where a player asks for its network address"),
        ReadyAddress("discover", "What it says of itself", f"{root}/discover.json", ""),
        ReadyAddress("channels", "Its channels", f"{root}/lineup.json", ""),
        ReadyAddress("guide", "Guide (XMLTV)", _address(f"{base_url}/epg.xml", sight, {}), "for Plex, Jellyfin, Emby"),
    ]
    count = tuner_count(row)
    why = "as its page says" if row.tuners else "from the limits of the viewer and the providers"
    return lines, f"{count} tuners, {why}."


def _channel(wanted: Wanted, sight: Sight, base_url: str) -> tuple[list[ReadyAddress], str]:
    asked = str(wanted.cleaned_data.get("channel", "")).strip()
    if not asked:
        return [], "Name a channel."
    channel = _found(asked, sight)
    if channel is None:
        return [], f"{sight.viewer.name} sees no channel that is called {asked}."
    pk = channel.pk
    lines = [
        ReadyAddress("ts", "MPEG-TS", _address(f"{base_url}/stream/{pk}.ts", sight, {}), "VLC, mpv, most apps"),
        ReadyAddress("hls", "HLS", _address(f"{base_url}/hls/{pk}/index.m3u8", sight, {}), "iPhones, browsers"),
        ReadyAddress("page", "Page that plays it", _address(f"{base_url}/player/{pk}", sight, {}), "a browser"),
    ]
    return lines, f"{channel.shown_number} {channel.name}".strip()


def _found(asked: str, sight: Sight) -> Channel | None:
    channels = sight.channels()
    names = [channels.filter(name__iexact=asked), channels.filter(name__istartswith=asked)]
    if asked.isascii() and asked.isdecimal() and len(asked) < 10:
        names.insert(0, channels.filter(number=asked))
    return next((channel for found in names if (channel := found.first()) is not None), None)


def _address(start: str, sight: Sight, filters: dict[str, str]) -> str:
    query = {"token": sight.viewer.token, **{name: value for name, value in filters.items() if value}}
    return f"{start}?{urlencode(query)}"


def _held(filters: dict[str, str], sight: Sight) -> str:
    """How much of what is in such a list now."""
    choice = playlists.Choice({name: value for name, value in filters.items() if name != "form"})
    assert choice.is_valid(), choice.errors
    kinds, parts = choice.cleaned_data["kind"], []
    if "live" in kinds:
        parts.append(_counted(playlists.channels_of(choice, sight).order_by().count(), "channel"))
    if "movies" in kinds:
        parts.append(_counted(playlists.titles_of(choice, sight.movies()).order_by().count(), "movie"))
    if "series" in kinds:
        parts.append(f"{playlists.titles_of(choice, sight.series()).order_by().count():,} series")
    return f"It holds {', '.join(parts)} now."


def _counted(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"
