"""The ways to log in to Vault: which one the settings choose, and what it sends.

| VAULT_AUTH_METHOD | needs | sends |
| --- | --- | --- |
| token | VAULT_TOKEN | nothing: it is the token |
| approle | VAULT_APP_ROLE_ID, VAULT_APP_ROLE_SECRET_ID | both |
| kubernetes | VAULT_KUBERNETES_ROLE | the role, and the token in VAULT_KUBERNETES_TOKEN_PATH |
| userpass, ldap | VAULT_AUTH_USERNAME, VAULT_AUTH_PASSWORD | both |

Without VAULT_AUTH_METHOD it is the first of these that any setting is there for, as Vault's own
command line prefers VAULT_TOKEN; LDAP, which has the settings of userpass, must be asked for.
VAULT_AUTH_MOUNT says where the method is mounted if that is not under its own name; a mount of the
`jwt` method takes what `kubernetes` sends. The names are Vault's, hoop's and gomplate's own where
they have any.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from providers.errors import ProviderMisconfigured

TOKEN = "token"  # noqa: S105
_APP_ROLE = ("VAULT_APP_ROLE_ID", "VAULT_APP_ROLE_SECRET_ID")
_PASSWORD = ("VAULT_AUTH_USERNAME", "VAULT_AUTH_PASSWORD")
_NEEDS: Mapping[str, tuple[str, ...]] = {
    TOKEN: ("VAULT_TOKEN",),
    "approle": _APP_ROLE,
    "kubernetes": ("VAULT_KUBERNETES_ROLE",),
    "userpass": _PASSWORD,
    "ldap": _PASSWORD,
}
_SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount/token"


@dataclass(frozen=True, slots=True)
class LoginMethod:
    """One way to log in: `credentials` are what is sent to `path`, made anew for each login."""

    name: str
    path: str
    needs: tuple[str, ...]
    credentials: Callable[[], Mapping[str, str]]


def chosen(environ: Mapping[str, str]) -> str:
    """The name of the method that the settings choose, all of whose settings are there."""
    name = environ.get("VAULT_AUTH_METHOD", "").strip().lower() or _inferred(environ)
    if name not in _NEEDS:
        raise ProviderMisconfigured(f"VAULT_AUTH_METHOD is none of {', '.join(_NEEDS)}; correct it")
    missing = [needed for needed in _NEEDS[name] if not environ.get(needed, "").strip()]
    if missing:
        raise ProviderMisconfigured(
            f"{missing[0]} is not set; a Vault login by {name} needs {' and '.join(_NEEDS[name])}"
        )
    return name


def method(name: str, environ: Mapping[str, str]) -> LoginMethod:
    """The method `name`, which is not that of the token, with its settings."""
    mount = environ.get("VAULT_AUTH_MOUNT", "").strip().strip("/") or name
    path, needs = f"auth/{mount}/login", _NEEDS[name]
    match name:
        case "approle":
            fields = ("role_id", "secret_id")
            sent = dict(zip(fields, (environ[needed].strip() for needed in needs), strict=True))
            return LoginMethod(name, path, needs, lambda: sent)
        case "kubernetes":
            role = environ["VAULT_KUBERNETES_ROLE"].strip()
            file = environ.get("VAULT_KUBERNETES_TOKEN_PATH", "").strip() or _SERVICE_ACCOUNT
            return LoginMethod(name, path, needs, lambda: {"role": role, "jwt": _jwt(file)})
    user, password = environ[needs[0]].strip(), environ[needs[1]]
    return LoginMethod(name, f"{path}/{user}", needs, lambda: {"password": password})


def _inferred(environ: Mapping[str, str]) -> str:
    for name, needs in _NEEDS.items():
        if any(environ.get(needed, "").strip() for needed in needs):
            return name
    raise ProviderMisconfigured(
        "VAULT_TOKEN is not set; set it, or VAULT_APP_ROLE_ID and VAULT_APP_ROLE_SECRET_ID, or "
        "VAULT_KUBERNETES_ROLE, or VAULT_AUTH_USERNAME and VAULT_AUTH_PASSWORD, to log in to Vault"
    )


def _jwt(file: str) -> str:
    """The service account's token as it is now: Kubernetes replaces it every hour."""
    try:
        text = Path(file).read_text().strip()
    except OSError as error:
        reason = error.strerror
    except ValueError:
        reason = "it is not text"
    else:
        if text:
            return text
        reason = "it is empty"
    raise ProviderMisconfigured(
        f"the service account's token cannot be read from {file}: {reason}; set "
        "VAULT_KUBERNETES_TOKEN_PATH to where it is"
    )
