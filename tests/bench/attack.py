#!/usr/bin/python3
"""attack -- one hostile client, from an address of its own, until it is told to stop.

usage: attack.py KIND FROM PORT

KIND   bodies    megabytes of empty objects, which a tree of them would make gigabytes, on eight connections
       parks     two thousand calls that wait, each with nearly 100 kB in it that nobody asked for
       trickles  four hundred bodies that come a byte at a time
       resends   sixteen connections that are told all that they hold again, and again
FROM   the address it calls from: 127.0.0.N is no visitor on loopback for nginx, so the limits hold for it

It has a machine and a line of its own, which here it has to share with whom it attacks: so it costs as little as it can, and sends
LINE bytes a second at most. A line a second tells how many answers it has got, and how many bytes it sent. It ends with its
standard input, but may be long in seeing that: who wants it gone now kills it.
"""
import heapq
import http.client
import json
import os
import select
import selectors
import socket
import sys
import threading
import time

KIND, FROM, PORT = sys.argv[1], sys.argv[2], int(sys.argv[3])
HOST = "127.0.0.1"
MIB = 1 << 20
LINE = 16 * MIB  # a second: 134 Mbit/s
PATIENCE_S = 1   # one that is refused pauses, as any client must; a second is what it takes to call again from two thousand

answers, sent = [0], [0]
line_lock, line_free = threading.Lock(), [time.monotonic()]


def wait_for_line(length):
    """When so many bytes have gone before."""
    with line_lock:
        at = max(line_free[0], time.monotonic())
        line_free[0] = at + length / LINE
    time.sleep(max(0, at - time.monotonic()))
    sent[0] += length


def connect():
    return http.client.HTTPConnection(HOST, PORT, timeout=70, source_address=(FROM, 0))


def call(connection, method, path, body=None):
    if body:
        wait_for_line(len(body))
    connection.request(method, path, body, {"Content-Type": "application/json"})
    said = connection.getresponse().read()
    answers[0] += 1
    return said


def new(connection):
    return json.loads(call(connection, "GET", "/api/new?stage=a&nickname=attacker"))["token"]


def crowd(count, act):
    """So many of these for ever, whatever comes of it."""
    def again():
        while True:
            try:
                act()
            except (OSError, http.client.HTTPException, ValueError):
                time.sleep(PATIENCE_S)
    for _ in range(count):
        threading.Thread(target=again, daemon=True).start()


def bodies():
    body = b'{"token":"x","z":[' + b",".join([b"{}"] * (6 * MIB // 3)) + b"]}"

    def act():
        for path in ("/api/sync", "/api/completeJob", "/api/bye"):
            call(connect(), "POST", path, body)
    crowd(8, act)


def resends():
    def act():
        connection = connect()
        token = new(connection)
        call(connection, "POST", "/api/sync", json.dumps({"token": token, "want": 1000}))
        while True:
            call(connection, "POST", "/api/sync", json.dumps({"token": token, "want": 1, "holding": []}))
    crowd(16, act)


class Held:
    """Connections that are held, and called on again whenever they end; none has a thread."""

    def __init__(self, count, text):
        self.text = text
        self.due = [(0, n) for n in range(count)]  # heap: when to call next
        self.open = selectors.DefaultSelector()

    def begin(self, n):
        s = socket.socket()
        s.settimeout(10)
        try:
            s.bind((FROM, 0))
            s.connect((HOST, PORT))
            text = self.text()
            wait_for_line(len(text))
            s.sendall(text)
        except (OSError, http.client.HTTPException, ValueError):
            s.close()
            heapq.heappush(self.due, (time.monotonic() + PATIENCE_S, n))
            return
        self.open.register(s, selectors.EVENT_READ, n)

    def end(self, key):
        try:
            answers[0] += bool(key.fileobj.recv(65536))
        except OSError:
            pass
        self.open.unregister(key.fileobj)
        key.fileobj.close()
        heapq.heappush(self.due, (time.monotonic() + PATIENCE_S, key.data))

    def turn(self):
        for key, _ in self.open.select(0.05):
            self.end(key)
        for _ in range(50):
            if not self.due or self.due[0][0] > time.monotonic():
                break
            self.begin(heapq.heappop(self.due)[1])


def parks():
    pad = "x" * 99000
    tokens = []

    def text():
        if len(tokens) < 2000:
            tokens.append(new(connect()))
        tokens.append(tokens.pop(0))
        body = json.dumps({"token": tokens[-1], "want": 1, "wait": 60, "z": pad})
        return f"POST /api/sync HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
    held = Held(2000, text)
    crowd(1, held.turn)


def trickles():
    held = Held(400, lambda: b"POST /api/completeJob HTTP/1.1\r\nHost: x\r\nContent-Length: 90000\r\n\r\n")

    def act():
        end = time.monotonic() + 1
        while time.monotonic() < end:
            held.turn()
        for key in list(held.open.get_map().values()):
            try:
                key.fileobj.sendall(b" ")
                sent[0] += 1
            except OSError:
                held.end(key)
    crowd(1, act)


{f.__name__: f for f in (bodies, parks, trickles, resends)}[KIND]()
while not select.select([sys.stdin], [], [], 1)[0]:  # whoever began it closes its end
    print(answers[0], sent[0], flush=True)
os._exit(0)
