"""Real servers in wheels, so that `keyless demo` needs no container and no installed database.

They are for trying out and for tests: nothing they hold outlives them. No other room of `proxy`
imports from here but the command that shows the demo.
"""


class DemoError(Exception):
    """A demo server cannot be had or does not run; the text says what to do."""
