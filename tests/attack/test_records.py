"""Malicious records, put straight into etcd: skipped, counted and reported, or served unchanged; never
a broken document, stream, metric, screen or file."""
import json
import re
import subprocess
import unittest

from fleet import Terminal
from harness import BINARY, wait_until
from hostile import Good, Hostile, Sse, binary


def text(kind, ident, **more):
    return json.dumps({"id": ident, "type": kind, "host": "10.0.0.1", "ports": [8001], "status": "ready", **more},
                      ensure_ascii=False)


def with_member(member):
    """A record with one more member, as raw bytes."""
    return lambda ident: '{"id":"%s","type":"bad","status":"ready",%s}' % (ident, member)


def only(value):
    return lambda ident: value


# By name: the value of the key bad/NAME, and whether it is listed.
VALUES = {
    "custom-1mb": (lambda ident: text("bad", ident, customState="x" * 1000000), False),
    "labels-1mb": (lambda ident: text("bad", ident, labels={f"l{i}": "y" * 100 for i in range(9000)}), False),
    "labels-65": (lambda ident: text("bad", ident, labels={f"l{i}": "y" for i in range(65)}), False),
    "just-fits": (lambda ident: text("bad", ident, customState="x" * 65000), True),
    "utf8-not": (lambda ident: b'{"id":"%s","type":"bad","status":"ready","customState":"\xff\xfe"}' % ident.encode(), False),
    "utf8-surrogate": (lambda ident: b'{"id":"%s","type":"bad","status":"ready","x":"\xed\xa0\x80"}' % ident.encode(), False),
    "nul": (with_member('"customState":"a\x00b"'), False),
    "nul-escaped": (with_member('"customState":"a\\u0000b"'), False),
    "control-raw": (with_member('"customState":"a\x1b[31mb"'), False),
    "control-escaped": (with_member('"customState":"\\u001b[2J\\u001b]0;owned\\u0007\\u009b31m\\u0008\\r\\n"'), False),
    "control-tab": (with_member('"customState":"12/64\\ton harbor"'), True),
    "u2028": (with_member('"customState":"a\u2028b\u2029c"'), True),
    "html": (with_member('"customState":"</script><script>alert(1)</script><img src=x onerror=alert(1)>"'), True),
    "sse-lf": (with_member('\n\n"x":1\n\n'), True),
    "sse-inject": (only('{"id":"sse-inject",\n\nevent: remove\ndata: {"key":"x"}\n\n"type":"bad","status":"ready"}'), False),
    "sse-cr": (with_member('\r"x"\r:\r1\r\r'), True),
    "sse-escaped": (with_member('"region":"kr\\n\\nevent: remove\\ndata: {}\\n\\n"'), False),
    "bidi": (with_member('"region":"\u202egnp.exe","version":"\ufeff\u200b"'), True),
    "deep-arrays": (with_member('"x":' + "[" * 100000 + "]" * 100000), False),
    "deep-objects": (with_member('"x":' + '{"a":' * 100000 + "1" + "}" * 100000), False),
    "deep-open": (only("[" * 100000), False),
    "deep-31": (with_member('"x":' + "[" * 30 + "]" * 30), True),
    "twice": (with_member('"status":"error"'), False),
    "twice-unknown": (with_member('"x":1,"x":2'), False),
    "twice-escaped": (with_member('"x":1,"\\u0078":2'), False),
    "twice-text": (with_member('"customState":"a","customState":"b"'), False),
    "custom-number": (with_member('"customState":5'), False),
    "reason-object": (with_member('"reason":{"a":1}'), False),
    "drain-text": (with_member('"drain":"x"'), False),
    "drain-holds-text": (with_member('"drain":{"holds":"ops"}'), False),
    "drain-twice": (with_member('"drain":{"by":"a","by":"b"}'), False),
    "started-number": (with_member('"startedAt":17'), False),
    "updated-words": (with_member('"updatedAt":"yesterday"'), False),
    "signed": (with_member('"signed":true'), False),
    "unknown-members": (with_member('"score":{"a":[1,{"b":null}]},"motd":"a\\nb"'), True),
    "nulls": (with_member('"drain":null,"customState":null,"startedAt":null'), True),
    "1e999": (with_member('"x":1e999'), False),
    "1e999-minus": (with_member('"x":-1e999'), False),
    "1e-999": (with_member('"x":1e-999'), True),
    "400-digits": (with_member('"x":' + "9" * 400), False),
    "20-digits": (with_member('"x":' + "9" * 20), True),
    "players-1e999": (with_member('"players":1e999'), False),
    "players-negative": (with_member('"players":-1'), False),
    "players-half": (with_member('"players":0.5'), False),
    "players-large": (with_member('"players":99999999999'), False),
    "nan": (with_member('"x":NaN'), False),
    "port-0": (with_member('"ports":[0]'), False),
    "port-65536": (with_member('"ports":[65536]'), False),
    "ports-100": (with_member('"ports":[%s]' % ",".join(["80"] * 100)), False),
    "ports-text": (with_member('"ports":"80"'), False),
    "other-id": (only(text("bad", "somebody")), False),
    "other-type": (only(text("good", "other-type")), False),
    "empty": (only(""), False),
    "array": (only("[]"), False),
    "number": (only("17"), False),
    "string": (only('"x"'), False),
    "null": (only("null"), False),
    "true": (only("true"), False),
    "half": (only('{"id":"half","type":"bad","status":"rea'), False),
    "more": (lambda ident: text("bad", ident) + "{}", False),
    "bom": (lambda ident: "\ufeff" + text("bad", ident), True),
    "no-status": (only('{"id":"no-status","type":"bad"}'), False),
    "status-number": (only('{"id":"status-number","type":"bad","status":5}'), False),
    "status-unknown": (only(text("bad", "status-unknown", status="exploding\x1b[31m\n\"}")), False),
    "status-later": (only(text("bad", "status-later", status="exploding\"}")), True),
    "status-long": (only(text("bad", "status-long", status="x" * 2000)), False),
}
# Keys below the prefix, their values, and whether they are listed.
KEYS = [
    (b"/bad", b"x", False),
    (b"/", b"x", False),
    (b"//", b"x", False),
    (b"//id", b'{"id":"id","type":"","status":"ready"}', False),
    (b"/bad/", b"x", False),
    (b"/bad/a/b", b'{"id":"a/b","type":"bad","status":"ready"}', False),
    (b"/bad/" + b"k" * 129, b"x", False),
    (b"/" + b"t" * 64 + b"/a", b"x", False),
    (b"/bad/" + "é".encode() * 5000, b"x", False),
    (b"/bad/\xff\xfe", b'{"id":"\xff\xfe","type":"bad","status":"ready"}', False),
    (b"/bad/\xed\xa0\x80", b'{"id":"\\ud800","type":"bad","status":"ready"}', False),
    (b"/bad/a\x00b", b'{"id":"a\\u0000b","type":"bad","status":"ready"}', False),
    (b"/bad/esc\x1b[31m\nfake level=error msg=\"owned\"", b"x", False),
    (b"/bad/100%25 sure?#&=+", rb'{"id":"100%25 sure?#&=+","type":"bad","status":"ready"}', True),
    (b"/bad/line\nbreak\r\x1b[2J", rb'{"id":"line\nbreak\r\u001b[2J","type":"bad","status":"ready"}', False),
    (b'/quo"te\\\n{}=,\x7f/a', b'{"id":"a","type":"quo\\"te\\\\\\n{}=,\x7f","status":"ready"}', False),
    (b'/quo"te\\{}=,/a', b'{"id":"a","type":"quo\\"te\\\\{}=,","status":"ready"}', True),
    (b"/bad/..", b'{"id":"..","type":"bad","status":"ready"}', False),
    (b"/bad/.", b'{"id":".","type":"bad","status":"ready"}', False),
    (b"/../a", b'{"id":"a","type":"..","status":"ready"}', False),
    ("/bad/\u202egnp".encode(), '{"id":"\u202egnp","type":"bad","status":"ready"}'.encode(), True),
]


