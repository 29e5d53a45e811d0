"""outrider kv over mutual TLS with a user: allowed requests work, and denied ones name the remedy."""
import os

from kv_case import SecureCase
from users import PASSWORD

NOBODY = "https://127.0.0.1:1"


class Secure(SecureCase):
    def test_everything_that_the_role_allows(self):
        self.write_config()
        self.assertEqual(self.kv("put", "/rw/a", "v"), "OK\n")
        self.assertEqual(self.kv("get", "/rw/a"), "/rw/a\nv\n")
        self.assertEqual(self.kv("txn", stdin="if exists /rw/a\nthen del /rw/a\n"), "SUCCESS\n\n1\n")
        lease = self.kv("lease", "grant", "30s").split()[1]
        self.kv("put", "/rw/b", "v", "--lease", lease)
        self.assertIn("keepalived", self.kv("lease", "keep-alive", "--once", lease))
        self.assertTrue(self.kv("lease", "timetolive", "--keys", lease).endswith("\n/rw/b\n"))
        self.kv("lease", "revoke", lease)
        self.assertEqual(self.kv("get", "--prefix", "/rw/b"), "")
        self.refused(1, "requested lease not found", "lease", "revoke", lease)
        self.refused(1, "the lease does not exist", "lease", "keep-alive", lease)
        self.refused(1, f"no such lease {lease}", "lease", "timetolive", lease)
        self.refused(1, "no such key `/ro/a`\n", "get", "/ro/a")
        self.refused(1, "no such key `/ro/`; --prefix reads all keys below it", "get", "/ro/")

    def test_and_nothing_else(self):
        self.write_config()
        denied = "permission denied: registry.username has no role that allows it"
        self.refused(1, denied, "put", "/ro/a", "v")
        self.refused(1, denied, "del", "/ro/a")
        self.refused(1, denied, "get", "/else")
        self.refused(1, denied, "watch", "--prefix", "/")
        self.refused(1, denied, "txn", stdin="then put /rw/a v\nthen put /ro/a v\n")
        self.assertIsNone(self.etcd.get("/rw/a"))

    def test_denied(self):
        self.write_config()
        self.write_password("wrong-one")
        self.each_refused(1, "authentication failed")
        self.write_password(PASSWORD)
        self.write_config(user="ghost")
        self.refused(1, "log in as `ghost`", "get", "/rw/a")
        self.write_config(user=None)
        self.refused(1, "set registry.username and registry.password_file", "get", "/rw/a")
        self.refused(1, "set registry.username and registry.password_file", "watch", "/rw/a")

    def test_certificates(self):
        for tls, status, text in (({}, 75, "set cert_file and key_file"),
                                  (self.certificate("expired"), 75, "expired.crt): it is not signed by a CA that the server"),
                                  (self.certificate("stranger"), 75, "stranger.crt"),
                                  (self.certificate("client-cn"), 1, "set registry.tls.cert_file to one without it")):
            self.write_config(tls=tls)
            self.refused(status, text, "get", "/rw/a")
            self.refused(status, text, "watch", "/rw/a")
        self.write_config(ca="stranger-ca")
        self.refused(75, "not signed by a CA in ca_file", "get", "/rw/a")

    def test_files_that_cannot_be_read(self):
        for setting in ("ca_file", "cert_file", "key_file"):
            self.write_config(tls={**self.certificate("client"), setting: "/none"})
            self.refused(78, f"registry.tls.{setting}: cannot read /none: No such file", "get", "/rw/a")
        self.write_config()
        os.unlink(self.password_file)
        self.refused(78, "registry.password_file: cannot read", "get", "/rw/a")

    def test_an_endpoint_that_is_away(self):
        self.write_config(endpoints=[NOBODY, self.etcd.url])
        self.assertEqual(self.kv("put", "/rw/e", "v"), "OK\n")
        self.assertEqual(self.kv("get", "/rw/e", "--print-value-only"), "v\n")
        self.assertEqual(self.kv("txn", stdin="then get /rw/e\n"), "SUCCESS\n\n/rw/e\nv\n")
        watch = self.keep("watch", "/rw/e", "--rev", str(self.etcd.get("/rw/e").revision))
        self.assertEqual([watch.stdout.readline() for _ in range(3)], ["PUT\n", "/rw/e\n", "v\n"])
        self.write_config(endpoints=[NOBODY, "https://127.0.0.1:2"])
        self.each_refused(75, "nothing listens there")
