"""What has to be true before the processes start: Redis, database, pages' files, an administrator."""

from __future__ import annotations

import hashlib
import secrets
import shutil
from collections.abc import Callable
from pathlib import Path

import redis
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.staticfiles.finders import get_finders
from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection
from django.db.migrations.executor import MigrationExecutor

from portals import runs
from portals.leases import Ledger
from restreamer.lib import redact
from restreamer.lib.errors import ConfigurationError
from restreamer.lib.redis_client import connection as redis_connection

#: Says one line to the owner.
Say = Callable[[str], None]

ADMINISTRATOR = "admin"
_OLDEST_REDIS = (6, 2)


def check_settings() -> None:
    """The settings do not contradict themselves. Raises ConfigurationError with what to type."""
    wrong = [message for message in checks.run_checks() if message.level >= checks.ERROR]
    if wrong:
        raise ConfigurationError(" ".join(f"{message.msg} {message.hint or ''}".strip() for message in wrong))


def check_given_redis() -> None:
    """The Redis of REDIS_URL answers and is young enough. Raises ConfigurationError."""
    where = redact.url(settings.REDIS_URL)
    try:
        version = str(redis_connection().info("server")["redis_version"])
    except (redis.RedisError, ValueError, OSError) as err:
        raise ConfigurationError(
            f"Redis at {where} does not answer ({redact.text(err)}). "
            "Correct REDIS_URL, or unset it to have one embedded."
        ) from err
    if tuple(int(part) for part in version.split(".")[:2]) < _OLDEST_REDIS:
        raise ConfigurationError(f"Redis at {where} is {version}; Restreamer needs 6.2 or newer.")


def free_slots() -> None:
    """With a Redis of our own, no relay lives when we start: what its memory says of provider connections is true."""
    Ledger(redis_connection(), f"{settings.NODE_NAME}:up").sweep(alone=True)


def migrate(say: Say) -> None:
    """Bring the database up to date. Raises ConfigurationError when it cannot be reached."""
    try:
        connection.ensure_connection()
    except OperationalError as err:
        raise ConfigurationError(_no_database(err)) from err
    executor = MigrationExecutor(connection)
    steps = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if steps:
        say(f"preparing the database ({len(steps)} steps)")
        call_command("migrate", interactive=False, verbosity=0)


def bury_runs() -> None:
    """Say of refreshes that were cut short by our last end that they were, so that new ones may begin."""
    if not settings.REDIS_URL_GIVEN:
        runs.bury_dead(no_worker_lives=True)


def collect_static(say: Say) -> None:
    """Gather and compress the pages' files, when they changed since the last time."""
    root = Path(settings.STATIC_ROOT)
    stamp = root / ".stamp"
    wanted = _static_fingerprint()
    if stamp.is_file() and stamp.read_text(encoding="ascii") == wanted:
        return
    say("preparing the pages' files")
    shutil.rmtree(root, ignore_errors=True)
    try:
        call_command("collectstatic", interactive=False, verbosity=0)
    except (CommandError, ValueError, OSError) as err:
        raise ConfigurationError(f"The pages' files cannot be prepared in {root}: {err}") from err
    stamp.write_text(wanted, encoding="ascii")


def create_administrator() -> str | None:
    """At the first start: an administrator. Returns the password, which is kept nowhere; None when there is a user."""
    users = get_user_model()
    if users._default_manager.exists():
        return None
    password = secrets.token_urlsafe(12)
    users._default_manager.create_superuser(username=ADMINISTRATOR, email="", password=password)
    return password


def administrators() -> list[str]:
    """Names of those who may do everything."""
    users = get_user_model()._default_manager.filter(is_superuser=True, is_active=True)
    return list(users.order_by("pk").values_list("username", flat=True))


def _static_fingerprint() -> str:
    """Changes whenever a file of the pages, or the way they are stored, changes."""
    digest = hashlib.sha256(repr(settings.STORAGES["staticfiles"]).encode())
    for finder in get_finders():
        for path, storage in finder.list([]):
            try:
                facts = Path(storage.path(path)).stat()
            except (NotImplementedError, OSError, ImproperlyConfigured):
                continue
            digest.update(f"{path}\0{facts.st_size}\0{facts.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def _no_database(err: OperationalError) -> str:
    reason = redact.text(" ".join(str(err).split()))
    if connection.vendor == "sqlite":
        return f"The database {settings.DATABASES['default']['NAME']} cannot be opened: {reason}."
    return f"The database of DATABASE_URL cannot be reached: {reason}. Correct the address, or unset it to use SQLite."
