"""The one folder."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from restreamer.lib import data_folder
from restreamer.lib.errors import ConfigurationError


def test_it_is_made_for_its_owner_only(tmp_path):
    made = data_folder.make_private(tmp_path / "a" / "b")
    assert made.stat().st_mode & 0o777 == 0o700


def test_a_file_in_its_place_is_said(tmp_path):
    (tmp_path / "data").write_text("")
    with pytest.raises(ConfigurationError, match="cannot be made: File exists"):
        data_folder.make_private(tmp_path / "data")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_is_said(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(ConfigurationError, match="is not writable"):
        data_folder.make_private(tmp_path)


def test_the_key_is_made_once_and_private(tmp_path):
    key = data_folder.secret_key(tmp_path)
    assert len(key) >= 40
    assert data_folder.secret_key(tmp_path) == key
    assert (tmp_path / "secret_key").stat().st_mode & 0o777 == 0o600


def test_many_first_starts_agree_on_one_key(tmp_path):
    keys = []
    gate = threading.Barrier(8)

    def start():
        gate.wait(10)
        keys.append(data_folder.secret_key(tmp_path))

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(keys) == 8
    assert len(set(keys)) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["secret_key"]


@pytest.mark.parametrize("content", ["", "short\n"])
def test_half_a_key_is_refused(tmp_path, content):
    (tmp_path / "secret_key").write_text(content)
    with pytest.raises(ConfigurationError, match="too short"):
        data_folder.secret_key(tmp_path)


def test_a_key_that_is_a_folder_is_said(tmp_path):
    (tmp_path / "secret_key").mkdir()
    with pytest.raises(ConfigurationError, match="cannot be read"):
        data_folder.secret_key(tmp_path)


def test_sockets_live_in_the_folder():
    assert data_folder.run_folder(Path("/srv/tv")) == Path("/srv/tv/run")


def test_a_folder_too_deep_for_sockets_has_them_elsewhere():
    deep = Path("/srv") / ("x" * 90)
    elsewhere = data_folder.run_folder(deep)
    assert len(str(elsewhere / "relay.sock")) < 100
    assert data_folder.run_folder(deep) == elsewhere
    assert data_folder.run_folder(deep / "other") != elsewhere
