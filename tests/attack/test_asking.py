"""Valid HTTP requests without a meaning: filters that match nothing, ids of streams that never existed."""
import json
import unittest
import urllib.parse

from hostile import Good, Hostile, Sse

LONG = "9" * 3000


class Filters(Hostile):
    def test_what_names_nothing(self):
        self.put("world", "w1", region="kr", tags=["pvp"], labels={"map": "harbor"})
        observer = self.started()
        good = Good(self, observer)
        nothing = ("type=none", "region=nowhere", "zone=x", "group=%F0%9F%98%80", "tag=pvp&tag=none", "label.map=cave",
                   "label.none=x", "label.%22%0A=%3Cb%3E", "type=worldx", "type=a%2Fb", "label." + "n" * 200 + "=x",
                   "region=" + "%20" * 200)
        for query in nothing:
            with self.subTest(query[:60]):
                body = self.document(observer, "/api/services?" + query)
                self.assertEqual((body["services"], body["total"], body["stale"]), ([], 0, False))
        wrong = ("nonsense=1", "type=a&type=b", "type=world&type=world", "status=none", "status=READY", "=x",
                 "label.=x", "label=x", "include=everything", "%74ype=a&type=b", "a" * 3000 + "=1", "Type=world",
                 "&".join(f"p{i}=1" for i in range(300)), "&".join(f"label.l{i}=x" for i in range(40)),
                 "&".join(f"tag=t{i}" for i in range(200)), "type=%ff", "type=%", "type=%0", "type=%00",
                 "&".join(f"p{i}=1" for i in range(1000)), "type=%3Cscript%3E&x=%3Cscript%3E",
                 "label." + "n" * 2000 + "=x", "region=" + "%20" * 2000)
        for query in wrong:
            for path in ("/api/services?", "/api/subscribe?"):
                with self.subTest(path + query[:60]):
                    status, headers, body = self.get(observer, path + query)
                    code = json.loads(body)["error"]["code"]
                    self.assertEqual(headers["Content-Type"], "application/json")
                    if len(query) > 4000:
                        self.assertEqual((status, code), (414, "target_too_long"))
                    else:
                        self.assertEqual((status, code in ("bad_parameter", "bad_query")), (400, True), body)
                    self.assertLess(len(body), 1024)
        self.assertEqual(self.document(observer, "/api/services?&&tag=pvp&&&tag=pvp&")["total"], 1)
        for path in ("/api/agent?x=1", "/metrics?x", "/healthz?%00=", "/service-discovery/events?type=world"):
            self.assertEqual(self.get(observer, path)[0], 400, path)
        good.check()

    def test_names_that_do_not_exist(self):
        observer = self.started()
        good = Good(self, observer)
        names = ("w1", "..", ".", "%2e%2e", "a%2fb", "%0d%0aSet-Cookie:x", "\u202e", "x" * 3000, "%25", "'\";--", "{id}", " ", "#")
        for name in names:
            quoted = name if "%" in name else urllib.parse.quote(name, safe="")
            for path in (f"/api/services/world/{quoted}", f"/api/services/{quoted}/w1",
                         f"/service-discovery/services/{quoted}/health"):
                status, headers, body = self.get(observer, path)
                dots = name in (".", "..", "%2e%2e")  # a proxy in front may have judged another path
                self.assertEqual((status, headers["Set-Cookie"]), (400 if dots else 404, None), path)
                self.assertIn(json.loads(body)["error"]["code"], ("bad_request",) if dots else ("no_such_service", "not_found"))
                self.assertLess(len(body), 1024)
        good.check()


class LastEventId(Hostile):
    def received(self, observer, ident):
        """The names of the events up to synced, and its id."""
        stream = self.connect(observer)
        stream.request("GET", "/api/subscribe?type=world", headers={"Last-Event-ID": ident})
        answer = stream.getresponse()
        self.assertEqual(answer.status, 200)
        names = []
        for name, _, last in Sse(answer).events():
            names.append(name)
            if name == "synced":
                return names, last
        raise AssertionError(f"closed after {names}")

    def test_ids_that_never_were(self):
        self.put("world", "w1")
        self.put("world", "w2")
        observer = self.started()
        good = Good(self, observer)
        _, last = self.received(observer, "")
        revision, cluster = last.split("-")
        ids = {
            "garbage": "x", "empty": "", "a dash": "-", "no cluster": revision, "no revision": f"-{cluster}",
            "of the future": f"{int(revision) + 1000000}-{cluster}", "2^63": f"{1 << 63}-{cluster}",
            "2^63-1": f"{(1 << 63) - 1}-{cluster}", "2^64": f"{1 << 64}-{cluster}", "negative": f"-5-{cluster}",
            "-2^63": f"-{1 << 63}-{cluster}", "zero": f"0-{cluster}", "signed": f"+{revision}-{cluster}",
            "hexadecimal": f"0x5-{cluster}", "zeros before": f"00{revision}-{cluster}", "of another cluster": f"{revision}-dead",
            "of a long cluster": f"{revision}-{'f' * 17}", "capitals": f"{revision}-{cluster.upper()}x",
            "more": f"{last}-1", "a blank within": f"{revision} -{cluster}", "7 kB": LONG + LONG + f"-{cluster}",
            "a float": f"1e9-{cluster}", "bytes": "\xff\xfe", "before everything": f"1-{cluster}",
        }
        for name, ident in ids.items():
            with self.subTest(name):
                names, again = self.received(observer, ident)
                self.assertEqual(names, ["init", "init", "synced"])
                self.assertGreaterEqual(int(again.split("-")[0]), int(revision))
        status, _, body = self.get(observer, "/api/subscribe", Last_Event_ID="1" * 10000)
        self.assertEqual((status, json.loads(body)["error"]["code"]), (431, "headers_too_large"))
        good.check()

    def test_an_id_compacted_long_ago(self):
        """The observer has not seen it, and etcd no longer has it."""
        self.put("world", "w1")
        first = self.etcd.put(f"{self.prefix}/x", "x")
        for i in range(20):
            self.put("world", "w1", players=i)
        last = self.etcd.put(f"{self.prefix}/x", "x")
        self.etcd.call("/v3/kv/compaction", {"revision": str(last)})
        observer = self.started()
        good = Good(self, observer)
        cluster = self.received(observer, "")[1].split("-")[1]
        self.assertEqual(self.received(observer, f"{first}-{cluster}")[0], ["init", "synced"])
        good.check()


if __name__ == "__main__":
    unittest.main()
