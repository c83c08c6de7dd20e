"""Why ffmpeg ended, told from its last lines and its exit code, in our vocabulary of faults."""

from __future__ import annotations

import re
import signal
from collections.abc import Sequence

from streaming.faults import Fault, UpstreamError
from streaming.sources.status import refusal

#: `[http @ 0x55f] HTTP error 458 ` in all versions from 4 to 9; rtsp words it `method DESCRIBE failed: 404 Not Found`.
_STATUS = re.compile(r"HTTP error (\d{3})|method \w+ failed: (\d{3})")

_GONE = "The provider's server refuses connections."
_BROKEN = "The connection to the provider broke."
_NO_TELEVISION = "The provider sent something that is no television stream."
_CANNOT = "ffmpeg cannot do what the profile asks: {line}"

#: Its last words are the newest of these; what it said earlier may have been survived.
_LAST_WORDS = 8

#: The most telling first: "Input/output error" ends many a list of lines that say more.
_RULES = tuple(
    (re.compile(pattern), fault, sentence)
    for pattern, fault, sentence in (
        (r"Connection refused", Fault.REFUSED, _GONE),
        (r"Failed to resolve hostname|Name or service not known", Fault.REFUSED, "The provider's host does not exist."),
        (r"No route to host|Network is unreachable", Fault.REFUSED, "There is no way to the provider's server."),
        (r"[Cc]ertificate|TLS|SSL", Fault.REFUSED, "The provider's TLS certificate is not acceptable."),
        (r"timed out", Fault.TIMED_OUT, "The provider did not answer in time."),
        (r"Connection reset|Stream ends prematurely", Fault.RESET, _BROKEN),
        (r"Invalid data found when processing input", Fault.NOT_TS, _NO_TELEVISION),
        (r"could not find codec parameters|does not contain any stream", Fault.NOT_TS, _NO_TELEVISION),
        (r"matches no streams", Fault.NO_VIDEO, "The stream carries neither picture nor sound."),
        (r"[Uu]nknown encoder|Encoder not found|(opening|open) encoder", Fault.ENDED, _CANNOT),
        (r"Unrecognized option|Option \w+ not found|Error splitting the argument", Fault.ENDED, _CANNOT),
        (r"Device creation failed|Error initializing|Error reinitializing|No such filter", Fault.ENDED, _CANNOT),
        (r"Input/output error", Fault.RESET, _BROKEN),
    )
)


def reason(lines: Sequence[str], returncode: int) -> UpstreamError:
    """The error an ffmpeg that ended stands for. `lines` are its last ones, redacted."""
    for line in reversed(lines[-_LAST_WORDS:]):
        found = _STATUS.search(line)
        if found:
            return refusal(int(found[1] or found[2]))
    if returncode < 0:
        return UpstreamError(Fault.RESET, f"ffmpeg was killed ({_signal_name(-returncode)}).")
    if returncode == 0:
        return UpstreamError(Fault.ENDED)
    for pattern, fault, sentence in _RULES:
        for line in reversed(lines[-_LAST_WORDS:]):
            if pattern.search(line):
                return UpstreamError(fault, sentence.format(line=_plain(line)))
    said = f": {_plain(lines[-1])}" if lines else "."
    return UpstreamError(Fault.ENDED, f"ffmpeg ended with code {returncode}{said}")


def _plain(line: str) -> str:
    """A line without the object names in front: `[in#0 @ 0x5576] Error` becomes `Error`."""
    return re.sub(r"^(?:\[[^\]]{0,80}\]\s*)+", "", line)[:200].rstrip(" .") + "."


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
