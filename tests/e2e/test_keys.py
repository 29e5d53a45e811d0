"""The key browser over HTTP: what is listed, read, changed and removed, with a real etcd beside."""
import base64
import hashlib
import json

from harness import Case, rss_kb
from registry import encode

TOKEN = "the-token-of-olga-0123456789"


def name_of(key):
    """The name of a key in a path."""
    key = key.encode() if isinstance(key, str) else key
    return base64.urlsafe_b64encode(key).rstrip(b"=").decode()


def bytes_of(name):
    return base64.urlsafe_b64decode(name + "=" * (-len(name) % 4))


class KeysCase(Case):
    KEYS = "own"

    def setUp(self):
        super().setUp()
        access = self.dir / "access"
        access.write_text("".join(f"{role} {role} sha256:{hashlib.sha256((TOKEN + role).encode()).hexdigest()}\n"
                                  for role in ("viewer", "service", "operator", "admin")))
        access.chmod(0o600)
        # A small quarantine of the sanitizer, so that the resident size means something.
        self.observer = self.agent("observer", server=..., probes=..., status=..., state_dir=...,
                                   env={"ASAN_OPTIONS": "quarantine_size_mb=1:detect_leaks=1"},
                                   http={"keys": self.KEYS, "access_file": str(access)}).start()
        self.control = "/outrider" + self.prefix

    def ask(self, method, path, body=None, role="admin", **headers):
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        status, head, text = self.observer.request(method, path, body,
                                                   {"Authorization": "Bearer " + TOKEN + role, **headers})
        self.assertEqual(head["Cache-Control"], "no-store", path)
        return status, json.loads(text)

    def ok(self, method, path, body=None, **headers):
        status, answer = self.ask(method, path, body, **headers)
        self.assertEqual(status, 200, answer)
        return answer

    def refused(self, status, code, method, path, body=None, **headers):
        got, answer = self.ask(method, path, body, **headers)
        self.assertEqual((got, answer["error"]["code"]), (status, code), answer)
        return answer

    def fill(self, keys):
        """Puts keys in few transactions."""
        keys = list(keys)
        for at in range(0, len(keys), 100):
            self.etcd.call("/v3/kv/txn", {"success": [
                {"requestPut": {"key": encode(key), "value": encode("v")}} for key in keys[at:at + 100]]})

    def pages(self, query):
        """All keys of a list, by their bytes, and how many answers that took."""
        found, answers, after = [], 0, ""
        while after is not None:
            answer = self.ok("GET", f"/api/keys?{query}{'&after=' + after if after else ''}")
            found += [bytes_of(each["id"]) for each in answer["keys"]]
            answers, after = answers + 1, answer["next"]
        return found, answers


