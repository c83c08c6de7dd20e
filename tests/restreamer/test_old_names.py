"""Who brings the environment of another system along is told what became of it."""

from __future__ import annotations

import re

import pytest
from django.conf import settings

from restreamer import old_names
from restreamer.doctor.findings import State
from restreamer.doctor.visit import names_of_before


def test_nothing_is_said_of_an_ordinary_environment():
    ordinary = {"PATH": "/bin", "HOST": "tower", "PORT": "80", "DEBUG": "1", "USER_AGENT": "x", "CONFIG": "/etc/x"}
    assert old_names.found({**ordinary, "POSTGRES_PASSWORD": "p", "BASE_URL": "http://tv", "SOURCES": ""}) == []


def test_common_names_are_told_beside_those_nobody_else_uses():
    told = old_names.found({"SOURCES": "http://u:secret@host/list|2", "PORT": "8080", "BUFFER_SIZE_PER_STREAM": "16"})
    assert told == [
        "SOURCES of KPTV Proxy moves in with `import kptv`",
        "BUFFER_SIZE_PER_STREAM of KPTV Proxy is RESTREAMER_RING_BYTES, in bytes",
        "PORT of KPTV Proxy is RESTREAMER_BIND, as 0.0.0.0:port",
    ]


@pytest.mark.parametrize(
    ("environment", "told"),
    [
        ({"HOST": "192.168.1.5:8001"}, "HOST of STB-Proxy is RESTREAMER_BASE_URL"),
        ({"CONFIG": "/config/config.json"}, "CONFIG of STB-Proxy moves in with `import stb-proxy"),
        ({"DISPATCHARR_ENV": "aio", "REDIS_HOST": "r"}, "REDIS_HOST of Dispatcharr is part of REDIS_URL"),
    ],
)
def test_each_system_is_known(environment, told):
    assert any(sentence.startswith(told) for sentence in old_names.found(environment))


def test_what_they_are_sent_to_exists():
    sentences = old_names.found(dict.fromkeys(old_names.names(), "a:1") | {"CONFIG": "x.json"})
    assert len(sentences) == len(old_names.names())
    code = (settings.BASE_DIR / "restreamer" / "settings.py").read_text()
    for name in re.findall(r"\b(?:RESTREAMER_\w+|DATABASE_URL|REDIS_URL)", " ".join(sentences)):
        assert f'"{name}"' in code


def test_every_name_of_the_first_systems_is_in_the_document():
    told = (settings.BASE_DIR / "docs" / "commands.md").read_text()
    assert sorted(name for name in old_names.names() if f"`{name}`" not in told) == []


def test_the_doctor_tells_them_too(settings):
    settings.OLD_NAMES = []
    assert names_of_before() == []
    settings.OLD_NAMES = ["PORT of KPTV Proxy is RESTREAMER_BIND"]
    (finding,) = names_of_before()
    assert finding.state == State.WARN
    assert "RESTREAMER_BIND" in finding.text
