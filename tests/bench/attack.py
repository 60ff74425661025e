#!/usr/bin/python3
"""attack -- one hostile client, from an address of its own, until it is told to stop.

usage: attack.py KIND FROM PORT

KIND   bodies    megabytes of empty objects, which a tree of them would make gigabytes, on eight connections
       parks     as many calls that wait as it is let have, each with a megabyte in it that nobody asked for
       trickles  four hundred bodies that come a byte at a time
       resends   sixteen connections that are told all that they hold again, and again
FROM   the address it calls from: 127.0.0.N is no visitor on loopback for nginx, so the limits hold for it

A line a second tells how many answers it has got, and how many bytes it sent with these calls. The end of its standard
input is its own, but it may be long in seeing it: who wants it gone now kills it.
"""
import http.client
import json
import os
import select
import socket
import sys
import threading
import time

KIND, FROM, PORT = sys.argv[1], sys.argv[2], int(sys.argv[3])
HOST = "127.0.0.1"
MIB = 1 << 20


def connect():
    return http.client.HTTPConnection(HOST, PORT, timeout=70, source_address=(FROM, 0))


answers, sent = [], []


def call(connection, method, path, body=None):
    connection.request(method, path, body, {"Content-Type": "application/json"})
    said = connection.getresponse().read()
    answers.append(1)
    sent.append(len(body or ""))
    return said


def step_back():
    """Behind all else on this machine. A session is a group of its own for the scheduler, where "nice" counts only within."""
    os.setsid()
    os.nice(19)
    try:
        with open("/proc/self/autogroup", "w", encoding="ascii") as f:
            f.write("19")
    except OSError:
        pass  # a kernel without groups: the priority is all that counts


def again(act):
    """For ever, whatever comes of it; one that is refused pauses a little, as any client must."""
    while True:
        try:
            act()
        except (OSError, http.client.HTTPException, ValueError):
            time.sleep(0.05)


def new(connection):
    return json.loads(call(connection, "GET", "/api/new?stage=a&nickname=attacker"))["token"]


def bodies():
    body = b'{"token":"x","z":[' + b",".join([b"{}"] * (6 * MIB // 3)) + b"]}"
    paths = ["/api/sync", "/api/completeJob", "/api/bye"]

    def act():
        for path in paths:
            call(connect(), "POST", path, body)
    return act


def parks():
    pad = "x" * MIB

    def act():
        connection = connect()
        token = new(connection)
        call(connection, "POST", "/api/sync", json.dumps({"token": token, "want": 1, "wait": 60, "z": pad}))
    return act


def trickles():
    def act():
        with socket.create_connection((HOST, PORT), 70, (FROM, 0)) as s:
            s.sendall(b"POST /api/completeJob HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n")
            while True:
                s.sendall(b" ")
                sent.append(1)
                time.sleep(1)
    return act


def resends():
    def act():
        connection = connect()
        token = new(connection)
        call(connection, "POST", "/api/sync", json.dumps({"token": token, "want": 1000}))
        while True:
            call(connection, "POST", "/api/sync", json.dumps({"token": token, "want": 1, "holding": []}))
    return act


HOW_MANY = {bodies: 8, parks: 2000, trickles: 400, resends: 16}
kind = {f.__name__: f for f in HOW_MANY}[KIND]
step_back()
threading.stack_size(256 * 1024)
for _ in range(HOW_MANY[kind]):
    threading.Thread(target=again, args=(kind(),), daemon=True).start()
while not select.select([sys.stdin], [], [], 1)[0]:  # whoever began it closes its end
    print(len(answers), sum(sent), flush=True)
os._exit(0)
