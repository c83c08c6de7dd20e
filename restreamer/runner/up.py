"""The life of `manage.py up`: check, prepare, start, watch, stop."""

from __future__ import annotations

import contextlib
import os
import resource
import socket
import time
from collections.abc import Callable, Iterator

from django.conf import settings
from django.db import connections

from restreamer import embedded_redis
from restreamer.folder_lock import FolderLock
from restreamer.lib import data_folder
from restreamer.lib.errors import ConfigurationError
from restreamer.runner import address, preparation, roles
from restreamer.runner.child import Child
from restreamer.runner.output import Output
from restreamer.runner.supervisor import Supervisor

READY_TIMEOUT_S = 90.0
_LOCK_TIMEOUT_S = 15.0
_OPEN_FILES = 65536


def run(output: Output) -> None:
    """Run everything until SIGTERM or SIGINT. Raises RestreamerError, with a sentence, when it cannot start."""
    data = data_folder.make_private(settings.RESTREAMER_DATA)
    data_folder.make_private(settings.RUN_FOLDER)
    preparation.check_settings()
    where = address.parse(settings.RESTREAMER_BIND)
    _raise_open_files()
    for sentence in settings.OLD_NAMES:
        output.line("up", f"a setting that is not obeyed: {sentence}")
    supervisor = Supervisor(output, environment=_environment(), folder=str(settings.BASE_DIR))
    with _owned(FolderLock(data), output), _listening_on(where) as listeners, supervisor.signals():
        secret = _Once(output)
        try:
            _start_redis(supervisor)
            secret.password = _prepare(output)
            supervisor.interruptible = False
            wanted = [*roles.relays(), roles.web(listeners, where), *roles.workers(), roles.scheduler()]
            if settings.TUNER_DISCOVERY:
                wanted.append(roles.discovery())
            children = [supervisor.start(role) for role in wanted]
            while not supervisor.run_until(lambda: _all_answer(children), timeout_s=READY_TIMEOUT_S):
                if supervisor.stop_requests:
                    break
                silent = ", ".join(child.role.name for child in children if not _answers(child))
                output.line("up", f"not ready: {silent} did not answer within {READY_TIMEOUT_S:.0f} s; still trying")
            else:
                _announce(output, where, secret)
            supervisor.run()
            output.line("up", "stopping")
        except KeyboardInterrupt:
            output.line("up", "stopping")
        finally:
            secret.show()
            supervisor.stop()
    output.line("up", "stopped")


class _Once:
    """The administrator's password, shown exactly once: when ready, or when we end before that."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self.password: str | None = None

    def show(self) -> bool:
        """Show it if there is one to show."""
        password, self.password = self.password, None
        if password is None:
            return False
        # Not through Output.line, which hides secrets.
        self._output.plain(
            f"  Administrator   {preparation.ADMINISTRATOR}\n"
            f"  Password        {password}   (shown this once; change it on the admin pages)"
        )
        return True


def _start_redis(supervisor: Supervisor) -> None:
    if settings.REDIS_URL_GIVEN:
        preparation.check_given_redis()
    else:
        # A server that a killed command left behind would keep the socket and the files.
        if embedded_redis.answers(settings.REDIS_SOCKET):
            embedded_redis.shut_down(settings.REDIS_SOCKET)
        child = supervisor.start(roles.redis())
        embedded_redis.wait_until_ready(settings.REDIS_SOCKET, alive=_listening(supervisor, child))
        embedded_redis.forget_the_dead(settings.REDIS_SOCKET)
        preparation.free_slots()


def _listening(supervisor: Supervisor, child: Child) -> Callable[[], bool]:
    """Does the child live, restarts not counted? Asking passes on what it has to say meanwhile."""

    def alive() -> bool:
        supervisor.listen(0)
        return child.alive

    return alive


def _prepare(output: Output) -> str | None:
    def say(text: str) -> None:
        output.line("up", text)

    preparation.migrate(say)
    preparation.bury_runs()
    preparation.collect_static(say)
    password = preparation.create_administrator()
    connections.close_all()
    return password


def _all_answer(children: list[Child]) -> bool:
    return all(_answers(child) for child in children)


def _answers(child: Child) -> bool:
    return child.running and (child.role.answers is None or child.role.answers())


def _announce(output: Output, where: address.Address, secret: _Once) -> None:
    urls = [settings.RESTREAMER_BASE_URL + "/"] if settings.RESTREAMER_BASE_URL else where.urls()
    output.plain("\nRestreamer is ready.\n")
    output.plain(f"  Address         {urls[0]}" + (f"   (on this machine: {urls[1]})" if len(urls) > 1 else ""))
    if not secret.show():
        names = preparation.administrators()
        connections.close_all()
        if names:
            output.plain(f"  Administrator   {names[0]}   (a new password: ./run manage changepassword {names[0]})")
        else:
            output.plain("  Administrator   none; make one: ./run manage createsuperuser")
    output.plain("  Stop            Ctrl-C\n")


@contextlib.contextmanager
def _listening_on(where: address.Address) -> Iterator[list[socket.socket]]:
    """The main address, and the ports at whose root a network tuner is."""
    with contextlib.ExitStack() as opened:
        addresses = [where, *(address.Address(where.host, port) for port in settings.TUNER_PORTS if port != where.port)]
        yield [opened.enter_context(address.listen(one)) for one in addresses]


@contextlib.contextmanager
def _owned(lock: FolderLock, output: Output) -> Iterator[None]:
    """The data folder is ours alone. Commands that use it are waited for, another `up` is not."""
    deadline = time.monotonic() + _LOCK_TIMEOUT_S
    waiting = False
    while True:
        with lock.changing():
            if lock.own():
                break
            shared = lock.share()
            lock.release()
        if not shared:
            owner = lock.owner()
            who = f" (process {owner})" if owner else ""
            raise ConfigurationError(
                f"Restreamer already runs on {settings.RESTREAMER_DATA}{who}. Stop it first, or set RESTREAMER_DATA "
                "and RESTREAMER_BIND for a second one."
            )
        if time.monotonic() > deadline:
            raise ConfigurationError(
                f"A command still works in {settings.RESTREAMER_DATA}. Start again when it is done."
            )
        if not waiting:
            output.line("up", "waiting for a command that works in the data folder")
            waiting = True
        time.sleep(0.1)
    lock.write_owner(os.getpid())
    try:
        yield
    finally:
        lock.release()


def _raise_open_files() -> None:
    """Let the children have as many sockets as the system grants: a viewer is one, and 1,024 is the usual start."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, _OPEN_FILES)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _environment() -> dict[str, str]:
    """What the children inherit: ours, with the folder spelled out and their output unbuffered."""
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "restreamer.settings",
        "RESTREAMER_DATA": str(settings.RESTREAMER_DATA),
        "RESTREAMER_RELAYS": str(settings.RELAYS),
        "PYTHONUNBUFFERED": "1",
    }
