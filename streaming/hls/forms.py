"""What a segment is, told by its first bytes: transport stream, fragmented MP4, bare audio, or no media at all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum

from streaming.faults import Fault, UpstreamError

PACKET_BYTES = 188
#: Enough of a segment to tell its form, an ID3 tag in front included.
ENOUGH_BYTES = 4 * PACKET_BYTES
_ENOUGH_WITH_ID3_BYTES = 64 * 1024
_BOXES = frozenset({b"ftyp", b"styp", b"moof", b"sidx", b"emsg", b"moov", b"prft"})


class Form(StrEnum):
    """The value is what ffmpeg calls the demuxer."""

    TS = "mpegts"
    FMP4 = "mp4"
    AAC = "aac"
    MP3 = "mp3"
    AC3 = "ac3"
    EAC3 = "eac3"
    SUBTITLES = "webvtt"
    TEXT = "text"
    UNKNOWN = "unknown"

    @property
    def is_bare_audio(self) -> bool:
        """Audio frames without a container ("packed audio")."""
        return self in (Form.AAC, Form.MP3, Form.AC3, Form.EAC3)


def form_of(start: bytes) -> Form:
    """The form of a segment that begins like this."""
    if _looks_like_ts(start):
        return Form.TS
    if start[4:8] in _BOXES:
        return Form.FMP4
    audio = start[id3_length(start) :]
    if len(audio) >= 6:
        found = _audio_form(audio)
        if found is not None:
            return found
    text = start.lstrip(b"\xef\xbb\xbf \t\r\n")
    if text.startswith(b"WEBVTT"):
        return Form.SUBTITLES
    return Form.TEXT if text[:1] in (b"<", b"{", b"[", b"#") else Form.UNKNOWN


def _looks_like_ts(start: bytes) -> bool:
    """Three packets in a row, wherever they begin; a whole file of one or two counts as well."""
    for offset in range(min(PACKET_BYTES, len(start))):
        seen = start[offset : offset + 3 * PACKET_BYTES : PACKET_BYTES]
        if seen == b"\x47" * len(seen) and (len(seen) == 3 or (offset == 0 and len(start) >= PACKET_BYTES)):
            return True
    return False


def _audio_form(audio: bytes) -> Form | None:
    if audio[0] == 0xFF and audio[1] & 0xF6 == 0xF0:
        return Form.AAC
    if audio[0] == 0xFF and audio[1] & 0xE0 == 0xE0 and audio[1] & 0x06:
        return Form.MP3
    if audio[:2] == b"\x0b\x77":
        return Form.EAC3 if audio[5] >> 3 > 10 else Form.AC3
    return None


def id3_length(start: bytes) -> int:
    """Length of the ID3 tag a bare audio segment begins with; 0 when there is none."""
    if start[:3] != b"ID3" or len(start) < 10 or any(byte & 0x80 for byte in start[6:10]):
        return 0
    size = start[6] << 21 | start[7] << 14 | start[8] << 7 | start[9]
    return 10 + size + (10 if start[5] & 0x10 else 0)


def id3_timestamp_s(start: bytes) -> float | None:
    """The place of a bare audio segment on the video's clock, as RFC 8216 section 3.4 writes it into its ID3 tag."""
    owner = b"com.apple.streaming.transportStreamTimestamp\x00"
    at = start.find(owner, 0, id3_length(start))
    stamp = start[at + len(owner) : at + len(owner) + 8]
    if at < 0 or len(stamp) < 8:
        return None
    return (int.from_bytes(stamp, "big") & 0x1FFFFFFFF) / 90_000


def judged(pieces: Iterable[bytes], *, encrypted: bool) -> Iterator[bytes]:
    """The pieces of a segment, once its beginning has shown that it is media.

    Raises UpstreamError(NOT_TS) when it is something else; `encrypted` says that a key was used on it.
    """
    start, known = b"", False
    for piece in pieces:
        if known:
            if piece:
                yield piece
            continue
        start += piece
        if len(start) >= (_ENOUGH_WITH_ID3_BYTES if start.startswith(b"ID3") else ENOUGH_BYTES):
            _must_be_media(start, encrypted)
            known = True
            yield start
    if not known:
        _must_be_media(start, encrypted)
        yield start


def _must_be_media(start: bytes, encrypted: bool) -> None:
    form = form_of(start)
    if form is Form.UNKNOWN and encrypted:
        raise UpstreamError(Fault.NOT_TS, "A segment does not open with the key the provider gave for it.")
    if form in (Form.TEXT, Form.SUBTITLES, Form.UNKNOWN):
        what = {Form.TEXT: "a text", Form.SUBTITLES: "subtitles"}.get(
            form, "nothing" if not start else "something else"
        )
        raise UpstreamError(Fault.NOT_TS, f"The provider sent {what} where a segment was expected.")
