"""
wire -- HTTP/1.1 on a bare asyncio connection, with the manners of a bad network.

One Line a worker: keep-alive, one call at a time. A call may be torn (half of it is sent) or left
(all is sent, nobody waits for the answer); the caller then hears HungUp and does not know more than
a worker would whose cable was pulled.
"""
import asyncio
import json


class HungUp(Exception):
    """The connection went away before an answer."""


class Line:
    def __init__(self, host, port):
        self.host = host
        self.port = port
        self.reader = self.writer = None

    async def _open(self):
        if self.writer is None:
            self.reader, self.writer = await asyncio.open_connection(self.host, self.port, limit=1 << 24)

    def hang_up(self):
        if self.writer is not None:
            self.writer.close()
        self.reader = self.writer = None

    def _request(self, method, path, body):
        payload = b"" if body is None else json.dumps(body).encode()
        head = (f"{method} {path} HTTP/1.1\r\nHost: {self.host}\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(payload)}\r\n\r\n")
        return head.encode() + payload

    async def _answer(self):
        head = await self.reader.readuntil(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        status, length, close = int(lines[0].split()[1]), 0, False
        for line in lines[1:]:
            name, _, value = line.partition(":")
            if name.lower() == "content-length":
                length = int(value)
            elif name.lower() == "connection" and value.strip().lower() == "close":
                close = True
        body = await self.reader.readexactly(length)
        if close:
            self.hang_up()
        return status, body

    async def call(self, method, path, body=None, manners="good", patience_s=0.0, timeout_s=75.0):
        """(status, bytes). manners: good, torn, or left (after patience_s)."""
        request = self._request(method, path, body)
        try:
            await self._open()
            if manners == "torn":
                self.writer.write(request[:len(request) // 2])
                await self.writer.drain()
                raise HungUp("torn")
            self.writer.write(request)
            if manners == "left":
                await self.writer.drain()
                await asyncio.sleep(patience_s)
                raise HungUp("left")
            return await asyncio.wait_for(self._answer(), timeout_s)
        except (OSError, EOFError, asyncio.IncompleteReadError, asyncio.TimeoutError, HungUp) as error:
            self.hang_up()
            raise HungUp(str(error) or type(error).__name__) from None
