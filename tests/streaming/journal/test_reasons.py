"""Why a candidate is tried."""

from __future__ import annotations

from dataclasses import replace

from streaming.failover import Candidate
from streaming.faults import Fault
from streaming.journal.reasons import why

ONE, TWO, THREE = Candidate(1, 1), Candidate(1, 2), Candidate(2, 3)
ALL = [ONE, TWO, THREE]


def test_reasons():
    failed = [(1.0, ONE.key, Fault.RESET)]
    assert why(ONE, ALL, [], ()) == "the first in order"
    assert why(ONE, [ONE], [], ()) == "the only one"
    assert why(TWO, ALL, failed, ()) == ("1 before it failed lately, it is the same stream with another subscription")
    assert why(THREE, ALL, failed, {TWO.key}) == "1 before it failed lately, 1 before it has no free slot"
    assert why(replace(THREE, preferred=True), ALL, failed, ()) == "preferred by a person"
    assert why(replace(ONE, transcoded=True), ALL, [], ()).endswith("only transcoded")
