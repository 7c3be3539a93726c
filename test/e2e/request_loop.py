#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Sends requests to one address until its standard input ends, then prints what happened as one line of JSON.

  request_loop.py tcp|udp|stream ADDRESS PORT [INTERVAL_SECONDS] [TIMEOUT_SECONDS] [COUNT]

tcp: a new connection for each HTTP request. udp: a new port for each datagram. stream: one HTTP connection whose
lines it reads; a silence of TIMEOUT_SECONDS or an end is a failure. With COUNT it stops by itself.
"""

import collections
import json
import select
import socket
import sys
import time


class Report:
    """Counts answers by what the backend says of itself, failures by their text, and silences."""

    def __init__(self):
        self.requests, self.failed, self.failures = 0, 0, []
        self.pods, self.nodes, self.clients = {}, {}, {}
        self.longest_gap, self.last_success = 0.0, time.monotonic()

    def success(self, line):
        now = time.monotonic()
        self.longest_gap = max(self.longest_gap, now - self.last_success)
        self.last_success = now
        fields = dict(word.split("=", 1) for word in line.split() if "=" in word)
        for counts, key in ((self.pods, "pod"), (self.nodes, "node"), (self.clients, "client")):
            if key in fields:
                counts[fields[key]] = counts.get(fields[key], 0) + 1

    def failure(self, error):
        self.failed += 1
        if len(self.failures) < 10:
            self.failures.append(f"{time.strftime('%H:%M:%S')} {error!r}")

    def text(self):
        self.longest_gap = max(self.longest_gap, time.monotonic() - self.last_success)
        return json.dumps({k: v for k, v in vars(self).items() if k != "last_success"})


def ask_tcp(address, port, timeout):
    with socket.create_connection((address, port), timeout) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n")
        answer = b""
        while part := connection.recv(4096):
            answer += part
    head, _, body = answer.partition(b"\r\n\r\n")
    if b" 200 " not in head:
        raise OSError(f"no answer but {answer[:60]!r}")
    return body.decode()


RECENT_UDP_PORTS: collections.deque[int] = collections.deque(maxlen=1000)


def new_udp_socket(address, port):
    """One from a port without a recent datagram: IPVS sends what comes from one port to one real server."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    while True:
        connection = socket.socket(family, socket.SOCK_DGRAM)
        connection.connect((address, port))
        if (own := connection.getsockname()[1]) not in RECENT_UDP_PORTS:
            RECENT_UDP_PORTS.append(own)
            return connection
        connection.close()


def ask_udp(address, port, timeout):
    with new_udp_socket(address, port) as connection:
        connection.settimeout(timeout)
        connection.send(b"hello")
        return connection.recv(4096).decode()


def ended(wait):
    """True once standard input has ended; waits that long for it."""
    readable, _, _ = select.select([sys.stdin], [], [], max(wait, 0))
    return bool(readable) and not sys.stdin.readline()


def ask_again_and_again(ask, address, port, interval, timeout, count):
    report = Report()
    while True:
        begun = time.monotonic()
        report.requests += 1
        try:
            report.success(ask(address, port, timeout))
        except OSError as error:
            report.failure(error)
        pause = begun + interval - time.monotonic()
        if count:
            time.sleep(max(pause, 0))
        if report.requests == count if count else ended(pause):
            return report


def read_stream(address, port, timeout):
    report = Report()
    try:
        with socket.create_connection((address, port), timeout) as connection:
            connection.sendall(b"GET /stream?ms=100 HTTP/1.1\r\nHost: test\r\n\r\n")
            while not ended(0):
                if not (part := connection.recv(4096)):
                    raise OSError("the stream ended")
                report.requests += 1
                report.success(part.decode(errors="replace"))
    except OSError as error:
        report.failure(error)
    return report


def main(kind, address, port, interval="0.05", timeout="3", count="0"):
    port, interval, timeout, count = int(port), float(interval), float(timeout), int(count)
    if kind == "stream":
        report = read_stream(address, port, timeout)
    else:
        report = ask_again_and_again({"tcp": ask_tcp, "udp": ask_udp}[kind], address, port, interval, timeout, count)
    print(report.text(), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
