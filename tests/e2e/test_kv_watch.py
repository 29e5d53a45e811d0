"""outrider kv watch: every change once, whatever happens to etcd and to the network."""
import http.server
import json
import queue
import subprocess
import threading
import types

from harness import BINARY, Case, environment
from registry import DEADLINE_S, wait_until


class KvWatch(Case):
    """Each test has its own prefix; the watch goes through a proxy where the network fails."""

    def setUp(self):
        super().setUp()
        self.way = self.proxy()

    def begin(self, revision, *urls):
        """A watch of the prefix from that revision on."""
        config = self.dir / "kv.yaml"
        config.write_text(json.dumps({"registry": {"endpoints": urls or [self.way.url], "ttl": "2s"}}))
        return self.process(BINARY, "kv", "watch", "--json", "--prefix", self.prefix + "/", "--rev", str(revision),
                            env=environment(OUTRIDER_CONFIG=config), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            text=True)

    def follow(self, *urls):
        """A watch that has printed a first key."""
        first = self.put("first")
        watch = self.begin(first, *urls)
        self.assertEqual(self.next(watch), ("put", "first", first))
        return watch

    def put(self, name):
        return self.etcd.put(f"{self.prefix}/{name}", "v")

    def delete(self, name):
        self.etcd.delete(f"{self.prefix}/{name}")

    def next(self, watch):
        line = watch.stdout.readline()
        if not line:
            raise AssertionError(f"it ended: {watch.stderr.read()}")
        change = json.loads(line)
        return change["event"], change["key"].removeprefix(self.prefix + "/"), change["modRevision"]

    def ended(self, watch):
        self.assertEqual(watch.stdout.read(), "")
        return watch.wait(DEADLINE_S), watch.stderr.read()

    def test_a_connection_that_breaks(self):
        watch = self.follow()
        for number in range(3):
            self.way.do("reset")
            self.assertIn("trying again", watch.stderr.readline())
            revisions = [self.put("a"), self.put("a"), self.put(f"b{number}")]
            self.way.do("pass")
            self.assertIn(f"watching again, from revision {revisions[0]} on", watch.stderr.readline())
            self.assertEqual([self.next(watch)[2] for _ in range(3)], revisions)

    def test_a_member_that_goes_away(self):
        watch = self.follow(self.way.url, self.etcd.url)
        self.way.do("refuse")
        revision = self.put("a")
        self.assertEqual(self.next(watch), ("put", "a", revision))
        self.assertIn("trying again", watch.stderr.readline())

    def test_etcd_is_killed(self):
        watch = self.follow(self.etcd.url)
        for _ in range(2):
            before = [self.put(f"k{i}") for i in range(20)]
            self.etcd.kill()
            self.etcd.start()
            after = [self.put(f"k{i}") for i in range(20)]
            self.assertEqual([self.next(watch)[2] for _ in range(40)], before + after)

    def test_what_it_missed_is_compacted(self):
        watch = self.follow()
        self.way.do("reset")
        self.assertIn("trying again", watch.stderr.readline())
        revision = self.put("a")
        last = self.put("a")
        self.etcd.call("/v3/kv/compaction", {"revision": str(last), "physical": True})
        self.way.do("pass")
        status, text = self.ended(watch)
        self.assertEqual(status, 1)
        self.assertIn(f"revision {revision} is compacted", text)
        self.assertIn(f"--rev {last}", text)

    def test_printed_changes_may_be_compacted(self):
        watch = self.follow()
        last = self.put("a")
        self.assertEqual(self.next(watch)[2], last)
        self.etcd.call("/v3/kv/compaction", {"revision": str(last), "physical": True})
        self.way.do("reset")
        self.assertIn("trying again", watch.stderr.readline())
        self.way.do("pass")
        self.assertIn("watching again", watch.stderr.readline())
        revision = self.put("b")
        self.assertEqual(self.next(watch), ("put", "b", revision))

    def test_a_revision_that_is_still_to_come(self):
        """etcd's revision is lower, though it was not set back."""
        wanted = self.put("first") + 3
        watch = self.begin(wanted)
        before = self.ranges()
        wait_until(lambda: self.ranges() > before, "it is open, and etcd is asked beside it")
        self.way.do("reset")
        self.assertIn("trying again", watch.stderr.readline())
        self.way.do("pass")
        self.assertIn(f"watching again, from revision {wanted} on", watch.stderr.readline())
        before = self.ranges()
        wait_until(lambda: self.ranges() > before, "etcd is asked again")
        last = [self.put("a") for _ in range(3)][-1]
        self.assertEqual(self.next(watch), ("put", "a", last))

    def test_an_etcd_that_lost_its_data(self):
        watch = self.follow()
        for _ in range(3):
            self.put("a")
            self.next(watch)
        self.etcd.wipe()
        status, text = self.ended(watch)
        self.assertEqual(status, 1)
        self.assertRegex(text, "the registry was set back: revision=1 |another cluster answers")

    def test_a_stalled_stream(self):
        """The connection stays open without data: the other requests show that an event is missing."""
        watch = self.follow()
        self.way.do("mute /v3/watch")
        revision = self.put("a")
        self.assertIn("delivered nothing after", watch.stderr.readline())
        self.assertEqual(self.next(watch), ("put", "a", revision))
        self.assertIn("watching again", watch.stderr.readline())

    def test_a_stalled_stream_and_a_deleted_key(self):
        watch = self.follow()
        revision = self.put("a")
        self.assertEqual(self.next(watch)[2], revision)
        self.etcd.put("/elsewhere", "v")
        self.way.do("mute /v3/watch")
        self.delete("a")
        self.assertIn("delivered nothing after", watch.stderr.readline())
        self.assertEqual(self.next(watch)[:2], ("delete", "a"))

    def ranges(self):
        """The number of range requests at etcd; no other client sends any."""
        line = next(line for line in self.etcd.node.call("/metrics").decode().splitlines()
                    if line.startswith("grpc_server_handled_total") and 'code="OK"' in line and 'method="Range"' in line)
        return float(line.split()[1])

    def write_elsewhere_until_asked(self, times):
        before = self.ranges()

        def is_asked():
            self.etcd.put("/elsewhere", "v")
            return self.ranges() >= before + times
        wait_until(is_asked, f"{times} questions to etcd")

    def test_other_writes_are_no_stall(self):
        """Keys that change outside the prefix: checked repeatedly, and no stall is found."""
        watch = self.follow()
        self.put("a")
        self.delete("a")
        self.assertEqual([self.next(watch)[:2] for _ in range(2)], [("put", "a"), ("delete", "a")])
        self.write_elsewhere_until_asked(4)
        self.put("b")
        self.assertEqual(self.next(watch)[:2], ("put", "b"))
        self.write_elsewhere_until_asked(6)
        watch.kill()
        self.assertEqual(watch.stderr.read(), "")


