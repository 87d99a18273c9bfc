"""What all workers have counted, as one proxy's numbers for Prometheus.

A counter never goes back: what a worker had counted is kept when it dies, as far as it was asked.
"""

import asyncio
from collections.abc import Iterable, Iterator

from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from proxy.workers.channel import Topic
from proxy.workers.crew import Crew
from proxy.workers.hand import Hand

_SECONDS = 2.0  # for the workers to answer
Series = tuple[str, tuple[tuple[str, str], ...]]


class Sums(Collector):
    """Asks when it is asked, in whatever thread. Made inside the parent's event loop."""

    def __init__(self, crew: Crew) -> None:
        self._crew = crew
        self._loop = asyncio.get_running_loop()
        self._last: dict[Hand, list[Metric]] = {}
        self._past: list[Metric] = []  # of workers that are no more

    def collect(self) -> Iterable[Metric]:
        return asyncio.run_coroutine_threadsafe(self._collect(), self._loop).result()

    async def _collect(self) -> list[Metric]:
        hands = self._crew.at_work()
        await asyncio.gather(*map(self._ask, hands))
        for hand in [hand for hand in self._last if hand not in hands]:
            self._past = add([self._past, _counters(self._last.pop(hand))])
        return add([self._past, *self._last.values()])

    async def _ask(self, hand: Hand) -> None:
        """One that does not answer in time has what it had before."""
        told = await hand.channel.ask(Topic.METRICS, b"", _SECONDS)
        if told is not None:
            self._last[hand] = list(text_string_to_metric_families(told.decode()))


def add(told: Iterable[Iterable[Metric]]) -> list[Metric]:
    """The sum of each series of samples."""
    sums: dict[str, Metric] = {}
    values: dict[str, dict[Series, float]] = {}
    for metric in (metric for one in told for metric in one):
        if metric.name not in sums:
            sums[metric.name] = Metric(metric.name, metric.documentation, metric.type)
            values[metric.name] = {}
        of_all = values[metric.name]
        for sample in metric.samples:
            series = sample.name, tuple(sample.labels.items())
            of_all[series] = of_all.get(series, 0.0) + sample.value
    for name, metric in sums.items():
        for (sample_name, labels), value in values[name].items():
            metric.add_sample(sample_name, dict(labels), value)
    return list(sums.values())


def _counters(metrics: Iterable[Metric]) -> Iterator[Metric]:
    """Without what is true at one moment only."""
    return (metric for metric in metrics if metric.type != "gauge")
