"""The conference's messages, as the server reads them."""

from __future__ import annotations

from signaling.connection.session import DECODER, KINDS

__all__ = ["KINDS", "decode"]

decode = DECODER.decode
