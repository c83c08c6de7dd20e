"""Settings of the tests: a private data folder, Redis and database per process, nothing of the machine's."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

# Before restreamer.settings reads the environment. Always overwritten: workers of pytest-xdist inherit
# the environment of their parent but must not share its folder. Subprocesses of a test inherit all of it.
TEST_FOLDER = Path(tempfile.mkdtemp(prefix="restreamer-test-"))
atexit.register(shutil.rmtree, TEST_FOLDER, ignore_errors=True)
for _name in [name for name in os.environ if name.startswith("RESTREAMER_")]:
    del os.environ[_name]
for _name in ("BASE_URL", "FFMPEG", "TZ", "DATABASE_URL", "REDIS_URL_FILE", "DATABASE_URL_FILE"):
    os.environ.pop(_name, None)
os.environ["RESTREAMER_DATA"] = str(TEST_FOLDER / "data")
REDIS_TEST_SOCKET = TEST_FOLDER / "redis.sock"
os.environ["REDIS_URL"] = f"unix://{REDIS_TEST_SOCKET}?db=0"
WITH_POSTGRES = os.environ.get("TEST_PG", "") not in ("", "0")
POSTGRES_SOCKET_FOLDER = TEST_FOLDER / "pg"
if WITH_POSTGRES:
    os.environ["DATABASE_URL"] = f"postgres://postgres@/restreamer?host={POSTGRES_SOCKET_FOLDER}"

from restreamer.settings import *  # noqa: E402, F403
from restreamer.settings import DATABASES, STATIC_ROOT  # noqa: E402

if not WITH_POSTGRES:
    # A file, not memory: threads and subprocesses of a test see the same rows, under the locks of production.
    DATABASES["default"]["TEST"] = {"NAME": str(TEST_FOLDER / "test.sqlite3")}

# WhiteNoise warns about a folder that is not there.
STATIC_ROOT.mkdir(parents=True)

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