class Records(Hostile):
    def everything(self):
        """All of them as pairs, and the listed names as (type, id)."""
        pairs, listed = [], set()
        for name, (value, is_record) in VALUES.items():
            value = value(name)
            pairs.append((f"{self.prefix}/bad/{name}".encode(), value if isinstance(value, bytes) else value.encode()))
            listed |= {("bad", name)} if is_record else set()
        for key, value, is_record in KEYS:
            pairs.append((self.prefix.encode() + key, value))
            listed |= {tuple(key.decode().split("/")[1:])} if is_record else set()
        return pairs, listed

    @staticmethod
    def names(records):
        return {(record["type"], record["id"]) for record in records if record["type"] != "good"}

    def check_documents(self, observer, listed, unreadable):
        """Every output that contains a record's bytes."""
        services = self.document(observer, "/api/services")
        self.assertEqual(self.names(services["services"]), listed)
        self.assertEqual(services["total"], len(services["services"]))
        view = self.document(observer, "/api/agent")["view"]
        self.assertEqual(view["unreadable"], unreadable)
        self.assertLessEqual(len(view["unreadableKeys"]), 32)
        self.assertEqual(sum(view["skipped"].values()), unreadable)
        for kind in ("other_key", "not_json", "wrong_kind", "too_large"):
            self.assertGreater(view["skipped"][kind], 0, kind)
        for path in ("/service-discovery/services", "/service-discovery/topology"):
            self.document(observer, path)
        for path in ("/api/services/bad/100%2525%20sure%3F%23&=%2b", "/api/services/bad/status-later"):
            self.assertEqual(self.document(observer, path)["type"], "bad")
        self.assertEqual(self.get(observer, "/api/services/bad/line%0Abreak%0D%1B%5B2J")[0], 404)
        self.assertEqual(self.get(observer, "/api/services/bad/nul")[0], 404)
        metrics = self.get(observer, "/metrics")[2]
        self.assertIn(b'type="quo\\"te\\\\{}=,",status="ready"} 1\n', metrics)
        self.assertIn(b"outrider_view_unreadable %d\n" % unreadable, metrics)
        self.assertIn(b'outrider_view_skipped{reason="wrong_kind"} %d\n' % view["skipped"]["wrong_kind"], metrics)
        checked = subprocess.run(["promtool", "check", "metrics"], input=metrics, capture_output=True, check=False)
        self.assertEqual((checked.returncode, checked.stdout), (0, b""), checked.stderr)

    def follow(self, observer, path="/api/subscribe?type=bad"):
        stream = self.connect(observer)
        stream.request("GET", path)
        return Sse(stream.getresponse()).events()

    def check_stream(self, observer, listed):
        received = set()
        for name, data, _ in self.follow(observer):
            if name == "synced":
                break
            self.assertEqual(name, "init")
            received |= self.names([json.loads(data)])
        self.assertEqual(received, {name for name in listed if name[0] == "bad"})

    def check_commands(self, observer):
        """The output has no terminal controls except the command's own."""
        listed = observer.run("services")
        self.assertEqual((listed.returncode, listed.stderr), (0, ""))
        self.assertRegex(listed.stdout, r"bad +just-fits +ready")
        status = observer.run("status")
        document = observer.run("services", "--json")
        self.assertEqual((status.returncode, document.returncode, document.stderr), (0, 0, ""))
        self.assertGreater(json.loads(document.stdout)["total"], 10)
        for text in (listed.stdout, status.stdout):
            self.assertEqual(re.findall("[\x00-\x09\x0b-\x1f\x7f-\x9f]", text), [])
        self.assertEqual(re.findall("[\u202a-\u202e\u2066-\u2069]", listed.stdout), [], "text in another direction")

    def check_screen(self, observer):
        watch = Terminal(self, [str(BINARY), "services", "-c", str(observer.path), "--watch"], rows=200, columns=200)
        shown = watch.until(b" servers")
        watch.process.kill()
        own = rb"\033\[(?:H|J|K|2J|\?25[lh]|\?1049[lh]|0m|3[1-6]m|1m)"
        self.assertNotIn(b"owned\x07", shown)
        self.assertEqual(re.findall(rb"[\x00-\x09\x0b\x0c\x0e-\x1f\x7f]|\xc2[\x80-\x9f]", re.sub(own, b"", shown)), [])

    def check_log(self, observer):
        log = observer.log_path.read_bytes()
        self.assertEqual(re.findall(rb"[\x00-\x09\x0b-\x1f\x7f]", log), [])
        for line in log.decode().splitlines():
            self.assertRegex(line, r"^ts=\S+ level=\w+ module=\w+ msg=")
        self.assertLessEqual(log.count(b"a key is no record"), 10)

    def test_put_while_it_watches(self):
        observer = self.started()
        good = Good(self, observer)
        events = self.follow(observer)
        self.assertEqual(next(events)[0], "synced")
        pairs, listed = self.everything()
        self.put_all(pairs)
        unreadable = len(pairs) - len(listed)
        self.wait_metric(observer, "outrider_view_unreadable", unreadable)
        received = set()
        while received != {name for name in listed if name[0] == "bad"}:
            name, data, _ = next(events)
            self.assertEqual(name, "update", data)
            received |= self.names([json.loads(data)])
        self.check_documents(observer, listed, unreadable)
        self.check_stream(observer, listed)
        self.check_commands(observer)
        self.check_screen(observer)
        for key, _ in pairs:
            self.etcd.call("/v3/kv/deleterange", {"key": binary(key)})
        gone = set()
        while gone != received:
            name, data, _ = next(events)
            self.assertEqual(name, "remove", data)
            gone |= self.names([json.loads(data)])
        wait_until(lambda: self.metrics(observer)["outrider_view_unreadable"] == 0, "none is left")
        self.check_log(observer)
        good.check()

    def test_there_at_the_start_and_kept(self):
        pairs, listed = self.everything()
        self.put_all(pairs)
        proxy = self.proxy()
        observer = self.started(registry={"endpoints": [proxy.url]})
        good = Good(self, observer)
        self.check_documents(observer, listed, len(pairs) - len(listed))
        self.check_commands(observer)
        good.check()
        proxy.do("refuse")
        self.assertEqual(observer.stop(), 0)
        observer.start()
        services = self.document(observer, "/api/services")
        self.assertEqual((self.names(services["services"]), services["stale"]), (listed, True))
        self.check_stream(observer, listed)
        self.check_log(observer)

    def test_a_record_grows_and_shrinks(self):
        """Beyond the limit it is no record: subscribers see it go, and come back."""
        self.put("bad", "r")
        observer = self.started()
        good = Good(self, observer)
        events = self.follow(observer)
        self.assertEqual([next(events)[0] for _ in range(2)], ["init", "synced"])
        self.put("bad", "r", customState="x" * 1000000)
        name, data, _ = next(events)
        self.assertEqual((name, json.loads(data)["key"]), ("remove", f"{self.prefix}/bad/r"))
        view = self.document(observer, "/api/agent")["view"]
        self.assertEqual([each["key"] for each in view["unreadableKeys"]], [f"{self.prefix}/bad/r"])
        self.assertRegex(view["unreadableKeys"][0]["reason"], r"^10\d{5} bytes, a record has at most 65536$")
        self.assertEqual(self.document(observer, "/api/services?include=offline&type=bad")["offline"], [])
        self.put("bad", "r")
        self.assertEqual(next(events)[0], "update")
        self.assertEqual(self.document(observer, "/api/agent")["view"]["unreadable"], 0)
        good.check()

    def test_five_thousand_of_them(self):
        observer = self.started()
        good = Good(self, observer)
        before = self.rss_kb(observer)
        self.put_all((f"{self.prefix}/bad/{i}", b"\xff" * 200) for i in range(5000))
        self.wait_metric(observer, "outrider_view_unreadable", 5000)
        self.assertLessEqual(len(self.document(observer, "/api/agent")["view"]["unreadableKeys"]), 32)
        self.assert_modest(observer, before, 4 << 10)
        self.check_log(observer)
        good.check()

    def test_megabytes_do_not_keep_it_from_the_rest(self):
        """More than fit into a page, both at the start and written during the watch."""
        big = b"x" * 1000000
        self.put_all((f"{self.prefix}/big/{i:03}", big) for i in range(40))
        for i in range(20):
            self.put("world", f"w{i}")
        observer = self.started()
        good = Good(self, observer)
        self.assertEqual(self.document(observer, "/api/services?type=world")["total"], 20)
        self.assertEqual(self.metrics(observer)["outrider_view_unreadable"], 40)
        before = self.rss_kb(observer)
        self.put_all((f"{self.prefix}/big/{i:03}", big) for i in range(40))
        self.put("world", "w99")
        wait_until(lambda: self.document(observer, "/api/services?type=world")["total"] == 21, "what came after them")
        self.assert_modest(observer, before, 32 << 10)
        good.check()


if __name__ == "__main__":
    unittest.main()
