"""Where secrets come from, one file a provider.

A provider reads one secret whole, in a thread, within a deadline. It knows nothing of roles,
sessions or protocols, and nothing of `protocols` and `proxy` may be imported here.
"""
