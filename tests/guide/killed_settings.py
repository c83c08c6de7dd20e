"""Settings of a process that shares a test's database."""

from __future__ import annotations

import os

os.environ.setdefault("RESTREAMER_DATA", "")

from restreamer.settings import *  # noqa: F403
from restreamer.settings import DATABASES

DATABASES["default"]["NAME"] = os.environ["KILLED_DATABASE"]
