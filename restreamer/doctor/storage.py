"""What keeps our state: data folder, secret key, database, Redis."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.exceptions import MigrationSchemaMissing
from django.db.migrations.executor import MigrationExecutor

from restreamer.doctor.findings import Finding, fail, ok, warn
from restreamer.lib import data_folder, redact
from restreamer.lib.errors import ConfigurationError
from restreamer.lib.redis_client import connection as redis_connection

_OLDEST_REDIS = (6, 2)
_CLOCK_TOLERANCE_S = 2.0


def folder() -> Finding:
    """There, ours and private?"""
    path: Path = settings.RESTREAMER_DATA
    try:
        data_folder.make_private(path)
    except ConfigurationError as err:
        return fail("data folder", err.message, "RESTREAMER_DATA=/a/folder/of/yours ./run")
    mode = path.stat().st_mode & 0o777
    if mode & 0o077:
        return warn("data folder", f"{path} can be read by others (mode {mode:o})", f"chmod 700 {path}")
    return ok("data folder", str(path))


def secret_key() -> Finding:
    """Readable by its owner only?"""
    if settings.SECRET_KEY_GIVEN:
        return ok("secret key", "given by RESTREAMER_SECRET_KEY")
    path: Path = settings.RESTREAMER_DATA / "secret_key"
    if not path.exists():
        return fail("secret key", f"{path} has gone since this command began", "./run doctor")
    mode = path.stat().st_mode & 0o777
    if mode & 0o077:
        return warn("secret key", f"{path} can be read by others (mode {mode:o})", f"chmod 600 {path}")
    return ok("secret key", f"in {path}")


def database() -> Finding:
    """Answers, has our tables, and on SQLite writes ahead?"""
    try:
        with connection.cursor() as cursor:
            mode = _journal_mode(cursor)
        executor = MigrationExecutor(connection)
        missing = len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
    except (DatabaseError, MigrationSchemaMissing) as err:
        return fail("database", f"{_where()} does not answer: {redact.text(err)}".strip(), "correct DATABASE_URL")
    if missing:
        return warn("database", f"{_where()} lacks {missing} changes; `up` makes them", "./run manage migrate")
    if mode not in {"wal", ""}:
        return warn(
            "database", f"{_where()} is in journal mode {mode}, not WAL: readers wait for writers",
            f"move {settings.RESTREAMER_DATA} to a local disk, or use PostgreSQL: DATABASE_URL=postgres://…",
        )  # fmt: skip
    return ok("database", f"{_where()}{', WAL' if mode else ''}, all migrations made")


def redis_server() -> Finding:
    """Young enough, durable, and never throwing keys away?"""
    where = redact.url(settings.REDIS_URL) if settings.REDIS_URL_GIVEN else "embedded"
    try:
        client = redis_connection()
        server: dict[str, Any] = client.info("server")
        durable = bool(client.info("persistence").get("aof_enabled"))
        policy = str(client.info("memory").get("maxmemory_policy", ""))
        ahead_s = abs(float(client.time()[0]) - time.time())
    except (redis.RedisError, ValueError) as err:
        remedy = "correct REDIS_URL, or unset it to have one embedded" if settings.REDIS_URL_GIVEN else "./run"
        return fail("redis", f"{where} does not answer: {redact.text(err)}", remedy)
    version = str(server["redis_version"])
    name = f"{where}, {server.get('server_name', 'redis')} {server.get('valkey_version', version)}"
    if tuple(int(part) for part in version.split(".")[:2]) < _OLDEST_REDIS:
        return fail("redis", f"{name} is too old; 6.2 is the oldest", "apt install redis-server, or unset REDIS_URL")
    if policy not in {"noeviction", ""}:
        return warn(
            "redis", f"{name} throws keys away when full ({policy})",
            f"redis-cli -u {where} config set maxmemory-policy noeviction",
        )  # fmt: skip
    if not durable:
        return warn(
            "redis", f"{name} forgets waiting jobs when it stops", f"redis-cli -u {where} config set appendonly yes"
        )
    if ahead_s > _CLOCK_TOLERANCE_S:
        return warn(
            "redis", f"{name} is {ahead_s:.0f} s off this machine's clock", "timedatectl set-ntp true (on both)"
        )
    return ok("redis", f"{name}, durable, noeviction")


def _where() -> str:
    if connection.vendor == "sqlite":
        return f"SQLite {settings.DATABASES['default']['NAME']}"
    return f"{connection.display_name} {connection.settings_dict['NAME']}"


def _journal_mode(cursor: Any) -> str:
    if connection.vendor != "sqlite":
        cursor.execute("SELECT 1")
        return ""
    cursor.execute("PRAGMA journal_mode")
    return str(cursor.fetchone()[0])
