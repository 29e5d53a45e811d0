"""outrider services --watch: nothing is missed or repeated, whatever fails between it and the agent."""
import json

from fleet import FleetCase
from registry import wait_until, with_etcd


class Lines(FleetCase):
    def setUp(self):
        self.listen = f"127.0.0.1:{with_etcd.free_ports(1)[0]}"
        super().setUp()

    def proxy_to_observer(self):
        port, self.etcd.port = self.etcd.port, int(self.listen.rsplit(":", 1)[1])
        try:
            return self.proxy()
        finally:
            self.etcd.port = port

    def next(self, watch):
        line = json.loads(watch.stdout.readline())
        return line["event"], line["data"]["id"], line["data"].get("status")

    def begin(self, watch):
        self.assertEqual([self.next(watch) for _ in range(2)], [("init", "w1", "ready"), ("init", "w2", "error")])

    def test_a_broken_connection_goes_on_where_it_was(self):
        """Records that came and went meanwhile are printed too: a listing would not have them."""
        proxy = self.proxy_to_observer()
        watch = self.following("--json", agent=proxy.url)
        self.begin(watch)
        proxy.do("reset")
        self.assertIn("reconnecting", watch.stderr.readline())
        self.put("w2", "initializing")
        self.put("w2", "ready")
        self.etcd.delete(self.key("w1"))
        self.put("w1", "ready")
        self.put("w3", "ready")
        self.etcd.delete(self.key("w3"))
        proxy.do("pass")
        self.assertEqual([self.next(watch) for _ in range(6)],
                         [("update", "w2", "initializing"), ("update", "w2", "ready"), ("remove", "w1", None),
                          ("update", "w1", "ready"), ("update", "w3", "ready"), ("remove", "w3", None)])
        self.assertIn("stream restored", watch.stderr.readline())
        proxy.do("reset")  # nothing was missed: only the messages are printed
        self.assertIn("reconnecting", watch.stderr.readline())
        proxy.do("pass")
        self.assertIn("stream restored", watch.stderr.readline())
        self.put("w4", "ready")
        self.assertEqual(self.next(watch), ("update", "w4", "ready"))

    def test_a_new_observer_gives_the_differences(self):
        watch = self.following("--json")
        self.begin(watch)
        self.observer.kill()
        self.assertIn("reconnecting", watch.stderr.readline())
        self.etcd.delete(self.key("w1"))
        self.put("w3", "ready")
        self.observer.spawn()
        self.assertEqual({self.next(watch) for _ in range(2)}, {("init", "w3", "ready"), ("remove", "w1", None)})
        self.put("w2", "ready")
        self.assertEqual(self.next(watch), ("update", "w2", "ready"))

    def test_a_fleet_that_is_empty_now(self):
        watch = self.following("--json")
        self.begin(watch)
        self.observer.kill()
        self.etcd.delete(self.key("w1"))
        self.etcd.delete(self.key("w2"))
        self.observer.spawn()
        self.assertEqual({self.next(watch) for _ in range(2)}, {("remove", "w1", None), ("remove", "w2", None)})

    def test_a_record_of_several_lines(self):
        watch = self.following()
        for _ in range(2):
            watch.stdout.readline()
        self.put("w3", "ready", indent=2)
        self.assertRegex(watch.stdout.readline(), r"^20\S+Z update world +w3 +ready +10\.0\.0\.5:8001\n$")

    def test_columns_stay_where_they_are(self):
        watch = self.following()
        for _ in range(2):
            watch.stdout.readline()
        self.put("a-much-longer-name", "initializing")
        self.put("w1", "error")
        wide, narrow = watch.stdout.readline(), watch.stdout.readline()
        self.assertIn(" w1 ", narrow)
        self.assertEqual(wide.index("10.0.0.5"), narrow.index("10.0.0.5"), wide + narrow)

    def test_output_closed(self):
        watch = self.following()
        watch.stdout.readline()
        watch.stdout.close()

        def ended():
            self.put("w2", f"s{self.etcd.put('/x', 'x')}")
            return watch.poll() is not None
        wait_until(ended, "it ends with the next change")
        self.assertEqual(watch.returncode, 1)
        self.assertEqual(watch.stderr.read(), "")
