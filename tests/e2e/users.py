"""An etcd with users: tests log in as root, agents as the users made by docs/etcd-roles."""
import json
import os
import subprocess

from harness import ROOT, Case, wait_until
from registry import DEADLINE_S, Etcd, with_etcd

ROLES = ROOT / "docs" / "etcd-roles"
PASSWORD = "agent-geheim"


class AuthEtcd(Etcd):
    def __init__(self, token_ttl_s=300, tls=False):
        self.token, self.on = None, False
        super().__init__(tls, ("--auth-token-ttl", str(token_ttl_s)))
        with_etcd.enable_auth(self.node)
        self.on = True

    def connect(self, timeout=None):
        """A connection that sends its token with each request."""
        connection = super().connect(timeout)
        if self.on:
            self.token = self.token or self.log_in("root", with_etcd.ROOT_PASSWORD)
            plain, token = connection.request, {"Authorization": self.token}
            connection.request = lambda method, url, body=None: plain(method, url, body, token)
        return connection

    def switch(self, on):
        """Switches authentication on or off."""
        if on:
            self.node.call("/v3/auth/enable", {})
        else:
            self.root("etcdctl", "auth", "disable")
        self.token, self.on = None, on

    def log_in(self, user, password):
        return json.loads(self.node.call("/v3/auth/authenticate", {"name": user, "password": password}))["token"]

    def call(self, path, body):
        try:
            return super().call(path, body)
        except AssertionError as error:
            if " 401 " not in str(error):
                raise
            self.token = None
            return super().call(path, body)

    def root(self, *words, password="", user=f"root:{with_etcd.ROOT_PASSWORD}"):
        """etcdctl, or a program that calls it, as root unless another is named."""
        env = {"PATH": os.environ["PATH"], "ETCDCTL_API": "3", "ETCDCTL_ENDPOINTS": self.url, "ETCDCTL_USER": user,
               **(self.tls.environment() if self.tls else {})}
        return subprocess.run([str(word) for word in words], env=env, input=password + "\n", text=True,
                              capture_output=True, timeout=DEADLINE_S, check=True).stdout

    def allow(self, prefix, kind, user, *words, password=PASSWORD):
        """Runs docs/etcd-roles."""
        return self.root("env", f"PREFIX={prefix}", ROLES, kind, user, *words, password=password)


class AuthCase(Case):
    token_ttl_s = 300
    tls = False

    @classmethod
    def setUpClass(cls):
        cls.etcd = AuthEtcd(cls.token_ttl_s, cls.tls)
        cls.addClassCleanup(cls.etcd.stop)

    def setUp(self):
        super().setUp()
        self.user = f"user{Case.number}"
        self.password_file = self.dir / "password"
        self.write_password(PASSWORD)

    def write_password(self, password):
        new = self.dir / "password.new"
        new.write_text(password + "\n")
        new.chmod(0o600)
        new.replace(self.password_file)

    def login(self, **more):
        return {"username": self.user, "password_file": str(self.password_file), **more}

    def sidecar(self, **registry):
        """An agent as the user with the least role for it."""
        self.etcd.allow(self.prefix, "sidecar", self.user, "world", "w1")
        return self.agent(registry=self.login(**registry))

    def wait_error(self, agent, part):
        wait_until(lambda: part in (agent.api()["registry"]["lastError"] or ""), f"error: {part}")
