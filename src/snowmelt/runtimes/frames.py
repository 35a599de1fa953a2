"""Whole messages over a socket, within a time."""

import socket
import struct
import time

_LENGTH = struct.Struct(">I")


def send_frame(connection: socket.socket, data: bytes, deadline: float | None = None) -> None:
    """Send a message.

    Args:
        connection: a stream.
        data: up to 4 GB.
        deadline: by ``time.monotonic()``; without one it may take for ever.

    Raises:
        TimeoutError: the other end did not take it in time.
        OSError: the other end is gone.
    """
    connection.settimeout(_left(deadline))
    connection.sendall(_LENGTH.pack(len(data)) + data)


def receive_frame(connection: socket.socket, deadline: float | None = None) -> bytes:
    """Receive a message.

    Raises:
        TimeoutError: it was not there in time.
        EOFError: the other end is gone.
        OSError: the same.
    """
    (length,) = _LENGTH.unpack(_receive(connection, _LENGTH.size, deadline))
    return _receive(connection, length, deadline)


def _receive(connection: socket.socket, size: int, deadline: float | None) -> bytes:
    chunks: list[bytes] = []
    while size:
        connection.settimeout(_left(deadline))
        chunk = connection.recv(min(size, 1024**2))
        if not chunk:
            raise EOFError("the other end is gone")
        chunks.append(chunk)
        size -= len(chunk)
    return b"".join(chunks)


def _left(deadline: float | None) -> float | None:
    if deadline is None:
        return None
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("the time is over")
    return left