class Reading(KeysCase):
    def test_a_key_is_listed_and_read(self):
        lease = self.etcd.grant(60)
        self.etcd.put(f"{self.prefix}/world/w1", '{"a":"<b>"}', lease)
        listed = self.ok("GET", f"/api/keys?prefix={self.prefix}/world/")["keys"]
        self.assertEqual(listed[0]["key"], f"{self.prefix}/world/w1")
        self.assertEqual(listed[0]["size"], 11)
        self.assertEqual(listed[0]["lease"], f"{lease:x}")
        one = self.ok("GET", "/api/keys/" + listed[0]["id"])
        self.assertEqual(one["value"], '{"a":"<b>"}')
        self.assertEqual({name: one[name] for name in listed[0]}, listed[0])
        self.refused(404, "no_such_key", "GET", "/api/keys/" + name_of(f"{self.prefix}/world/w2"))

    def test_fifty_thousand_keys_by_pages(self):
        keys = [f"{self.control}/many/{i:05d}" for i in range(50000)]
        self.fill(keys)
        before = rss_kb(self.observer.pid)
        found, answers = self.pages(f"prefix={self.control}/many/")
        self.assertEqual(found, [key.encode() for key in keys])
        self.assertEqual(answers, 50)
        self.assertLess(rss_kb(self.observer.pid) - before, 8192)
        # what was the last key of a page may be gone when the next one is asked for
        self.etcd.delete(keys[999])
        page = self.ok("GET", f"/api/keys?prefix={self.control}/many/&limit=2&after={name_of(keys[999])}")
        self.assertEqual([each["key"] for each in page["keys"]], keys[1000:1002])
        self.assertEqual(self.ok("POST", "/api/keys/delete-prefix?preview", {"prefix": f"{self.control}/many/"})["count"], 49999)
        body = {"prefix": f"{self.control}/many/00"}
        plan = self.ok("POST", "/api/keys/delete-prefix?preview", body)
        done = self.ok("POST", "/api/keys/delete-prefix", {**body, "plan": plan["plan"]})
        self.assertEqual(done["removed"], 999)
        self.assertEqual(self.etcd.under(body["prefix"]), [])

    def test_both_prefixes_are_one_list(self):
        self.etcd.put(f"{self.control}/control/world/w1", "{}")
        self.etcd.put(f"{self.prefix}/world/w1", "{}")
        self.etcd.put(f"{self.prefix}X/world/w1", "{}")
        for limit in (1, 2, 1000):
            found, _ = self.pages(f"limit={limit}")
            self.assertEqual(found, sorted([f"{self.control}/control/world/w1".encode(), f"{self.prefix}/world/w1".encode()]))
        scope = self.ok("GET", "/api/keys?limit=1")
        self.assertEqual(scope["roots"], sorted([f"{self.control}/", f"{self.prefix}/"]))
        self.assertEqual(scope["readOnly"], f"{self.control}/audit/")

    def test_bytes_survive(self):
        for tail in (b"\xff\xfe", b"\0", b"\n\r\x1b[2J", b"..", b"%2e%2e%2f", b"<script>", b"\xed\xa0\x80", "호".encode()):
            key = f"{self.prefix}/odd/".encode() + tail
            for value in (b"", b"\0", b"\xff", b"text", bytes(range(256))):
                revision = int(self.etcd.call("/v3/kv/put", {"key": base64.b64encode(key).decode(),
                                                             "value": base64.b64encode(value).decode()})["header"]["revision"])
                one = self.ok("GET", "/api/keys/" + name_of(key))
                self.assertEqual((bytes_of(one["id"]), one["revision"], one["size"]), (key, revision, len(value)))
                got = one["value"].encode() if "value" in one else base64.b64decode(one["valueBase64"])
                self.assertEqual(got, value)
        found, _ = self.pages(f"prefix={self.prefix}/odd/&limit=3")
        self.assertEqual(len(found), 8)

    def test_large_values(self):
        large = "x" * 1300000
        keys = [f"{self.prefix}/large/{i:02d}" for i in range(14)]
        for key in keys:
            self.etcd.put(key, large)
        first = self.ok("GET", f"/api/keys?prefix={self.prefix}/large/")
        self.assertTrue(0 < len(first["keys"]) < 14 and first["next"])
        found, answers = self.pages(f"prefix={self.prefix}/large/&limit=16")
        self.assertEqual(found, [key.encode() for key in keys])
        self.assertGreater(answers, 1)
        self.assertEqual(self.ok("GET", "/api/keys/" + name_of(keys[0]))["value"], large)
        body = {"prefix": f"{self.prefix}/large/"}
        plan = self.ok("POST", "/api/keys/delete-prefix?preview", body)["plan"]
        self.assertEqual(self.ok("POST", "/api/keys/delete-prefix", {**body, "plan": plan})["removed"], 14)

    def test_only_an_admin_and_only_below_the_prefixes(self):
        inside, beside = name_of(f"{self.prefix}/world/w1"), name_of(f"{self.prefix}X/world/w1")
        self.etcd.put(f"{self.prefix}X/world/w1", "secret")
        for role in ("viewer", "service", "operator"):
            for method, path in (("GET", "/api/keys"), ("GET", f"/api/keys/{inside}"), ("PUT", f"/api/keys/{inside}"),
                                 ("DELETE", f"/api/keys/{inside}"), ("POST", "/api/keys/delete-prefix?preview")):
                body = {"prefix": f"{self.prefix}/"} if method == "POST" else {"value": "x"} if method == "PUT" else None
                self.refused(403, "role", method, path, body, role=role)
        for method, body in (("GET", None), ("PUT", {"value": "x"}), ("DELETE", None)):
            answer = self.refused(403, "key_outside", method, f"/api/keys/{beside}", body, If_Match='"1"')
            self.assertIn("http.keys is own", answer["error"]["message"])
        for prefix in (f"{self.prefix}X/", self.prefix, "/", "x"):
            self.refused(403, "key_outside", "GET", f"/api/keys?prefix={prefix}")
        self.refused(403, "key_outside", "POST", "/api/keys/delete-prefix?preview", {"prefix": self.prefix})
        self.assertEqual(self.ok("GET", f"/api/keys?after={beside}")["keys"], [])
        self.observer.write(http={"keys": False})
        self.observer.send_signal(1)
        self.observer.logged("configuration reloaded")
        self.refused(404, "keys_off", "GET", "/api/keys")

    def test_bad_input(self):
        for name in ("watch", "Zg==", "Zh", "+w", "%2Fw", "Zg%3D", "a", "~"):
            self.refused(400, "bad_parameter", "GET", "/api/keys/" + name)
        for query in ("limit=0", "limit=1001", "limit=-1", "limit=x", "after=Zg==", "after=a"):
            self.refused(400, "bad_parameter", "GET", "/api/keys?" + query)
        self.refused(400, "unknown_parameter", "GET", "/api/keys?prefx=/")
        self.refused(400, "bad_query", "GET", "/api/keys?prefix=%ff")
        self.refused(400, "unknown_parameter", "POST", "/api/keys/delete-prefix?previw", {"prefix": f"{self.prefix}/"})
        key = "/api/keys/" + name_of(f"{self.prefix}/new")
        for body in ({}, {"value": 1}, {"value": None}, {"value": "a", "valueBase64": "YQ=="}, {"valueBase64": "YQ"},
                     {"valueBase64": "Y-_="}, {"values": "a"}, [], "x", '{"value":"\\u0000"}', '{"value":"\\ud800"}',
                     '{"value":"a","value":"b"}'):
            self.refused(400, "bad_body", "PUT", key, json.dumps(body) if isinstance(body, list) else body, If_None_Match="*")
        for body in ({}, {"prefix": ""}, {"prefix": 1}, {"prefix": f"{self.prefix}/", "plan": 1},
                     {"prefix": f"{self.prefix}/", "plan": "x" * 40}, {"prefix": f"{self.prefix}/", "all": True}):
            self.refused(400, "bad_body", "POST", "/api/keys/delete-prefix", body)
        self.refused(400, "bad_body", "POST", "/api/keys/delete-prefix?preview", {"prefix": f"{self.prefix}/", "plan": "1-x"})
        headers = {"Authorization": "Bearer " + TOKEN + "admin", "If-None-Match": "*"}
        self.assertEqual(self.observer.request("PUT", key, {"value": "x" * 70000}, headers)[0], 413)
        self.assertEqual(self.etcd.under(f"{self.prefix}/new"), [])


