"""Line breaks, terminal controls and quotes in every text that another program chooses: none of them makes a log line, a header,
an event, a metric or a line on a terminal of its own."""
import json
import re
import subprocess
import unittest

from harness import wait_until
from hostile import Good, Hostile, Sse, binary

CONTROLS = "[\x00-\x09\x0b-\x1f\x7f-\x9f]"
# As text in JSON, where every character can be written. U+0085 and U+2028 end lines for some readers.
NASTY = ("a\r\nlevel=error msg=\"forged\"", "\n\nevent: remove\ndata: {}\n\n", "\x1b[2J\x1b]0;owned\x07", "\x9b31m\x85", "\u2028\u2029\u202e",
         "\"} 1\nforged_metric 1\n#", "a\tb", "\x08\x08\x08ok", "\x7f", "%n%s%x", "${HOME}$(id)`id`", "'; --", "\\", "\\n", "key=value x=\"y")


class Inject(Hostile):
    def assert_clean(self, agent):
        """The log, the metrics, the document and what a terminal would show."""
        log = agent.log_path.read_bytes()
        self.assertEqual(re.findall(rb"[\x00-\x09\x0b-\x1f\x7f]", log), [])
        for line in log.decode().splitlines():
            self.assertRegex(line, r"^ts=\S+ level=\w+ module=\w+ msg=")
            self.assertFalse(re.match(r"^ts=\S+ level=\w+ module=\w+ msg=\"?forged", line))
        metrics = self.get(agent, "/metrics")[2]
        self.assertNotIn(b"\nforged_metric", metrics)
        checked = subprocess.run(["promtool", "check", "metrics"], input=metrics, capture_output=True, check=False)
        self.assertEqual((checked.returncode, checked.stdout), (0, b""), checked.stderr)
        json.loads(self.get(agent, "/api/agent")[2])
        for words in (("status",), ("services",)):
            shown = agent.run(*words)
            self.assertEqual(re.findall(CONTROLS, shown.stdout + shown.stderr), [], words)
            self.assertEqual(re.findall("[\u2028\u2029\u202a-\u202e\u2066-\u2069]", shown.stdout + shown.stderr), [], words)

    def assert_events_clean(self, agent):
        stream = self.connect(agent)
        stream.request("GET", "/api/subscribe")
        for name, data, _ in Sse(stream.getresponse()).events():  # Sse raises at a field that is none
            self.assertIn(name, ("init", "synced"))
            if name == "synced":
                return
            json.loads(data)

    def test_by_the_game(self):
        """Status lines and datagrams, as bytes."""
        agent = self.agent().start()
        wait_until(lambda: self.etcd.get(agent.key), "the record")
        for text in NASTY:
            raw = text.encode("utf-8", "surrogatepass")
            for line in (b"ready # " + raw, b"ready label.x=" + raw, b"ready label." + raw + b"=x", raw, b"error " + raw, b"ready players=" + raw):
                sock = agent.line()
                sock.send(line + b"\n")
                answer = sock.read()
                self.assertTrue(answer is None or answer.startswith(("OK", "ERR ")), answer)
                self.assertEqual(re.findall("[\x00-\x1f\x7f]", answer or ""), [])
                sock.close()
            for datagram in (b"STATUS=" + raw, raw, b"READY=1\nX_OUTRIDER=label.x=" + raw, b"ERRNO=" + raw, b"MAINPID=" + raw):
                agent.notify_with(datagram)
        agent.say("ready players=77")
        wait_until(lambda: (self.etcd.get(agent.key).record or {}).get("players") == 77, "the last line counts")
        record = self.etcd.get(agent.key)
        self.assertEqual(re.findall("[\x00-\x1f\x7f]", record.value), [])
        self.assert_clean(agent)
        self.assert_events_clean(agent)

    def test_by_a_client(self):
        """The texts of a drain, and what is refused."""
        agent = self.agent().start()
        wait_until(lambda: self.etcd.get(agent.key), "the record")
        for text in NASTY:
            for body in ({"reason": text}, {"by": text[:60]}, {"reason": text, "by": text[:60]}, {text: 1}, {"deadline": text}):
                for path in ("/api/agent/drain", "/api/services/world/w1/drain"):
                    status, _, answered = agent.request("POST", path, json.dumps(body))
                    self.assertIn(status, (200, 400), answered)
                    json.loads(answered)
            for headers in ({"Content-Type": "application/json", "User-Agent": "x\x1b[31m"},):
                agent.request("POST", "/api/agent/undrain", json.dumps({"by": text[:60]}), headers)
        agent.request("POST", "/api/agent/drain", {"reason": NASTY[2], "by": NASTY[0][:60]})
        wait_until(lambda: self.etcd.get(agent.key).record["status"] == "draining", "it drains")
        self.assertEqual(re.findall("[\x00-\x1f\x7f]", self.etcd.get(agent.key).value), [])
        self.assert_clean(agent)
        self.assert_events_clean(agent)

    def test_by_another_tenant(self):
        """Types and ids that become labels, keys and lines; texts of records in lists and events; control keys."""
        observer = self.started()
        good = Good(self, observer)
        agent = self.agent().start()
        wait_until(lambda: self.etcd.get(agent.key), "the record")
        pairs = []
        for number, text in enumerate(NASTY):
            value = {"status": "ready", "host": text, "region": text, "zone": text, "group": text, "version": text, "tags": [text],
                     "customState": text, "reason": text, "labels": {text: text}, "drain": {"holds": [text], "by": text, "reason": text}}
            for kind, ident in ((text, f"i{number}"), ("world", text), (text, text)):
                if "/" not in kind + ident:
                    pairs.append((f"{self.prefix}/{kind}/{ident}", json.dumps({"type": kind, "id": ident, **value})))
            pairs.append((f"{self.prefix}/world/{number}\nlevel=error", text))
        self.put_all(pairs)
        for text in NASTY:
            for value in (text, json.dumps(text), json.dumps({"hold": {"reason": text, "by": text}}), json.dumps({text: text}),
                          json.dumps({"drain": {"reason": text, "by": text, "deadline": text, "since": text}})):
                self.etcd.call("/v3/kv/put", {"key": binary(f"/outrider{self.prefix}/control/world/w1"), "value": binary(value)})
        self.etcd.put(f"{self.prefix}/world/last", json.dumps({"type": "world", "id": "last", "status": "ready"}))
        for each in (observer, agent):
            wait_until(lambda e=each: self.get(e, "/api/services/world/last")[0] == 200, "the last record is seen")
            self.assert_clean(each)
            self.assert_events_clean(each)
        good.check()


if __name__ == "__main__":
    unittest.main()
