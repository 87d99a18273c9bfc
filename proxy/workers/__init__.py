"""Several processes that share the proxy's ports: a parent that listens and hands connections out,
and workers that have the sessions.

The parent accepts, so that every worker has as many clients as the others however few there are,
and sees to it that there are always as many workers as the file says. Neither the parent nor this
room knows what a session does.
"""