class SlowEtcd(http.server.BaseHTTPRequestHandler):
    """Stands in for etcd with the one key `a`, which changed last at `stage.revision`. Each watch puts a queue into
    `stage.streams`, for the revisions of its events, None at its end; each get of one key puts one into `stage.gets`, for the
    revision that it answers."""
    protocol_version = "HTTP/1.1"
    stage = None

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        mine = queue.Queue()
        if self.path == "/v3/watch":
            self.stage.streams.put(mine)
            self.stream(mine)
        elif "range_end" in asked:
            self.reply({"header": self.header(self.stage.revision), "kvs": [self.key(self.stage.revision)], "count": "1"})
        else:
            self.stage.gets.put(mine)
            self.reply({"header": self.header(mine.get(timeout=DEADLINE_S))})

    def header(self, revision):
        return {"cluster_id": "7", "member_id": "1", "revision": str(revision), "raft_term": "2"}

    def key(self, revision):
        return {"key": "YQ==", "value": "dg==", "create_revision": "1", "mod_revision": str(revision), "version": "2"}

    def reply(self, document):
        body = json.dumps(document).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def stream(self, revisions):
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.chunk({"header": self.header(self.stage.revision), "watch_id": "1", "created": True})
        while (revision := revisions.get(timeout=DEADLINE_S)) is not None:
            self.chunk({"header": self.header(revision), "watch_id": "1", "events": [{"kv": self.key(revision)}]})
        self.wfile.write(b"0\r\n\r\n")

    def chunk(self, result):
        line = json.dumps({"result": result}).encode() + b"\n"
        self.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))

    def log_message(self, *_):
        pass


class LateReply(Case):
    def setUp(self):
        super().setUp()
        self.stage = types.SimpleNamespace(gets=queue.Queue(), streams=queue.Queue(), revision=10)
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (SlowEtcd,), {"stage": self.stage}))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        config = self.dir / "kv.yaml"
        config.write_text(json.dumps({"registry": {"endpoints": [f"http://127.0.0.1:{server.server_port}"], "ttl": "2s"}}))
        self.watch = self.process(BINARY, "kv", "watch", "a", env=environment(OUTRIDER_CONFIG=config),
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def change(self, stream):
        self.stage.revision += 10
        stream.put(self.stage.revision)
        lines = [self.watch.stdout.readline() for _ in range(3)]
        self.assertEqual(lines, ["PUT\n", "a\n", "v\n"], "" if lines[0] else self.watch.stderr.read())

    def test_a_late_reply_to_an_older_check(self):
        """It has a revision from before what the stream delivered since, which as a reply to the newest check would mean that
        the registry was set back."""
        first, older = self.stage.streams.get(timeout=DEADLINE_S), self.stage.gets.get(timeout=DEADLINE_S)
        first.put(None)
        second = self.stage.streams.get(timeout=DEADLINE_S)
        self.change(second)
        newest = self.stage.gets.get(timeout=DEADLINE_S)
        older.put(10)
        self.change(second)
        newest.put(self.stage.revision)
        self.stage.gets.get(timeout=DEADLINE_S).put(self.stage.revision)
        self.change(second)
        self.watch.kill()
        second.put(None)
