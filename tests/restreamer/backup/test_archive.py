"""Files that are no backups, or that somebody made to do harm: a sentence, and nothing is unpacked."""

from __future__ import annotations

import hashlib
import json
import stat
import struct
import zipfile
from io import BytesIO

import pytest

from restreamer.backup import archive
from restreamer.backup.archive import Manifest, Reader, Writer
from restreamer.backup.errors import NotRestorable
from tests.restreamer.backup.zips import packed


def manifest(**members):
    return {
        "format": "restreamer-backup",
        "format_version": 1,
        "version": "0.1.0",
        "made_at": "2026-01-01T00:00:00+00:00",
        "migrations": {"portals": ["0001_initial"]},
        "data_folder": "/data",
        "key_print": "0",
        "members": {
            name: {"bytes": len(body), "sha256": hashlib.sha256(body).hexdigest(), "rows": 0}
            for name, body in members.items()
        },
    }


def made(path, members, **changes):
    return packed(path, members, {**manifest(**members), **changes})


@pytest.fixture
def path(tmp_path):
    return tmp_path / "one.zip"


def test_what_was_written_is_read(path):
    told = Manifest("0.1.0", "now", {}, "/data", "0")
    with path.open("w+b") as file:
        writer = Writer(file, told)
        writer.add("database/a_b.jsonl", [b'["id"]\n', b"[1]\n[2]\n"], is_table=True)
        writer.add("files/guide/x.xml", [b"<t", b"v/>"])
        writer.finish()
    with Reader(path) as found:
        assert (found.tables(), found.files(), found.manifest.rows) == (["a_b"], ["guide/x.xml"], 2)
        assert list(found.lines("a_b")) == [["id"], [1], [2]]
        assert b"".join(found.pieces("guide/x.xml")) == b"<tv/>"


@pytest.mark.parametrize(
    "name",
    [
        "../evil", "/etc/passwd", "files/../evil", "files/guide/../../evil", "files//etc/passwd", "files/guide/",
        "files/guide\\..\\evil", "files/restreamer.sqlite3", "files/run/x.sock", "files/backups/x.zip", "files/guide",
        "files/guide/source-1.feed", "files/playlists/.hidden", "files/playlists/a\nb", "files/secret_key/x",
        "database/../x.jsonl", "database/A.jsonl", "database/x.sql", "x",
    ],
)  # fmt: skip
def test_a_name_that_has_no_place_in_a_backup(path, name):
    with pytest.raises(NotRestorable):
        Reader(made(path, {name: b"x"}))


def test_a_link_is_no_file(path):
    members = {"files/guide/x": b"/etc/passwd"}
    with zipfile.ZipFile(path, "w") as target:
        entry = zipfile.ZipInfo("files/guide/x")
        entry.external_attr = (stat.S_IFLNK | 0o777) << 16
        target.writestr(entry, members["files/guide/x"])
        target.writestr("manifest.json", json.dumps(manifest(**members)))
    with pytest.raises(NotRestorable, match="form"):
        Reader(path)


def test_the_same_name_twice(path):
    with zipfile.ZipFile(path, "w") as target:
        target.writestr("files/guide/x", "one")
        with pytest.warns(UserWarning, match="Duplicate name"):
            target.writestr("files/guide/x", "two")
        target.writestr("manifest.json", json.dumps(manifest(**{"files/guide/x": b"two"})))
    with pytest.raises(NotRestorable, match="other files"):
        Reader(path)


@pytest.mark.parametrize("extra", [{"files/guide/y": b"y"}, {}])
def test_more_or_less_than_the_manifest_says(path, extra):
    with pytest.raises(NotRestorable, match="other files"):
        Reader(packed(path, extra, manifest(**{"files/guide/x": b"x"})))


def test_a_bomb(path, monkeypatch):
    monkeypatch.setattr(archive, "_ALWAYS_ALLOWED_BYTES", 1024 * 1024)
    with pytest.raises(NotRestorable, match="would unpack to"):
        Reader(made(path, {"files/guide/x": bytes(20_000_000)}))


