"""outrider kv: direct access to etcd."""
import json
import subprocess

from fleet import Terminal
from harness import BINARY, Case, environment


class Kv(Case):
    def setUp(self):
        super().setUp()
        self.config = self.dir / "kv.yaml"
        self.config.write_text(json.dumps({"registry": {"endpoints": [self.etcd.url]}}))

    def kv(self, *words, stdin=b"", exits=0):
        done = subprocess.run([BINARY, "kv", *words], env=environment(OUTRIDER_CONFIG=self.config), input=stdin,
                              capture_output=True, check=False, timeout=60)
        self.assertEqual(done.returncode, exits, done.stderr)
        return done.stdout

    def test_bytes_come_back_as_they_went(self):
        value = bytes(range(256))
        self.assertEqual(self.kv("put", "k/bytes", "-", stdin=value), b"OK\n")
        self.assertEqual(self.kv("get", "k/bytes", "--print-value-only"), value + b"\n")
        self.assertIn("valueBase64", json.loads(self.kv("get", "--json", "k/bytes"))["kvs"][0])
        self.assertEqual(self.kv("get", "k/none", exits=1), b"")
        self.assertEqual(self.kv("del", "--prefix", "k/"), b"1\n")

    def on_terminal(self, *words):
        return Terminal(self, [BINARY, "kv", *words], columns=200, OUTRIDER_CONFIG=str(self.config))

    def test_a_terminal_gets_no_control_characters(self):
        """A value that anybody may write must not drive the terminal of its reader."""
        key, value = b"e/\x1b]0;gone\x07\xc2\x9b", b"a\tb\nc\x1b[2J\xc2\x9b31m \xe2\x80\xae \xff\r{\"x\":\"\\n\"}"
        put = b'then put "e/\\x1b]0;gone\\x07\\xc2\\x9b" "' + b"".join(b"\\x%02x" % byte for byte in value) + b'"\n'
        self.assertEqual(self.kv("txn", stdin=put), b"SUCCESS\n\nOK\n")
        get = ("get", "--prefix", "e/")
        self.assertEqual(self.kv(*get), key + b"\n" + value + b"\n", "bytes in a pipe")
        shown = b"e/\\u001b]0;gone\\u0007\\u009b\r\na\tb\r\nc\\u001b[2J\\u009b31m \\u202e \\xff\\r{\"x\":\"\\n\"}\r\n"
        self.assertEqual(self.on_terminal(*get).rest(), shown)
        self.assertEqual(self.on_terminal(*get, "--raw").rest(), (key + b"\n" + value + b"\n").replace(b"\n", b"\r\n"))
        revision = str(json.loads(self.kv(*get, "--json"))["kvs"][0]["modRevision"])
        watch = self.on_terminal("watch", "--prefix", "e/", "--rev", revision)
        self.assertEqual(watch.until(b"\"}\r\n"), b"PUT\r\n" + shown)
        document = self.on_terminal(*get, "--json").rest()
        self.assertNotRegex(document, rb"[\x00-\x09\x0b\x0c\x0e-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80[\xaa-\xae]")
        self.assertEqual(json.loads(document)["kvs"][0]["key"], key.decode())
        failed = self.on_terminal("get", "e/\x1b[2J").rest()
        self.assertEqual(failed, b"outrider: no such key `e/\\u001b[2J`\r\n")
        self.assertEqual(self.kv("del", "--prefix", "e/"), b"1\n")

    def test_more_keys_than_a_page_holds(self):
        keys = [f"many/{i:04}" for i in range(1250)]
        for at in range(0, len(keys), 125):
            self.kv("txn", stdin="".join(f"then put {key} v\n" for key in keys[at:at + 125]).encode())
        self.assertEqual(self.kv("get", "--prefix", "many/", "--keys-only").decode().split(), keys)
        self.assertEqual(self.kv("get", "--prefix", "many/", "--keys-only", "--limit", "1100").decode().split(), keys[:1100])
        self.assertEqual(self.kv("get", "--prefix", "many/", "--count-only"), b"1250\n")
        self.assertEqual(self.kv("del", "--prefix", "many/"), b"1250\n")

    def test_a_transaction_is_done_or_not(self):
        lines = b'if missing t/a\nthen put t/a "x y"\nelse get t/a\n'
        self.assertEqual(self.kv("txn", stdin=lines), b"SUCCESS\n\nOK\n")
        self.assertEqual(self.kv("txn", stdin=lines, exits=1), b"FAILURE\n\nt/a\nx y\n")
        self.kv("txn", stdin=b"then put\n", exits=64)

    def test_a_lease_takes_its_keys_along(self):
        lease = self.kv("lease", "grant", "60s").split()[1].decode()
        self.kv("put", "l/a", "v", "--lease", lease)
        self.assertIn(b"l/a\n", self.kv("lease", "timetolive", "--keys", lease))
        self.assertIn(lease.encode(), self.kv("lease", "list"))
        self.assertIn(b"keepalived", self.kv("lease", "keep-alive", "--once", lease))
        self.kv("lease", "revoke", lease)
        self.kv("get", "l/a", exits=1)
        self.kv("lease", "timetolive", lease, exits=1)

    def test_a_watch_prints_every_change(self):
        self.kv("put", "w/1", "a")
        revision = json.loads(self.kv("get", "--json", "w/1"))["kvs"][0]["modRevision"]
        watch = subprocess.Popen([BINARY, "kv", "watch", "--prefix", "w/", "--rev", str(revision)],
                                 env=environment(OUTRIDER_CONFIG=self.config), stdout=subprocess.PIPE)
        try:
            self.assertEqual([watch.stdout.readline() for _ in range(3)], [b"PUT\n", b"w/1\n", b"a\n"])
            self.kv("del", "w/1")
            self.assertEqual([watch.stdout.readline() for _ in range(3)], [b"DELETE\n", b"w/1\n", b"\n"])
        finally:
            watch.kill()
            watch.stdout.close()
            watch.wait()

    def test_no_answer(self):
        self.config.write_text(json.dumps({"registry": {"endpoints": ["http://127.0.0.1:1"]}}))
        self.kv("get", "k", exits=75)
        self.kv("put", "k", "v", exits=75)
        self.kv("watch", "k", exits=75)
