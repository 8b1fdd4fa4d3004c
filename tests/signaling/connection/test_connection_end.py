from __future__ import annotations

import asyncio
import datetime
import ssl
from pathlib import Path

from signaling.connection.connection_end import abort
from signaling.machine.certificate import own_certificate


async def test_a_connection_over_tls_can_be_ended_again_and_again(tmp_path: Path) -> None:
    now = datetime.datetime.now(datetime.UTC)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*own_certificate(tmp_path, ["127.0.0.1"], now))
    ours: asyncio.Future[asyncio.BaseTransport] = asyncio.get_running_loop().create_future()
    server = await asyncio.start_server(
        lambda _, writer: ours.set_result(writer.transport), "127.0.0.1", 0, ssl=context
    )
    port = server.sockets[0].getsockname()[1]
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=client)
    transport = await ours
    abort(transport)
    # As the web server does when it notices: after a second `close` asyncio has no protocol left.
    transport.close()
    transport.close()
    abort(transport)
    abort(None)
    writer.transport.abort()  # type: ignore[attr-defined]
    server.close()
