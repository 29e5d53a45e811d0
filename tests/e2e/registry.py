"""A real etcd for a test, its content, and a watch that keeps every event with its time."""
import base64
import http.client
import importlib.machinery
import importlib.util
import json
import os
import pathlib
import shutil
import tempfile
import threading
import time

DEADLINE_S = 30  # waits take milliseconds: only a hang reaches it
SUPPORT = pathlib.Path(__file__).resolve().parent.parent / "support"


def load(program):
    """A program of tests/support as a module."""
    loader = importlib.machinery.SourceFileLoader(program.replace("-", "_"), str(SUPPORT / program))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module


with_etcd = load("with-etcd")


def wait_until(condition, what, deadline=DEADLINE_S):
    """Returns the first true value of condition(); fails with the name of what did not happen."""
    end = time.monotonic() + deadline
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"in {deadline} s this did not happen: {what}")
        time.sleep(0.005)


def encode(text):
    return base64.b64encode(text.encode()).decode()


def decode(text):
    return base64.b64decode(text or "").decode(errors="replace")


def range_end(prefix):
    """The end of the range of all keys that begin with prefix, in base64."""
    return encode(prefix[:-1] + chr(ord(prefix[-1]) + 1))


class Kv:
    """One key in etcd. `record` is its JSON, or None."""

    def __init__(self, json_kv):
        self.key = decode(json_kv["key"])
        self.value = decode(json_kv.get("value"))
        self.lease = int(json_kv.get("lease", 0))
        self.revision = int(json_kv.get("mod_revision", 0))
        self.version = int(json_kv.get("version", 0))
        try:
            self.record = json.loads(self.value)
        except ValueError:
            self.record = None


class Etcd:
    """One node. kill() and start() keep its data, wipe() makes it a new, empty cluster. With `tls` it requires
    certificates of its authority (etcd.tls.folder), and shows the one named `server`."""

    def __init__(self, tls=False, options=(), server="server"):
        self.binary = shutil.which(os.environ.get("OUTRIDER_ETCD", "etcd"))
        if self.binary is None:
            raise AssertionError("no etcd: on Debian it is in the package etcd-server")
        self.parent = pathlib.Path(tempfile.mkdtemp(prefix="outrider-e2e-etcd-"))
        self.tls = with_etcd.Tls(self.parent / "certs", client_cert_auth=True, server=server) if tls else None
        _, nodes = with_etcd.start_cluster(self.binary, self.parent, 1, self.tls, options)
        self.node = nodes[0]
        self.url = self.node.url
        self.port = int(self.url.rsplit(":", 1)[1])

    def stop(self):
        self.node.kill()
        shutil.rmtree(self.parent, ignore_errors=True)

    def kill(self):
        self.node.kill()

    def start(self):
        self.node.start()
        wait_until(self.node.is_healthy, "etcd is healthy again")

    def wipe(self):
        self.node.kill()
        shutil.rmtree(self.node.folder / "data")
        self.start()

    def connect(self, timeout=None):
        if self.tls:
            return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=timeout, context=self.tls.context())
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)

    def call(self, path, body):
        connection = self.connect(DEADLINE_S)
        try:
            connection.request("POST", path, json.dumps(body))
            answer = connection.getresponse()
            text = answer.read()
            if answer.status != 200:
                raise AssertionError(f"etcd: {path}: {answer.status} {text[:300]}")
            return json.loads(text)
        finally:
            connection.close()

    def get(self, key):
        found = self.call("/v3/kv/range", {"key": encode(key)}).get("kvs", [])
        return Kv(found[0]) if found else None

    def under(self, prefix):
        found = self.call("/v3/kv/range", {"key": encode(prefix), "range_end": range_end(prefix)})
        return [Kv(kv) for kv in found.get("kvs", [])]

    def put(self, key, value, lease=0):
        return int(self.call("/v3/kv/put", {"key": encode(key), "value": encode(value), "lease": str(lease)})
                   ["header"]["revision"])

    def delete(self, key):
        self.call("/v3/kv/deleterange", {"key": encode(key)})

    def grant(self, ttl_s):
        return int(self.call("/v3/lease/grant", {"TTL": ttl_s})["ID"])

    def revoke(self, lease):
        self.call("/v3/lease/revoke", {"ID": str(lease)})

    def leases(self):
        return [int(lease["ID"]) for lease in self.call("/v3/lease/leases", {}).get("leases", [])]

    def remaining(self, lease):
        """Seconds until the lease ends, -1: it is gone."""
        return int(self.call("/v3/lease/timetolive", {"ID": str(lease)}).get("TTL", 0))


class Event:
    def __init__(self, moment, json_event):
        self.moment = moment
        self.deleted = json_event.get("type") == "DELETE"
        self.kv = Kv(json_event["kv"])
        self.record = None if self.deleted else self.kv.record
        self.status = "gone" if self.deleted else (self.record or {}).get("status")

    def __repr__(self):
        return f"{self.kv.revision} {self.status} {self.kv.value}"


class Watcher:
    """Every event of the keys under a prefix, from now on or from a revision: what any watcher of the
    fleet sees."""

    def __init__(self, etcd, prefix, start_revision=0):
        self.etcd, self.prefix = etcd, prefix
        self.events = []
        self.changed = threading.Condition()
        self.created = False
        self.connection = etcd.connect()
        body = {"create_request": {"key": encode(prefix), "range_end": range_end(prefix),
                                   "start_revision": str(start_revision)}}
        self.connection.request("POST", "/v3/watch", json.dumps(body))
        self.socket = self.connection.sock
        self.answer = self.connection.getresponse()
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()
        with self.changed:
            if not self.changed.wait_for(lambda: self.created, DEADLINE_S):
                raise AssertionError("etcd did not create the watch")

    def read(self):
        try:
            for line in self.answer:
                moment = time.monotonic()
                result = json.loads(line).get("result", {})
                with self.changed:
                    self.created = self.created or result.get("created", False)
                    self.events += [Event(moment, event) for event in result.get("events", [])]
                    self.changed.notify_all()
        except (OSError, ValueError, AttributeError, http.client.HTTPException):
            pass

    def close(self):
        try:
            self.socket.shutdown(2)
        except OSError:
            pass
        self.thread.join(DEADLINE_S)
        self.connection.close()

    def mark(self):
        """The number of events so far, for `since`."""
        with self.changed:
            return len(self.events)

    def wait(self, condition, what, since=0, deadline=DEADLINE_S):
        """The first event from number `since` on for which condition(event) is true."""
        def find():
            return next((event for event in self.events[since:] if condition(event)), None)
        with self.changed:
            if not self.changed.wait_for(find, deadline):
                seen = "\n  ".join(map(repr, self.events[since:])) or "nothing"
                raise AssertionError(f"in {deadline} s no watcher saw {what}; it saw\n  {seen}")
            return find()

    def status(self, status, since=0, **members):
        """Waits for a record of this status with these members; `gone` is a deleted key."""
        def fits(event):
            return event.status == status and all((event.record or {}).get(k) == v for k, v in members.items())
        return self.wait(fits, f"status {status} {members or ''}", since)

    def until_now(self, since=0):
        """All events up to now, complete up to a key that the test writes."""
        key = f"{self.prefix}~mark{time.monotonic_ns()}"
        revision = self.etcd.put(key, "mark")
        self.wait(lambda event: event.kv.revision >= revision, "our own mark", since)
        with self.changed:
            return [event for event in self.events[since:] if "~mark" not in event.kv.key]
