"""outrider kv with a user of etcd, over mutual TLS."""
import json
import subprocess

from harness import BINARY, environment
from registry import DEADLINE_S
from users import PASSWORD, AuthCase


class SecureCase(AuthCase):
    tls = True

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        root = cls.etcd.root
        root("etcdctl", "role", "add", "kv")
        root("etcdctl", "role", "grant-permission", "--prefix=true", "kv", "readwrite", "/rw/")
        root("etcdctl", "role", "grant-permission", "--prefix=true", "kv", "read", "/ro/")
        root("etcdctl", "user", "add", "kv", "--interactive=false", password=PASSWORD)
        root("etcdctl", "user", "grant-role", "kv", "kv")

    def certificate(self, name):
        folder = self.etcd.tls.folder
        return {"cert_file": f"{folder}/{name}.crt", "key_file": f"{folder}/{name}.key"}

    def write_config(self, endpoints=None, tls=None, user="kv", ca="ca", **more):
        login = {"username": user, "password_file": str(self.password_file)} if user else {}
        tls = {"ca_file": f"{self.etcd.tls.folder}/{ca}.crt", **(self.certificate("client") if tls is None else tls)}
        path = self.dir / "kv.yaml"
        path.write_text(json.dumps({"registry": {"endpoints": endpoints or [self.etcd.url], "tls": tls, **login, **more}}))
        return path

    def run_kv(self, *words, stdin=""):
        done = subprocess.run([BINARY, "kv", *words], env=environment(OUTRIDER_CONFIG=self.dir / "kv.yaml"), input=stdin,
                              capture_output=True, check=False, timeout=DEADLINE_S, text=True)
        for secret in (PASSWORD, "wrong-one"):
            self.assertNotIn(secret, done.stdout + done.stderr)
        return done

    def kv(self, *words, stdin=""):
        done = self.run_kv(*words, stdin=stdin)
        self.assertEqual((done.returncode, done.stderr), (0, ""), words)
        return done.stdout

    def refused(self, status, text, *words, stdin=""):
        with self.subTest(words):
            done = self.run_kv(*words, stdin=stdin)
            self.assertEqual((done.returncode, done.stdout), (status, ""), done.stderr)
            self.assertIn(text, done.stderr)
            self.assertEqual(done.stderr.count("\n"), 1)

    def each_refused(self, status, text):
        for words, stdin in ((("get", "/rw/a"), ""), (("put", "/rw/a", "v"), ""), (("del", "/rw/a"), ""),
                             (("watch", "/rw/a"), ""), (("txn",), "then get /rw/a\n"), (("lease", "grant", "5s"), "")):
            self.refused(status, text, *words, stdin=stdin)

    def keep(self, *words):
        return self.process(BINARY, "kv", *words, env=environment(OUTRIDER_CONFIG=self.dir / "kv.yaml"),
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
