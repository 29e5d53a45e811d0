"""Lists and streams for clients that take gzip."""
import gzip
import json
import socket
import subprocess
import threading
import unittest
import zlib

from harness import Case, UnixHttp, wait_until
from registry import DEADLINE_S, encode

RECORDS = 120
# Accept-Encoding, and whether gzip is sent
WISHES = (("gzip", True), ("gzip, deflate, br", True), ("*", True), ("identity;q=0, *;q=0.1", True), ("x-gzip;q=0.001", True),
          ("gzip;q=0", False), ("*;q=0", False), ("identity;q=0", False), ("gzip;q=0.5, identity", False), ("", False),
          ("br", False), ("gzip;q=99", False), ("gzip,gzip;q=0", False), (";,=;q=,,", False), ("gzip;q=0.1" + ",a" * 3000, True),
          ("\xff\xfe, gzip;q=0", False), ("q=1;gzip", False))


class Fleet(Case):
    def setUp(self):
        super().setUp()
        self.etcd.call("/v3/kv/txn", {"success": [{"requestPut": {"key": encode(key), "value": encode(value)}}
                                                  for key, value in (self.row(i, 0) for i in range(RECORDS))]})
        self.observer = self.agent("o", server=..., probes=..., status=...).start()
        wait_until(lambda: self.total() == RECORDS and self.observer.api()["view"]["synced"], "the fleet")

    def row(self, i, players):
        record = {"id": f"w{i:03}", "type": "world" if i else "lobby", "host": "10.0.0.1", "ports": [8001], "status": "ready",
                  "players": players}
        return f"{self.prefix}/{record['type']}/{record['id']}", json.dumps(record, separators=(",", ":"))

    def put(self, i, players):
        self.etcd.put(*self.row(i, players))

    def total(self):
        answer = self.get()
        return json.loads(answer[2])["total"] if answer[0] == 200 else None

    def get(self, query="", method="GET", **headers):
        return self.observer.request(method, "/api/services" + query,
                                     headers={name.replace("_", "-"): value for name, value in headers.items()})

    def metric(self, name):
        text = self.observer.request("GET", "/metrics")[2].decode()
        return next(float(line.split()[-1]) for line in text.splitlines() if line.startswith(name + " "))


class Lists(Fleet):
    def test_what_is_asked_for_is_sent(self):
        plain = self.get()
        self.assertNotIn("Content-Encoding", plain[1])
        self.assertEqual(plain[1]["Vary"], "Accept-Encoding")
        for wish, packed in WISHES:
            with self.subTest(wish[:40]):
                status, headers, body = self.get(Accept_Encoding=wish)
                self.assertEqual(status, 200)
                self.assertEqual(headers["Vary"], "Accept-Encoding")
                self.assertEqual(headers.get("Content-Encoding"), "gzip" if packed else None)
                self.assertEqual(headers["ETag"], ("W/" if packed else "") + plain[1]["ETag"])
                read = json.loads(gzip.decompress(body) if packed else body)
                self.assertEqual(read["services"], json.loads(plain[2])["services"])
                if packed:
                    self.assertLess(len(body), len(plain[2]) / 5)

    def test_hostile_heads(self):
        for wish, status in (("gzip" + "," * 9000, 431), ("a\0b", 400)):
            with self.subTest(wish[:8]), socket.socket(socket.AF_UNIX) as peer:
                peer.connect(str(self.observer.http))
                peer.sendall(f"GET /api/services HTTP/1.1\r\nHost: h\r\nAccept-Encoding: {wish}\r\n\r\n".encode())
                self.assertRegex(peer.recv(4096).decode(), rf"^HTTP/1.1 {status} ")
        for several, packed in ((("br", "gzip"), True), (("gzip", "gzip;q=0"), False)):
            with self.subTest(several), socket.socket(socket.AF_UNIX) as peer:
                peer.connect(str(self.observer.http))
                lines = "".join(f"Accept-Encoding: {each}\r\n" for each in several)
                peer.sendall(f"HEAD /api/services HTTP/1.1\r\nHost: h\r\nConnection: close\r\n{lines}\r\n".encode())
                answer = b"".join(iter(lambda: peer.recv(65536), b""))  # pylint: disable=cell-var-from-loop
                self.assertEqual(b"Content-Encoding: gzip" in answer, packed)
                self.assertTrue(answer.endswith(b"\r\n\r\n"), "no body")

    def test_not_modified(self):
        etag = self.get()[1]["ETag"]
        for wish in ("gzip", "identity"):
            for known in (etag, "W/" + etag, f'"x", W/{etag}'):
                status, headers, body = self.get(Accept_Encoding=wish, If_None_Match=known)
                self.assertEqual((status, body), (304, b""))
                self.assertEqual(headers["ETag"], "W/" + etag if "W/" in known else etag)
                self.assertEqual(headers["Vary"], "Accept-Encoding")
        self.put(1, 7)
        wait_until(lambda: self.get(If_None_Match="W/" + etag)[0] == 200, "the change")
        read = json.loads(gzip.decompress(self.get(Accept_Encoding="gzip")[2]))
        self.assertEqual(next(each for each in read["services"] if each["id"] == "w001")["players"], 7)

    def test_short_answers_and_errors_stay_as_they_are(self):
        for query in ("?type=lobby", "?typ=x"):
            self.assertNotIn("Content-Encoding", self.get(query, Accept_Encoding="gzip")[1])

    def test_curl(self):
        command = ["curl", "-s", "-S", "--unix-socket", self.observer.http, "http://localhost/api/services"]
        read = [json.loads(subprocess.run(command + more, check=True, capture_output=True, timeout=DEADLINE_S).stdout)["services"]
                for more in ([], ["--compressed"])]
        self.assertEqual(read[0], read[1])
        self.assertEqual(len(read[0]), RECORDS)

    def test_head_has_the_length_of_the_list(self):
        head = self.get(method="HEAD", Accept_Encoding="gzip")
        self.assertEqual((head[1]["Content-Encoding"], head[2]), ("gzip", b""))
        body = self.get(Accept_Encoding="gzip")[2]
        self.assertAlmostEqual(int(head[1]["Content-Length"]), len(body), delta=100)  # its time may be another

    def test_many_at_once_and_some_that_leave(self):
        """Each change makes another list; some of those who ask for it go before it comes."""
        failed, writer_done = [], threading.Event()

        def read():
            connection = UnixHttp(self.observer.http)
            while not writer_done.is_set():
                connection.request("GET", "/api/services", headers={"Accept-Encoding": "gzip"})
                answer = connection.getresponse()
                if json.loads(gzip.decompress(answer.read()))["total"] != RECORDS:
                    failed.append("a list is not whole")
            connection.close()

        def leave():
            while not writer_done.is_set():
                with socket.socket(socket.AF_UNIX) as peer:
                    peer.connect(str(self.observer.http))
                    peer.sendall(b"GET /api/services HTTP/1.1\r\nHost: h\r\nAccept-Encoding: gzip\r\n\r\n" * 3)

        threads = [threading.Thread(target=each, daemon=True) for each in (read, read, read, leave)]
        for thread in threads:
            thread.start()
        before = self.metric("outrider_http_gzip_total")
        for players in range(60):
            self.put(2, players)
        writer_done.set()
        for thread in threads:
            thread.join(DEADLINE_S)
            self.assertFalse(thread.is_alive())
        self.assertEqual(failed, [])
        self.assertGreater(self.metric("outrider_http_gzip_total"), before)
        wait_until(lambda: self.observer.api() is not None, "it still answers")


