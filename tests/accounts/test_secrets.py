"""Passwords are hashed once in a while, not for every request, and a wrong one never passes."""

from __future__ import annotations

import pytest
from django.contrib.auth import hashers
from django.contrib.auth.hashers import make_password

from accounts import secrets
from accounts.secrets import REMEMBER_MOST, REMEMBER_S, RightPasswords


@pytest.fixture
def hashings(monkeypatch):
    """Counts the slow comparisons; they are still made."""
    made = []

    def counted(password, stored):
        made.append(password)
        return hashers.check_password(password, stored)

    monkeypatch.setattr(secrets, "check_password", counted)
    return made


def test_a_right_password_is_hashed_once(hashings):
    rights, stored = RightPasswords(), make_password("correct-horse")
    assert rights.check("correct-horse", stored)
    assert rights.check("correct-horse", stored)
    assert len(hashings) == 1


def test_a_wrong_password_is_never_remembered(hashings):
    rights, stored = RightPasswords(), make_password("correct-horse")
    assert not rights.check("wrong", stored)
    assert not rights.check("wrong", stored)
    assert len(hashings) == 2


def test_a_new_password_makes_the_old_one_wrong_at_once():
    rights = RightPasswords()
    assert rights.check("old-password", make_password("old-password"))
    assert not rights.check("old-password", make_password("new-password"))


def test_it_is_forgotten_after_a_while(hashings):
    now = [0.0]
    rights, stored = RightPasswords(clock=lambda: now[0]), make_password("correct-horse")
    rights.check("correct-horse", stored)
    now[0] = REMEMBER_S + 1
    assert rights.check("correct-horse", stored)
    assert len(hashings) == 2


def test_no_password_matches_an_empty_hash(hashings):
    assert not RightPasswords().check("", "")
    assert not RightPasswords().check("nobody's password", "")
    assert len(hashings) == 2, "as slow as any other"


def test_memory_is_bounded(monkeypatch):
    monkeypatch.setattr(secrets, "check_password", lambda password, stored: True)
    rights = RightPasswords()
    for at in range(REMEMBER_MOST + 10):
        rights.check(f"password{at}", "hash")
    assert len(rights._until) == REMEMBER_MOST
