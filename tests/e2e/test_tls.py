"""https:// and certificates on both sides: what works, the errors, and files that change."""
import os
import shutil

from harness import Case, wait_until
from registry import Etcd


class Mutual(Case):
    @classmethod
    def setUpClass(cls):
        cls.etcd = Etcd(tls=True)
        cls.addClassCleanup(cls.etcd.stop)

    def file(self, name, source):
        """The agent's own copy of a certificate or key, replaced atomically, as a rotation does."""
        path = self.dir / name
        shutil.copy(self.etcd.tls.folder / source, f"{path}.new")
        os.replace(f"{path}.new", path)
        return str(path)

    def settings(self, ca="ca", client="client", **more):
        tls = {"ca_file": self.file("ca", f"{ca}.crt"), **more}
        if client:
            tls |= {"cert_file": self.file("crt", f"{client}.crt"), "key_file": self.file("key", f"{client}.key")}
        return {"tls": tls}

    def secured(self, **more):
        return self.agent(registry=self.settings(**more)).start()

    def wait_error(self, agent, *parts):
        """Waits for an error of the registry that has all of the parts."""
        def reported():
            text = agent.api()["registry"]["lastError"] or ""
            return all(part in text for part in parts)
        try:
            wait_until(reported, parts)
        except AssertionError as error:
            raise AssertionError(f"{error}; it says {agent.api()['registry']['lastError']}") from None
        self.assertIn(parts[0], agent.run("status").stdout)

    def test_lines_become_records(self):
        watcher = self.watch()
        agent = self.secured()
        watcher.status("ready")
        for players in range(1, 21):
            self.assertEqual(agent.say(f"ready players={players}"), "OK")
        watcher.status("ready", players=20)
        self.assertEqual(agent.run("drain", "--reason", "patch").returncode, 0)
        watcher.status("draining")
        mark = watcher.mark()
        self.assertEqual(agent.run("undrain").returncode, 0)
        watcher.status("ready", mark)
        mark = watcher.mark()
        self.etcd.delete(agent.key)  # found by the agent's watch
        watcher.status("gone", mark)
        watcher.status("ready", mark, players=20)
        self.etcd.kill()
        self.etcd.start()
        agent.say("ready players=21")
        wait_until(lambda: self.etcd.get(agent.key).record.get("players") == 21, "the news after etcd's restart")
        self.assertEqual(agent.stop(), 0)
        self.assertIsNone(self.etcd.get(agent.key))

    def test_errors_are_reported_and_end_without_a_restart(self):
        agent = self.secured(ca="stranger-ca", client="stranger")
        self.wait_error(agent, "not signed by a CA in ca_file", agent.config["registry"]["tls"]["ca_file"])
        self.file("ca", "ca.crt")
        self.wait_error(agent, "our certificate (cert_file ", agent.config["registry"]["tls"]["cert_file"])
        os.unlink(self.dir / "key")
        self.wait_error(agent, "key_file", "cannot be read: No such file")
        self.file("crt", "client.crt")
        self.file("key", "client.key")
        wait_until(lambda: self.etcd.get(agent.key), "the record")
        wait_until(lambda: agent.api()["registry"]["lastError"] is None, "the error is over")
        self.assertLess(agent.log().count("level=warn"), 20, agent.log())
        self.assertEqual(agent.stop(), 0)

    def test_the_keys_of_its_sessions_are_not_written_to_a_file(self):
        """A reader of such a file has the password and every record that crosses the network."""
        keys = self.dir / "keys"
        agent = self.agent(env={"SSLKEYLOGFILE": str(keys), "HOSTALIASES": "/nowhere"},
                           registry=self.settings()).start()
        wait_until(lambda: self.etcd.get(agent.key), "the record")
        self.assertEqual(agent.run("kv", "get", agent.key, env={"SSLKEYLOGFILE": str(keys)}).returncode, 0)
        self.assertFalse(keys.exists(), "the keys of TLS sessions")
        self.assertIn("environment variable ignored, unset it\" name=SSLKEYLOGFILE", agent.log())
        self.assertEqual(agent.stop(), 0)
        self.assertFalse(keys.exists(), "the keys of TLS sessions")

    def test_no_certificate(self):
        agent = self.secured(client=None)
        self.wait_error(agent, "client certificate", "set cert_file and key_file")
        self.assertEqual(agent.say("ready players=3"), "OK")

    def test_no_tls_where_it_is_wanted(self):
        agent = self.agent(registry={"endpoints": [self.etcd.url.replace("https:", "http:")]}).start()
        self.wait_error(agent, "if the server speaks TLS on this port, use https://")

    def test_server_name(self):
        wrong = self.secured(server_name="etcd.example")
        self.wait_error(wrong, "not for etcd.example: correct server_name", "DNS:localhost")
        wrong.kill()
        agent = self.agent("b", registry=self.settings(server_name="localhost")).start()
        wait_until(lambda: self.etcd.get(agent.key), "the record")
        self.assertEqual(agent.stop(), 0)

    def test_an_authority_that_goes_takes_no_standing_connection_with_it(self):
        watcher = self.watch()
        agent = self.secured()
        watcher.status("ready")
        lease = self.etcd.get(agent.key).lease
        self.file("ca", "stranger-ca.crt")
        agent.say("ready players=1")
        watcher.status("ready", players=1)
        self.etcd.kill()
        self.etcd.start()
        self.wait_error(agent, "not signed by a CA in ca_file")
        self.file("ca", "ca.crt")
        agent.say("ready players=2")
        wait_until(lambda: self.etcd.get(agent.key).record.get("players") == 2, "the news")
        self.assertEqual(self.etcd.get(agent.key).lease, lease)
        self.assertEqual(agent.stop(), 0)


class ServerOnly(Case):
    """etcd's certificate has no usage clientAuth, so that etcd's gateway cannot connect to etcd itself."""

    @classmethod
    def setUpClass(cls):
        cls.etcd = Etcd(tls=True, server="server-only")
        cls.addClassCleanup(cls.etcd.stop)

    def test_the_missing_usage_is_named(self):
        folder, remedy = self.etcd.tls.folder, "etcd's certificate (--cert-file) needs the usage clientAuth beside serverAuth"
        tls = {"ca_file": f"{folder}/ca.crt", "cert_file": f"{folder}/client.crt", "key_file": f"{folder}/client.key"}
        for name in "abcdef":
            agent = self.agent(name, registry={"tls": tls}).start()
            wait_until(lambda: remedy in (agent.api()["registry"]["lastError"] or ""), "the remedy in the error")
            # Now and then etcd says another thing first, "failed to write client preface", and only the first is logged.
            if remedy in agent.log():
                break
            agent.kill()
        agent.not_published(remedy)
        agent.logged(remedy)
        live = agent.run("check", "--live")
        self.assertIn(remedy, live.stdout)
        self.assertEqual(live.returncode, 75, live)
