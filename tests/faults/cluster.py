"""An etcd of one node or three on which faults are played, and a watcher that misses no event."""
import contextlib
import http.client
import json
import pathlib
import re
import shutil
import signal
import tempfile
import threading
import time

from registry import DEADLINE_S, Etcd, Event, Watcher, encode, range_end, wait_until, with_etcd

FILL = "/services/~mark-fill/"  # where a watcher sees it, so that no compaction overtakes the watcher
SILENT_S = 0.5  # after this long without an event a watcher resumes on another node

FILL_BYTES = 200000
TOKEN_OVER = re.compile(r"invalid auth token|user name is empty|revision of auth store is old")


class Unanswered(Exception):
    pass


class Cluster(Etcd):
    """Requests of the test, not of the agent: each goes to any node that answers."""

    def __init__(self, binary, count, options=(), tls=False):
        self.binary = shutil.which(binary)
        if self.binary is None:
            raise AssertionError(f"no etcd at {binary}")
        self.parent = pathlib.Path(tempfile.mkdtemp(prefix="outrider-faults-etcd-"))
        self.tls = with_etcd.Tls(self.parent / "certs", client_cert_auth=True) if tls else None
        _, self.nodes = with_etcd.start_cluster(self.binary, self.parent, count, self.tls, options)
        self.stopped, self.token, self.guarded = set(), None, False
        self.ports = [int(node.url.rsplit(":", 1)[1]) for node in self.nodes]
        self.urls = [node.url for node in self.nodes]
        self.wait_healthy()

    def stop(self):
        for node in self.nodes:
            node.kill()
        shutil.rmtree(self.parent, ignore_errors=True)

    # ---- requests ----

    def connection(self, index, timeout):
        if self.tls:
            return http.client.HTTPSConnection("127.0.0.1", self.ports[index], timeout=timeout, context=self.tls.context())
        return http.client.HTTPConnection("127.0.0.1", self.ports[index], timeout=timeout)

    def headers(self):
        return {"Authorization": self.token} if self.token else {}

    def enable_auth(self, user, password, prefixes):
        """A root user, and a user that may read and write under the prefixes."""
        self.once("/v3/auth/user/add", {"name": user, "password": password})
        self.once("/v3/auth/role/add", {"name": user})
        self.permit(user, prefixes, "READWRITE")
        self.once("/v3/auth/user/grant", {"user": user, "role": user})
        with_etcd.enable_auth(self.nodes[0])
        self.guarded = True
        self.login()

    def permit(self, user, prefixes, what):
        """Sets the permission of the user under the prefixes: READ or READWRITE."""
        for prefix in prefixes:
            permission = {"permType": what, "key": encode(prefix), "range_end": range_end(prefix)}
            self.once("/v3/auth/role/grant", {"name": user, "perm": permission})

    def login(self):
        """Later requests have a token, if etcd gives one."""
        if self.guarded:
            self.token = None
            with contextlib.suppress(Unanswered, IndexError):
                body = {"name": "root", "password": with_etcd.ROOT_PASSWORD}
                self.token = self.ask(self.answering()[0], "/v3/auth/authenticate", body, timeout=DEADLINE_S)["token"]

    def answering(self):
        """The nodes that the test has not stopped."""
        return [i for i, node in enumerate(self.nodes)
                if i not in self.stopped and node.process and node.process.poll() is None]

    def ask(self, index, path, body, timeout=1.0):
        connection = self.connection(index, timeout)
        try:
            connection.request("POST", path, json.dumps(body), self.headers())
            answer = connection.getresponse()
            text = answer.read().decode(errors="replace")
        except (OSError, http.client.HTTPException) as error:
            raise Unanswered(f"{path}: {error}") from None
        finally:
            connection.close()
        if answer.status != 200:
            if TOKEN_OVER.search(text):
                self.login()
            raise Unanswered(f"{path}: {answer.status} {text[:300]}")
        return json.loads(text)

    def call(self, path, body):
        """Retries until a node answers; the request must be safe to repeat."""
        trouble = "no node runs"
        end = time.monotonic() + DEADLINE_S
        while time.monotonic() < end:
            for index in self.answering():
                try:
                    return self.ask(index, path, body)
                except Unanswered as error:
                    trouble = str(error)
            time.sleep(0.02)
        raise AssertionError(f"etcd: {trouble}")

    def once(self, path, body):
        """A request that cannot be repeated, and may take long: a password costs etcd 0.1 s of CPU."""
        for _ in range(10):
            try:
                return self.ask(self.answering()[0], path, body, timeout=DEADLINE_S)
            except Unanswered as error:
                if not TOKEN_OVER.search(str(error)):  # it was not done, and there is a new token by now
                    raise
        raise AssertionError(f"etcd: {path}: no token lasts until it is asked")

    def revision(self):
        return int(self.call("/v3/kv/range", {"key": encode("/")})["header"]["revision"])

    def status(self, index):
        """The status of a node, None without an answer."""
        try:
            return self.ask(index, "/v3/maintenance/status", {})
        except Unanswered:
            return None

    def leader(self):
        def find():
            for index in self.answering():
                status = self.status(index)
                if status and status.get("leader") == status["header"]["member_id"]:
                    return [index]
            return None
        return wait_until(find, "a leader")[0]

    def is_healthy(self):
        try:
            for index in self.answering():
                self.ask(index, "/v3/kv/range", {"key": encode("/")})
        except Unanswered:
            return False
        return bool(self.answering())

    def wait_healthy(self):
        """Each node that runs answers a linearizable read."""
        wait_until(self.is_healthy, "etcd is healthy")

    # ---- faults ----

    def all(self):
        return range(len(self.nodes))

    def kill_nodes(self, indices):
        for index in indices:
            self.nodes[index].kill()

    def end_nodes(self, indices):
        """Stops them as a service manager does."""
        for index in indices:
            self.nodes[index].process.send_signal(signal.SIGTERM)
        for index in indices:
            self.nodes[index].process.wait(DEADLINE_S)

    def start_nodes(self, indices):
        for index in indices:
            self.nodes[index].start()
        self.wait_healthy()

    def freeze(self, indices):
        for index in indices:
            self.stopped.add(index)
            self.nodes[index].process.send_signal(signal.SIGSTOP)

    def thaw(self):
        for index in self.stopped:
            self.nodes[index].process.send_signal(signal.SIGCONT)
        self.stopped = set()
        self.wait_healthy()

    def wipe(self):
        """A new cluster at the same addresses."""
        self.kill_nodes(self.all())
        for node in self.nodes:
            shutil.rmtree(node.folder / "data")
            # With the same names and token the members would get the same ids.
            node.command[node.command.index("--initial-cluster-token") + 1] += "-again"
        self.start_nodes(self.all())

    def compact(self, revision):
        self.call("/v3/kv/compaction", {"revision": str(revision), "physical": True})

    def fill(self):
        """Writes until the quota of the backend refuses; returns the error."""
        for number in range(1000):
            try:
                body = {"key": encode(f"{FILL}{number}"), "value": encode("x" * FILL_BYTES)}
                self.ask(self.answering()[0], "/v3/kv/put", body, timeout=5)
            except Unanswered as error:
                return str(error)
        raise AssertionError("etcd takes whatever it is given")

    def defragment(self, index):
        """Returns the size of the store; the nodes compact at different times."""
        self.ask(index, "/v3/maintenance/defragment", {}, timeout=DEADLINE_S)
        return int((self.status(index) or {}).get("dbSize", FILL_BYTES))

    def make_room(self, follower):
        """Repairs a full store as an operator does: delete, compact, defragment, disarm."""
        done = self.call("/v3/kv/deleterange", {"key": encode(FILL), "range_end": range_end(FILL)})
        self.compact(follower.seen(int(done["header"]["revision"])))
        for index in self.answering():
            wait_until(lambda index=index: self.defragment(index) < FILL_BYTES, "defragmented")
        for alarm in self.call("/v3/maintenance/alarm", {"action": "GET"}).get("alarms", []):
            self.call("/v3/maintenance/alarm", {"action": "DEACTIVATE", **alarm})


