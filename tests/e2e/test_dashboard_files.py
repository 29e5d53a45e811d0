"""The page as an observer sends it: the index at each of its paths, the files that it names, and what a browser is told of them."""
import gzip
import json
import re
import signal
import unittest

from harness import Case, wait_until

POLICY = ("default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; manifest-src 'self'; "
          "base-uri 'none'; form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'")
PATHS = ("/", "/server/world/w1", "/server/x/%ED%95%98/timeline", "/drains", "/drains/01ABC", "/activity", "/audit", "/sessions", "/keys", "/about",
         "/?q=status:error&sort=-players&%", "/server/world/w1?tab=raw")
TYPES = {"js": "text/javascript; charset=utf-8", "css": "text/css; charset=utf-8", "svg": "image/svg+xml", "woff2": "font/woff2",
         "webmanifest": "application/manifest+json", "png": "image/png"}
GZIP = {"Accept-Encoding": "gzip, deflate, br"}


class Files(Case):
    def setUp(self):
        super().setUp()
        self.observer = self.agent("o", server=..., probes=..., status=...).start()

    def get(self, path, headers=None, method="GET", agent=None):
        return (agent or self.observer).request(method, path, headers=headers)

    def code(self, answer):
        return answer[0], json.loads(answer[2])["error"]["code"]

    def index(self):
        """The index, and the files that it names."""
        status, headers, body = self.get("/", GZIP)
        if status == 404 and b"built without" in body:
            self.skipTest("this agent is built without the page (OUTRIDER_DASHBOARD)")
        self.assertEqual(status, 200, body)
        text = gzip.decompress(body).decode()
        return headers, text, re.findall(r'(?:src|href)="(/[^"]*)"', text)

    def test_each_path_is_the_index(self):
        headers, text, _ = self.index()
        self.assertIn("<!doctype html>", text.lower())
        self.assertEqual(headers["Content-Security-Policy"], POLICY)
        for path in PATHS:
            status, answered, body = self.get(path, GZIP)
            self.assertEqual((status, gzip.decompress(body).decode()), (200, text), path)
            self.assertEqual(answered["Content-Type"], "text/html; charset=utf-8")
            self.assertEqual((answered["Cache-Control"], answered["Content-Encoding"], answered["Vary"]), ("no-cache", "gzip", "Accept-Encoding"))
            for name in ("X-Content-Type-Options", "Referrer-Policy", "Cross-Origin-Opener-Policy", "Cross-Origin-Resource-Policy"):
                self.assertTrue(answered[name], name)
            status, again, body = self.get(path, {**GZIP, "If-None-Match": answered["ETag"]})
            self.assertEqual((status, body), (304, b""))
            # The browser replaces what it has kept by these.
            for name in ("ETag", "Content-Security-Policy", "Cache-Control", "Vary"):
                self.assertEqual(again.get_all(name), answered.get_all(name), name)
            status, plain, body = self.get(path, {"If-None-Match": answered["ETag"]})
            self.assertEqual((status, body.decode(), plain["Content-Encoding"]), (200, text, None))
            status, head, body = self.get(path, GZIP, "HEAD")
            self.assertEqual((status, body, head["Content-Length"]), (200, b"", answered["Content-Length"]))
            for method in ("POST", "PUT", "DELETE"):
                status, refused, _ = self.get(path, method=method)
                self.assertEqual((status, refused["Allow"]), (405, "GET, HEAD"), (method, path))

    def test_what_the_index_names(self):
        _, text, names = self.index()
        self.assertFalse(re.findall(r'(?:src|href)="(?!/)', text), "everything is of this agent")
        self.assertNotRegex(text, r"<script(?![^>]*\bsrc=)|<style|\son[a-z]+=|\sstyle=", "nothing in it needs a weaker policy")
        self.assertTrue([name for name in names if name.endswith(".js")], names)
        asked = [name for name in names if name.startswith("/api/")]
        self.assertEqual(asked, ["/api/me", "/api/services"], "what the script takes over: an answer that it does not take is a waste")
        for name in asked:
            self.assertEqual(self.get(name, GZIP)[1]["Content-Type"], "application/json", name)
        sizes = {}
        for name in sorted(set(names) - set(asked)):
            status, headers, body = self.get(name, GZIP)
            self.assertEqual((status, headers["Content-Encoding"]), (200, "gzip"), name)
            self.assertEqual(headers["Content-Type"], TYPES[name.rpartition(".")[2]], name)
            self.assertEqual(headers["X-Content-Type-Options"], "nosniff")
            kept = "public, max-age=31536000, immutable" if name.startswith("/assets/") else "no-cache"
            self.assertEqual((headers["Cache-Control"], headers["Vary"]), (kept, "Accept-Encoding"), name)
            content = gzip.decompress(body)
            status, headers, plain = self.get(name)
            self.assertEqual((status, plain, headers["Content-Encoding"]), (200, content, None), name)
            self.assertEqual(self.get(name, {"Accept-Encoding": "gzip;q=0"})[2], content)
            sizes[name] = len(body)
        print("   ", ", ".join(f"{name} {size}" for name, size in sizes.items()))

    def test_nothing_else_is_the_page(self):
        self.index()
        for path in ("/index.html", "/server", "/server/", "/server/world/w1/", "/drain", "/drainsx", "/activity/", "/activity/x", "/api", "/api/",
                     "/api/nothing", "/assets", "/assets/", "/assets/x.js", "/assets//x.js", "/favicon.ico", "/robots.txt", "//", "//evil.example",
                     "/SERVER/a/b", "/%2F", "/package.json", "/assets/%2e%2e%2findex.html", "/assets/..%2f..%2fetc%2fpasswd", "/.git/config",
                     "/assets/x.js%00", "/sw.js", "/assets/" + "a" * 3000):
            status, headers, body = self.get(path, GZIP)
            self.assertIn((status, json.loads(body)["error"]["code"]), ((404, "not_found"), (400, "bad_request")), path)
            self.assertEqual(headers["Content-Type"], "application/json")
            self.assertEqual(headers["Content-Security-Policy"], "default-src 'none'; frame-ancestors 'none'")
        for path in ("/assets/../index.html", "/server/../api/agent", "/assets/%2e%2e/x", "/server/./x", "/server/world/..", "/drains/.%2e"):
            self.assertEqual(self.code(self.get(path)), (400, "bad_request"), path)
        for path in ("/server/%zz", "/server/%00", "/server/%ff", "/assets/%c3"):
            self.assertEqual(self.code(self.get(path)), (400, "bad_request"), path)
        self.assertEqual(self.get("/server/" + "a" * 5000)[0], 414)
        self.assertEqual(self.get("/server/" + "a/" * 1500 + "b")[0], 200)

    def test_a_name_is_neither_needed_nor_looked_at(self):
        free = self.new_game()
        free.close()
        names = self.dir / "access"
        names.write_text("olga admin sha256:" + "0" * 64 + "\n")
        target = self.agent("named", server=..., probes=..., status=..., http={
            "listen": [f"127.0.0.1:{free.port}", f"unix:{self.dir}/named/http.sock"], "access_file": str(names), "proxy_header": "X-User",
            "read": "login"}).start()
        wanted = 404 if self.get("/", GZIP)[0] == 404 else 200
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Cookie": f"outrider-{free.port}=forged"}, {"X-User": "stranger"}):
            status, answered, _ = self.get("/", headers, agent=target)
            self.assertEqual((status, answered["Set-Cookie"]), (wanted, None), headers)
        self.assertEqual(self.get("/api/services", agent=target)[0], 401)

    def test_what_the_fleet_is_called(self):
        me = lambda: json.loads(self.get("/api/me")[2])
        self.assertEqual(me()["ui"], {"name": "", "colour": None})
        self.assertEqual(me()["environment"]["prefix"], self.observer.config["registry"]["prefix"])
        self.assertEqual({name: me()["environment"][name] for name in ("keys", "audit", "history", "sessions", "drains")},
                         {"keys": "off", "audit": True, "history": True, "sessions": True, "drains": True})
        self.observer.write(ui={"name": "LIVE 한국", "colour": "red"}, http={"keys": "own"})
        self.observer.send_signal(signal.SIGHUP)
        wait_until(lambda: me()["ui"] == {"name": "LIVE 한국", "colour": "red"}, "a reload is enough")
        self.assertEqual(me()["environment"]["keys"], "own")

    def test_a_sidecar_says_where_the_page_is(self):
        sidecar = self.agent().start()
        for path in ("/", "/server/world/w1", "/assets/index.js"):
            answer = self.get(path, agent=sidecar)
            self.assertEqual(self.code(answer), (404, "no_page"), path)
            self.assertIn("observer", json.loads(answer[2])["error"]["message"])


if __name__ == "__main__":
    unittest.main()
