"""Vault's settings, under the names that its own command line reads.

They come from the mapping that a provider is given, never from the process's environment. What is
wrong is said with the variable's name and not its value: it may be a credential in the wrong place.
"""

import base64
import math
import re
import ssl
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from providers.errors import ProviderMisconfigured

_DURATION = re.compile(r"(\d+(?:\.\d*)?)(ms|s|m|)", re.ASCII)
_UNITS = {"": 1.0, "ms": 0.001, "s": 1.0, "m": 60.0}


def address(environ: Mapping[str, str]) -> str:
    """VAULT_ADDR without a slash at its end."""
    text = environ.get("VAULT_ADDR", "").strip().rstrip("/")
    if not text:
        raise ProviderMisconfigured("VAULT_ADDR is not set; set it to Vault's https:// address")
    if not _is_address(text):
        raise ProviderMisconfigured(
            "VAULT_ADDR is not an address such as https://vault.internal:8200 (no user, no query)"
        )
    return text


def request_timeout(environ: Mapping[str, str]) -> float:
    """VAULT_HTTP_REQ_TIMEOUT: the most seconds that one request may take, the deadline aside."""
    text = environ.get("VAULT_HTTP_REQ_TIMEOUT", "").strip()
    if not text:
        return math.inf
    match = _DURATION.fullmatch(text)
    seconds = float(match[1]) * _UNITS[match[2]] if match else 0
    if not seconds > 0:
        raise ProviderMisconfigured("VAULT_HTTP_REQ_TIMEOUT is not a time, such as 5, 5s or 500ms")
    return seconds


def tls_context(environ: Mapping[str, str]) -> ssl.SSLContext:
    """Trust in the system's authorities, or in those of VAULT_CACERT alone."""
    authority = environ.get("VAULT_CACERT", "").strip()
    if not authority:
        return ssl.create_default_context()
    try:
        return ssl.create_default_context(cadata=_certificates(authority))
    except OSError as error:  # ssl.SSLError is one too
        reason = error.strerror if not isinstance(error, ssl.SSLError) else "no certificate in it"
    except ValueError:
        reason = "it is not PEM text"
    raise ProviderMisconfigured(
        f"VAULT_CACERT cannot be used: {reason}; set it to the path of a PEM file, file://PATH or "
        "base64://PEM"
    )


def header(environ: Mapping[str, str], name: str) -> str:
    """A setting that travels in an HTTP header, where it can."""
    value = environ.get(name, "").strip()
    if not (value.isascii() and value.isprintable()):  # requests would say so by repeating it
        raise ProviderMisconfigured(f"{name} holds characters that cannot be sent; set it anew")
    return value


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return False
    return (
        parts.scheme in ("http", "https")
        and bool(parts.hostname)
        and not {"@", "?", "#"}.intersection(text)
    )


def _certificates(authority: str) -> str:
    if authority.startswith("base64://"):
        pem = base64.b64decode(authority.removeprefix("base64://"), validate=True).decode()
    else:
        pem = Path(authority.removeprefix("file://")).read_text()
    if not pem.strip():  # ssl would take nothing as a wish for the system's authorities
        raise ValueError("empty")
    return pem
