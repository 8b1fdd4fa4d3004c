"""The C structures of recvmmsg and sendmmsg (`man 2 recvmmsg`), as Linux has them."""

from __future__ import annotations

import ctypes
from typing import Final, Literal

MSG_DONTWAIT: Final = 0x40
SIZE_T: Final[Literal["Q", "I"]] = "Q" if ctypes.sizeof(ctypes.c_size_t) == 8 else "I"
"""Format of a `size_t` for `memoryview.cast` and `array`."""


class Iovec(ctypes.Structure):
    """`struct iovec`: where the bytes of a message are."""

    _fields_ = (("base", ctypes.c_void_p), ("len", ctypes.c_size_t))


class Msghdr(ctypes.Structure):
    """`struct msghdr`: address, bytes and control messages of one datagram."""

    _fields_ = (
        ("name", ctypes.c_void_p),
        ("namelen", ctypes.c_uint32),
        ("iov", ctypes.c_void_p),
        ("iovlen", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("controllen", ctypes.c_size_t),
        ("flags", ctypes.c_int),
    )


class Mmsghdr(ctypes.Structure):
    """`struct mmsghdr`: one of a batch, and how many bytes of it were received or sent."""

    _fields_ = (("hdr", Msghdr), ("len", ctypes.c_uint32))
