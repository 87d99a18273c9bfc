"""All works by their names, in the order in which they are done."""

from collections.abc import Mapping
from functools import partial
from types import MappingProxyType

from bench.works import Work
from bench.works.connects import connects
from bench.works.copies import copies
from bench.works.crowds import crowds, idles
from bench.works.mysql import mysql
from bench.works.queries import queries, transactions
from bench.works.sockets import sockets
from bench.works.ssh import ssh
from bench.works.tls import tls
from bench.works.workers import workers

WORKS: Mapping[str, Work] = MappingProxyType(
    {
        "queries": queries,
        "tpcb": transactions,
        "sockets": sockets,
        "tls": tls,
        "copy": copies,
        "connects": connects,
        "mysql": partial(mysql, "mysql"),
        "mariadb": partial(mysql, "mariadb"),
        "ssh": ssh,
        "idle": idles,
        "crowd": crowds,
        "workers": workers,
    }
)
