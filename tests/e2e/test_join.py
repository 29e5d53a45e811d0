"""The one call for a lobby: POST /api/join/{type}, with one observer and its store in memory."""
import contextlib
import signal

from harness import wait_until
from placing import PlacingCase, at_once
from redis_servers import Redis


class Join(PlacingCase):
    def setUp(self):
        super().setUp()
        self.one = self.observer("o1").start()
        self.open_servers(3, capacity=4)
        self.wait_ready([self.one])

    def test_a_player_is_placed_arrives_and_returns(self):
        first = self.join(self.one, "p1", data={"party": 7})
        server = self.servers[first["session"]["server"]]
        self.assertEqual((first["reconnect"], first["movedFrom"]), (False, None))
        self.assertEqual(first["service"]["id"], server.name)
        self.assertEqual(first["session"]["data"], {"party": 7})
        self.assertEqual(first["reservation"]["seats"], 1)
        # The answer was lost, or another lobby asks: it is the same.
        again = self.join(self.one, "p1")
        self.assertEqual(again["session"]["id"], first["session"]["id"])
        self.assertEqual((again["reconnect"], again["reservation"]), (False, first["reservation"]))
        server.enter("p1", first["reservation"]["id"])
        wait_until(lambda: not self.reservations(), "the seat is claimed")
        back = self.join(self.one, "p1")
        self.assertEqual((back["reconnect"], back["reservation"], back["movedFrom"]), (True, None, None))
        self.assertEqual(back["session"]["id"], first["session"]["id"])
        status, body = self.ask(self.one, "GET", "/api/route/world?player=p1")
        self.assertEqual((status, body["service"]["id"]), (200, server.name))

    def test_a_server_that_crashed_is_left_and_one_that_drains_only_on_request(self):
        first = self.join(self.one, "p1")
        server = self.servers[first["session"]["server"]]
        server.enter("p1", first["reservation"]["id"])
        self.ask(self.one, "POST", f"/api/services/world/{server.name}/drain", {"reason": "patch"})
        wait_until(lambda: self.statuses(self.one)[server.place] == "draining", "it drains")
        self.assertTrue(self.join(self.one, "p1")["reconnect"])
        status, body = self.ask(self.one, "GET", "/api/route/world?player=p1")
        self.assertEqual((status, body["service"]["id"]), (200, server.name), "a session wins over the drain")
        second = self.join(self.one, "p1", leave=True)
        self.assertEqual((second["reconnect"], second["movedFrom"]), (False, server.place))
        other = self.servers[second["session"]["server"]]
        self.assertNotEqual(other, server)
        server.leave("p1")
        other.enter("p1", second["reservation"]["id"])
        other.crash()
        wait_until(lambda: self.statuses(self.one)[other.place] == "error", "it is in error")
        third = self.join(self.one, "p1")
        self.assertEqual(third["movedFrom"], other.place)
        self.assertNotIn(third["session"]["server"], (server.place, other.place))

    def test_many_at_once_are_one(self):
        self.check_same(at_once(24, lambda _: self.join(self.one, "p1")))
        self.assertEqual(len(self.reservations()), 1)

    def test_no_server(self):
        body = self.join(self.one, "p1", status=503, seats=5)
        self.assertEqual(body["error"]["code"], "no_candidate")
        self.assertEqual(body["excluded"]["full"], 3)
        self.assertIsNone(self.session(self.one, "p1"))

    def test_bad_input(self):
        post = lambda body: self.one.request("POST", "/api/join/world", body)[0]
        self.assertEqual(self.one.request("GET", "/api/join/world")[0], 405)
        for body in ("{}", "[]", "{", '{"player":7}', '{"player":""}', '{"player":"a\\u0000b"}', '{"player":"%s"}' % ("p" * 257),
                     '{"player":"p","seats":0}', '{"player":"p","seats":-1}', '{"player":"p","seats":99999999999}',
                     '{"player":"p","data":[]}', '{"player":"p","data":"x"}', '{"player":"p","data":{"x":"%s"}}' % ("y" * 5000),
                     '{"player":"p","leave":1}', '{"player":"p","strategy":"best"}', '{"player":"p","what":1}',
                     '{"player":"p","key":"%s"}' % ("k" * 2000), '{"player":"p","player":"q"}'):
            self.assertEqual(post(body), 400, body[:60])
        with contextlib.suppress(BrokenPipeError):  # it is not read to its end
            self.assertEqual(post('{"player":"%s"}' % ("p" * 3000000)), 413)
        self.assertEqual(self.one.request("POST", "/api/join/world", '{"player":"p"}', {"Origin": "http://evil"})[0], 403)
        self.assertEqual(self.one.request("POST", "/api/join/world", '{"player":"p"}', {"Content-Type": "text/plain"})[0], 415)
        self.assertEqual(self.reservations(), [])
        name = "\u4e16\U0001f600 x/y?"
        self.assertEqual(self.join(self.one, name)["session"]["player"], name)


