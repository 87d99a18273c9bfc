"""A statement's event says the same in JSON by its own quick way as by its fields."""

import json
from dataclasses import asdict

from hypothesis import given
from hypothesis import strategies as st

from protocols.postgres.reports import PostgresQuery

_NUMBERS = st.integers(0, 1 << 62)
_TEXTS = st.text(max_size=20)


@given(
    st.builds(
        PostgresQuery,
        statement=_TEXTS,
        statement_bytes=_NUMBERS,
        statement_sha256=st.none() | _TEXTS,
        parameters=st.none() | st.lists(st.none() | _TEXTS, max_size=3).map(tuple),
        parameters_cut=st.none() | st.dictionaries(_TEXTS, _NUMBERS, max_size=2),
        protocol=st.sampled_from(["simple", "extended", "function", "sync"]),
        commands=st.lists(_TEXTS, max_size=3).map(tuple),
        rows=_NUMBERS,
        copied_bytes=_NUMBERS,
        duration_ms=st.integers(0, 10**12).map(lambda microseconds: microseconds / 1000),
        sqlstate=st.none() | _TEXTS | st.just("\udc80"),
        transaction=st.sampled_from([None, "idle", "in", "failed"]),
        finished=st.booleans(),
    )
)
def test_the_quick_way_says_the_same(event: PostgresQuery) -> None:
    said = json.loads(f"{{{event.json_fields()}}}")
    assert said == json.loads(json.dumps(asdict(event)))
