"""etcd with authentication on, while passwords, users and tokens change."""
from harness import wait_until
from users import PASSWORD, AuthCase

PATIENCE_S = 75  # after a denial the retry comes within 30 s, the next login within 20 s


class Changes(AuthCase):
    def test_the_password_is_changed(self):
        """The old token ends with the old password, and the file has the new one: one login, no other effect."""
        watcher = self.watch()
        agent = self.sidecar().start()
        watcher.status("ready")
        self.write_password("another-geheim")
        self.etcd.root("etcdctl", "user", "passwd", self.user, "--interactive=false", password="another-geheim")
        agent.say("ready players=7")
        watcher.status("ready", players=7)
        self.assertIsNone(agent.api()["registry"]["lastError"])
        self.assertNotIn("level=warn", agent.log())
        self.assertEqual(agent.stop(), 0)

    def test_a_wrong_password_is_corrected(self):
        agent = self.sidecar()
        self.write_password("wrong-geheim")
        agent.start()
        self.wait_error(agent, "authentication failed")
        self.assertIn("check registry.username", agent.run("status").stdout)
        self.assertEqual(agent.say("ready players=1"), "OK")
        began = agent.log().count("\n")
        self.write_password(PASSWORD)
        wait_until(lambda: (self.etcd.get(agent.key).record if self.etcd.get(agent.key) else {}).get("players") == 1,
                   "the record once the password is right", PATIENCE_S)
        self.assertLess(began, 30, agent.log())  # no flood while it was wrong
        self.assertEqual(agent.stop(), 0)

    def test_the_user_is_removed_and_comes_back(self):
        """The lease lives on (a heartbeat needs no token), so the record stays; writes wait."""
        watcher = self.watch()
        agent = self.sidecar().start()
        watcher.status("ready")
        self.etcd.root("etcdctl", "user", "delete", self.user)
        agent.say("ready players=5")
        wait_until(lambda: agent.api()["registry"]["lastError"], "the error")
        lines = agent.log().count("\n")
        self.assertEqual(self.etcd.get(agent.key).record["status"], "ready")
        self.etcd.allow(self.prefix, "sidecar", self.user, "world", "w1")
        wait_until(lambda: self.etcd.get(agent.key).record.get("players") == 5, "the write that waited", PATIENCE_S)
        self.assertLess(agent.log().count("\n") - lines, 10, agent.log())
        self.assertFalse([event for event in watcher.until_now() if event.deleted])
        self.assertEqual(agent.stop(), 0)

    def test_authentication_is_switched_off_and_on(self):
        agent = self.sidecar().start()
        wait_until(lambda: self.etcd.get(agent.key), "the record")
        self.etcd.switch(False)
        try:
            agent.say("ready players=1")
            wait_until(lambda: self.etcd.get(agent.key).record.get("players") == 1, "a write without authentication")
        finally:
            self.etcd.switch(True)
        agent.say("ready players=2")
        wait_until(lambda: self.etcd.get(agent.key).record.get("players") == 2, "and with it again")
        self.assertIsNone(agent.api()["registry"]["lastError"])
        self.assertEqual(agent.stop(), 0)

    def test_etcd_forgets_its_tokens(self):
        """Tokens are in a member's memory: its restart ends them."""
        agent = self.sidecar().start()
        wait_until(lambda: self.etcd.get(agent.key), "the record")
        lease = self.etcd.get(agent.key).lease
        for players in range(1, 4):
            self.etcd.kill()
            self.etcd.start()
            agent.say(f"ready players={players}")
            wait_until(lambda n=players: self.etcd.get(agent.key).record.get("players") == n, "news after the restart")
        self.assertEqual(self.etcd.get(agent.key).lease, lease)
        self.assertEqual(agent.stop(), 0)
