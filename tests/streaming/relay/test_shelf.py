"""Slates on their shelf: made once, beside whoever asks, and never when they cannot be."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from restreamer.lib.errors import ConfigurationError
from streaming.mpegts.psi import Codec
from streaming.mpegts.slate import Slate
from streaming.mpegts.slatemaking import SlateFormat
from streaming.relay.slates import NoSlate, SlateShelf, path_of
from tests.mpegts import material
from tests.streaming.relay.rig import wait_for

SMALL = SlateFormat(Codec.MPEG2, None, 320, 180)


def ffmpeg() -> Path:
    return Path(material.ffmpeg())


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[SlateShelf]:
    one = SlateShelf(tmp_path / "slates", ffmpeg)
    yield one
    one.close()


def made(shelf: SlateShelf, form: SlateFormat = SMALL) -> bytes:
    assert wait_for(lambda: shelf.find("source_lost", form), 20)
    return shelf.find("source_lost", form)


@pytest.mark.ffmpeg
def test_a_slate_is_made_beside_the_one_who_asks_and_then_there(shelf: SlateShelf, tmp_path: Path) -> None:
    began = time.monotonic()
    assert shelf.find("source_lost", SMALL) == b""
    assert time.monotonic() - began < 0.2
    assert Slate(made(shelf), 0.0).duration_s == pytest.approx(4.0)
    assert [path.suffix for path in (tmp_path / "slates").iterdir()] == [".ts"]


@pytest.mark.ffmpeg
def test_a_slate_is_made_once_for_all_time(shelf: SlateShelf, tmp_path: Path) -> None:
    data = made(shelf)
    again = SlateShelf(tmp_path / "slates", lambda: Path("/nowhere/ffmpeg"))
    assert made(again) == data
    again.close()


@pytest.mark.ffmpeg
def test_a_damaged_file_is_made_anew(shelf: SlateShelf, tmp_path: Path) -> None:
    path = path_of(tmp_path / "slates", "source_lost", SMALL)
    path.parent.mkdir()
    path.write_bytes(b"\x47" * 188)
    assert len(made(shelf)) > 10_000
    assert path.stat().st_size > 10_000


@pytest.mark.ffmpeg
def test_what_a_killed_maker_left_is_removed(shelf: SlateShelf, tmp_path: Path) -> None:
    (tmp_path / "slates").mkdir()
    for name, age_s in (("a.1.ppm", 3600), ("a.1.part", 3600), ("b.2.part", 10)):
        (tmp_path / "slates" / name).write_bytes(b"half")
        os.utime(tmp_path / "slates" / name, (time.time() - age_s,) * 2)
    made(shelf)
    assert {path.suffix for path in (tmp_path / "slates").iterdir()} == {".ts", ".part"}
    # It may be somebody's who is at it now.
    assert (tmp_path / "slates" / "b.2.part").exists()


def no_ffmpeg() -> Path:
    raise ConfigurationError("No ffmpeg was found.")


@pytest.mark.parametrize("program", [no_ffmpeg, lambda: Path("/nowhere/ffmpeg"), lambda: Path("/bin/false")])
def test_what_cannot_be_made_is_said_and_not_tried_again_at_once(program, tmp_path: Path) -> None:
    asked = []

    def asking() -> Path:
        asked.append(1)
        path: Path = program()
        return path

    now = 0.0
    shelf = SlateShelf(tmp_path / "slates", asking, clock=lambda: now)

    def failed() -> bool:
        try:
            shelf.find("source_lost", SMALL)
        except NoSlate as err:
            return "mpeg2-silent-320x180" in err.message
        return False

    assert wait_for(failed)
    assert failed()
    assert len(asked) == 1
    now = 1000.0
    assert not failed()
    assert wait_for(lambda: len(asked) == 2)
    shelf.close()
    assert list((tmp_path / "slates").iterdir()) == []


def test_there_is_none_for_codecs_without_a_format(shelf: SlateShelf) -> None:
    with pytest.raises(NoSlate):
        shelf.find("source_lost", None)


def test_closing_the_shelf_ends_what_is_being_made(tmp_path: Path) -> None:
    hanging = tmp_path / "ffmpeg"
    hanging.write_text("#!/bin/sh\nexec sleep 60\n")
    hanging.chmod(0o755)
    shelf = SlateShelf(tmp_path / "slates", lambda: hanging)
    shelf.find("source_lost", SMALL)
    assert wait_for(lambda: shelf._child is not None)
    shelf.close()
    assert not any(thread.name == "slates" for thread in threading.enumerate())
    assert shelf.find("source_lost", SlateFormat(Codec.H264, None)) == b""


def test_a_folder_that_cannot_be_written_is_no_defect(tmp_path: Path) -> None:
    (tmp_path / "slates").write_text("a file")
    shelf = SlateShelf(tmp_path / "slates", lambda: Path("/bin/false"))
    shelf.find("source_lost", SMALL)
    assert wait_for(lambda: shelf._failed)
    shelf.close()
    assert [path.name for path in tmp_path.iterdir()] == ["slates"]