class Changing(KeysCase):
    def test_a_key_is_made_changed_and_deleted(self):
        key = f"{self.prefix}/settings/a"
        path = "/api/keys/" + name_of(key)
        self.refused(428, "condition_required", "PUT", path, {"value": "one"})
        made = self.ok("PUT", path, {"value": "one"}, If_None_Match="*")
        self.assertEqual((self.etcd.get(key).value, made["revision"]), ("one", self.etcd.get(key).revision))
        self.assertEqual(self.refused(412, "revision_mismatch", "PUT", path, {"value": "two"}, If_None_Match="*")["revision"],
                         made["revision"])
        changed = self.ok("PUT", path, {"valueBase64": "dHdv"}, If_Match=f'"{made["revision"]}"')
        self.assertEqual((self.etcd.get(key).value, changed["revision"]), ("two", self.etcd.get(key).revision))
        for method in ("PUT", "DELETE"):
            body = {"value": "three"} if method == "PUT" else None
            late = self.refused(412, "revision_mismatch", method, path, body, If_Match=f'"{made["revision"]}"')
            self.assertEqual(late["revision"], changed["revision"])
            for tag in ("*", "1", '"0"', '"-1"', '"x"', 'W/"1"', '""', f'"{made["revision"]}", "2"', '"99999999999999999999"'):
                self.refused(400, "bad_condition", method, path, body, If_Match=tag)
            self.refused(400, "bad_condition", method, path, body, If_Match='"1"', If_None_Match="*")
        self.refused(428, "condition_required", "DELETE", path)
        self.assertEqual(self.etcd.get(key).value, "two")
        self.assertTrue(self.ok("DELETE", path, If_Match=f'"{changed["revision"]}"')["deleted"])
        self.assertIsNone(self.etcd.get(key))
        self.assertEqual(self.refused(412, "revision_mismatch", "PUT", path, {"value": "x"}, If_Match='"7"')["revision"], 0)
        self.assertEqual(self.refused(412, "revision_mismatch", "DELETE", path, If_Match='"7"')["revision"], 0)

    def test_a_key_stays_under_its_lease(self):
        key, lease = f"{self.prefix}/world/w1", self.etcd.grant(60)
        revision = self.etcd.put(key, "{}", lease)
        self.ok("PUT", "/api/keys/" + name_of(key), {"value": '{"a":1}'}, If_Match=f'"{revision}"')
        self.assertEqual(self.etcd.get(key).value, '{"a":1}')
        self.etcd.revoke(lease)
        self.assertIsNone(self.etcd.get(key))

    def test_the_audit_is_read_only(self):
        key = f"{self.control}/audit/01ARZ3NDEKTSV4RRFFQ69G5FAV"
        revision = self.etcd.put(key, "{}")
        path = "/api/keys/" + name_of(key)
        self.assertEqual(self.ok("GET", path)["value"], "{}")
        self.refused(403, "read_only", "PUT", path, {"value": "x"}, If_Match=f'"{revision}"')
        self.refused(403, "read_only", "PUT", path + "QQ", {"value": "x"}, If_None_Match="*")
        self.refused(403, "read_only", "DELETE", path, If_Match=f'"{revision}"')
        for prefix in (f"{self.control}/", f"{self.control}/a", f"{self.control}/audit/", key):
            self.refused(403, "read_only", "POST", "/api/keys/delete-prefix?preview", {"prefix": prefix})
            self.refused(403, "read_only", "POST", "/api/keys/delete-prefix", {"prefix": prefix, "plan": "1-0"})
        self.assertEqual(self.etcd.get(key).value, "{}")

    def test_a_prefix_is_removed_as_previewed(self):
        self.fill([*(f"{self.prefix}/old/{i}" for i in range(150)), f"{self.prefix}/older"])
        body = {"prefix": f"{self.prefix}/old/"}
        self.refused(428, "plan_required", "POST", "/api/keys/delete-prefix", body)
        plan = self.ok("POST", "/api/keys/delete-prefix?preview", body)
        self.assertEqual(plan["count"], 150)
        self.assertEqual(len(self.etcd.under(body["prefix"])), 150)
        self.etcd.put(f"{self.prefix}/old/7", "other")
        changed = self.refused(409, "plan_changed", "POST", "/api/keys/delete-prefix", {**body, "plan": plan["plan"]})
        self.assertEqual(changed["count"], 150)
        self.assertEqual(len(self.etcd.under(body["prefix"])), 150)
        plan = self.ok("POST", "/api/keys/delete-prefix?preview", body)
        done = self.ok("POST", "/api/keys/delete-prefix", {**body, "plan": plan["plan"]})
        self.assertEqual((done["count"], done["removed"]), (150, 150))
        self.assertEqual([kv.key for kv in self.etcd.under(f"{self.prefix}/old")], [f"{self.prefix}/older"])