def test_a_bomb_of_entries_over_the_same_bytes(path):
    """As David Fifield makes them: the directory names one piece of data twice."""
    body = b"x" * 1000
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as target:
        target.writestr("files/guide/a", body)
        target.writestr("files/guide/b", body)
        target.writestr("manifest.json", json.dumps(manifest(**{"files/guide/a": body, "files/guide/b": body})))
        second = target.getinfo("files/guide/b").header_offset
    raw = bytearray(buffer.getvalue())
    at = raw.rindex(b"files/guide/b") - 46
    assert raw[at : at + 4] == b"PK\x01\x02"
    assert struct.unpack_from("<I", raw, at + 42) == (second,)
    struct.pack_into("<I", raw, at + 42, 0)
    path.write_bytes(raw)
    with pytest.raises(NotRestorable, match="overlap"):
        Reader(path)


def test_a_size_that_is_a_lie(path):
    told = manifest(**{"files/guide/x": b"x"})
    told["members"]["files/guide/x"]["bytes"] = 5
    with pytest.raises(NotRestorable, match="another size"):
        Reader(packed(path, {"files/guide/x": b"x"}, told))


def test_content_that_was_changed(path):
    with (
        Reader(packed(path, {"files/guide/x": b"y"}, manifest(**{"files/guide/x": b"x"}))) as found,
        pytest.raises(NotRestorable, match="not what was written"),
    ):
        list(found.pieces("guide/x"))


@pytest.mark.parametrize("body", [b"no JSON\n", b'{"a": 1}\n', b"[1]", b"[" * 100_000 + b"\n", b"\xff\n"])
def test_lines_that_are_no_rows(path, body):
    with Reader(made(path, {"database/a.jsonl": body})) as found, pytest.raises(NotRestorable):
        list(found.lines("a"))


def test_a_line_without_end(path, monkeypatch):
    monkeypatch.setattr(archive, "_LINE_BYTES", 1000)
    with (
        Reader(made(path, {"database/a.jsonl": b"[" + b"1," * 5000 + b"1]\n"})) as found,
        pytest.raises(NotRestorable, match="too long"),
    ):
        list(found.lines("a"))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"format": "another"}, "no backup"),
        ({"format_version": 2, "version": "9.9"}, "newer Restreamer"),
        ({"format_version": "x"}, "no backup"),
        ({"migrations": []}, "lacks"),
        ({"migrations": None}, "lacks"),
        ({"version": "0"}, ""),
    ],
)
def test_a_manifest_of_something_else(path, changes, sentence):
    if not sentence:
        Reader(made(path, {}, **changes))
        return
    with pytest.raises(NotRestorable, match=sentence):
        Reader(made(path, {}, **changes))


def test_any_other_file(path):
    for body in (b"", b"hello", b"PK\x03\x04" + bytes(100), b"SQLite format 3\0"):
        path.write_bytes(body)
        with pytest.raises(NotRestorable):
            Reader(path)
    with pytest.raises(NotRestorable, match="cannot be read"):
        Reader(path.with_name("nothing.zip"))
    with zipfile.ZipFile(path, "w") as target:
        target.writestr("hello.txt", "hello")
    with pytest.raises(NotRestorable, match="no backup"):
        Reader(path)


def test_cut_off_anywhere_and_bits_turned(path):
    """Whatever breaks on the way is a sentence, never a traceback and never a wrong row."""
    rows = b'["id"]\n' + b"".join(b'[%d,"%d"]\n' % (n, n * 7919) for n in range(200))
    whole = made(path, {"database/a.jsonl": rows, "files/guide/x": bytes(range(256))}).read_bytes()
    for at in range(0, len(whole), 7):
        turned = bytearray(whole)
        turned[at] ^= 0x55
        for broken in (whole[:at], bytes(turned)):
            path.write_bytes(broken)
            try:
                with Reader(path) as found:
                    lines = list(found.lines("a"))
                    content = b"".join(found.pieces("guide/x"))
            except NotRestorable:
                continue
            assert len(lines) == 201
            assert content == bytes(range(256))
