"""The media list of an address: the list itself, or the best variant of a master list that works."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from streaming.faults import Fault, UpstreamError
from streaming.hls.fetch import Fetcher
from streaming.hls.playlist import MasterPlaylist, MediaPlaylist, Variant, parse
from streaming.hls.tags import Media

MAX_PLAYLIST_BYTES = 4 * 1024 * 1024
#: A master list that names master lists ends here.
_MAX_DEPTH = 3
_MAX_VARIANTS_TRIED = 8
_AUDIO_CODECS = ("mp4a", "ac-3", "ec-3", "opus", "vorbis", "flac", "mp3")
#: Dolby Vision without a compatible base layer: no player shows it from a transport stream.
_UNPLAYABLE = ("dvh1", "dvhe", "dva1", "dvav")


def best_first(variants: Sequence[Variant]) -> list[Variant]:
    """Pictures before sound alone, then by bandwidth, then by size; equals as written (backups stand behind)."""

    def worth(variant: Variant) -> tuple[bool, bool, int, int]:
        inf = variant.inf
        codecs = [codec.strip().lower() for codec in inf.codecs.split(",") if codec.strip()]
        sound_alone = bool(codecs) and not inf.width and all(codec.startswith(_AUDIO_CODECS) for codec in codecs)
        unplayable = any(codec.startswith(_UNPLAYABLE) for codec in codecs)
        return (not sound_alone, not unplayable, inf.bandwidth_bps, inf.width * inf.height)

    return sorted(variants, key=worth, reverse=True)


def separate_audio(master: MasterPlaylist, variant: Variant) -> str:
    """Address of the sound that belongs to the variant but is listed apart from it; "" when it lies inside.

    Chosen: the rendition marked default, else one a player may choose by itself, else the first. When the chosen one
    has no address, the variant carries it.
    """
    group = [
        rendition
        for rendition in master.renditions
        if rendition.kind == "AUDIO" and rendition.group_id == variant.inf.audio_group
    ]
    if not variant.inf.audio_group or not group:
        return ""
    chosen: Media = max(group, key=lambda rendition: (rendition.default, rendition.autoselect))
    return "" if chosen.uri == variant.url else chosen.uri


class Listing:
    """Loads one stream's media list again and again, and moves to the next variant when told to."""

    def __init__(self, fetcher: Fetcher, url: str, imports: Mapping[str, str] | None = None) -> None:
        self._fetcher = fetcher
        self._url = url
        self._imports = dict(imports or {})
        self._master: MasterPlaylist | None = None
        self._left: list[Variant] = []
        #: Of the variant in use.
        self.audio_url = ""
        #: Processor time the newest list took to read.
        self.parsing_s = 0.0

    def begin(self) -> MediaPlaylist:
        """Load for the first time; of a master list the first variant that answers.

        Raises UpstreamError, the one of the best variant when none answers.
        """
        found = self._get(self._url)
        for _ in range(_MAX_DEPTH):
            if isinstance(found, MediaPlaylist):
                return self._accept(found)
            found = self._enter(found)
        if isinstance(found, MediaPlaylist):
            return self._accept(found)
        raise UpstreamError(Fault.NOT_TS, "The provider's playlists only lead to further playlists.")

    def load(self) -> MediaPlaylist:
        """Load the list in use again, where it was found last. Raises UpstreamError."""
        found = self._get(self._url)
        if isinstance(found, MasterPlaylist):
            raise UpstreamError(Fault.NOT_TS, "The provider's playlist turned into a list of variants.")
        return self._accept(found)

    def next_variant(self) -> bool:
        """Let the next `load` ask for the next best variant; False when none is left."""
        if not self._left or self._master is None:
            return False
        self._use(self._master, self._left.pop(0))
        return True

    @property
    def imports(self) -> Mapping[str, str]:
        """Variables that lists of the same master may import."""
        return self._imports

    def _enter(self, master: MasterPlaylist) -> MediaPlaylist | MasterPlaylist:
        self._master = master
        self._imports |= master.variables
        self._left = best_first(master.variants)[:_MAX_VARIANTS_TRIED]
        if not self._left:
            raise UpstreamError(Fault.NO_VIDEO, "The provider's list of variants is empty.")
        first_error: UpstreamError | None = None
        while self.next_variant():
            try:
                return self._get(self._url)
            except UpstreamError as err:
                if self._fetcher.closed:
                    raise
                first_error = first_error or err
        assert first_error is not None
        raise first_error

    def _use(self, master: MasterPlaylist, variant: Variant) -> None:
        self._url = variant.url
        self.audio_url = separate_audio(master, variant)

    def _accept(self, playlist: MediaPlaylist) -> MediaPlaylist:
        if playlist.iframes_only:
            raise UpstreamError(Fault.NO_VIDEO, "The provider's playlist holds single pictures for searching only.")
        self._url = playlist.url
        return playlist

    def _get(self, url: str) -> MediaPlaylist | MasterPlaylist:
        page = self._fetcher.page(url, "the playlist", max_bytes=MAX_PLAYLIST_BYTES)
        began = time.thread_time()
        found = parse(page.body.decode("utf-8", "replace"), page.url, self._imports)
        self.parsing_s = time.thread_time() - began
        return found
