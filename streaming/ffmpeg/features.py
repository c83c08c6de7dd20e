"""What one ffmpeg binary can do: asked once, because options and defaults differ from 4 to 9."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from restreamer.lib.errors import ConfigurationError

_ASK_TIMEOUT_S = 15.0
_VERSION = re.compile(r"ffmpeg version n?(\d+)\.(\d+)")
#: `  -tls_verify        <int>        ED......... Verify the peer certificate`
_OPTION = re.compile(r"^\s+-(\w+)\s+<", re.MULTILINE)
#: ` V....D h264_vaapi           H.264/AVC (VAAPI) (codec h264)`
_ENCODER = re.compile(r"^ [VAS][A-Z.]{5} (\w+)\s", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Features:
    """One binary. `version` is (0, 0) for builds from a development tree, which number themselves otherwise."""

    path: str
    version: tuple[int, int]
    #: Of the HLS demuxer and of the http and tls protocols.
    options: frozenset[str]
    encoders: frozenset[str]
    accelerations: frozenset[str]


def features(binary: str | Path) -> Features:
    """What the binary can do. Asked once per binary; a replaced one is asked again.

    Raises ConfigurationError when it cannot be run.
    """
    path = Path(binary)
    try:
        facts = path.stat()
    except OSError as err:
        raise ConfigurationError(f"{path} cannot be run as ffmpeg: {err.strerror or err}.") from err
    return _asked(str(path), facts.st_mtime_ns, facts.st_size)


@lru_cache(maxsize=8)
def _asked(path: str, _modified_ns: int, _size_bytes: int) -> Features:
    version = _VERSION.search(_ask(path, "-version"))
    options: set[str] = set()
    for topic in ("demuxer=hls", "protocol=http", "protocol=tls"):
        options.update(_OPTION.findall(_ask(path, "-h", topic)))
    return Features(
        path=path,
        version=(int(version[1]), int(version[2])) if version else (0, 0),
        options=frozenset(options),
        encoders=frozenset(_ENCODER.findall(_ask(path, "-encoders"))),
        accelerations=frozenset(_ask(path, "-hwaccels").partition(":")[2].split()),
    )


def _ask(path: str, *question: str) -> str:
    try:
        answer = subprocess.run(
            [path, "-hide_banner", *question] if question != ("-version",) else [path, *question],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_ASK_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as err:
        raise ConfigurationError(f"{path} cannot be run as ffmpeg: {err}.") from err
    return answer.stdout.decode("utf-8", "replace")