class StoreOff(PlacingCase):
    sessions = {"store": "off"}

    def test_without_sessions(self):
        one = self.observer("o1").start()
        self.open_servers(1, capacity=4)
        self.wait_ready([one])
        self.assertEqual(self.join(one, "p1", status=503)["error"]["code"], "sessions_off")
        self.assertEqual(self.ask(one, "GET", "/api/route/world?player=p1")[0], 200)
        self.assertEqual(self.ask(one, "POST", "/api/allocate/world", {"seats": 1})[0], 201)


class StoreAway(PlacingCase):
    def test_redis_dies_and_returns(self):
        redis = Redis("single")
        self.addCleanup(redis.stop)
        self.sessions = redis.sessions(f"t{self.number}")
        one = self.observer("o1").start()
        self.open_servers(1, capacity=4)
        self.wait_ready([one])
        self.join(one, "p1")
        redis.nodes[0].process.send_signal(signal.SIGSTOP)  # it hangs
        self.assertEqual(self.join(one, "p1", status=503)["error"]["code"], "session_store_away")
        self.assertEqual(self.ask(one, "GET", "/api/route/world?player=p1")[0], 200)
        redis.nodes[0].process.send_signal(signal.SIGCONT)
        wait_until(lambda: self.ask(one, "POST", "/api/join/world", {"player": "p1"})[0] == 200, "joins again")
        redis.nodes[0].kill()
        body = self.join(one, "p1", status=503)
        self.assertEqual(body["error"]["code"], "session_store_away")
        self.assertEqual(self.ask(one, "GET", "/api/route/world?player=p1")[0], 200)
        self.assertEqual(self.ask(one, "POST", "/api/allocate/world", {"seats": 1})[0], 201)
        redis.nodes[0].start()  # empty: it keeps nothing
        wait_until(lambda: self.ask(one, "POST", "/api/join/world", {"player": "p1"})[0] == 200, "joins again")


class RegistryAway(PlacingCase):
    import time as _t
    def test_nothing_is_placed_and_nothing_moved(self):
        one = self.observer("o1").start()
        self.open_servers(1, capacity=4)
        self.wait_ready([one])
        self.join(one, "p1")
        self.etcd.kill()
        wait_until(lambda: self.ask(one, "GET", "/api/services")[1]["stale"], "the view is stale")
        self.assertTrue(self.join(one, "p1")["reconnect"])
        self.assertEqual(self.join(one, "p2", status=503)["error"]["code"], "registry_away")
        self.assertEqual(self.ask(one, "PUT", "/api/sessions/s3", {"player": "p3", "server": "world/late"})[0], 201)
        body = self.join(one, "p3", status=503)  # that server may have come since
        self.assertEqual(body["error"]["code"], "registry_away")
        self.assertIn("still there is not known", body["error"]["message"])
        self.assertEqual(self.ask(one, "GET", "/api/sessions/s3")[1]["server"], "world/late")
        self.etcd.start()
        wait_until(lambda: self.ask(one, "POST", "/api/join/world", {"player": "p3"})[0] == 200, "joins again")
        self.assertEqual(self.ask(one, "GET", "/api/players/p3/session?type=world")[1]["server"], "world/s1")
