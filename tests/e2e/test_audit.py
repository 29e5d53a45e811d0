"""Who changed what over HTTP: in the file before the answer, in the registry for all observers, and read by pages."""
import contextlib
import csv
import hashlib
import http.client
import io
import json
import os
import pathlib
import resource
import signal
import subprocess
import threading

from harness import Case, wait_until
from registry import decode, encode, range_end

UID = f"uid {os.geteuid()}"


class AuditCase(Case):
    def observer(self, name="obs", **over):
        folder = self.dir / name
        return self.agent(name, **{"server": ..., "probes": ..., "status": ..., "drain": ..., "shutdown": ...,
                                   "http": {"listen": f"unix:{folder}/http.sock"}, **over})

    def put(self, name, status="ready", **more):
        self.etcd.put(f"{self.prefix}/world/{name}", json.dumps({
            "id": name, "type": "world", "host": "10.0.0.5", "ports": [8001], "status": status,
            "updatedAt": "2026-11-21T02:14:00.123Z", **more}))

    def knows(self, observer, name="w1"):
        wait_until(lambda: observer.request("GET", f"/api/services/world/{name}")[0] == 200, f"{name} in the fleet")

    def drain(self, observer, name="w1", what="drain", **body):
        status, _, answer = observer.request("POST", f"/api/services/world/{name}/{what}", body)
        return status, json.loads(answer)

    def entries(self, observer, query=""):
        status, _, body = observer.request("GET", f"/api/audit{query}")
        self.assertEqual(status, 200, body)
        return json.loads(body)

    def lines(self, observer):
        path = observer.dir / "audit.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def copies(self):
        """The entries in the registry, with their leases."""
        prefix = f"/outrider{self.prefix}/audit/"
        found = self.etcd.call("/v3/kv/range", {"key": encode(prefix), "range_end": range_end(prefix)}).get("kvs", [])
        return [(decode(kv["key"])[len(prefix):], json.loads(decode(kv["value"])), int(kv.get("lease", 0))) for kv in found]


