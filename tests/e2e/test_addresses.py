"""The address that is published, in a network namespace of the test's own: interfaces that come, change and go."""
import json
import signal
import subprocess

import network
from harness import Case, Game, wait_until
from network import add_link, ip

def setUpModule():
    network.enter()


def tearDownModule():
    network.leave()


class Addresses(Case):
    def setUp(self):
        super().setUp()
        self.addCleanup(self.remove_links)

    def remove_links(self):
        for link in json.loads(subprocess.run(["ip", "-j", "link"], capture_output=True, check=True).stdout):
            if link["ifname"] in ("wg0", "eth0", "eth1"):
                ip(f"link del {link['ifname']}")

    def host(self, agent, host):
        wait_until(lambda: agent.api()["host"] == host, f"host {host}, not {agent.api()['hostChoice']}")

    def test_an_interface_that_comes_later(self):
        watcher = self.watch()
        agent = self.agent(server={"host": "wg0"})
        agent.write()
        checked = agent.run("check")
        self.assertEqual((checked.returncode, checked.stdout), (0, f"{agent.path}: ok, sidecar of world/w1\n"))
        self.assertIn("server.host: warning: interface wg0 does not exist yet", checked.stderr)
        agent.start()
        wait_until(lambda: agent.api()["status"] == "ready", "the server is ready")
        self.assertIn("NOT PUBLISHED: interface wg0 does not exist yet", agent.run("status").stdout)
        self.assertEqual(self.etcd.under(self.prefix), [])
        add_link("wg0", "10.8.0.2/24")
        self.assertEqual(watcher.status("ready").record["host"], "10.8.0.2")
        self.assertEqual(agent.run("check").stderr, "")
        ip("addr add 10.9.0.2/24 dev wg0")
        ip("addr del 10.8.0.2/24 dev wg0")
        self.host(agent, "10.9.0.2")
        wait_until(lambda: self.etcd.get(agent.key).record["host"] == "10.9.0.2", "the record has the new address")
        agent.logged("address to publish changed")
        ip("link del wg0")
        wait_until(lambda: self.etcd.get(agent.key) is None, "the record is withdrawn with the interface")
        self.assertIn("NOT PUBLISHED: interface wg0 does not exist yet", agent.run("status").stdout)
        hosts = [event.record["host"] for event in watcher.events if event.record]
        self.assertNotIn("wg0", hosts)

    def test_check_warns_of_what_comes_to_nothing(self):
        add_link("eth0")
        agent = self.agent()
        for host, warning in (("wg0", "interface wg0 does not exist yet"),
                              ("eth0", "the network interface eth0 has no address yet"),
                              ("auto", "this machine has no address that others can reach"),
                              ("game.example.com", "game.example.com is neither an address nor an interface of this machine")):
            agent.write(server={"host": host})
            checked = agent.run("check")
            self.assertEqual(checked.returncode, 0, checked)
            self.assertIn(f"{agent.path}: server.host: warning: ", checked.stderr)
            self.assertIn(warning, checked.stderr)
            self.assertEqual(checked.stderr.count("warning"), 1, checked.stderr)
        for probe_host in ("localhost", "127.0.0.1", "published"):
            agent.write(server={"host": "192.0.2.7"}, probe_host=probe_host)
            self.assertEqual(agent.run("check").stderr, "")
        agent.write(probe_host="game.invalid")
        self.assertIn("probe_host: warning: game.invalid is not resolved here (", agent.run("check").stderr)
        agent.write(probes=[{"name": "game", "port": self.game.port, "host": "far.invalid"}])
        checked = agent.run("check")
        self.assertIn("probes[0].host: warning: far.invalid is not resolved here (", checked.stderr)
        self.assertEqual(checked.stderr.count("warning"), 1, checked.stderr)

    def test_the_best_of_several_and_the_rejected_ones(self):
        add_link("eth0", "169.254.7.9/16", "198.51.100.10/24")
        agent = self.agent(server={"host": "eth0"}).start()
        self.host(agent, "198.51.100.10")
        choice = agent.api()["hostChoice"]
        self.assertEqual((choice["setting"], choice["from"], choice["interface"]), ("eth0", "interface", "eth0"))
        self.assertIn({"address": "169.254.7.9", "interface": "eth0", "why": "link-local"}, choice["rejected"])
        self.assertEqual(json.loads(agent.run("status", "--json").stdout)["hostChoice"], choice)

    def test_auto_follows_the_default_route(self):
        agent = self.agent(server={"host": "auto"}).start()
        self.assertIn("no address to publish", agent.run("status").stdout)
        add_link("eth0", "169.254.7.9/16")
        ip("-6 addr add 2001:db8:1::6/64 dev eth0 nodad")
        ip("route add default via 169.254.0.1")
        self.host(agent, "169.254.7.9")
        ip("-6 route add default via 2001:db8:1::1")
        self.host(agent, "2001:db8:1::6")
        add_link("eth1", "198.51.100.10/24")
        ip("route add default via 198.51.100.1 metric 5")
        self.host(agent, "198.51.100.10")
        choice = agent.api()["hostChoice"]
        self.assertEqual((choice["from"], choice["interface"]), ("default route", "eth1"))
        self.assertIn({"address": "2001:db8:1::6", "interface": "eth0", "why": "an IPv4 address is preferred"},
                      choice["rejected"])

    def test_hup_looks_the_address_up_again(self):
        hosts = self.dir / "hosts"
        hosts.write_text("")
        agent = self.agent(server={"host": "game1"}, env={"CARES_HOSTS": str(hosts)}).start()
        wait_until(lambda: "interface game1 does not exist yet" in (agent.api()["withheld"] or ""), "it is not published")
        hosts.write_text("192.0.2.7 game1\n")
        agent.send_signal(signal.SIGHUP)
        self.host(agent, "game1")

    def test_a_game_on_loopback_only_is_not_ready_for_players(self):
        add_link("eth0", "198.51.100.10/24")
        agent = self.agent(server={"host": "eth0"}, probe_host="published")
        agent.write()
        checked = agent.run("check", "--live")
        self.assertIn(f"port {self.game.port} on 198.51.100.10, which players are told: warning: connection refused",
                      checked.stdout)
        self.assertEqual(checked.returncode, 0, checked)
        watcher = self.watch()
        agent.start()
        wait_until(lambda: agent.api()["probes"][0]["verdict"] == "failing", "the probe fails")
        self.assertEqual(agent.api()["probes"][0]["target"], f"198.51.100.10:{self.game.port}")
        self.assertNotIn("ready", [event.status for event in watcher.events])
        far = Game(host="198.51.100.10", port=self.game.port)
        self.addCleanup(far.close)
        watcher.status("ready")
        self.assertIn(f"port {self.game.port} on 198.51.100.10, which players are told: answers\n",
                      agent.run("check", "--live").stdout)

    def test_a_probe_of_the_published_address_waits_for_one(self):
        agent = self.agent(server={"host": "wg0"}, probe_host="published").start()
        wait_until(lambda: agent.api()["probes"][0]["evidence"] == "no address is published yet", "nothing is tried")
        self.assertEqual(agent.api()["probes"][0]["target"], f"published:{self.game.port}")
        self.assertEqual(agent.api()["probes"][0]["verdict"], "unknown")
        far = Game(host="0.0.0.0")
        self.addCleanup(far.close)
        agent.write(probes=[{"name": "near", "port": far.port, "host": "127.0.0.1", "interval": "50ms", "timeout": "40ms"},
                            {"name": "far", "port": far.port, "interval": "50ms", "timeout": "40ms"}])
        agent.send_signal(signal.SIGHUP)
        wait_until(lambda: [probe["verdict"] for probe in agent.api()["probes"]] == ["passing", "unknown"], "only the near one")
        add_link("wg0", "10.8.0.2/24")
        wait_until(lambda: [probe["verdict"] for probe in agent.api()["probes"]] == ["passing", "passing"], "both")
