"""The discovery process: sockets, and who is answered from which snapshot. One thread, no waiting."""

from __future__ import annotations

import heapq
import logging
import random
import selectors
import socket
import struct
import time
from collections.abc import Callable

from restreamer.lib.hdhomerun import PacketError
from restreamer.lib.hdhomerun.packets import LONGEST, expected_length, read
from streaming.discovery import control, ssdp, udp
from streaming.discovery.facts import Announced, own_address_towards

logger = logging.getLogger(__name__)

PORT = 65001
#: Between two looks at the database.
SNAPSHOT_S = 15.0
#: A requester is named in the log once in so long.
NAMED_AGAIN_S = 3600.0
#: Control connections: at most so many, each for so long without a word.
MOST_CALLERS = 16
PATIENCE_S = 30.0
_REMEMBERED = 1000

Snapshot = Callable[[], list[Announced]]


class Discovery:
    """Answers until `stop`. `snapshot` reads our tuners and may raise; then the last one goes on."""

    def __init__(self, snapshot: Snapshot, *, announced: str = "", port: int = PORT, with_ssdp: bool = False) -> None:
        self._snapshot = snapshot
        self._announced = announced
        self._devices: list[Announced] = []
        self._read_at = float("-inf")
        self._named: dict[str, float] = {}
        self._callers: dict[socket.socket, tuple[bytearray, float]] = {}
        #: Delayed answers: when, tie-break, where to, what.
        self._later: list[tuple[float, int, tuple[str, int], bytes]] = []
        self._count = 0
        self._announce_at = 0.0
        self._running = True
        self.malformed = 0
        self._selector = selectors.DefaultSelector()
        self._wake_in, self._wake_out = socket.socketpair()
        self._selector.register(self._wake_in, selectors.EVENT_READ)
        self._udp = self._open("UDP", port, lambda: _udp_socket(port))
        self._tcp = self._open("TCP", port, lambda: _tcp_socket(port))
        self._ssdp = self._open("SSDP", ssdp.PORT, _ssdp_socket) if with_ssdp else None

    def stop(self) -> None:
        """End `run`; from any thread or a signal's handler."""
        self._running = False
        self._wake_out.send(b"x")

    def run(self) -> None:
        """Answer until stopped."""
        try:
            while self._running:
                self._refresh()
                for key, _ in self._selector.select(self._pause()):
                    self._serve(key.fileobj)
                self._send_due()
        finally:
            self._close()

    def _open(self, what: str, port: int, make: Callable[[], socket.socket]) -> socket.socket | None:
        try:
            sock = make()
        except OSError as err:
            logger.warning("%s port %d is not ours (%s): tuners are not found by it.", what, port, err.strerror)
            return None
        sock.setblocking(False)
        self._selector.register(sock, selectors.EVENT_READ)
        return sock

    def _serve(self, sock: object) -> None:
        if not isinstance(sock, socket.socket):
            return
        if sock is self._udp:
            self._datagram(sock, self._discover)
        elif sock is self._ssdp:
            self._datagram(sock, self._search)
        elif sock is self._tcp:
            self._accept(sock)
        elif sock in self._callers:
            self._hear(sock)

    # --- datagrams ----------------------------------------------------------------------------------------------

    def _datagram(self, sock: socket.socket, answer: Callable[[socket.socket, bytes, tuple[str, int]], None]) -> None:
        try:
            data, sender = sock.recvfrom(LONGEST + 1)
            answer(sock, data, sender)
        except (PacketError, UnicodeError):
            self.malformed += 1
        except OSError as err:
            # A sender that is gone, or to whom no way leads: his loss alone.
            logger.debug("no answer was sent: %s", err)

    def _discover(self, sock: socket.socket, data: bytes, sender: tuple[str, int]) -> None:
        known = [device for device in self._devices if device.is_for(sender[0])]
        own = own_address_towards(sender[0], self._announced)
        replies = udp.answers(data, known, own)
        for reply in replies:
            sock.sendto(reply, sender)
        if replies:
            self._name(sender[0])

    def _search(self, sock: socket.socket, data: bytes, sender: tuple[str, int]) -> None:
        wanted = ssdp.search(data)
        if wanted is None:
            return
        target, within_s = wanted
        known = [device for device in self._devices if device.is_for(sender[0])]
        own = own_address_towards(sender[0], self._announced)
        for reply in ssdp.answers(target, known, own):
            self._count += 1
            due = time.monotonic() + random.uniform(0, within_s)
            if len(self._later) < _REMEMBERED:
                heapq.heappush(self._later, (due, self._count, sender, reply))

    def _send_due(self) -> None:
        now = time.monotonic()
        while self._later and self._later[0][0] <= now:
            _, _, sender, reply = heapq.heappop(self._later)
            self._tell(sender, reply)
        if self._ssdp is not None and now >= self._announce_at:
            self._announce_at = now + random.uniform(ssdp.MAX_AGE_S / 4, ssdp.MAX_AGE_S / 2)
            self._announce(leaving=False)

    def _announce(self, *, leaving: bool) -> None:
        try:
            own = own_address_towards(ssdp.GROUP, self._announced)
        except OSError:
            return
        for message in ssdp.announcements([d for d in self._devices if d.is_for(own)], own, leaving=leaving):
            self._tell((ssdp.GROUP, ssdp.PORT), message)

    def _tell(self, where: tuple[str, int], message: bytes) -> None:
        if self._ssdp is None:
            return
        try:
            self._ssdp.sendto(message, where)
        except OSError as err:
            logger.debug("no SSDP message was sent: %s", err)

    # --- the control port ---------------------------------------------------------------------------------------

    def _accept(self, listener: socket.socket) -> None:
        try:
            caller, _ = listener.accept()
        except OSError:
            return
        if len(self._callers) >= MOST_CALLERS:
            caller.close()
            return
        caller.setblocking(False)
        self._callers[caller] = (bytearray(), time.monotonic() + PATIENCE_S)
        self._selector.register(caller, selectors.EVENT_READ)

    def _hear(self, caller: socket.socket) -> None:
        said, _ = self._callers[caller]
        try:
            piece = caller.recv(LONGEST)
            said += piece
            device = self._device_for(caller.getpeername()[0])
            if not piece or device is None:
                self._hang_up(caller)
                return
            self._callers[caller] = (said, time.monotonic() + PATIENCE_S)
            while len(said) >= 4 and len(said) >= (length := expected_length(bytes(said[:4]))):
                reply = control.answer(read(bytes(said[:length])), device)
                del said[:length]
                if reply is not None:
                    caller.send(reply)
        except (PacketError, OSError):
            self.malformed += 1
            self._hang_up(caller)

    def _device_for(self, address: str) -> Announced | None:
        return next((device for device in self._devices if device.is_for(address)), None)

    def _hang_up(self, caller: socket.socket) -> None:
        self._callers.pop(caller, None)
        self._selector.unregister(caller)
        caller.close()

    # --- housekeeping -------------------------------------------------------------------------------------------

    def _refresh(self) -> None:
        now = time.monotonic()
        for caller in [caller for caller, (_, until) in self._callers.items() if until < now]:
            self._hang_up(caller)
        if now - self._read_at < SNAPSHOT_S:
            return
        self._read_at = now
        try:
            self._devices = self._snapshot()
        except Exception:
            # The boundary of the process: whatever keeps the database from answering must not silence the tuners.
            logger.exception("Our tuners could not be read; going on with what was known")

    def _pause(self) -> float:
        now = time.monotonic()
        due = [self._read_at + SNAPSHOT_S, *(one[0] for one in self._later[:1])]
        if self._ssdp is not None:
            due.append(self._announce_at)
        return max(0.0, min(due) - now)

    def _name(self, address: str) -> None:
        now = time.monotonic()
        if now - self._named.get(address, float("-inf")) < NAMED_AGAIN_S:
            return
        if len(self._named) >= _REMEMBERED:
            self._named.clear()
        self._named[address] = now
        logger.info("%s looks for network tuners and was answered", address)

    def _close(self) -> None:
        if self._ssdp is not None:
            self._announce(leaving=True)
        for sock in (*self._callers, self._udp, self._tcp, self._ssdp, self._wake_in, self._wake_out):
            if sock is not None:
                sock.close()
        self._selector.close()


def _udp_socket(port: int) -> socket.socket:
    # Bound to everything: a socket bound to one address gets no broadcasts.
    return _bound(socket.SOCK_DGRAM, port)


def _tcp_socket(port: int) -> socket.socket:
    sock = _bound(socket.SOCK_STREAM, port)
    sock.listen(MOST_CALLERS)
    return sock


def _bound(kind: socket.SocketKind, port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET, kind)
    try:
        if kind == socket.SOCK_STREAM:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("0.0.0.0", port))
    except OSError:
        sock.close()
        raise
    return sock


def _ssdp_socket() -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        # Media servers on this machine listen there too.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("0.0.0.0", ssdp.PORT))
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 2)
        for _, name in socket.if_nameindex():
            _join(sock, name)
    except OSError:
        sock.close()
        raise
    return sock


def _join(sock: socket.socket, interface: str) -> None:
    membership = struct.pack("4s4si", socket.inet_aton(ssdp.GROUP), b"\0" * 4, socket.if_nametoindex(interface))
    try:
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
    except OSError as err:
        logger.debug("%s takes no multicast: %s", interface, err)
