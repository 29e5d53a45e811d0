"""Name servers that are silent, refuse, deny or die: none of it is a failure of the game."""
import network
from harness import Case, wait_until


def setUpModule():
    network.enter()


def tearDownModule():
    network.leave()


class NameServers(Case):
    def servers(self, count):
        servers = [network.NameServer(number) for number in range(1, count + 1)]
        for server in servers:
            self.addCleanup(server.close)
        return servers

    def ready(self, lines, hosts=None):
        """An agent whose game is ready, by the name that its probe has resolved."""
        resolv_conf = self.dir / "resolv.conf"
        resolv_conf.write_text("".join(f"{line}\n" for line in lines))
        probe = {"name": "game", "port": self.game.port, "interval": "200ms", "timeout": "190ms"}
        self.watcher = self.watch()
        agent = self.agent(probe_host="game.test", probes=[probe], env={"CARES_HOSTS": hosts},
                           wrapper=network.with_resolv_conf(resolv_conf)).start()
        self.watcher.status("ready")
        return agent

    def ready_by_servers(self, servers):
        return self.ready([f"nameserver {server.address}" for server in servers])

    def assert_reaches(self, agent, tries=4):
        """The game is reached that often from now on, and was never in error."""
        accepted = self.game.accepted
        wait_until(lambda: self.game.accepted >= accepted + tries, "the probes reach the game")
        self.assert_still_ready(agent)

    def assert_still_ready(self, agent):
        self.assertEqual((agent.api()["status"], agent.api()["probes"][0]["verdict"]), ("ready", "passing"))
        self.assertNotIn("error", [event.status for event in self.watcher.events])

    def test_two_the_first_silent_then_refusing(self):
        servers = self.servers(2)
        agent = self.ready_by_servers(servers)
        for mode in ("silent", "refused"):
            servers[0].mode, asked = mode, servers[1].asked
            self.assert_reaches(agent)
            self.assertGreater(servers[1].asked, asked)
            servers[0].mode, servers[1].mode = "", "refused"
            self.assert_reaches(agent)
            servers[1].mode = ""

    def test_three_one_dead(self):
        servers = self.servers(3)
        servers[0].close()
        agent = self.ready_by_servers(servers)
        self.assert_reaches(agent)
        servers[1].close()
        self.assert_reaches(agent)
        self.assertGreater(servers[2].asked, 0)

    def test_aaaa_is_swallowed(self):
        servers = self.servers(1)
        servers[0].mode = "no-aaaa"
        self.assert_reaches(self.ready_by_servers(servers))

    def test_no_nameserver_line_with_a_hosts_file(self):
        hosts = self.dir / "hosts"
        hosts.write_text("127.0.0.1 game.test\n")
        self.assert_reaches(self.ready(["search test"], hosts))

    def test_a_server_dies_while_the_game_is_ready(self):
        servers = self.servers(1)
        agent = self.ready_by_servers(servers)
        servers[0].close()
        self.assert_reaches(agent)
        self.game.close()
        self.assertIn("connection refused at the last known address", self.watcher.status("error").record["reason"])
        self.game.open()
        wait_until(lambda: agent.api()["status"] == "ready", "the game is ready again, without a name server")

    def test_the_name_is_denied_while_the_game_is_ready(self):
        servers = self.servers(1)
        agent = self.ready_by_servers(servers)
        servers[0].mode, asked = "no-such-name", servers[0].asked
        wait_until(lambda: agent.api()["probes"][0]["evidence"] == "name not resolved: no such name", "it is denied")
        wait_until(lambda: servers[0].asked >= asked + 12, "more attempts than fall")
        self.assert_still_ready(agent)
        servers[0].mode = ""
        self.assert_reaches(agent)
