"""What node_agent.js does, where there is no node: a record under a lease, and a connection to the game's port every second.
One that is refused makes the record an error; nothing is asked twice.

usage: floor_naive.py ENDPOINT KEY PORT
"""
import base64
import json
import signal
import socket
import sys
import time
import urllib.request

TTL_S = 10
ENDPOINT, KEY, PORT = sys.argv[1], sys.argv[2], int(sys.argv[3])


def post(path, body):
    request = urllib.request.Request(ENDPOINT + path, json.dumps(body).encode())
    with urllib.request.urlopen(request, timeout=5) as answer:
        return json.load(answer)


def encode(text):
    return base64.b64encode(text.encode()).decode()


def probe():
    try:
        socket.create_connection(("127.0.0.1", PORT), timeout=0.5).close()
        return "ready"
    except OSError:
        return "error"


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    lease = post("/v3/lease/grant", {"TTL": TTL_S})["ID"]
    status, due, beat = None, time.monotonic(), 0
    while True:
        found = probe()
        if found != status:
            status = found
            record = json.dumps({"id": KEY.rpartition("/")[2], "port": PORT, "status": status}, separators=(",", ":"))
            post("/v3/kv/put", {"key": encode(KEY), "value": encode(record), "lease": lease})
        if time.monotonic() - beat > TTL_S / 3:
            beat = time.monotonic()
            post("/v3/lease/keepalive", {"ID": lease})
        due += 1
        time.sleep(max(0, due - time.monotonic()))


main()
