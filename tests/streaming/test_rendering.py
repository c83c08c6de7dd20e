"""Answers are made once for what they are made from; a reader who leaves leaves nothing half."""

from __future__ import annotations

import gzip
import os
import threading

import pytest
from django.test import RequestFactory

from restreamer.lib import redis_keys
from streaming import rendering
from streaming.rendering import Rendering, answer


@pytest.fixture(autouse=True)
def folder(settings, tmp_path):
    settings.RESTREAMER_DATA = tmp_path
    return tmp_path / "cache" / "answers"


class Maker:
    """Counts how often it was asked."""

    def __init__(self, *pieces):
        self.pieces, self.made = pieces, 0

    def __call__(self):
        self.made += 1
        yield from self.pieces


def ask(maker, *, names=("kitchen",), eager=False, method="GET", **headers):
    request = RequestFactory().generic(method, "/playlist", **headers)
    return answer(request, Rendering(["live"], names, maker, {"Content-Type": "text/plain"}, eager))


def body(response):
    return b"".join(response.streaming_content) if response.streaming else response.content


@pytest.mark.parametrize("eager", [False, True])
def test_the_second_time_nothing_is_made(redis, eager):
    maker = Maker("one ", "two")
    assert body(ask(maker, eager=eager)) == body(ask(maker, eager=eager)) == b"one two"
    assert maker.made == 1


def test_other_names_and_new_versions_are_other_answers(redis):
    maker = Maker("x")
    tags = {ask(maker)["ETag"], ask(maker, names=("parlour",))["ETag"]}
    redis.incr(redis_keys.version("live"))
    tags.add(ask(maker)["ETag"])
    assert len(tags) == maker.made == 3


def test_names_that_run_together_are_not_the_same(redis):
    assert ask(Maker("x"), names=("a", "bc"))["ETag"] != ask(Maker("x"), names=("ab", "c"))["ETag"]


@pytest.mark.parametrize("form", ["{}", "W/{}", '"other", {}', "*"])
def test_who_has_it_is_told_so(redis, form):
    maker = Maker("x")
    tag = ask(maker)["ETag"]
    response = ask(maker, HTTP_IF_NONE_MATCH=form.format(tag))
    assert (response.status_code, response["ETag"], maker.made) == (304, tag, 1)


def test_zipped_and_plain_are_two_answers(redis):
    maker = Maker("x" * 10_000)
    plain, zipped = ask(maker), ask(maker, HTTP_ACCEPT_ENCODING="deflate, gzip")
    assert plain["ETag"] != zipped["ETag"]
    assert zipped["Content-Encoding"] == "gzip"
    assert int(zipped["Content-Length"]) < 1000
    assert gzip.decompress(body(zipped)) == body(plain)
    assert zipped["Vary"] == "Accept-Encoding"


def test_head_makes_nothing(redis):
    maker = Maker("x")
    response = ask(maker, method="HEAD")
    assert (response.status_code, maker.made, response["Content-Type"]) == (200, 0, "text/plain")


def test_a_reader_who_leaves_in_the_middle_leaves_nothing(redis, folder):
    response = ask(Maker("x" * 300_000, "y" * 300_000, "z"), eager=True)
    next(iter(response))
    response.close()
    assert list(folder.iterdir()) == []


def test_a_maker_that_fails_leaves_nothing(redis, folder):
    def fails():
        yield "half"
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        ask(fails)
    assert list(folder.iterdir()) == []
    assert body(ask(Maker("whole"))) == b"whole"


def test_many_who_ask_at_once_have_it_made_once(redis):
    gate, maker = threading.Event(), Maker("x")

    def slow():
        gate.wait(5)
        return maker()

    got = []
    threads = [threading.Thread(target=lambda: got.append(body(ask(slow)))) for _ in range(5)]
    for thread in threads:
        thread.start()
    gate.set()
    for thread in threads:
        thread.join(10)
    assert got == [b"x"] * 5
    assert maker.made == 1


def test_what_is_too_much_or_too_old_goes(redis, folder, monkeypatch):
    monkeypatch.setattr(rendering, "CACHE_BYTES", 25)
    for at in range(4):
        ask(Maker("x" * 10), names=(at,))
        os.utime(max(folder.iterdir(), key=lambda path: path.stat().st_mtime), (1e9 + at, 1e9 + at)) if at < 1 else None
    monkeypatch.setattr(rendering, "_tidied_at", 0.0)
    ask(Maker("x" * 10), names=("last",))
    assert len(list(folder.iterdir())) == 2
