"""What the Python tests share: the program under test, servers on free ports, the AWS client of others."""

import os
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

import boto3
from botocore.config import Config

ROOT = Path(__file__).resolve().parent.parent
PROGRAM = os.environ.get("COUNTERSIGN_BIN") or str(ROOT / "target" / "debug" / "countersign")
# Generous: the machine may be busy.
PATIENCE = 120


def client(service, endpoint, key=None, secret=None, token=None, **settings):
    """A boto3 client that asks once and takes no setting from its surroundings."""
    settings.setdefault("retries", {"total_max_attempts": 1})
    return boto3.session.Session().client(
        service,
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        aws_session_token=token,
        config=Config(**settings),
    )


def bare_environment(**more):
    """Nothing of whoever runs the tests."""
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH", "LLVM_PROFILE_FILE") if name in os.environ}
    nothing = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
    return {**kept, **nothing, "AWS_EC2_METADATA_DISABLED": "true", "AWS_REGION": "us-east-1", **more}


class Server:
    """A child process that listens; ended by `stop`, whatever happened."""

    def __init__(self, command, environment):
        self.said = tempfile.TemporaryFile()
        self.child = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=self.said, stderr=subprocess.STDOUT
        )

    def wait_for(self, ready):
        """Until `ready` gives something; an ended child or a long silence is an error with all that it said."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            found = ready()
            if found:
                return found
            if self.child.poll() is not None:
                break
            time.sleep(0.02)
        self.said.seek(0)
        text = self.said.read().decode(errors="replace")
        self.stop()
        raise RuntimeError(f"{self.child.args} does not listen:\n{text}")

    def stop(self):
        if self.child.poll() is None:
            self.child.kill()
        self.child.wait()
        self.said.close()


def listens(port):
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Simulator(Server):
    """`countersign simulate` in a world (its text); `keys` gives the credentials of a profile."""

    def __init__(self, world):
        self.folder = tempfile.TemporaryDirectory()
        at = Path(self.folder.name)
        (at / "world.toml").write_text(world)
        files = ["--port-file", at / "port", "--log", at / "log", "--credentials", at / "profiles"]
        super().__init__([PROGRAM, "simulate", "--world", at / "world.toml", *files], bare_environment())
        port = at / "port"
        self.port = int(self.wait_for(lambda: port.exists() and port.read_text()))
        self.endpoint = f"http://127.0.0.1:{self.port}"

    def log(self):
        return (Path(self.folder.name) / "log").read_text().splitlines()

    def stop(self):
        super().stop()
        self.folder.cleanup()


class Moto(Server):
    """The server of moto, with real access keys asked for after the first `free` requests."""

    def __init__(self, python, free):
        settings = {"MOTO_IAM_LOAD_MANAGED_POLICIES": "true", "INITIAL_NO_AUTH_ACTION_COUNT": str(free)}
        for _ in range(5):
            # Somebody else may take the port before moto does: then another one.
            self.port = free_port()
            command = [python, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)]
            super().__init__(command, bare_environment(**settings, PYTHONDONTWRITEBYTECODE="1"))
            try:
                self.wait_for(lambda: listens(self.port))
            except RuntimeError as error:
                failed = error
                continue
            self.endpoint = f"http://127.0.0.1:{self.port}"
            return
        raise failed

    def forgive(self, free):
        """The next requests are not asked for keys."""
        headers = {"Content-Type": "text/plain"}
        body = str(free).encode()
        request = urllib.request.Request(f"{self.endpoint}/moto-api/reset-auth", body, headers, method="POST")
        urllib.request.urlopen(request, timeout=PATIENCE).close()


def settle(endpoint, time):
    """Lets time pass in the simulator; other servers have no clock that can be put forward."""
    body = b'{"advance": "%s"}' % time.encode()
    request = urllib.request.Request(f"{endpoint}/_countersign/clock", body, method="POST")
    try:
        urllib.request.urlopen(request, timeout=PATIENCE).close()
    except urllib.error.HTTPError as error:
        error.close()
