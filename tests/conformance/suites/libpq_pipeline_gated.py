"""libpq's tests of pipelines again, through a role that refuses some statements: every statement of
a pipeline is then held until it is whole, and judged.
"""

from types import MappingProxyType

from tests.conformance.suites.libpq_pipeline import LibpqPipeline


class LibpqPipelineGated(LibpqPipeline):
    """The same, for a role of another kind."""

    name = "libpq-pipeline-gated"
    about = "the same, through a role that refuses to set passwords"
    options = MappingProxyType({"refuse": ["password-change", "copy-program"]})


SUITE = LibpqPipelineGated()