class Entries(AuditCase):
    def setUp(self):
        super().setUp()
        self.put("w1")
        self.obs = self.observer().start()
        self.knows(self.obs)

    def test_an_entry_is_in_the_file_before_the_answer(self):
        status, answer = self.drain(self.obs, reason="patch 1.4")
        self.assertEqual(status, 200, answer)
        entry, = self.lines(self.obs)
        self.assertEqual({**entry, "id": "", "when": "", "from": "", "agent": ""}, {
            "id": "", "when": "", "who": UID, "role": "operator", "how": "socket", "from": "", "agent": "", "what": "drain",
            "target": "world/w1", "reason": "patch 1.4", "before": "ready, not drained", "after": "drained", "outcome": "ok"})
        self.assertEqual(self.drain(self.obs, what="undrain")[0], 200)
        self.obs.request("POST", "/api/services/world/w1/drain", {}, {"X-Request-Id": "r-7"})
        self.assertEqual([line["what"] for line in self.lines(self.obs)], ["drain", "undrain", "drain"])
        self.assertEqual(self.lines(self.obs)[2]["request"], "r-7")
        self.assertEqual((self.obs.dir / "audit.jsonl").stat().st_mode & 0o777, 0o600)

    def test_what_is_refused_is_there_as_well(self):
        self.assertEqual(self.drain(self.obs, "none")[0], 404)
        self.assertEqual(self.drain(self.obs, reason=7)[0], 400)
        self.assertEqual(self.obs.request("POST", "/api/agent/drain", {})[0], 409)
        self.assertEqual(self.obs.request("POST", "/api/services/world/w1/drain", "{}",
                                          {"Content-Type": "text/plain"})[0], 415)
        self.assertEqual([(line["outcome"], line.get("code"), line.get("target")) for line in self.lines(self.obs)], [
            ("refused", "no_such_service", "world/none"), ("refused", "bad_body", "world/w1"), ("refused", "observer", None),
            ("refused", "content_type", "world/w1")])

    def test_without_a_name_attempts_are_counted(self):
        """Over TCP without a token everyone is anonymous: a line each minute and at the end, none in the registry."""
        tcp = self.obs
        tcp.stop()
        tcp.write(http={"listen": f"127.0.0.1:{self.free_port()}"})
        tcp.start()
        for _ in range(20):
            self.assertIn(self.tcp(tcp, "POST", "/api/services/world/w1/drain", {}), (200, 503))
        self.assertEqual(self.lines(tcp), [])
        tcp.stop()
        lines = self.lines(tcp)
        self.assertEqual(sum(line.get("count", 1) for line in lines), 20, lines)
        self.assertEqual({(line["who"], line["from"], line["what"]) for line in lines}, {(None, "127.0.0.1", "drain")})
        self.assertEqual(self.copies(), [])

    def free_port(self):
        game = self.new_game()
        game.close()
        return game.port

    def tcp(self, agent, method, path, body):
        host, port = agent.config["http"]["listen"].split(":")
        return agent.request(method, path, body, connection=http.client.HTTPConnection(host, int(port), timeout=30))[0]

    def test_every_observer_shows_all(self):
        other = self.observer("other").start()
        self.knows(other)
        self.drain(self.obs, reason="one")
        self.drain(other, what="undrain")
        wait_until(lambda: len(self.copies()) == 2, "two copies")
        for id, entry, lease in self.copies():
            self.assertEqual(id, entry["id"])
            self.assertNotEqual(lease, 0)
        for observer in (self.obs, other):
            answer = self.entries(observer)
            self.assertEqual([entry["what"] for entry in answer["entries"]], ["undrain", "drain"])
            self.assertEqual((answer["next"], answer["complete"]), (None, True))
        self.etcd.kill()
        try:
            answer = self.entries(other)
            self.assertEqual([entry["what"] for entry in answer["entries"]], ["undrain"])
            self.assertFalse(answer["complete"])
            self.assertTrue(answer["missing"])
        finally:
            self.etcd.start()

    def test_foreign_keys(self):
        """What others put beside the entries is passed over, and what looks like one is made harmless."""
        self.drain(self.obs, reason="own")
        below, ulid = f"/outrider{self.prefix}/audit/", self.lines(self.obs)[0]["id"]
        entry = {"id": ulid, "when": "2026-11-30T07:00:00Z", "outcome": "ok", "what": "drain", "who": "\x1b[2Jeve\n"}
        later = ulid[:-1] + ("Z" if ulid[-1] != "Z" else "Y")
        for key, value in ((later, "no entry"), (ulid + "x", json.dumps(entry)), ("zzz", "{}"), ("", "[]"),
                           (ulid[:-1] + ("0" if ulid[-1] != "0" else "1"), json.dumps(entry)), (later + "/", "x" * 100000)):
            self.etcd.put(below + key, value)
        earlier = ulid[:9] + ("0" if ulid[9] != "0" else "1") + ulid[10:]
        self.etcd.put(below + earlier, json.dumps({**entry, "id": earlier}))
        answer = self.entries(self.obs)
        self.assertEqual([entry.get("reason") for entry in answer["entries"] if entry["id"] == ulid], ["own"])
        self.assertEqual({entry["who"] for entry in answer["entries"]} - {UID}, {"?[2Jeve?"})
        self.assertEqual(len(answer["entries"]), 2)
        self.assertNotIn("\x1b", self.obs.run("audit").stdout)

    def test_copies_are_made_when_the_registry_is_back(self):
        self.etcd.kill()
        self.assertIn(self.drain(self.obs)[0], (503, 200))
        self.assertEqual(len(self.lines(self.obs)), 1)
        self.etcd.start()
        wait_until(lambda: len(self.copies()) == 1, "the copy")

    def test_pages_and_filters(self):
        for i in range(7):
            self.drain(self.obs, reason=f"r{i}")
        self.drain(self.obs, "none")
        seen, before = [], ""
        while True:
            answer = self.entries(self.obs, f"?limit=3&what=drain{before}")
            seen += [entry.get("reason") for entry in answer["entries"]]
            if answer["next"] is None:
                break
            before = f"&before={answer['next']}"
        self.assertEqual(seen, [None, *(f"r{i}" for i in range(6, -1, -1))])
        for query, count in (("?outcome=ok", 7), ("?outcome=refused", 1), ("?target=world/*", 8), ("?target=world/w1", 7),
                             ("?who=nobody", 0), (f"?who={UID.replace(' ', '%20')}", 8), ("?from=1h", 8), ("?to=1h", 0),
                             ("?what=un*", 0)):
            self.assertEqual(len(self.entries(self.obs, query)["entries"]), count, query)
        for query in ("?limit=0", "?limit=1001", "?outcome=maybe", "?before=x", "?from=yesterday", "?format=xml", "?who=",
                      "?limit=1&limit=1", "?nothing=1", "?who=%ff"):
            status, _, body = self.obs.request("GET", f"/api/audit{query}")
            self.assertEqual(status, 400, (query, body))

    def test_csv_and_lines(self):
        self.drain(self.obs, reason='=HYPERLINK("http://x","y")')
        self.drain(self.obs, reason="<script>alert(1)</script>")
        status, headers, body = self.obs.request("GET", "/api/audit?format=csv&limit=1")
        self.assertEqual((status, headers["Content-Type"]), (200, "text/csv; charset=utf-8"))
        self.assertEqual(len(headers["Outrider-Next"]), 26)
        self.assertEqual(headers["Cache-Control"], "no-store")
        _, headers, body = self.obs.request("GET", f"/api/audit?format=csv&before={headers['Outrider-Next']}")
        row, = csv.DictReader(io.StringIO(body.decode()))
        self.assertEqual(row["reason"], '\'=HYPERLINK("http://x","y")')
        self.assertIsNone(headers["Outrider-Next"])
        _, headers, body = self.obs.request("GET", "/api/audit?format=jsonl")
        self.assertEqual(headers["Content-Type"], "application/x-ndjson")
        self.assertEqual([json.loads(line)["reason"] for line in body.splitlines()],
                         ["<script>alert(1)</script>", '=HYPERLINK("http://x","y")'])

    def test_command(self):
        self.drain(self.obs, reason="patch")
        self.drain(self.obs, "none")
        shown = self.obs.run("audit")
        self.assertEqual(shown.returncode, 0, shown.stderr)
        self.assertRegex(shown.stdout, rf"WHEN +WHO +FROM +WHAT +TARGET +OUTCOME +REASON\n"
                                       rf".*{UID} .* drain +world/none +refused no_such_service.*\n"
                                       rf".*{UID} .* drain +world/w1 +ok +patch\n$")
        lines = self.obs.run("audit", "--json", "--outcome", "ok").stdout.splitlines()
        self.assertEqual([json.loads(line)["target"] for line in lines], ["world/w1"])
        self.assertEqual(self.obs.run("audit", "--limit", "0").returncode, 64)
        refused = self.obs.run("audit", "--outcome", "maybe")
        self.assertEqual(refused.returncode, 1)
        self.assertIn("`outcome` is ok, refused or failed", refused.stderr)

    def test_roles(self):
        """An operator sees its own entries, an admin all; what a viewer tries is there as well."""
        roles = {"olga": "operator", "tom": "viewer", "root-1": "admin"}
        access = self.obs.dir / "access"
        access.write_text("".join(f"{name} {role} sha256:{hashlib.sha256(self.token(name).encode()).hexdigest()}\n"
                                  for name, role in roles.items()))
        self.obs.stop()
        self.obs.write(http={"listen": f"127.0.0.1:{self.free_port()}", "access_file": str(access)})
        self.obs.start()
        wait_until(lambda: self.ask(self.obs, "olga", "/api/services/world/w1")[0] == 200, "the fleet")
        for name, status in (("olga", 200), ("tom", 403), ("root-1", 200)):
            self.assertEqual(self.ask(self.obs, name, "/api/services/world/w1/drain", {"reason": name})[0], status)
        self.assertEqual(self.ask(self.obs, "nobody", "/api/services/world/w1/drain", {})[0], 401)
        shown = lambda name, query="": [entry["who"] for entry in json.loads(
            self.ask(self.obs, name, f"/api/audit{query}")[2])["entries"]]
        self.assertEqual(shown("root-1"), ["root-1", "tom", "olga"])
        self.assertEqual(shown("root-1", "?who=tom"), ["tom"])
        self.assertEqual(shown("olga"), ["olga"])
        self.assertEqual(shown("olga", "?who=olga"), ["olga"])
        self.assertEqual(self.ask(self.obs, "olga", "/api/audit?who=tom")[0], 403)
        self.assertEqual(self.ask(self.obs, "tom", "/api/audit")[0], 403)
        tom = self.lines(self.obs)[1]
        self.assertEqual((tom["role"], tom["how"], tom["outcome"], tom["code"], tom["target"]),
                         ("viewer", "token", "refused", "role", "world/w1"))
        self.assertNotIn("token of", (self.obs.dir / "audit.jsonl").read_text())
        self.obs.stop()
        last = self.lines(self.obs)[-1]
        self.assertEqual((last["who"], last["outcome"], last["code"], last["from"]), (None, "refused", "unauthorized", "127.0.0.1"))

    @staticmethod
    def token(name):
        return f"the token of {name}, which is long enough"

    def ask(self, agent, name, path, body=None):
        host, port = agent.config["http"]["listen"].split(":")
        return agent.request("GET" if body is None else "POST", path, body, {"Authorization": f"Bearer {self.token(name)}"},
                             http.client.HTTPConnection(host, int(port), timeout=30))

    def test_waves(self):
        """A preview is no change. One that begins is, and each order for it."""
        body = {"servers": ["world/w1"], "reason": "patch", "keepOne": False}
        status, _, plan = self.obs.request("POST", "/api/drains?preview=true", body)
        self.assertEqual((status, self.lines(self.obs)), (200, []))
        status, _, answer = self.obs.request("POST", "/api/drains", {**body, "planHash": json.loads(plan)["planHash"]})
        self.assertIn(status, (200, 201), answer)
        wave = json.loads(answer)["id"]
        status, _, answer = self.obs.request("POST", f"/api/drains/{wave}/cancel", {})
        self.assertEqual(self.obs.request("POST", "/api/drains", body)[0], 409)
        seen = [(line["what"], line["target"], line["outcome"], line.get("reason")) for line in self.lines(self.obs)[:2]]
        self.assertEqual(seen[0], ("wave.create", wave, "ok", "patch"))
        self.assertEqual(seen[1][:2], ("wave.cancel", wave))

    def test_metrics(self):
        self.drain(self.obs)
        metrics = self.obs.request("GET", "/metrics")[2].decode()
        self.assertIn("\noutrider_audit_entries_total 1\n", metrics)
        self.assertIn("\noutrider_audit_up 1\n", metrics)
        self.assertIn("\noutrider_audit_lag_seconds ", metrics)


