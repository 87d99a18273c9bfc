"""AWS for the tests: moto as a server in a process of its own, with the real boto3 in front."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest

from providers.deadline import READER

_PATIENCE = 60.0
REGION = "eu-central-1"


class MotoAws:
    """A running moto server."""

    def __init__(self, url: str) -> None:
        self.url = url

    def client(self, service: str, region: str = REGION) -> Any:
        """boto3 as an administrator has it."""
        session = boto3.session.Session("administrator", "administrator", region_name=region)
        return session.client(service, endpoint_url=self.url)

    @contextmanager
    def checking_policies(self) -> Iterator[None]:
        """From here on, whoever asks needs a known key, a right signature and a policy."""
        self._post("reset-auth", b"0")
        try:
            yield
        finally:
            self._post("reset-auth", b"inf")

    def user_with(self, *actions: str) -> tuple[str, str]:
        """The access key of a new user who may do `actions`, and nothing else."""
        iam = self.client("iam")
        name = f"user-{time.monotonic_ns()}"
        iam.create_user(UserName=name)
        statement = {
            "Effect": "Allow",
            "Action": actions or ["ec2:DescribeRegions"],
            "Resource": "*",
        }
        policy = {"Version": "2012-10-17", "Statement": [statement]}
        iam.put_user_policy(UserName=name, PolicyName="only", PolicyDocument=json.dumps(policy))
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return key["AccessKeyId"], key["SecretAccessKey"]

    def _post(self, path: str, body: bytes) -> None:
        headers = {"Content-Type": "text/plain"}
        request = urllib.request.Request(f"{self.url}/moto-api/{path}", body, headers)
        urllib.request.urlopen(request).close()


@pytest.fixture(scope="session")
def moto_aws(artefacts: Path) -> Iterator[MotoAws]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with (artefacts / "moto.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={"PATH": os.defpath},
        )
        try:
            _await_ready(process, port)
            yield MotoAws(f"http://127.0.0.1:{port}")
        finally:
            process.terminate()
            process.wait(_PATIENCE)


def _await_ready(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            assert process.poll() is None, "moto ended; see moto.log among the artefacts"
            assert time.monotonic() < deadline, "moto does not listen"
            time.sleep(0.1)
        else:
            return


@pytest.fixture
def aws_environment(
    moto_aws: MotoAws, monkeypatch: pytest.MonkeyPatch
) -> Iterator[pytest.MonkeyPatch]:
    """boto3's default chain, pointed at moto and at nothing of this machine.

    A read that a test gave up waiting for ends before the next test, whose server it would ask.
    """
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto_aws.url)
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a-key-that-moto-does-not-check")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "nor-this")
    yield monkeypatch
    for thread in threading.enumerate():
        if thread.name == READER:
            thread.join(30)
