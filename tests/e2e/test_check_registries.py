"""`outrider check --live` on Redis and on Consul: what is dangerous in the server, and what the operator has forgotten."""
import whole_life
from placing import PlacingCase


class Redis(PlacingCase):
    setUpClass = classmethod(whole_life.OnRedis.setUpClass.__func__)

    def setUp(self):
        super().setUp()
        settings = dict(self.redis.settings)
        self.observed = self.observer("o", registry={"backend": "redis", "endpoints": settings.pop("endpoints"), "redis": settings})
        self.observed.write()

    def test_a_server_that_may_evict_the_registry_is_named(self):
        self.assertIn("OK", self.redis.do("cli", "1", "CONFIG", "SET", "maxmemory", "100mb", "maxmemory-policy", "allkeys-lru"))
        done = self.observed.run("check", "--live")
        self.assertEqual(done.returncode, 0, done)
        self.assertIn("\nread all below ", done.stdout)
        self.assertRegex(done.stdout, "\nwarning: redis: .*set maxmemory-policy to noeviction")


class Consul(PlacingCase):
    setUpClass = classmethod(whole_life.OnConsul.setUpClass.__func__)

    def check(self, node):
        agent = self.agent("a", registry={"backend": "consul", "endpoints": [self.node.url], "consul": {"node": node}})
        agent.write()
        return agent.run("check", "--live")

    def test_a_lease_is_made_and_ended(self):
        done = self.check("outrider")
        self.assertEqual(done.returncode, 0, done)
        self.assertIn("\nmake a lease on node outrider: ok\n", done.stdout)
        self.assertEqual(self.node.call("/v1/session/list"), b"[]")

    def test_a_node_that_is_not_registered_is_named(self):
        done = self.check("nowhere")
        self.assertEqual(done.returncode, 1, done)
        self.assertRegex(done.stdout, "make a lease on node nowhere: FAILED: .*register registry.consul.node once")
