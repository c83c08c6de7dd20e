"""Name servers that lie: what a name means is told look by look; addresses stay what they are."""

from __future__ import annotations

import socket
from typing import Any

import pytest


class Names:
    """`says["name"]` is a list of answers, each a list of addresses; the last one is said ever after."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.says: dict[str, list[list[str]]] = {}
        #: Names looked up, in order.
        self.asked: list[str] = []
        self._really = socket.getaddrinfo
        monkeypatch.setattr(socket, "getaddrinfo", self._look)

    def _look(self, host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
        if host not in self.says:
            return self._really(host, port, *args, **kwargs)
        self.asked.append(host)
        answers = self.says[host]
        found = answers.pop(0) if len(answers) > 1 else answers[0]
        return [row for address in found for row in self._really(address, port, *args, **kwargs)]
