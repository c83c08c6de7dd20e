"""Lists of a panel read while they arrive: every shape they come in, every way they end."""

from __future__ import annotations

import contextlib
import gzip
import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portals.providers.xtream.json_rows import ListCut, ListDamaged, NotAList, rows

#: Machines that run tests are busy; how long one example takes says nothing.
unhurried = settings(deadline=None)

SAMPLES = Path(__file__).parents[2] / "samples" / "xtream"
CAPTURED = {
    name: facts for name, facts in json.loads((SAMPLES / "expected.json").read_text()).items() if "_get_" in name
}
ROWS = [{"stream_id": 1, "name": 'a "quoted" [name] {with} \\ all', "n": None}, {"stream_id": "2", "name": "Ünï🎬"}]


def read(data: bytes, size: int = 10**6) -> list[dict[str, Any]]:
    return list(rows(data[i : i + size] for i in range(0, len(data), size)))


@pytest.mark.parametrize("size", [1, 2, 7, 64, 10**6])
@pytest.mark.parametrize(
    "text",
    [
        json.dumps(ROWS),
        json.dumps(ROWS, ensure_ascii=False),
        json.dumps(ROWS, indent=2).replace("/", "\\/"),
        "\ufeff \r\n" + json.dumps(ROWS) + "\n",
        json.dumps({"0": ROWS[0], "1": ROWS[1]}),
        json.dumps({"17": ROWS[0], "4": ROWS[1]}),
        json.dumps([ROWS[0], 12345, None, "x", [1], ROWS[1]]),
        "<br />\n<b>Warning</b>: nothing [here] {or here}\n" + json.dumps(ROWS),
        json.dumps(ROWS) + "<!-- generated in 0.3 s -->",
    ],
)
def test_every_shape_gives_the_same_rows_however_it_arrives(text, size):
    assert read(text.encode(), size) == ROWS


@pytest.mark.parametrize("text", ["[]", " [ ] ", "{}", "null", "false", '""', "0", "<p>Notice: x</p>[]"])
def test_every_spelling_of_nothing_is_no_row(text):
    assert read(text.encode()) == []


def test_control_characters_inside_strings_are_forgiven():
    assert read(b'[{"name":"two\nlines\ttab"}]') == [{"name": "two\nlines\ttab"}]


def test_a_list_cut_anywhere_is_never_a_whole_one():
    data = json.dumps(ROWS).encode()
    for end in range(1, len(data)):
        with pytest.raises(ListCut):
            read(data[:end], 5)


def test_rows_before_a_cut_are_given_first():
    arriving = rows([json.dumps(ROWS).encode()[:-4]])

    assert next(arriving) == ROWS[0]
    with pytest.raises(ListCut):
        next(arriving)


@pytest.mark.parametrize(
    "text",
    ['[{"a":1} {"b":2}]' + " " * 50, '[{"a":1},,{"b":2}]' + " " * 50, '[{"a":tru}]' + " " * 50, '{"1" 2}' + " " * 50],
)
def test_what_is_no_json_is_damaged(text):
    with pytest.raises(ListDamaged):
        read(text.encode())


def test_a_row_that_never_ends_is_not_waited_for():
    def endless():
        yield b'[{"name":"'
        while True:
            yield b"x" * 65536

    with pytest.raises(ListDamaged):
        list(rows(endless()))


def test_nesting_to_the_moon_is_damaged():
    with pytest.raises(ListDamaged):
        read(b'[{"a":' + b"[" * 200_000)


@pytest.mark.parametrize(
    ("text", "document"),
    [('{"user_info":{"auth":0}}', {"user_info": {"auth": 0}}), ('{"error":"x","1":{}}', {"error": "x", "1": {}})],
)
def test_another_document_is_kept_to_be_looked_at(text, document):
    with pytest.raises(NotAList) as caught:
        read(text.encode())

    assert caught.value.document == document


@pytest.mark.parametrize("text", ["", "   ", "<html><title>x</title></html>", "Invalid", "<"])
def test_other_text_is_kept_to_be_looked_at(text):
    with pytest.raises(NotAList) as caught:
        read(text.encode())

    assert caught.value.text == text.strip()


def test_a_large_document_in_place_of_a_list_costs_little():
    def endless():
        yield b'{"a":1'
        while True:
            yield b',"' + b"k" * 50 + b'":{"x":1}'

    with pytest.raises(NotAList):
        list(rows(endless()))


def test_twenty_megabytes_cost_the_memory_of_one_row():
    row = json.dumps({"stream_id": 1, "name": "x" * 400, "category_id": "5"}).encode()

    def pieces():
        yield b"["
        for _ in range(200):
            yield b",".join([row] * 200) + b","
        yield row + b"]"

    tracemalloc.start()
    try:
        count = sum(1 for _ in rows(pieces()))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert count == 40_001
    assert peak < 4 * 1024 * 1024


@pytest.mark.parametrize("file", sorted(CAPTURED))
def test_a_captured_list_reads_to_its_counted_facts(file):
    path, expected = SAMPLES / file, CAPTURED[file]
    # The largest lies packed.
    data = path.read_bytes() if path.exists() else gzip.decompress(path.with_name(f"{file}.gz").read_bytes())
    name = "category_name" if "categories" in file else "name"
    found = read(data, 1000)

    assert (len(found), found[0][name], found[-1][name]) == (
        expected["items"],
        expected["first_name"],
        expected["last_name"],
    )


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@unhurried
@given(st.lists(st.dictionaries(st.text(), json_values, max_size=4), max_size=8), st.integers(1, 40), st.booleans())
def test_any_list_reads_as_the_standard_decoder_would(items, size, ascii_only):
    assert read(json.dumps(items, ensure_ascii=ascii_only).encode("utf-8", "replace"), size) == json.loads(
        json.dumps(items, ensure_ascii=ascii_only).encode("utf-8", "replace")
    )


@unhurried
@given(st.binary(max_size=300), st.sampled_from([b"", b"[", b"[{", b'{"1":', b"<p>[{", b'[{"a":"']))
def test_arbitrary_bytes_are_read_or_refused_by_name(junk, start):
    with contextlib.suppress(ListCut, ListDamaged, NotAList):
        read(start + junk, 10)
