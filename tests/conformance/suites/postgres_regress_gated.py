"""PostgreSQL's regression tests again, through a role that refuses some statements: every statement
is then held until it is whole, and judged.
"""

from types import MappingProxyType

from tests.conformance.explained import Explanation
from tests.conformance.suites.postgres_regress import PostgresRegress

_REFUSED = "It sets passwords, which the role of this run refuses."


class PostgresRegressGated(PostgresRegress):
    """The same, for a role of another kind."""

    name = "postgres-regress-gated"
    about = "the same, through a role that refuses to set passwords"
    options = MappingProxyType({"refuse": ["password-change", "copy-program"]})
    explained = (
        Explanation("create_role", _REFUSED),
        Explanation("password", _REFUSED),
    )


SUITE = PostgresRegressGated()
