"""What sysbench says of latencies."""

import pytest

from bench.mysql import latencies, within

_SAID = """\
Latency histogram (values are in milliseconds)
       value  ------------- distribution ------------- count
       0.095 |**                                       6
       0.100 |**************************************** 90
      12.500 |                                         4

SQL statistics:
"""


def test_latencies_are_read_of_its_histogram() -> None:
    assert latencies(_SAID) == [(0.095, 6), (0.1, 90), (12.5, 4)]


def test_so_many_of_a_hundred_took_no_longer() -> None:
    buckets = [(0.5, 50), (1.0, 49), (9.0, 1)]
    assert [within(buckets, hundredth) for hundredth in (50, 51, 99, 100)] == [0.5, 1.0, 1.0, 9.0]
    with pytest.raises(AssertionError, match="no latencies"):
        within([], 50)
