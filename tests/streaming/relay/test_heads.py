"""What a relay says before, or instead of, television."""

from __future__ import annotations

import pytest

from restreamer.lib.errors import RestreamerError
from streaming.relay import heads


class Full(RestreamerError):
    status = 503
    retry_after_s = 0.2
    public = "Alles belegt – später."


def answer(error: RestreamerError, protocol: str = "HTTP/1.1") -> tuple[list[str], str]:
    head, _, body = heads.refusal(protocol, error).partition(b"\r\n\r\n")
    return head.decode().split("\r\n"), body.decode()


def test_a_refusal_says_when_to_come_back_in_whole_seconds() -> None:
    lines, body = answer(Full())
    assert lines[0] == "HTTP/1.1 503 Service Unavailable"
    assert "Retry-After: 1" in lines
    assert body == "Alles belegt – später.\n"
    assert f"Content-Length: {len(body.encode())}" in lines


@pytest.mark.parametrize(("status", "said"), [(404, "404"), (410, "410"), (599, "599"), (200, "503"), (0, "503")])
def test_only_refusing_statuses_leave(status: int, said: str) -> None:
    error = RestreamerError("x")
    error.status = status
    assert answer(error)[0][0].split(" ")[1] == said


def test_the_owners_sentence_stays_inside() -> None:
    assert "secret" not in heads.refusal("HTTP/1.1", RestreamerError("secret portal")).decode()


@pytest.mark.parametrize("protocol", ["HTTP/2", "", "HTTP/1.1\r\nX: y"])
def test_an_odd_protocol_gets_an_ordinary_head(protocol: str) -> None:
    assert heads.live(protocol).startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"X: y" not in heads.live(protocol)
