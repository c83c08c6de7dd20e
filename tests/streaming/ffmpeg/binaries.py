"""Both generations of ffmpeg our users have: the machine's own and the one that comes with the requirements."""

from __future__ import annotations

import shutil

import imageio_ffmpeg

OWN = shutil.which("ffmpeg")
SHIPPED = imageio_ffmpeg.get_ffmpeg_exe()
BINARIES = [binary for binary in (OWN, SHIPPED) if binary]
