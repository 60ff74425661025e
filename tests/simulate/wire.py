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
    def __init__(self, host, port, source=None, headers=""):
        """source: the address that it calls from, any of 127.0.0.0/8; headers: more lines of each head."""
        self.host = host
        self.port = port
        self.source = source and (source, 0)
        self.headers = headers
        self.reader = self.writer = None

    async def _open(self):
        if self.writer is None:
            self.reader, self.writer = await asyncio.open_connection(self.host, self.port, limit=1 << 24,
                                                                      local_addr=self.source)

    def hang_up(self):
        if self.writer is not None:
            self.writer.close()
        self.reader = self.writer = None

    def _request(self, method, path, body):
        payload = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        head = (f"{method} {path} HTTP/1.1\r\nHost: {self.host}\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(payload)}\r\n{self.headers}\r\n")
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

    async def deafly(self, path, body, times):
        """Sends a call so often on one connection and reads nothing."""
        try:
            await self._open()
            self.writer.transport.pause_reading()
            for _ in range(times):
                self.writer.write(self._request("POST", path, body))
            await asyncio.wait_for(self.writer.drain(), 5)
        except asyncio.TimeoutError:
            pass
        except (OSError, EOFError) as error:
            self.hang_up()
            raise HungUp(str(error)) from None
