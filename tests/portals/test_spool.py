"""Records on their way in come back as they were, whatever a portal put into them."""

from __future__ import annotations

import pytest

from portals.mirror.plan import fingerprint
from portals.mirror.spool import PIECE, Form, Spool
from portals.providers.records import StreamRecord

FORM = Form(StreamRecord, {"offered_to": tuple})

ODD = [
    StreamRecord("1", "plain", "http://h/1"),
    StreamRecord("2", "télé 📺", "http://h/2", provider_data={"b": 1.5, "a": None, "nested": {"list": [True, "x"]}}),
    StreamRecord("3", "half a pair \ud83d", "http://h/3"),
    StreamRecord("4", "NUL \x00", "http://h/4", offered_to=(1, 2)),
    StreamRecord("5", "huge", "http://h/5", provider_data={"n": 2**80}),
]


@pytest.mark.parametrize("odd", ODD, ids=lambda record: record.provider_id)
def test_records_come_back_as_they_were(odd):
    records = [odd, StreamRecord("last", "Last", "http://h/last")]
    with Spool(FORM) as spool:
        spool.fill(records)
        assert [record for piece in spool.pieces() for record in piece] == records
        assert [FORM.record(values) for piece in spool.rows() for values in piece] == records


@pytest.mark.parametrize("odd", ODD, ids=lambda record: record.provider_id)
def test_a_record_and_its_values_have_one_fingerprint(odd):
    with Spool(FORM) as spool:
        spool.fill([odd])
        ((values,),) = spool.rows()
    assert fingerprint(values) == fingerprint(FORM.values_of(odd))


def test_of_two_with_one_id_the_first_counts_and_pieces_are_small():
    records = [StreamRecord(str(n % 2500), f"{n}", "http://h") for n in range(5000)]
    with Spool(FORM) as spool:
        spool.fill(records)
        assert [len(piece) for piece in spool.pieces()] == [PIECE, PIECE, 500]
        assert next(spool.pieces())[0].name == "0"
        assert spool.count == 2500
