"""What a binary can do, asked of both generations."""

from __future__ import annotations

import pytest

from restreamer.lib.errors import ConfigurationError
from streaming.ffmpeg.features import features
from tests.streaming.ffmpeg.binaries import BINARIES, SHIPPED

pytestmark = pytest.mark.ffmpeg


@pytest.mark.parametrize("binary", BINARIES)
def test_every_ffmpeg_tells_version_options_and_encoders(binary):
    able = features(binary)

    assert able.version[0] >= 4
    assert {"http_persistent", "http_multiple", "user_agent", "tls_verify"} <= able.options
    assert {"libx264", "aac"} <= able.encoders
    assert "vaapi" in able.accelerations


def test_the_shipped_one_has_the_options_of_its_time():
    assert "extension_picky" in features(SHIPPED).options


def test_a_binary_is_asked_once(tmp_path):
    counter = tmp_path / "asked"
    fake = tmp_path / "ffmpeg"
    fake.write_text(f"#!/bin/sh\necho x >> {counter}\necho ffmpeg version 7.1\n")
    fake.chmod(0o755)

    assert features(fake).version == (7, 1)
    asked = counter.read_text()
    features(fake)

    assert counter.read_text() == asked


def test_a_development_build_has_no_version_and_works_all_the_same(tmp_path):
    fake = tmp_path / "ffmpeg"
    fake.write_text("#!/bin/sh\necho ffmpeg version N-117-gabc\n")
    fake.chmod(0o755)

    assert features(fake).version == (0, 0)


@pytest.mark.parametrize("content", [None, "not a program"])
def test_what_cannot_be_run_is_said_so(tmp_path, content):
    path = tmp_path / "ffmpeg"
    if content:
        path.write_text(content)

    with pytest.raises(ConfigurationError, match="cannot be run"):
        features(path)
