"""The rows of leadership: how long a scope is without a leader, from before the deed to `EVENT leader gained` at another
server. Three candidates stand, each with a watching connection. The floor is what etcd itself needs: a lease is revoked,
and a watch beside delivers that its key went."""
import base64
import http.client
import json
import select
import signal
import socket
import time

import lib
from lib import Agent, Failed, Listener, UnixConnection, median, p99
from rows import Row

TTL_S = 2
LATE_MS = 1000  # beyond the TTL: etcd looks for leases that ended every half second
AT_ONCE_MS = 50


class Candidate(Agent):
    """An agent that stands for its type, with a connection that watches and one that is the life of its server."""

    def __init__(self, place, name, port):
        super().__init__(place, name, port, state=True, start=False)
        with open(self.config, "a", encoding="utf-8") as config:
            config.write(f"leader: [{{ttl: {TTL_S}s}}]\n")
        self.watch = self.life = None

    def stand(self):
        if self.process is None or self.process.poll() is not None:
            self.start()
            lib.wait_until(f"{self.name} opens its sockets", lambda: self.connects() and (self.folder / "http.sock").exists())
        self.revive()
        lib.wait_until(f"{self.name} stands", self.has_place)

    def has_place(self):
        try:
            return self.candidacy()["state"] in ("queued", "leading")
        except OSError:
            return False

    def connects(self):
        try:
            self.watch = self.watch or self.open("watch")
            return True
        except OSError:
            return False

    def open(self, words):
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(str(self.socket))
        connection.sendall(words.encode() + b"\n")
        return connection

    def revive(self):
        if self.life is None:
            self.life = self.open("attach ready")

    def ask(self, method, path, body=None):
        connection = UnixConnection(str(self.folder / "http.sock"))
        connection.request(method, path, body, {"Content-Type": "application/json"} if body else {})
        answer = connection.getresponse().read()
        connection.close()
        return json.loads(answer)

    def candidacy(self):
        return self.ask("GET", "/api/agent")["leader"][0]

    # What may happen to a leader, and what makes it stand again.

    def drain(self):
        self.ask("POST", "/api/agent/drain", "{}")

    def crash(self):
        self.life.close()
        self.life = None

    def leave(self):
        self.process.send_signal(signal.SIGTERM)
        self.ended()

    def die(self):
        self.process.kill()
        self.ended()

    def ended(self):
        self.life.close()
        self.watch.close()
        self.life = self.watch = None

    def back(self):
        if self.watch is None:
            self.process.wait(timeout=lib.PATIENCE_S)
            self.place.children.remove(self.process)
        else:
            self.ask("POST", "/api/agent/undrain", "{}")
        self.stand()


def drain_events(candidates):
    """Reads what has come: what follows is of what follows."""
    while ready := select.select([each.watch for each in candidates if each.watch], [], [], 0)[0]:
        for connection in ready:
            connection.recv(65536)


def until_gained(candidates):
    """The candidate whose server hears that it leads."""
    deadline = time.monotonic() + lib.PATIENCE_S
    while time.monotonic() < deadline:
        open_ones = {each.watch: each for each in candidates if each.watch}
        for connection in select.select(list(open_ones), [], [], 1)[0]:
            if b"EVENT leader gained" in connection.recv(65536):
                return open_ones[connection]
    raise Failed("no other candidate leads")


class Floor:
    """A watch of one key, over the same gateway, and the lease under it."""

    KEY = base64.b64encode(b"/bench-leader-floor").decode()

    def __init__(self, place):
        self.place = place
        host, _, port = place.endpoint.removeprefix("http://").partition(":")
        self.connection = http.client.HTTPConnection(host, int(port), timeout=lib.PATIENCE_S)
        self.connection.request("POST", "/v3/watch", json.dumps({"create_request": {"key": self.KEY}}))
        self.stream = self.connection.getresponse()
        self.stream.readline()

    def turn(self):
        """ms."""
        lease = self.place.post("/v3/lease/grant", {"TTL": 10})["ID"]
        self.place.post("/v3/kv/put", {"key": self.KEY, "lease": lease})
        self.stream.readline()
        began = time.monotonic()
        self.place.post("/v3/lease/revoke", {"ID": lease})
        while b"DELETE" not in self.stream.readline():
            pass
        return (time.monotonic() - began) * 1000

    def close(self):
        self.connection.close()


def leader(place, options):
    listener, floor = Listener(), Floor(place)
    candidates = [Candidate(place, f"leader-{i}", listener.port) for i in range(3)]
    for each in candidates:
        each.stand()
    lib.wait_until("one leads", lambda: any(each.candidacy()["leads"] for each in candidates))
    leads = next(each for each in candidates if each.candidacy()["leads"])
    deeds = (("drained", Candidate.drain, options.turns, AT_ONCE_MS), ("server crashed", Candidate.crash, options.turns, AT_ONCE_MS),
             ("stopped by TERM", Candidate.leave, options.turns, AT_ONCE_MS),
             ("killed", Candidate.die, max(3, options.turns // 10), TTL_S * 1000 + LATE_MS))
    for name, deed, count, limit in deeds:
        samples, floors = [], []
        for _ in range(count):
            drain_events(candidates)
            began = time.monotonic()
            deed(leads)
            follower = until_gained([each for each in candidates if each is not leads])
            samples.append((time.monotonic() - began) * 1000)
            leads.back()
            leads = follower
            floors.append(floor.turn())
        yield Row(f"leader {name} -> another leads", "ms", median(samples), p99(samples), count, limit=limit,
                  note=f"ttl {TTL_S} s" if deed is Candidate.die else f"etcd alone: {median(floors):.1f}, p99 {p99(floors):.1f}")
        if deed is Candidate.die and max(samples) > limit:
            raise Failed(f"killed: another led after {max(samples):.0f} ms")
    place.stop(*(each.process for each in candidates))
    floor.close()
    listener.close()


ROWS = {"leader": leader}
