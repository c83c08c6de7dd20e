"""One examination: everything in order, each look independent of the others."""

from __future__ import annotations

from django.conf import settings
from django.core import checks

from restreamer.doctor import machine, processes, storage
from restreamer.doctor.findings import Finding, State, fail, ok
from restreamer.embedded_redis import EmbeddedRedisFailed, running_redis
from restreamer.lib.errors import ConfigurationError


def examine() -> list[Finding]:
    """All findings, from the ground up. Starts the embedded Redis for a moment when nothing runs."""
    findings = [
        machine.python(),
        machine.packages(),
        wrong_settings(),
        *names_of_before(),
        storage.folder(),
    ]
    if findings[-1].state == State.FAIL:
        return findings
    running = processes.runs_here()
    findings += [storage.secret_key(), storage.database()]
    try:
        with running_redis():
            findings += [storage.redis_server(), processes.workers(running), processes.scheduler(running)]
    except (EmbeddedRedisFailed, ConfigurationError) as err:
        findings.append(fail("redis", err.message, f"look into {settings.RESTREAMER_DATA}/redis"))
    findings += [
        processes.relay(running),
        processes.port(running),
        machine.ffmpeg(),
        machine.graphics(),
        machine.disk(),
        machine.open_files(),
        machine.clock(),
    ]
    return findings


def names_of_before() -> list[Finding]:
    """Settings of another system that came along."""
    told = "; ".join(settings.OLD_NAMES)
    return [Finding("old names", State.WARN, told, "see docs/commands.md, Moving in")] if told else []


def wrong_settings() -> Finding:
    """Do the settings contradict themselves?"""
    found = [message for message in checks.run_checks() if message.level >= checks.WARNING]
    if not found:
        return ok("settings", "consistent")
    worst = max(found, key=lambda message: message.level)
    state = State.FAIL if worst.level >= checks.ERROR else State.WARN
    return Finding("settings", state, "; ".join(str(m.msg) for m in found), str(worst.hint or "see docs/settings.md"))
