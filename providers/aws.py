"""What the providers on AWS share: their settings, a deadline, and one login to AWS.

It knows nothing of what is read. Importing boto3 takes 0.4 seconds, so `aws_client` and
`aws_errors`, which need it, are imported at the first read.
"""

import threading
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from providers.api import SecretVersion, Stage
from providers.aws_settings import CREDENTIALS, AwsSettings
from providers.deadline import within
from providers.errors import AccessDenied, ProviderMisconfigured, ProviderUnavailable

if TYPE_CHECKING:
    from providers.aws_client import AwsClients


class Aws(ABC):
    """Reads as whoever boto3's default chain says, or as a role that it then assumes."""

    settings: ClassVar[tuple[str, ...]] = CREDENTIALS
    stages: ClassVar[tuple[Stage, ...]] = ()
    makes_secrets: ClassVar[bool] = False

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._lock = threading.Lock()
        self._clients: AwsClients | None = None

    def fetch(self, secret: str, timeout: float, stage: Stage = Stage.CURRENT) -> SecretVersion:
        try:
            return within(timeout, lambda: self._explained(secret, stage))
        except TimeoutError:
            pass
        raise ProviderUnavailable(f"AWS did not answer about {secret} within {timeout:g} seconds")

    def close(self) -> None:
        with self._lock:
            self._clients = None

    @abstractmethod
    def _read(self, clients: "AwsClients", secret: str, stage: Stage) -> SecretVersion:
        """Raises what boto3 raises, and SecretUnreadable."""

    def _explained(self, secret: str, stage: Stage) -> SecretVersion:
        from providers.aws_errors import AwsError, explain  # noqa: PLC0415

        clients = self._connected()
        try:
            return self._read(clients, secret, stage)
        except AwsError as error:
            failure = explain(error, secret, stage)
        if isinstance(failure, AccessDenied | ProviderMisconfigured):
            clients.forget()
        raise failure

    def _connected(self) -> "AwsClients":
        from providers.aws_client import AwsClients  # noqa: PLC0415

        with self._lock:
            if self._clients is None:
                self._clients = AwsClients(AwsSettings.of(self._environ))
            return self._clients
