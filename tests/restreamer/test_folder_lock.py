"""`up` alone, or commands together."""

from __future__ import annotations

import subprocess
import sys

import pytest

from restreamer.folder_lock import FolderLock


@pytest.fixture
def locks(tmp_path):
    made = [FolderLock(tmp_path) for _ in range(3)]
    yield made
    for lock in made:
        lock.release()


def test_only_one_owns(locks):
    assert locks[0].own()
    assert not locks[1].own()
    assert not locks[1].share()


def test_many_share_but_none_owns_meanwhile(locks):
    assert locks[0].share()
    assert locks[1].share()
    assert not locks[2].own()


def test_the_last_one_out_may_own(locks):
    locks[0].share()
    locks[1].share()
    locks[0].release()
    assert not locks[0].own()
    locks[1].release()
    assert locks[0].own()


def test_the_owner_is_named(locks):
    locks[0].own()
    locks[0].write_owner(4711)
    assert locks[1].owner() == 4711


def test_a_folder_nobody_owned_names_nobody(locks):
    assert locks[0].owner() == 0


def test_a_dead_owner_owns_nothing(tmp_path, locks):
    code = f"""
import os, pathlib
from restreamer.folder_lock import FolderLock
lock = FolderLock(pathlib.Path({str(tmp_path)!r}))
assert lock.own()
os.kill(os.getpid(), 9)
"""
    subprocess.run([sys.executable, "-c", code], check=False, timeout=20)
    assert locks[0].own()
