"""A port of this machine for a server that a test starts."""

import random
import socket


def free_port() -> int:
    """Return a port that nobody listens at, below those that the system hands out to others meanwhile."""
    for port in random.SystemRandom().sample(range(20_000, 32_000), 100):
        with socket.socket() as free:
            try:
                free.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("No port is free.")
