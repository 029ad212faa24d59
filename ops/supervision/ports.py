"""Ports that the children will listen on: free ones, and a clear word about a taken one before anything starts."""

from __future__ import annotations

import os
import socket

from streams.errors import OperatorError


def claim(host: str, port: int, setting: str) -> int:
    """Give `port`, or a free one where it is 0; raises OperatorError where the port can't be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.create_server((host, port), family=family) as server:
            return int(server.getsockname()[1])
    except OSError as error:
        raise OperatorError(
            f"to listen on {host}:{port} ({setting})",
            f"the system refused ({os.strerror(error.errno or 0)})",
            f"stop the program that has the port, or set another one in {setting}",
            retry=True,
        ) from error


def address(host: str, port: int) -> str:
    """Give the address under which this machine reaches what listens on `host`."""
    here = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "[::1]"}.get(host, host)  # noqa: S104 (nothing is bound)
    return f"http://{f'[{here}]' if ':' in here and not here.startswith('[') else here}:{port}"
