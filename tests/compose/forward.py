"""Forwards TCP from port 9000 to the proxy `edge`: a client of it with the address of this container."""

import asyncio
import sys
from contextlib import suppress


async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    answers, requests = await asyncio.open_connection("edge", 8443)
    await asyncio.gather(pass_on(reader, requests), pass_on(answers, writer))


async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    writer.close()


async def main() -> None:
    server = await asyncio.start_server(forward, "0.0.0.0", 9000)
    sys.stdout.write("listening\n")
    sys.stdout.flush()
    await server.serve_forever()


asyncio.run(main())
