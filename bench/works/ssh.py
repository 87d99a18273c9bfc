"""SSH: a stream up and down, a file by scp, and `ssh true`, as `bench.ssh` does them."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial

from bench.findings import Finding
from bench.peers import Peer
from bench.plan import MEBI, Notes, Plan
from bench.rounds import Case, Done, measure, percentile
from bench.ssh import ciphers
from bench.ssh.ways import Way, world
from bench.ssh.work import Work
from bench.works import own_folder

_CIPHER = ciphers.CIPHERS[0]

Ways = Mapping[str, Way]


def ssh(plan: Plan, notes: Notes) -> Iterator[Finding]:
    """What arrives is compared with what was sent."""
    with own_folder() as folder, world(folder, folder / "keyless") as both:
        ways = dict(zip(("direct", "keyless"), both.ways, strict=True))
        peers = [replace(way.peer, name=name) for name, way in ways.items()]
        for work in ciphers.works(both, plan.stream * MEBI, [_CIPHER]):
            run = partial(_carried, work, ways)
            yield from measure(Case("ssh", work.name, "MiB/s"), run, peers, plan.bulk_rounds)
        for work in ciphers.logins():
            run = partial(_logged_in, work, ways, plan.logins)
            yield from measure(Case("ssh", work.name, "ms"), run, peers, plan.bulk_rounds)


def _carried(work: Work, ways: Ways, peer: Peer) -> Done:
    sample, size = work.run(ways[peer.name]), work.size / MEBI
    return Done(size, size / sample.seconds, wrong=sample.wrong)


def _logged_in(work: Work, ways: Ways, count: int, peer: Peer) -> Done:
    samples = [work.run(ways[peer.name]) for _ in range(count)]
    taken = sorted(sample.seconds * 1000 for sample in samples)
    wrong = next((sample.wrong for sample in samples if sample.wrong), "")
    return Done(count, p50=percentile(taken, 50), p99=percentile(taken, 99), wrong=wrong)
