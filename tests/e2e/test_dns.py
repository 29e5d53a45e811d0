"""The fleet by DNS, asked with dig: what is answered, what is not, how long it may be kept, and how much fits."""
import signal
import struct
import subprocess

from dns_client import DnsCase, question
from harness import BINARY, environment, wait_until


class Answers(DnsCase):
    def setUp(self):
        super().setUp()
        self.put("world", "w1", ports=[8001, 8002], weight=5, zone="eu-1", players=3, labels={"map": "harbor", "build": "1.4.2"})
        self.put("world", "w2", host="10.0.0.2", zone="eu-2", region="eu", group="blue", tags=["pvp"])
        self.put("world", "w3", host="game3.example.com", status="draining")
        self.put("lobby", "l1", host="fd00::1", ports=[9001])
        self.one = self.observer().start()
        self.wait_for("world.outrider", "A", ["A 10.0.0.1", "A 10.0.0.2"])

    def test_a_type_has_its_ready_servers_and_follows_them(self):
        srv = ["SRV 1 1 8001 w2.world.outrider.", "SRV 1 5 8001 w1.world.outrider.", "SRV 1 5 8002 w1.world.outrider."]
        for name in ("world.outrider", "ready.world.outrider", "_world._tcp.outrider", "_world._udp.outrider", "WORLD.OutRider"):
            answer = self.dig(name, "SRV")
            self.assertEqual((answer.status, answer.flags, answer.data()), ("NOERROR", {"qr", "aa", "rd"}, srv), name)
            self.assertEqual(answer.names(), [name + "."] * 3)
            self.assertEqual(answer.data("ADDITIONAL"), ["A 10.0.0.1", "A 10.0.0.2"])
            self.assertEqual(answer.ttls(), {5})
        self.assertEqual(self.dig("lobby.outrider", "AAAA").data(), ["AAAA fd00::1"])
        self.assertEqual(self.dig("world.outrider", "TXT").data(), ['TXT "servers=3" "ready=2"'])
        self.put("world", "w2", host="10.0.0.2", status="error")
        self.wait_for("world.outrider", "A", ["A 10.0.0.1"])
        self.put("world", "w3", host="game3.example.com")
        self.wait_for("world.outrider", "SRV", ["SRV 1 1 8001 game3.example.com.", *srv[1:]])
        self.etcd.delete(f"{self.prefix}/world/w1")
        self.wait_for("world.outrider", "A", ["CNAME game3.example.com."])
        self.assertEqual(self.dig("w1.world.outrider").status, "NXDOMAIN")

    def test_one_server_by_its_id_whatever_its_status(self):
        self.assertEqual(self.dig("w1.world.outrider").data(), ["A 10.0.0.1"])
        self.assertEqual(self.dig("w1.world.outrider", "TXT").data(), ['TXT "status=ready" "players=3" "zone=eu-1"'])
        self.assertEqual(self.dig("w3.world.outrider").data(), ["CNAME game3.example.com."])
        self.assertEqual(self.dig("w3.world.outrider", "TXT").data(), ['TXT "status=draining"'])
        self.assertEqual(self.dig("w3.world.outrider", "SRV").data(), ["SRV 1 1 8001 game3.example.com."])
        self.put("world", "w1", players=4)
        self.wait_for("w1.world.outrider", "TXT", ['TXT "status=ready" "players=4"'])

    def test_values_select(self):
        for name, address in (("eu-1.zone", "10.0.0.1"), ("eu-2.zone", "10.0.0.2"), ("eu.region", "10.0.0.2"), ("blue.group", "10.0.0.2"),
                              ("pvp.tag", "10.0.0.2"), ("harbor.map.label", "10.0.0.1"), ("1.4.2.build.label", "10.0.0.1")):
            self.assertEqual(self.dig(name + ".world.outrider").data(), [f"A {address}"], name)

    def test_nothing_of_that_type_is_not_no_such_name(self):
        soa = ["SOA ns.dns.outrider. hostmaster.outrider."]
        for name, kind, status in (("world.outrider", "MX", "NOERROR"), ("world.outrider", "AAAA", "NOERROR"),
                                   ("zone.world.outrider", "A", "NOERROR"), ("2.build.label.world.outrider", "A", "NOERROR"),
                                   ("_tcp.outrider", "SRV", "NOERROR"), ("outrider", "A", "NOERROR"),
                                   ("nowhere.outrider", "A", "NXDOMAIN"), ("w9.world.outrider", "A", "NXDOMAIN"),
                                   ("eu-3.zone.world.outrider", "SRV", "NXDOMAIN"), ("_nowhere._tcp.outrider", "SRV", "NXDOMAIN")):
            answer = self.dig(name, kind)
            self.assertEqual((answer.status, answer.data(), answer.names("AUTHORITY")), (status, [], ["outrider."]), name)
            self.assertEqual([each.rsplit(None, 5)[0] for each in answer.data("AUTHORITY")], soa)
            self.assertEqual(answer.flags, {"qr", "aa", "rd"})
        self.assertEqual(len(self.dig("outrider", "SOA").data()), 1)
        self.assertEqual(self.dig("outrider", "NS").data(), ["NS ns.dns.outrider."])
        self.assertEqual(self.dig("ns.dns.outrider").data(), ["A 127.0.0.1"])

    def test_what_is_not_ours_is_refused_and_the_rest_of_the_protocol(self):
        for name, kind, *options in (("example.com", "A"), (".", "NS"), ("version.bind", "TXT", "-c", "CH"), ("world.outrider", "AXFR"),
                                     ("world.outrider", "A", "-c", "CH")):
            self.assertIn(self.dig(name, kind, *options).status, ("REFUSED", None), name)
        self.assertEqual(self.dig("example.com").status, "REFUSED")
        self.assertNotIn("aa", self.dig("example.com").flags)
        self.assertEqual(self.dig("world.outrider", "ANY").data(), ['HINFO "RFC8482" ""'])
        self.assertEqual(self.dig("world.outrider", "SOA", "+opcode=notify").status, "NOTIMP")
        self.assertEqual(self.dig("world.outrider", "A", "+edns=1", "+noednsneg").status, "BADVERS")
        self.assertEqual(self.dig("world.outrider", "A", "+norecurse").flags, {"qr", "aa"})
        self.assertEqual(self.dig("world.outrider", "A", "+tcp").data(), ["A 10.0.0.1", "A 10.0.0.2"])

    def test_metrics_count_by_type_and_result(self):
        before = self.metric(self.one, 'outrider_dns_queries_total{type="SRV",rcode="NOERROR"}')
        for _ in range(3):
            self.dig("world.outrider", "SRV")
        self.dig("nowhere.outrider", "AAAA")
        self.dig("world.outrider", "MX")
        self.assertEqual(self.metric(self.one, 'outrider_dns_queries_total{type="SRV",rcode="NOERROR"}'), before + 3)
        self.assertEqual(self.metric(self.one, 'outrider_dns_queries_total{type="AAAA",rcode="NXDOMAIN"}'), 1)
        self.assertEqual(self.metric(self.one, 'outrider_dns_queries_total{type="other",rcode="NOERROR"}'), 1)
        self.put("world", "no.label")
        wait_until(lambda: self.metric(self.one, 'outrider_dns_left_out{reason="name"}') == 1, "an id that is no label is counted")
        self.put("world", "w2", host="not a host", zone="a..b")
        wait_until(lambda: self.metric(self.one, 'outrider_dns_left_out{reason="host"}') == 1, "so is a host that is none")
        self.assertEqual(self.metric(self.one, 'outrider_dns_left_out{reason="value"}'), 1)
        self.wait_for("world.outrider", "A", ["A 10.0.0.1"])