class Stream:
    """A stream, and its text so far."""

    def __init__(self, case, path="/api/subscribe", coding="gzip", **headers):
        self.case, self.text = case, ""
        self.connection = UnixHttp(case.observer.http)
        self.connection.connect()
        self.connection.sock.settimeout(DEADLINE_S)
        self.connection.request("GET", path, headers={"Accept-Encoding": coding,
                                                      **{name.replace("_", "-"): value for name, value in headers.items()}})
        self.answer = self.connection.getresponse()
        self.decoder = zlib.decompressobj(31) if self.answer.headers.get("Content-Encoding") == "gzip" else None
        case.addCleanup(self.close)

    def close(self):
        self.connection.close()

    def read(self):
        """What has come; False at the end."""
        data = self.answer.read1(65536)
        self.text += (self.decoder.decompress(data) if self.decoder else data).decode()
        return bool(data)

    def until(self, what):
        while what not in self.text:
            self.case.assertTrue(self.read(), f"it ended before {what}")
        return self

    def events(self):
        """Without comments, which come when they come."""
        return [each for each in self.text.split("\n\n") if each and not each.startswith(":")]


class Streams(Fleet):
    def test_it_is_the_same_stream(self):
        plain, packed = Stream(self, coding="identity"), Stream(self)
        for name in ("Content-Encoding", "Vary"):
            self.assertIsNone(plain.answer.headers[name])
        self.assertEqual([packed.answer.headers[name] for name in ("Content-Encoding", "Vary", "Content-Type", "Cache-Control")],
                         ["gzip", "Accept-Encoding", "text/event-stream", "no-store"])
        for players in range(1, 40):
            self.put(players % 7 + 1, players)
        for stream in (plain, packed):
            stream.until("event: synced").until('"players":39')
        self.assertEqual(packed.events(), plain.events())
        self.assertIsNone(packed.decoder.unused_data or None)

    def test_some_leave_and_some_come_back(self):
        stays = Stream(self, "/api/subscribe?type=world").until("event: synced")
        for players in range(1, 12):
            other = Stream(self, "/api/subscribe?type=world")
            if players % 2 == 0:
                other.until("event: init")
            other.close()  # in the middle of its list, or before it
            self.put(3, players)
            stays.until(f'"players":{players}}}')
        ident = stays.text.rsplit("\nid: ", 1)[1].split()[0]
        stays.close()
        self.put(3, 900)
        back = Stream(self, "/api/subscribe?type=world", Last_Event_ID=ident).until('"players":900')
        self.assertEqual(len(back.events()), 1, back.text)
        self.assertNotIn("event: init", back.text)
        after = Stream(self, f"/api/subscribe?type=world&after={ident}").until('"players":900')
        self.assertEqual(after.events(), back.events())

    def test_the_agent_ends(self):
        stream = Stream(self, "/api/subscribe?include=state").until("event: state")
        self.observer.send_signal(15)
        stream.until("event: bye")
        while stream.read():
            pass
        self.observer.wait()

    def test_curl_and_head(self):
        command = ["curl", "-s", "-N", "-m", "2", "--compressed", "--unix-socket", self.observer.http,
                   "http://localhost/api/subscribe?type=lobby"]
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=DEADLINE_S)
        self.assertEqual(done.returncode, 28, "it has not ended by itself")
        self.assertRegex(done.stdout, r"event: init\ndata: .*\n\nevent: synced\n")
        for coding, sent in (("gzip", "gzip"), ("gzip;q=0", None)):
            status, headers, body = self.observer.request("HEAD", "/api/subscribe", headers={"Accept-Encoding": coding})
            self.assertEqual((status, headers["Content-Encoding"], body), (200, sent, b""))

    def test_other_streams_stay_text(self):
        self.assertIsNone(Stream(self, "/service-discovery/events").decoder)


if __name__ == "__main__":
    unittest.main()
