"""Upstream sessions that were logged in before anybody asked for them: each is for one session."""

from proxy.spares.keeper import Spares
from proxy.spares.request import Request

__all__ = ["Request", "Spares"]
