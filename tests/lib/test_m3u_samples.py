"""Real lists from the wild read to exactly the facts that were counted in them."""

from __future__ import annotations

import gzip
import itertools
import json
import random
from pathlib import Path

import pytest

from restreamer.lib.m3u import Entry, PlaylistReader, SingleStream

SAMPLES = Path(__file__).parents[1] / "samples"
EXPECTED = json.loads((SAMPLES / "m3u" / "expected.json").read_text())


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


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_a_real_list_reads_to_its_counted_facts(name):
    path, expected = SAMPLES / "m3u" / name, EXPECTED[name]
    # The larger ones lie packed.
    data = path.read_bytes() if path.exists() else gzip.decompress(path.with_name(f"{name}.gz").read_bytes())
    draw = random.Random(name)
    cuts = [0, *sorted(draw.sample(range(len(data)), 5)), len(data)]
    for pieces in ([data], [data[a:b] for a, b in itertools.pairwise(cuts)]):
        reader = PlaylistReader(pieces)
        found = facts(list(reader), reader)

        assert found == {key: expected[key] for key in found}


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("hls/*.m3u8")), ids=lambda path: path.stem)
def test_an_hls_playlist_is_never_taken_for_a_list_of_channels(path):
    with pytest.raises(SingleStream):
        list(PlaylistReader([path.read_bytes()]))
