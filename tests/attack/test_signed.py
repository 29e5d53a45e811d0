"""Another tenant of the registry, who may write every key but has no private key: records that are signed, and an observer
that requires it. And what a sidecar says when its record is written over."""
import json
import pathlib
import subprocess
import time
import unittest

from harness import wait_until
from hostile import Hostile, Sse

VECTORS = pathlib.Path(__file__).resolve().parents[2] / "docs" / "design" / "signed-record"
LEASE_S = 60


class Signed(Hostile):
    def setUp(self):
        super().setUp()
        self.sidecar = self.agent("a", record={"sign_key": str(VECTORS / "private.pem")})
        self.sidecar.write()

    def signing_observer(self, name="o", require=True, **over):
        return self.started_as(name, view={"sign_keys": [str(VECTORS / "public.pem")], "require_signed": require}, **over)

    def started_as(self, name, **over):
        observer = self.observer(name, **over).start()
        self.wait_synced(observer)
        return observer

    def records(self, observer):
        return {(each["type"], each["id"]): each for each in self.document(observer, "/api/services")["services"]}

    def wait_record(self, observer, **members):
        def fits():
            record = self.records(observer).get(("world", "w1"))
            return record is not None and all(record.get(name) == value for name, value in members.items())
        wait_until(fits, f"world/w1 with {members}")
        return self.records(observer)["world", "w1"]

    def skipped(self, observer):
        return {kind: count for kind, count in self.document(observer, "/api/agent")["view"]["skipped"].items() if count}

    def wait_skipped(self, observer, **counts):
        wait_until(lambda: self.skipped(observer) == counts, f"skipped: {counts}")

    def value(self):
        return self.etcd.get(self.sidecar.key).value

    def test_only_what_is_signed_is_served(self):
        observer, lenient = self.signing_observer(), self.signing_observer("lenient", require=False)
        plain = self.started_as("plain")
        before = self.rss_kb(observer)
        self.sidecar.start()
        record = self.wait_record(observer, status="ready", signed=True)
        self.assertTrue(record["sig"].startswith("21fe31df:"), record["sig"])
        true = self.value()
        forged = true.replace('"status":"ready"', '"status":"error"')
        attacks = {
            "unsigned": json.dumps({"id": "unsigned", "type": "world", "host": "10.6.6.6", "status": "ready"}),
            "copied": true.replace('"id":"w1"', '"id":"copied"'),
            "signature": forged.replace('"id":"w1"', '"id":"signature"'),
            "marked": json.dumps({"id": "marked", "type": "world", "status": "ready", "signed": True}),
        }
        for name, value in attacks.items():
            self.etcd.put(f"{self.prefix}/world/{name}", value)
        self.etcd.put(f"{self.prefix}/world/w9", true)
        self.wait_skipped(observer, unsigned=1, bad_signature=2, wrong_kind=2)
        self.assertEqual(set(self.records(observer)), {("world", "w1")})
        wait_until(lambda: len(self.records(lenient)) == 4, "all but those that are no records")
        seen = {ident: each["signed"] for (_, ident), each in self.records(lenient).items()}
        self.assertEqual(seen, {"w1": True, "unsigned": None, "copied": False, "signature": False})
        status, _, body = self.get(lenient, "/api/services/world/w1")
        self.assertEqual((status, body), (200, self.value().encode()[:-1] + b',"signed":true}'))
        self.assertEqual(self.document(lenient, "/api/agent")["view"]["signatures"], {"good": 1, "bad": 2, "none": 1})
        self.assertEqual(self.get(plain, "/api/services/world/w1")[2], self.value().encode())
        self.assertIn(b'outrider_view_skipped{reason="bad_signature"} 2\n', self.get(observer, "/metrics")[2])
        events = self.follow(lenient)
        inits = [json.loads(data)["signed"] for name, data, _ in (next(events) for _ in range(4)) if name == "init"]
        self.assertEqual(sorted(map(str, inits)), ["False", "False", "None", "True"])
        self.assertEqual(next(events)[0], "synced")
        self.sidecar.say("players=7")
        name, data, _ = next(events)
        self.assertEqual((name, json.loads(data)["players"], json.loads(data)["signed"]), ("update", 7, True))
        print(f"held: observer {before} kB before, {self.rss_kb(observer)} kB after; skipped {self.skipped(observer)}")

    def follow(self, observer, last_id=None):
        stream = self.connect(observer)
        stream.request("GET", "/api/subscribe?type=world", headers={"Last-Event-ID": last_id} if last_id else {})
        return Sse(stream.getresponse()).events()

    def test_an_old_record_is_not_put_back(self):
        observer = self.signing_observer()
        self.sidecar.start()
        self.wait_record(observer, status="ready")
        old = self.value()
        self.sidecar.say("players=1")
        self.wait_record(observer, players=1)
        self.assertEqual(self.sidecar.stop(), 0)
        wait_until(lambda: self.records(observer) == {}, "the record is gone")
        lease = self.etcd.grant(LEASE_S)
        self.etcd.put(self.sidecar.key, old, lease)
        self.wait_skipped(observer, older=1)
        self.assertEqual(self.get(observer, "/api/services/world/w1")[0], 404)
        self.assertEqual(observer.stop(), 0)
        observer.start()
        self.wait_synced(observer)
        self.wait_skipped(observer, older=1)
        self.assertEqual(self.get(observer, "/api/services/world/w1")[0], 404)
        self.etcd.revoke(lease)
        self.sidecar.start()
        self.wait_record(observer, status="ready", signed=True)
        self.wait_skipped(observer)

    def test_who_knew_the_fleet_before_learns_that_less_is_believed(self):
        """An ETag and the id of an event are of the keys that were trusted as well."""
        observer = self.started_as("o")
        self.sidecar.start()
        self.put("world", "forged")
        wait_until(lambda: len(self.records(observer)) == 2 and self.records(observer)["world", "w1"]["status"] == "ready", "both")
        _, headers, _ = self.get(observer, "/api/services")
        one = self.get(observer, "/api/services/world/forged")[1]["ETag"]
        *_, (name, _, ident) = (event for _, event in zip(range(3), self.follow(observer)))
        self.assertEqual(name, "synced")
        self.assertEqual(self.get(observer, "/api/services", If_None_Match=headers["ETag"])[0], 304)
        self.assertEqual(observer.stop(), 0)
        observer.write(view={"sign_keys": [str(VECTORS / "public.pem")], "require_signed": True})
        observer.start()
        self.wait_synced(observer)
        self.wait_skipped(observer, unsigned=1)
        self.assertEqual(self.get(observer, "/api/services", If_None_Match=headers["ETag"])[0], 200)
        self.assertEqual(self.get(observer, "/api/services/world/forged", If_None_Match=one)[0], 404)
        events = self.follow(observer, ident)
        self.assertEqual([next(events)[0] for _ in range(2)], ["init", "synced"])

    def test_a_record_that_is_written_over_is_said_loudly(self):
        observer = self.signing_observer()
        self.sidecar.start()
        self.wait_record(observer, status="ready")
        self.assertEqual(self.sidecar.request("GET", "/readyz")[0], 200)
        lease = self.etcd.grant(LEASE_S)
        self.etcd.put(self.sidecar.key, json.dumps({"id": "w1", "type": "world", "host": "10.6.6.6", "ports": [8001],
                                                    "status": "ready"}), lease)
        wait_until(lambda: self.sidecar.request("GET", "/readyz")[0] == 503, "/readyz is 503")
        body = json.loads(self.sidecar.request("GET", "/readyz")[2])
        self.assertIn("key held by another agent at 10.6.6.6", body["error"]["message"])
        self.assertIn("\noutrider_record_conflict 1\n", self.sidecar.request("GET", "/metrics")[2].decode())
        self.sidecar.logged("was written over under lease")
        self.wait_skipped(observer, unsigned=1)
        self.assertEqual(self.get(observer, "/api/services/world/w1")[0], 404)
        self.etcd.revoke(lease)
        wait_until(lambda: self.sidecar.request("GET", "/readyz")[0] == 200, "/readyz is 200 again")
        self.wait_record(observer, status="ready", signed=True)
        self.assertIn("\noutrider_record_conflict 0\n", self.sidecar.request("GET", "/metrics")[2].decode())

    def test_lease_ids_are_not_for_everybody(self):
        token = self.dir / "token"
        token.write_text("0123456789abcdef0123\n")
        sidecar = self.observer("tcp", http={"token_file": str(token)})
        sidecar.config["server"] = self.sidecar.config["server"]
        sidecar.config["status"] = {"socket": None, "notify_socket": None}
        sidecar.config["probes"] = self.sidecar.config["probes"]
        sidecar.start()
        shown = lambda **headers: json.loads(self.get(sidecar, "/api/agent", **headers)[2])["lease"]
        wait_until(lambda: shown()["state"] == "held", "registered")
        self.assertIsNone(shown()["id"])
        self.assertIsNone(shown(Authorization="Bearer wrong")["id"])
        lease = f"{self.etcd.get(sidecar.key).lease:x}"
        self.assertEqual(shown(Authorization="Bearer 0123456789abcdef0123")["id"], lease)
        for path in ("/api/agent", "/readyz", "/metrics", "/api/services", "/service-discovery/status"):
            self.assertNotIn(lease.encode(), self.get(sidecar, path)[2], path)
        self.assertRegex(sidecar.run("status").stdout, r"\n  lease     held, TTL 10 s, ")
        self.assertEqual(sidecar.stop(), 0)
        self.sidecar.start()
        wait_until(lambda: self.sidecar.api()["lease"]["state"] == "held", "registered")
        self.assertEqual(self.sidecar.api()["lease"]["id"], f"{self.etcd.get(self.sidecar.key).lease:x}")

    def test_keys_that_are_none(self):
        bad = self.dir / "bad.pem"
        bad.write_text("no key\n")
        for name, over, what in (("x", {"record": {"sign_key": str(bad)}}, "record.sign_key: "),
                                 ("y", {"view": {"sign_keys": [str(bad)]}}, "view.sign_keys: ")):
            agent = self.agent(name, **over)
            agent.spawn()
            self.assertEqual(agent.wait(), 1)
            agent.logged(what + str(bad))
            self.assertIn(what, agent.run("check").stderr + agent.run("check").stdout)
        agent = self.agent("z", view={"require_signed": True})
        agent.write()
        self.assertEqual(agent.run("check").returncode, 78)

    def test_the_vectors_verify_with_openssl(self):
        value = (VECTORS / "value.json").read_bytes()
        part, text = value[:-2].split(b',"sig":"')
        message = self.dir / "message"
        message.write_bytes(b"outrider record 1\n" + (VECTORS / "key.txt").read_bytes() + b"\n" + part)
        self.assertEqual(message.read_bytes(), (VECTORS / "message.bin").read_bytes())
        signature = self.dir / "signature"
        done = subprocess.run(["base64", "-d"], input=text.split(b":")[1], capture_output=True, check=True)
        signature.write_bytes(done.stdout)
        subprocess.run(["openssl", "pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", VECTORS / "public.pem", "-in", message,
                        "-sigfile", signature], check=True, capture_output=True)

    def test_a_thousand_forged_records(self):
        """They cost a verification each, and other requests do not wait for it."""
        observer = self.signing_observer()
        self.sidecar.start()
        self.wait_record(observer, status="ready")
        value, before = self.value(), self.rss_kb(observer)
        self.put_all((f"{self.prefix}/world/f{i}", value.replace('"id":"w1"', f'"id":"f{i}"')) for i in range(1000))
        slowest = 0.0
        while self.skipped(observer).get("bad_signature", 0) < 1000:
            began = time.monotonic()
            self.assertEqual(self.get(observer, "/healthz")[0], 200)
            slowest = max(slowest, time.monotonic() - began)
        self.wait_record(observer, status="ready", signed=True)
        self.assert_modest(observer, before, 4 << 10)
        print(f"held: {before} kB before, {self.rss_kb(observer)} kB after; /healthz took {slowest * 1000:.0f} ms at most")


if __name__ == "__main__":
    unittest.main()
