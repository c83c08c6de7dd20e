"""Why a candidate is tried now, in words. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from streaming.failover import Candidate, Entry


def why(chosen: Candidate, candidates: Sequence[Candidate], entries: Sequence[Entry], full: Collection[str]) -> str:
    """In a few words; `candidates` are in the channel's order."""
    if chosen.transcoded:
        return "as the running players can follow it only transcoded"
    if chosen.preferred:
        return "preferred by a person"
    before = candidates[: candidates.index(chosen)] if chosen in candidates else []
    if not before:
        return "the first in order" if len(candidates) > 1 else "the only one"
    failed = {key for _, key, _ in entries}
    full_before = sum(one.key in full for one in before)
    failed_before = sum(one.key in failed and one.key not in full for one in before)
    said = []
    if failed_before:
        said.append(f"{failed_before} before it failed lately")
    if full_before:
        said.append(f"{full_before} before it {'has' if full_before == 1 else 'have'} no free slot")
    last = entries[-1][1] if entries else ""
    if last and next((one.stream_id for one in candidates if one.key == last), 0) == chosen.stream_id:
        said.append("it is the same stream with another subscription")
    return ", ".join(said) or f"number {len(before) + 1} in order"
