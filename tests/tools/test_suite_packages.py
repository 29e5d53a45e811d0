"""Where tests/support/suite-packages would fetch from, told from sources of every form that apt reads."""
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

SCRIPT = pathlib.Path(__file__).resolve().parents[1] / "support" / "suite-packages"
KEY = "/usr/share/keyrings/debian-archive-keyring.gpg"


class Mirrors(unittest.TestCase):
    def mirrors(self, files):
        folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, folder)
        (folder / "sources.list.d").mkdir()
        for name, text in files.items():
            (folder / name).write_text(text)
        done = subprocess.run([SCRIPT, "--mirrors"], capture_output=True, text=True, check=False,
                              env={**os.environ, "OUTRIDER_APT_ETC": str(folder), "OUTRIDER_RELEASE": "bookworm"})
        self.assertEqual(done.stderr, "")
        return [tuple(line.split("\t")) for line in done.stdout.splitlines()]

    def test_nothing_is_no_mirror(self):
        self.assertEqual(self.mirrors({}), [])

    def test_lines(self):
        self.assertEqual(self.mirrors({"sources.list": f"""# deb http://comment.example/debian bookworm main
deb-src http://src.example/debian bookworm main
deb [arch=amd64 signed-by={KEY}] http://one.example/debian bookworm main contrib # a remark
deb http://two.example/debian-security bookworm-security main
deb http://three.example/other bookworm stable
  deb\thttp://four.example/debian   bookworm  main
""", "sources.list.d/more.list": "deb http://five.example/debian stable main\n", "sources.list.d/off.list.save":
            "deb http://six.example/debian bookworm main\n"}), [
                ("http://one.example/debian", "bookworm", "main contrib", KEY),
                ("http://four.example/debian", "bookworm", "main", ""),
                ("http://five.example/debian", "stable", "main", "")])

    def test_stanzas(self):
        self.assertEqual(self.mirrors({"sources.list.d/debian.sources": f"""Types: deb deb-src
# a comment
URIs: http://one.example/debian
 http://two.example/debian
Suites: bookworm bookworm-updates
Components: main non-free-firmware
Signed-By: {KEY}

Types: deb
URIs: http://off.example/debian
Suites: bookworm
Components: main
Enabled: no

Types: deb-src
URIs: http://src.example/debian
Suites: bookworm
Components: main
""", "sources.list.d/last.sources": "types: deb\nuris: http://three.example/debian\nsuites: bookworm\ncomponents: main"}), [
            ("http://one.example/debian", "bookworm bookworm-updates", "main non-free-firmware", KEY),
            ("http://two.example/debian", "bookworm bookworm-updates", "main non-free-firmware", KEY),
            ("http://three.example/debian", "bookworm", "main", "")])

    def test_a_key_written_out_is_left_to_the_keyring(self):
        self.assertEqual(self.mirrors({"sources.list.d/debian.sources": """Types: deb
URIs: http://one.example/debian
Suites: bookworm
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 mQINBF
"""}), [("http://one.example/debian", "bookworm", "main", "")])


if __name__ == "__main__":
    unittest.main()
