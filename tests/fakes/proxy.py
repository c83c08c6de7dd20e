"""An HTTP proxy on loopback that alone knows where its hosts are: who goes past it finds nothing."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
from urllib.parse import urlsplit


class Proxy:
    """Passes `GET http://host/…` on and tunnels CONNECT; every host is `port` on loopback. Use it in a `with`."""

    def __init__(self, port: int) -> None:
        self._port = port
        #: The first line of each request.
        self.asked: list[str] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Proxy:
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        for one in (self._listener, *self._open):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        for thread in self._threads:
            thread.join(5)

    def _start(self, work, *args: socket.socket) -> None:
        thread = threading.Thread(target=work, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                self._start(self._serve, self._listener.accept()[0])

    def _serve(self, client: socket.socket) -> None:
        self._open.append(client)
        with contextlib.suppress(OSError):
            head = b""
            while b"\r\n\r\n" not in head:
                piece = client.recv(65536)
                if not piece:
                    return
                head += piece
            line, _, rest = head.partition(b"\r\n")
            self.asked.append(line.decode())
            method, target, version = line.decode().split(" ")
            origin = socket.create_connection(("127.0.0.1", self._port))
            self._open.append(origin)
            if method == "CONNECT":
                client.sendall(b"HTTP/1.1 200 here you are\r\n\r\n")
            else:
                parts = urlsplit(target)
                path = parts.path + (f"?{parts.query}" if parts.query else "")
                origin.sendall(f"{method} {path} {version}\r\n".encode() + rest)
            _pass_on(client, origin)


def _pass_on(client: socket.socket, origin: socket.socket) -> None:
    """Bytes in both directions until either ends; a kept connection's further requests lose their host."""
    while True:
        for one in select.select([client, origin], [], [], 10)[0]:
            data = one.recv(65536)
            if not data:
                for each in (client, origin):
                    each.close()
                return
            if one is client and b" http://" in data[:2000]:
                line, _, rest = data.partition(b"\r\n")
                method, target, version = line.split(b" ")
                data = method + b" /" + target.split(b"/", 3)[3] + b" " + version + b"\r\n" + rest
            (origin if one is client else client).sendall(data)