class All(KeysCase):
    KEYS = "all"

    def test_every_key(self):
        keys = [b"\x01", b"/a", f"{self.prefix}X/b".encode(), b"\xff\xff\xff\xffz"]
        for key in keys:
            self.etcd.call("/v3/kv/put", {"key": base64.b64encode(key).decode(), "value": "dg=="})
        found, _ = self.pages("limit=2")
        self.assertTrue(set(keys) <= set(found), found)
        self.assertEqual(found, sorted(found))
        for key in keys:
            self.ok("DELETE", "/api/keys/" + name_of(key),
                    If_Match=f'"{self.ok("GET", "/api/keys/" + name_of(key))["revision"]}"')
        self.refused(403, "read_only", "POST", "/api/keys/delete-prefix?preview", {"prefix": "/"})


class Away(KeysCase):
    def test_no_registry(self):
        self.etcd.stop()
        path = "/api/keys/" + name_of(f"{self.prefix}/a")
        for method, where, body in (("GET", "/api/keys", None), ("GET", path, None), ("PUT", path, {"value": "x"}),
                                    ("DELETE", path, None),
                                    ("POST", "/api/keys/delete-prefix?preview", {"prefix": f"{self.prefix}/"})):
            condition = {"If_Match": '"1"'} if method in ("PUT", "DELETE") else {}
            self.refused(503, "registry_away", method, where, body, **condition)
