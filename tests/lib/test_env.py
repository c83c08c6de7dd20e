"""The environment, read with types."""

from __future__ import annotations

from pathlib import Path

import pytest

from restreamer.lib import env
from restreamer.lib.errors import ConfigurationError


@pytest.mark.parametrize(
    ("raw", "value"), [("1", True), ("Yes", True), (" on ", True), ("0", False), ("no", False), ("", False)]
)
def test_switches(monkeypatch, raw, value):
    monkeypatch.setenv("X", raw)
    assert env.env_bool("X", default=not value) is value


def test_an_unset_switch_is_its_default(monkeypatch):
    monkeypatch.delenv("X", raising=False)
    assert env.env_bool("X", default=True) is True


def test_a_switch_that_is_neither(monkeypatch):
    monkeypatch.setenv("X", "maybe")
    with pytest.raises(ConfigurationError, match="X='maybe' is neither yes nor no"):
        env.env_bool("X", default=True)


@pytest.mark.parametrize("raw", ["ten", "1.5", "0x10", "1 2"])
def test_what_is_no_whole_number(monkeypatch, raw):
    monkeypatch.setenv("X", raw)
    with pytest.raises(ConfigurationError, match="is not a whole number"):
        env.env_int("X", 1)


def test_numbers_within_their_bounds(monkeypatch):
    monkeypatch.setenv("X", "5")
    assert env.env_int("X", 1, minimum=5, maximum=5) == 5
    assert env.env_float("X", 1.0, minimum=4.5) == 5.0


@pytest.mark.parametrize(("bounds", "words"), [({"minimum": 6}, "too small"), ({"maximum": 4}, "too large")])
def test_numbers_out_of_bounds(monkeypatch, bounds, words):
    monkeypatch.setenv("X", "5")
    with pytest.raises(ConfigurationError, match=words):
        env.env_int("X", 1, **bounds)


@pytest.mark.parametrize("raw", ["many", "nan", "inf", "-inf"])
def test_what_is_no_number(monkeypatch, raw):
    monkeypatch.setenv("X", raw)
    with pytest.raises(ConfigurationError, match="is not a number"):
        env.env_float("X", 1.0)


def test_lists_forgive_blanks(monkeypatch):
    monkeypatch.setenv("X", " a, ,b ,")
    assert env.env_list("X") == ["a", "b"]


def test_paths_are_absolute(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("X", "here")
    assert env.env_path("X", Path("/default")) == tmp_path / "here"


def test_a_secret_from_a_file(monkeypatch, tmp_path):
    (tmp_path / "secret").write_text("hunter2\n")
    monkeypatch.setenv("X_FILE", str(tmp_path / "secret"))
    monkeypatch.setenv("X", "other")
    assert env.env_secret("X") == "hunter2"


def test_a_secret_file_that_is_not_there(monkeypatch):
    monkeypatch.setenv("X_FILE", "/no/such/file")
    with pytest.raises(ConfigurationError, match="X_FILE='/no/such/file' cannot be read"):
        env.env_secret("X")


def test_a_time_zone_by_name(monkeypatch):
    monkeypatch.setenv("X", "Europe/Berlin")
    assert env.env_time_zone("X", fallback="TZ") == "Europe/Berlin"


@pytest.mark.parametrize("name", ["Mars/Olympus", "../etc/passwd", "CET-1CEST,M3"])
def test_what_is_no_time_zone(monkeypatch, name):
    monkeypatch.setenv("X", name)
    with pytest.raises(ConfigurationError, match="is no time zone"):
        env.env_time_zone("X", fallback="TZ")


@pytest.mark.parametrize(
    ("system", "taken"), [("Asia/Tokyo", "Asia/Tokyo"), (":/etc/localtime", "UTC"), ("CET-1CEST", "UTC"), ("", "UTC")]
)
def test_the_systems_time_zone_is_taken_where_it_is_a_name(monkeypatch, system, taken):
    monkeypatch.delenv("X", raising=False)
    monkeypatch.setenv("TZ", system)
    assert env.env_time_zone("X", fallback="TZ") == taken
