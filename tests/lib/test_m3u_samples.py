"""Real lists from the wild read to exactly the facts that were counted in them."""

from __future__ import annotations

import itertools
import json
import random
from pathlib import Path

import pytest

from restreamer.lib.m3u import Entry, PlaylistReader, SingleStream

SAMPLES = Path(__file__).parents[1] / "samples" / "m3u"
#: The larger lists of the development kit, beside the checkout.
SHARED = Path(__file__).parents[2].parent / "shared" / "samples"


def facts(entries: list[Entry], reader: PlaylistReader) -> dict[str, object]:
    """What expected.json counts, counted by us."""
    with_id = [entry.attributes["tvg-id"] for entry in entries if entry.attributes.get("tvg-id")]
    return {
        "entries": len(entries),
        "extinf_lines": len(entries) + reader.without_address,
        "extinf_without_url": reader.without_address,
        "first_line_is_extm3u": reader.says_extm3u,
        "first_name": entries[0].name,
        "first_url": entries[0].url,
        "last_name": entries[-1].name,
        "last_url": entries[-1].url,
        "groups": len({group for entry in entries for group in entry.groups}),
        "entries_without_group": sum(not entry.groups for entry in entries),
        "distinct_tvg_id": len(set(with_id)),
        "entries_without_tvg_id": len(entries) - len(with_id),
        "distinct_urls": len({entry.url for entry in entries}),
        "entries_with_chno": sum("tvg-chno" in entry.attributes for entry in entries),
        "entries_with_logo": sum(bool(entry.attributes.get("tvg-logo")) for entry in entries),
        "empty_names": sum(not entry.name for entry in entries),
        "commas_in_name": sum("," in entry.name for entry in entries),
        "urls_with_pipe_headers": sum(bool(entry.headers) for entry in entries),
        "non_http_urls": sum(not entry.url.startswith("http") for entry in entries),
        "option_lines": sum(len(entry.vlc_options) + len(entry.kodi_properties) for entry in entries),
    }


def sample_files() -> list[Path]:
    return sorted(SAMPLES.glob("*.m3u"))


def shared_files() -> list[Path]:
    return sorted(SHARED.glob("m3u/*.m3u"))


@pytest.mark.parametrize("path", sample_files(), ids=lambda path: path.stem)
def test_a_real_list_reads_to_its_counted_facts(path):
    assert_facts(path, json.loads((SAMPLES / "expected.json").read_text())[path.name])


@pytest.mark.skipif(not shared_files(), reason="the development kit's larger lists are not beside this checkout")
@pytest.mark.parametrize("path", shared_files(), ids=lambda path: path.stem)
def test_a_larger_real_list_reads_to_its_counted_facts(path):
    assert_facts(path, json.loads((SHARED / "expected.json").read_text())[f"m3u/{path.name}"])


def assert_facts(path: Path, expected: dict[str, object]) -> None:
    data = path.read_bytes()
    draw = random.Random(path.name)
    cuts = [0, *sorted(draw.sample(range(len(data)), 5)), len(data)]
    for pieces in ([data], [data[a:b] for a, b in itertools.pairwise(cuts)]):
        reader = PlaylistReader(pieces)
        found = facts(list(reader), reader)

        assert found == {key: expected[key] for key in found}


@pytest.mark.skipif(not SHARED.exists(), reason="the development kit's HLS samples are not beside this checkout")
@pytest.mark.parametrize("path", sorted(SHARED.glob("hls/*.m3u8")), ids=lambda path: path.stem)
def test_an_hls_playlist_is_never_taken_for_a_list_of_channels(path):
    with pytest.raises(SingleStream):
        list(PlaylistReader([path.read_bytes()]))
