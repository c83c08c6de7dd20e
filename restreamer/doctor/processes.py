"""The processes: is everything there that should run now?"""

from __future__ import annotations

import redis
from django.conf import settings

from restreamer.doctor.findings import Finding, fail, ok, warn
from restreamer.folder_lock import FolderLock
from restreamer.lib.errors import ConfigurationError
from restreamer.runner import address
from restreamer.runner.roles import scheduler_works, socket_accepts, web_answers, workers_on
from streaming import dealing

_START = "./run"
_RESTART = "stop Restreamer and type ./run; its log says why"


def runs_here() -> bool:
    """Does `up` run on this data folder now?"""
    lock = FolderLock(settings.RESTREAMER_DATA)
    with lock.changing():
        free = lock.share()
        lock.release()
    return not free


def port(running: bool) -> Finding:
    """Do we answer there, or could we?"""
    try:
        where = address.parse(settings.RESTREAMER_BIND)
        if web_answers(where):
            return ok("port", f"Restreamer answers on {settings.RESTREAMER_BIND}")
        if running:
            return fail("port", f"the pages do not answer on {settings.RESTREAMER_BIND}", _RESTART)
        address.listen(where).close()
    except ConfigurationError as err:
        return fail("port", err.message, "RESTREAMER_BIND=0.0.0.0:8002 ./run")
    return ok("port", f"{settings.RESTREAMER_BIND} is free")


def relay(running: bool) -> Finding:
    """Does every relay process take viewers?"""
    silent = [path for path in dealing.sockets() if not socket_accepts(path)]
    if not silent:
        return ok("relay", "listens on " + ", ".join(str(path) for path in dealing.sockets()))
    if len(silent) == settings.RELAYS:
        return _absent("relay", "no relay listens: nothing plays", running)
    names = ", ".join(path.name for path in silent)
    return _absent("relay", f"nothing listens on {names}: its share of the channels does not play", running)


def workers(running: bool) -> Finding:
    """Is every queue served?"""
    try:
        counts = {name: workers_on(name) for name in settings.RQ_QUEUES}
    except redis.RedisError as err:
        return fail("workers", f"Redis cannot be asked: {err}", _RESTART)
    idle = sorted(name for name, count in counts.items() if not count)
    if idle:
        return _absent("workers", f"nobody works on the queue {', '.join(idle)}: refreshes wait", running)
    return ok("workers", ", ".join(f"{count} on {name}" for name, count in counts.items()))


def scheduler(running: bool) -> Finding:
    """Does one hold the lease?"""
    try:
        held = scheduler_works()
    except redis.RedisError as err:
        return fail("scheduler", f"Redis cannot be asked: {err}", _RESTART)
    if held:
        return ok("scheduler", "at work")
    return _absent("scheduler", "nothing starts by the clock", running)


def _absent(subject: str, text: str, running: bool) -> Finding:
    """What is missing is broken while `up` runs, and only worth a word while it does not."""
    if running:
        return fail(subject, text, _RESTART)
    return warn(subject, f"{text} (Restreamer does not run here)", _START)