class Files(AuditCase):
    def setUp(self):
        super().setUp()
        self.put("w1")

    def test_a_crash_in_the_middle_of_a_line(self):
        obs = self.observer().start()
        self.knows(obs)
        self.drain(obs, reason="before")
        obs.kill()
        with open(obs.dir / "audit.jsonl", "ab") as file:
            file.write(b'{"id":"01HGW2BBG0ZZZ","when":"2026-11-30T0')
        obs.start()
        self.knows(obs)
        self.drain(obs, what="undrain")
        obs.logged("end of the audit cut off")
        self.assertEqual([line["what"] for line in self.lines(obs)], ["drain", "undrain"])

    def test_killed_at_work(self):
        """Every change that was answered has its entry, however the agent ends."""
        obs = self.observer(audit={"registry": False}).start()
        self.knows(obs)
        answered = []

        def work(number):
            with contextlib.suppress(OSError, http.client.HTTPException):
                for i in range(1000):
                    reason = f"r{number}-{i}"
                    if self.drain(obs, reason=reason)[0] in (200, 409):
                        answered.append(reason)
        threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
        for thread in threads:
            thread.start()
        wait_until(lambda: len(answered) > 40, "changes")
        obs.kill()
        for thread in threads:
            thread.join()
        kept = {line.get("reason") for line in self.lines(obs)}
        self.assertEqual([reason for reason in answered if reason not in kept], [])
        obs.start()
        self.knows(obs)
        self.assertEqual(len(self.entries(obs, "?limit=1000")["entries"]), len(self.lines(obs)))

    def test_in_the_sandbox(self):
        obs = self.observer(sandbox="required").start()
        self.knows(obs)
        self.drain(obs)
        self.assertEqual(len(self.lines(obs)), 1)
        wait_until(lambda: len(self.copies()) == 1, "the copy")

    def full(self, obs, fill, free):
        """A drain may not wait for a disk: it is made, and its entry is in the log."""
        self.knows(obs)
        path = pathlib.Path(obs.config["state_dir"]) / "audit.jsonl"
        self.drain(obs, reason="first")
        fill()
        self.assertEqual(self.drain(obs, what="undrain")[0], 200)
        obs.logged("entry of the audit not written")
        self.assertEqual(json.loads(path.read_text().splitlines()[-1])["reason"], "first", "no part of a line")
        self.assertIn("\noutrider_audit_up 0\n", obs.request("GET", "/metrics")[2].decode())
        status, _, body = obs.request("POST", "/api/drains", {"servers": ["world/w1"]})
        self.assertEqual((status, json.loads(body)["error"]["code"]), (503, "audit_full"))
        self.assertEqual(self.etcd.under(f"/outrider{self.prefix}/drains/"), [])
        ends = {order: obs.request("POST", f"/api/drains/01M8NN2HQGK82RT32CR69P9DZN/{order}", {})[0]
                for order in ("pause", "cancel", "undo", "resume")}
        self.assertEqual(ends, {"pause": 404, "cancel": 404, "undo": 404, "resume": 503}, "what ends harm is let through")
        free()
        self.assertEqual(self.drain(obs, reason="again")[0], 200)
        self.assertEqual([entry.get("reason") for entry in self.entries(obs, "?limit=2&outcome=ok")["entries"]], ["again", "first"])

    def test_a_file_that_may_not_grow(self):
        obs = self.observer(audit={"registry": False})
        line = '{"id":"0000000000%016d","who":"old","what":"drain","outcome":"ok"}\n'
        (obs.dir / "audit.jsonl").write_text("".join(line % i for i in range(2000)))  # larger than the log
        obs.start(restore_signals=False)
        size = lambda: (obs.dir / "audit.jsonl").stat().st_size + 20
        limit = lambda most: resource.prlimit(obs.pid, resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))
        self.full(obs, lambda: limit(size()), lambda: limit(resource.RLIM_INFINITY))

    def test_a_full_disk(self):
        folder = self.dir / "small"
        folder.mkdir()
        # Smaller than the room that the agent would keep.
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=200k,mode=0700", "tmpfs", folder], capture_output=True,
                              check=False)
        if done.returncode != 0:
            self.skipTest("a small file system cannot be mounted here")
        self.addCleanup(subprocess.run, ["umount", "-l", folder], check=True)
        rest = folder / "rest"

        def fill():
            with contextlib.suppress(OSError), open(rest, "wb", buffering=0) as file:
                while file.write(bytes(4096)):
                    pass
            with open(folder / "audit.jsonl", "ab", buffering=0) as file:  # its last page
                file.write(b'{"id":"' + bytes(4096 - (file.tell() + 8) % 4096) + b"\n")

        obs = self.observer(audit={"registry": False}, state_dir=str(folder)).start()
        self.full(obs, fill, rest.unlink)

    def test_who_keeps_none(self):
        for name, over in (("without", {"state_dir": None}), ("off", {"audit": {"file": "off"}})):
            obs = self.observer(name, **over).start()
            self.knows(obs)
            self.drain(obs)
            self.assertEqual(self.lines(obs), [])
            status, _, body = obs.request("GET", "/api/audit")
            self.assertEqual((status, json.loads(body)["error"]["code"]), (503, "audit_off"))
            self.assertNotIn("outrider_audit", obs.request("GET", "/metrics")[2].decode())
        sidecar = self.agent("sidecar").start()
        sidecar.run("drain")
        self.assertEqual(self.lines(sidecar), [])

    def test_a_sidecar_that_is_told_to(self):
        sidecar = self.agent("sidecar", audit={"file": "on", "registry": False}).start()
        self.assertEqual(sidecar.run("drain", "--reason", "patch").returncode, 0)
        entry, = self.lines(sidecar)
        self.assertEqual((entry["target"], entry["reason"], entry["after"]), ("world/w1", "patch", "draining, drained"))
        self.assertEqual(self.copies(), [])
        sidecar.send_signal(signal.SIGTERM)
