"""How the page gets into the binary: the same sources give the same bytes wherever they are built, and without a network the agent is built
without the page, or not at all, as OUTRIDER_DASHBOARD says."""
import gzip
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

from harness import BINARY, ROOT

HERE, DASHBOARD = ROOT / "agent/api/page", ROOT / "agent/dashboard"
BUILT = BINARY.parent / "dashboard"
NODE, NPM = shutil.which("node") or shutil.which("nodejs"), shutil.which("npm")
OUTPUTS = ("page.bin", "page_embedded.c")


class Build(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="outrider-page-")
        self.addCleanup(folder.cleanup)
        self.dir = pathlib.Path(folder.name)

    def cmake(self, script, made, **more):
        given = {"SOURCES": DASHBOARD, "MADE": made, "NODE": NODE, "NPM": NPM, "REQUIRED": "OFF", "DIST": made / "dist", **more}
        return subprocess.run(["cmake", *(f"-D{name}={value}" for name, value in given.items()), "-P", HERE / script], text=True,
                              capture_output=True, check=False)

    def outputs(self, made):
        return {name: (made / name).read_bytes() for name in OUTPUTS}

    def test_two_builds_are_the_same(self):
        modules = BUILT / "tree/node_modules"
        if not modules.exists():
            self.skipTest("this build has fetched nothing to build the page with")
        # The page of this build is the first, unless a source of it has changed since.
        sources = {str(path.relative_to(DASHBOARD)): path.read_bytes() for path in DASHBOARD.rglob("*")
                   if path.is_file() and not path.relative_to(DASHBOARD).parts[0] in ("node_modules", "dist", "test-results")}
        current = all((BUILT / "tree" / name).is_file() and (BUILT / "tree" / name).read_bytes() == text for name, text in sources.items())
        made = [BUILT] if current else []
        for name in ("a", "another place/with a longer name")[len(made):]:
            made.append(self.dir / name)
            (made[-1] / "tree").mkdir(parents=True)
            (made[-1] / "tree/node_modules").symlink_to(modules)
            before = sorted(str(path) for path in DASHBOARD.rglob("*"))
            result = self.cmake("build.cmake", made[-1])
            self.assertEqual(result.returncode, 0, result.stderr)
            self.assertEqual(sorted(str(path) for path in DASHBOARD.rglob("*")), before, "nothing is written among the sources")
        self.assertEqual(self.outputs(made[0]), self.outputs(made[1]))
        self.assertNotIn(str(made[0]).encode(), b"".join(self.outputs(made[0]).values()))
        size = len(self.outputs(made[0])["page.bin"])
        print(f"    the binary grows by {size} bytes of the page")
        self.assertLessEqual(size, 350_000)

    @unittest.skipIf(NODE is None, "Node is not installed")
    def test_without_a_network(self):
        fails = self.dir / "npm"
        fails.write_text("#!/bin/sh\necho 'npm error network request to https://registry.example failed' >&2\nexit 1\n")
        fails.chmod(0o755)
        made = self.dir / "made"
        result = self.cmake("install.cmake", made, NPM=fails)
        self.assertEqual(result.returncode, 0, result.stderr)
        words = " ".join(result.stderr.split())
        self.assertIn("npm ci failed, so that the agent is built without its page", words)
        self.assertIn("registry.example", words, "npm says why")
        result = self.cmake("build.cmake", made, NPM=fails)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertIn("{NULL, 0}", (made / "page_embedded.c").read_text())
        other = self.dir / "required"
        result = self.cmake("install.cmake", other, NPM=fails, REQUIRED="ON")
        self.assertNotEqual(result.returncode, 0)
        self.assertIn("npm ci failed, and OUTRIDER_DASHBOARD is ON", " ".join(result.stderr.split()))
        self.assertFalse((other / "installed").exists())

    @unittest.skipIf(NODE is None, "Node is not installed")
    def test_what_is_embedded(self):
        dist, made = self.dir / "dist", self.dir / "made"
        (dist / "assets").mkdir(parents=True)
        made.mkdir()
        files = {"index.html": b"<!doctype html>", "icon.svg": b"<svg/>", "assets/z-0123abcd.js": b"z" * 5000, "assets/Z-0123abcd.js": b"",
                 "assets/plain.css": b"a{}"}
        for name, content in files.items():
            (dist / name).write_bytes(content)
        embed = lambda: self.cmake("build.cmake", made, DIST=dist)
        self.assertEqual(embed().returncode, 0)
        first = self.outputs(made)
        for path in dist.rglob("*"):
            os.utime(path, (1, 1))
        self.assertEqual(embed().returncode, 0)
        self.assertEqual(self.outputs(made), first, "the time of a file is no part of it")
        names = sorted("/" if name == "index.html" else f"/{name}" for name in files)
        text = first["page_embedded.c"].decode()
        at = [text.index(f'.path = "{name}"') for name in names]
        self.assertEqual(at, sorted(at), "a path is looked up by halves")
        self.assertEqual(text.count(".immutable = true"), 2, "a name without a hash is not kept")
        contents = [files["index.html" if name == "/" else name[1:]] for name in names]
        self.assertEqual(gzip.decompress(first["page.bin"]), b"".join(contents), "files of gzip, one after the other")
        for name in ("other.html", "assets/map.exe", "assets/a b.js", "assets/deep/a-0123abcd.js"):
            stray = dist / name
            stray.parent.mkdir(exist_ok=True)
            stray.write_bytes(b"x")
            result = embed()
            self.assertNotEqual(result.returncode, 0, name)
            self.assertIn("the agent has no path for such a file", result.stderr)
            stray.unlink()
        (dist / "index.html").unlink()
        self.assertNotEqual(embed().returncode, 0, "a page has an index")


if __name__ == "__main__":
    unittest.main()