class Sizes(DnsCase):
    def test_more_than_fits_is_truncated_and_whole_over_tcp(self):
        for i in range(100):
            self.put("world", f"server-with-a-long-name-{i:03}", host=f"10.0.1.{i}")
        self.observer(dns={"answers": 256}).start()
        wait_until(lambda: len(self.dig("world.outrider", "A", "+tcp").data()) == 100, "all are there")
        for kind in ("SRV", "A"):
            for options, most in ((["+noedns"], 512), (["+bufsize=512"], 512), (["+bufsize=900"], 900), ([], 1232), (["+bufsize=65000"], 1232)):
                answer = self.dig("world.outrider", kind, "+ignore", *options)
                self.assertIn("tc", answer.flags, (kind, options))
                self.assertLessEqual(answer.size, most)
                self.assertGreater(answer.size, most - 100)
                self.assertEqual(answer.data("ADDITIONAL"), [])
        answer = self.dig("world.outrider", "SRV")  # dig asks again over TCP
        self.assertTrue(answer.tcp)
        self.assertEqual((len(answer.data()), len(answer.data("ADDITIONAL"))), (100, 100))
        self.assertNotIn("tc", answer.flags)

    def test_answers_are_others_each_time(self):
        for i in range(40):
            self.put("world", f"w{i}", host=f"10.0.1.{i}")
        self.observer(dns={"answers": 4}).start()
        wait_until(lambda: self.dig("world.outrider", "TXT").data() == ['TXT "servers=40" "ready=40"'], "all are there")
        seen = [tuple(self.dig("world.outrider").data()) for _ in range(20)]
        self.assertEqual({len(each) for each in seen}, {4})
        self.assertGreater(len({each for answer in seen for each in answer}), 20)

    def test_several_questions_on_one_connection(self):
        self.put("world", "w1")
        self.observer().start()
        self.wait_for("world.outrider", "A", ["A 10.0.0.1"])
        sock = self.connect()
        asked = [question("world.outrider", 1, ident=i, edns=1232) for i in range(50)]
        sock.sendall(b"".join(struct.pack(">H", len(each)) + each for each in asked))
        self.assertEqual([self.read_message(sock)[:2] for _ in asked], [each[:2] for each in asked])
        done = subprocess.run(["dig", "@127.0.0.1", "-p", str(self.port), "+tcp", "+keepopen", "+short", "world.outrider", "A",
                               "w1.world.outrider", "A"], capture_output=True, text=True, check=True)
        self.assertEqual(done.stdout.split(), ["10.0.0.1"] * 2)


