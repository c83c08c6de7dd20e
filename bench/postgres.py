"""A PostgreSQL for a benchmark: started for it, gone afterwards."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence

from bench.measure import cpu_s


def run_on_postgres(commands: Sequence[Sequence[str]]) -> None:
    """Run each Python command in a process of its own, with DATABASE_URL of a new empty database."""
    clean = dict(os.environ)
    os.environ["TEST_PG"] = "1"
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    import psycopg

    from tests import postgres
    from tests.settings import POSTGRES_SOCKET_FOLDER

    with postgres.running():
        for number, command in enumerate(commands):
            name = f"bench{number}"
            with psycopg.connect(
                host=str(POSTGRES_SOCKET_FOLDER), user="postgres", dbname="postgres", autocommit=True
            ) as client:
                client.execute(f"CREATE DATABASE {name}")
            url = f"postgres://postgres@/{name}?host={POSTGRES_SOCKET_FOLDER}"
            subprocess.run([sys.executable, *command], check=True, env={**clean, "DATABASE_URL": url})


def server_cpu_s() -> float:
    """CPU seconds so far of the server's process behind this process's connection; 0 for SQLite, which has none."""
    from django.db import connection

    if connection.vendor != "postgresql":
        return 0.0
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return cpu_s(cursor.fetchone()[0])
