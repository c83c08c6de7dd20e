"""Which track of a new source becomes which track of the output, and when that cannot be."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from restreamer.lib.errors import RestreamerError
from streaming.mpegts.packets import PAT_PID
from streaming.mpegts.psi import Codec, Kind, Programme, Track

#: PIDs below belong to tables everybody knows, the last is the null packets'.
FIRST_FREE_PID = 0x100
LAST_FREE_PID = 0x1FFA


class CodecFamilyDiffers(RestreamerError):
    """The new source needs another decoder than the one players have running.

    Inside one response only VLC survives that: take another candidate, transcode, or end the response.
    """

    status = 503
    public = "The source of this channel changed its format."

    def __init__(self, announced: Codec, offered: Iterable[Codec]) -> None:
        self.announced = announced
        self.offered = tuple(offered)
        names = ", ".join(self.offered) or "nothing"
        super().__init__(f"Players decode {announced}, the new source offers {names}.")


def match(source: Programme, output: Programme) -> dict[int, int]:
    """Source PID to output PID for every track of the output that the source can feed.

    Sound tracks are paired by language first, then in order. Tracks of the source that find no partner are left out;
    of the output's tracks only the picture must find one, and its first sound unless the source has none at all.
    Raises CodecFamilyDiffers.
    """
    pairs: dict[int, int] = {}
    if output.video is not None:
        offered = source.video
        if offered is None or offered.codec is not output.video.codec:
            raise CodecFamilyDiffers(output.video.codec, [offered.codec] if offered else [])
        pairs[offered.pid] = output.video.pid
    if output.audio and source.audio:
        pairs |= _pair(source.audio, output.audio)
        if output.audio[0].pid not in pairs.values():
            raise CodecFamilyDiffers(output.audio[0].codec, [track.codec for track in source.audio])
    elif output.lead is not None and output.video is None:
        raise CodecFamilyDiffers(output.lead.codec, [])
    pairs |= _pair(_rest(source), _rest(output))
    return pairs


def _rest(programme: Programme) -> list[Track]:
    return [track for track in programme.tracks if track.kind in (Kind.SUBTITLES, Kind.DATA)]


def _pair(offered: Iterable[Track], wanted: Iterable[Track]) -> dict[int, int]:
    """Pair tracks of one codec: those of one language first, then whoever is left, in order."""
    free, open_, pairs = list(offered), list(wanted), {}
    for key in (_codec_and_language, _codec):
        for track in list(open_):
            partner = next((other for other in free if key(other) == key(track)), None)
            if partner is not None:
                pairs[partner.pid] = track.pid
                free.remove(partner)
                open_.remove(track)
    return pairs


def _codec(track: Track) -> object:
    return track.codec, track.stream_type if track.codec is Codec.UNKNOWN else 0


def _codec_and_language(track: Track) -> object:
    return _codec(track), track.language


def is_superset(new: Programme, old: Programme) -> bool:
    """Nothing a player knows has changed: at most tracks were added or described otherwise."""
    kept = {(track.pid, track.codec) for track in new.tracks}
    same_place = (new.number, new.pmt_pid, new.pcr_pid) == (old.number, old.pmt_pid, old.pcr_pid)
    return same_place and all((track.pid, track.codec) in kept for track in old.tracks)


def grow(
    output: Programme, source: Programme, pairs: dict[int, int], known: set[int]
) -> tuple[Programme, dict[int, int]]:
    """The output with the source's unpaired tracks added, version + 1, and the pairs with them.

    `known` are the source's PIDs from before: what was left out then stays out. A track keeps its PID where the output
    has not given it to another.
    """
    taken = {PAT_PID, output.pmt_pid, output.pcr_pid, *(track.pid for track in output.tracks)}
    added: list[Track] = []
    pairs = dict(pairs)
    for track in source.tracks:
        if track.pid in pairs or track.pid in known or track.kind is Kind.VIDEO:
            continue
        pid = track.pid if track.pid not in taken else _free_pid(taken)
        taken.add(pid)
        added.append(replace(track, pid=pid))
        pairs[track.pid] = pid
    if not added:
        return output, pairs
    return replace(output, tracks=(*output.tracks, *added), version=(output.version + 1) & 31), pairs


def _free_pid(taken: set[int]) -> int:
    return next(pid for pid in range(FIRST_FREE_PID, LAST_FREE_PID) if pid not in taken)