class Certainty(DnsCase):
    def test_nothing_is_said_before_the_fleet_is_known(self):
        proxy = self.proxy()
        proxy.do("refuse")
        self.put("world", "w1")
        self.observer(registry={"endpoints": [proxy.url], "ttl": "2s"}).start()
        for name, status in (("world.outrider", "SERVFAIL"), ("nowhere.outrider", "SERVFAIL"), ("example.com", "REFUSED")):
            self.assertEqual(self.dig(name).status, status)
        proxy.do("pass")
        self.wait_for("world.outrider", "A", ["A 10.0.0.1"])

    def test_a_stale_fleet_is_answered_with_a_short_ttl_also_after_a_restart(self):
        proxy = self.proxy()
        self.put("world", "w1")
        folder = self.dir / "kept"
        one = self.observer(registry={"endpoints": [proxy.url], "ttl": "2s"}, dns={"ttl": "30s"}, state_dir=str(folder)).start()
        wait_until(lambda: self.dig("world.outrider").ttls() == {30}, "the fleet is certain")
        proxy.do("refuse")
        wait_until(lambda: self.dig("world.outrider").ttls() == {2}, "it is stale")
        self.assertEqual(self.dig("nowhere.outrider").ttls(), {2})
        one.stop()
        one.start()
        answer = self.dig("world.outrider")
        self.assertEqual((answer.data(), answer.ttls()), (["A 10.0.0.1"], {2}))
        proxy.do("pass")
        wait_until(lambda: self.dig("world.outrider").ttls() == {30}, "it is certain again")

    def test_a_sidecar_serves_the_fleet_and_reloads(self):
        self.put("world", "w2", host="10.0.0.2")
        one = self.agent(dns={"listen": f"127.0.0.1:{self.port}"}, sandbox="required").start()
        self.wait_for("world.outrider", "A", ["A 10.0.0.2", "A 127.0.0.1"])
        self.game.close()
        self.wait_for("world.outrider", "A", ["A 10.0.0.2"])
        self.assertEqual(self.dig("w1.world.outrider").data(), ["A 127.0.0.1"])
        one.write(dns={"ttl": "0s", "domain": "game.example"})
        one.send_signal(signal.SIGHUP)
        wait_until(lambda: self.dig("world.outrider").ttls() == {0}, "the new TTL")
        one.logged("setting needs a restart\" key=dns.domain")
        one.stop()
        one.start()
        self.wait_for("world.game.example", "A", ["A 10.0.0.2"])
        self.assertEqual(self.dig("world.outrider").status, "REFUSED")


class Settings(DnsCase):
    def check(self, **over):
        server = over.pop("server", None)
        agent = self.observer("c", **over)
        agent.write(**({"server": server} if server else {}))
        self.agents.clear()
        done = subprocess.run([str(BINARY), "check", "-c", str(agent.path)], env=environment(), capture_output=True, text=True, check=False)
        agent.path.unlink()
        agent.dir.rmdir()
        return done.returncode, done.stdout + done.stderr

    def test_check_warns_beyond_loopback_and_names_what_is_wrong(self):
        self.assertEqual(self.check()[0], 0)
        self.assertNotIn("dns.listen", self.check()[1])
        for listen in ("0.0.0.0:8600", "[::]:8600", "10.0.0.1:53"):
            status, text = self.check(dns={"listen": listen})
            self.assertEqual(status, 0, text)
            self.assertIn("can be reached from beyond this machine", text)
        for dns, key in (({"listen": "8600"}, "dns.listen"), ({"listen": "game.example:53"}, "dns.listen"), ({"listen": "unix:/x"}, "dns.listen"),
                         ({"domain": "."}, "dns.domain"), ({"domain": "a..b"}, "dns.domain"), ({"domain": "x" * 64 + "."}, "dns.domain"),
                         ({"domain": "a." * 51}, "dns.domain"), ({"ttl": "2h"}, "dns.ttl"), ({"answers": 0}, "dns.answers"),
                         ({"answers": 257}, "dns.answers"), ({"lisen": "127.0.0.1:1"}, "dns.lisen")):
            status, text = self.check(dns=dns)
            self.assertNotEqual(status, 0, dns)
            self.assertIn(key, text)
        status, text = self.check(view={"mode": "off"}, server={"type": "world", "ports": [8001]})
        self.assertNotEqual(status, 0)
        self.assertIn("off with dns.listen", text)

    def test_an_address_in_use_is_named_at_the_start(self):
        self.observer().start()
        other = self.observer("p")
        self.assertEqual(other.spawn().wait(), 1)
        self.assertIn(f"dns.listen: cannot listen on UDP 127.0.0.1 port {self.port}: the address is in use", other.log())
