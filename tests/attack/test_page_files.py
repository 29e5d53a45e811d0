"""The files of the page, for which no name is needed: those who ask for them all the time, never read them, or look for others behind them."""
import gzip
import re
import unittest

from hostile import Good, Hostile

GZIP = {"Accept_Encoding": "gzip"}


class PageFiles(Hostile):
    def setUp(self):
        super().setUp()
        self.target = self.started(http={"peer_share": 100})
        status, _, body = self.get(self.target, "/", **GZIP)
        if status == 404:
            self.skipTest("this agent is built without the page (OUTRIDER_DASHBOARD)")
        names = re.findall(r'(?:src|href)="(/assets/[^"]*)"', gzip.decompress(body).decode())
        self.largest = max(names, key=lambda name: len(self.get(self.target, name, **GZIP)[2]))

    def test_none_of_many_reads_it(self):
        """Bytes of the binary and one inflated copy are what all of them wait for: no copy for each."""
        size = len(self.get(self.target, self.largest)[2])
        before, good = self.rss_kb(self.target), Good(self, self.target)
        for kind in (b"identity", b"gzip"):
            for _ in range(200):
                self.dial(self.target, receive=2048).sendall(
                    b"GET %s HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: %s\r\n\r\n" % (self.largest.encode(), kind))
        good.check()
        grown = self.assert_modest(self.target, before, 4 << 10)
        print(f"    400 that read nothing of {size} bytes: {grown} kB more; {good.seen()}")
        self.assertEqual(self.metrics(self.target)["outrider_http_waiting_resets_total"], 0)

    def test_it_is_asked_for_all_the_time(self):
        """As it is costs what a list costs: it is inflated once."""
        size = len(self.get(self.target, self.largest)[2])
        before, good, connection = self.rss_kb(self.target), Good(self, self.target), self.connect(self.target)
        answers = 300
        for _ in range(answers):
            connection.request("GET", self.largest)
            self.assertEqual(len(connection.getresponse().read()), size)
        good.check()
        grown = self.assert_modest(self.target, before, 4 << 10)
        print(f"    {answers} answers of {size} bytes: {grown} kB more; {good.seen()}")

    def test_a_path_behind_it_leads_nowhere(self):
        name = self.largest.rpartition("/")[2]
        for path in (f"/assets/{name}/", f"/assets/{name}%00", f"/assets/{name}%00.html", f"/assets//{name}", f"/assets/%2e/{name}",
                     f"/assets/x/../{name}", f"/assets/..%2fassets%2f{name}", f"/ASSETS/{name}", f"/assets/{name.upper()}", f"/assets/{name}/x",
                     "/assets/../../../../etc/passwd", "/assets/%2e%2e%2f%2e%2e%2fetc/passwd", "/assets/..%5c..%5cetc", "/assets/%c0%ae%c0%ae/x",
                     "/assets/page.bin", "/server/../assets/" + name, "/icon.svg/x", "/manifest.webmanifest?%00/../x/..", "/assets/" + "%2e" * 1000):
            status, headers, _ = self.get(self.target, path)
            wanted = (200,) if path.startswith("/manifest") else (400, 404)
            self.assertIn(status, wanted, path)
            if status != 200:
                self.assertEqual(headers["Content-Type"], "application/json", path)
        for host in ("evil.example", "localhost.evil.example"):
            for path in ("/", "/server/a/b", self.largest, "/icon.svg"):
                self.assertEqual(self.get(self.target, path, Host=host)[0], 403, "the page of another name gets nothing of it")
        for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "get", "PRI", "SUBSCRIBE"):
            for path in ("/", "/drains/x", self.largest):
                status, headers, _ = self.target.request(method, path, connection=self.connect(self.target))
                self.assertIn(status, (400, 405), (method, path))
                if status == 405:
                    self.assertEqual(headers["Allow"], "GET, HEAD")


if __name__ == "__main__":
    unittest.main()
