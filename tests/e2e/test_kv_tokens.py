"""outrider kv for longer than the lifetime of a token."""
import json

from kv_case import SecureCase
from registry import DEADLINE_S
from users import PASSWORD


class ShortTokens(SecureCase):
    token_ttl_s = 1

    def test_a_watch_and_a_lease_outlive_tokens_and_etcd(self):
        self.write_config(ttl="2s")
        lease = self.kv("lease", "grant", "3s").split()[1]
        self.kv("put", "/rw/l", "v", "--lease", lease)
        watch = self.keep("watch", "--json", "--prefix", "/rw/w")
        keeper = self.keep("lease", "keep-alive", lease)
        for turn in range(2):
            for _ in range(4):
                self.assertIn("keepalived", keeper.stdout.readline())
            self.kv("put", f"/rw/w{turn}", "v")
            self.assertEqual(json.loads(watch.stdout.readline())["key"], f"/rw/w{turn}")
            if turn == 0:
                self.etcd.kill()
                self.etcd.start()
        self.assertIsNotNone(self.etcd.get("/rw/l"))
        keeper.kill()
        self.assertLessEqual(keeper.stderr.read().count("\n"), 1)
        self.kv("lease", "revoke", lease)

    def test_a_password_that_changes_ends_what_must_log_in_again(self):
        self.write_config()
        watch = self.keep("watch", "--json", "/rw/p", "--rev", "1")
        self.kv("put", "/rw/p", "v")
        watch.stdout.readline()
        self.etcd.root("etcdctl", "user", "passwd", "kv", "--interactive=false", password="another-one")
        try:
            self.etcd.kill()
            self.etcd.start()
            self.assertEqual(watch.wait(DEADLINE_S), 1)
            self.assertIn("check registry.username and the password in registry.password_file", watch.stderr.read())
        finally:
            self.etcd.root("etcdctl", "user", "passwd", "kv", "--interactive=false", password=PASSWORD)