class Follower(Watcher):
    """A watcher of a fleet that resumes at any node that answers: it gets every event once."""

    def __init__(self, cluster, prefix):
        self.etcd, self.prefix = cluster, prefix
        self.events, self.changed = [], threading.Condition()
        self.created = self.closing = False
        self.next, self.epoch = cluster.revision() + 1, 0
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()
        wait_until(lambda: self.created, "a watch")

    def forget(self):
        """The cluster is new: the watch begins at revision 1."""
        with self.changed:
            self.epoch += 1
            self.next = 1

    def seen(self, revision):
        """Waits for the event of a revision; returns the revision up to which the events are complete."""
        self.wait(lambda event: event.kv.revision >= revision, f"revision {revision}", max(0, self.mark() - 1000))
        return self.next - 1

    def read(self):
        turn = 0
        while not self.closing:
            running = self.etcd.answering()
            if running:
                turn += 1
                self.follow(running[turn % len(running)])
            if not self.closing:
                time.sleep(0.02)

    def follow(self, index):
        with self.changed:
            epoch, begin = self.epoch, self.next
        connection = self.etcd.connection(index, SILENT_S)
        create = {"key": encode(self.prefix), "range_end": range_end(self.prefix), "start_revision": str(begin)}
        try:
            connection.request("POST", "/v3/watch", json.dumps({"create_request": create}), self.etcd.headers())
            for line in connection.getresponse():
                result = json.loads(line).get("result", {})
                if self.closing or not self.take(result, epoch):
                    break
        except (OSError, ValueError, AttributeError, http.client.HTTPException):
            pass
        finally:
            connection.close()

    def take(self, result, epoch):
        moment = time.monotonic()
        with self.changed:
            if TOKEN_OVER.search(result.get("cancel_reason", "")):
                self.etcd.login()
            if self.epoch != epoch or result.get("canceled"):
                return False
            self.created = self.created or result.get("created", False)
            events = [Event(moment, event) for event in result.get("events", [])]
            events = [event for event in events if event.kv.revision >= self.next]
            if events:
                self.events += events
                self.next = events[-1].kv.revision + 1
            self.changed.notify_all()
            return True

    def close(self):
        self.closing = True
        self.thread.join(DEADLINE_S)
