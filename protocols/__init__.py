"""What goes on the wire, one folder a protocol.

Sans-IO: nothing here may import asyncio, socket, ssl, logging, a clock or a source of randomness,
nor anything of `providers` or `proxy`. A protocol is told bytes and says what to send.
"""
