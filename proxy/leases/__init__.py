"""Secrets that were made for one session: kept alive while it lives, and ended with it."""

from proxy.leases.journal import LeaseName
from proxy.leases.keeper import Leases

__all__ = ["LeaseName", "Leases"]
