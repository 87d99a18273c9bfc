"""Sums of what workers count: each series for itself, by the proxy's own metrics and parser."""

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from proxy.metrics import Metrics
from proxy.workers.sums import add


def _told(started: int, seconds: float) -> list[Metric]:
    """As a worker tells it."""
    metrics = Metrics()
    metrics.sessions.labels("app", "started").inc(started)
    metrics.sessions.labels(f"only-{started}", "denied").inc()
    metrics.open_sessions.set(started)
    metrics.secret_read_seconds.labels("vaultkv2").observe(seconds)
    return list(text_string_to_metric_families(generate_latest(metrics.registry).decode()))


def test_every_series_is_added_up() -> None:
    sums = {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for metric in add([_told(3, 0.001), _told(4, 7.0)])
        for sample in metric.samples
    }
    assert sums["keyless_sessions_total", "app", "started"] == 7
    assert sums["keyless_sessions_total", "denied", "only-3"] == 1
    assert sums["keyless_sessions_total", "denied", "only-4"] == 1
    assert sums["keyless_open_sessions",] == 7
    assert sums["keyless_secret_read_seconds_sum", "vaultkv2"] == 7.001
    assert sums["keyless_secret_read_seconds_bucket", "1.0", "vaultkv2"] == 1
    assert sums["keyless_secret_read_seconds_bucket", "+Inf", "vaultkv2"] == 2


def test_the_sum_of_one_is_what_it_told() -> None:
    told = _told(3, 0.1)

    class Given(CollectorRegistry):
        def collect(self) -> list[Metric]:
            return add([told])

    assert list(text_string_to_metric_families(generate_latest(Given()).decode())) == told
    assert add([]) == []
