"""Everything that happens: configuration, listeners, sessions, relay, access, audit, commands.

The one package that knows both `protocols` and `providers`, and puts them together.
"""
