"""Another program answers where a command expects an agent: the command ends with a clean text, in bounded memory, and a token goes
to the address that is named, and into one header."""
import re
import unittest

from hostile import Hostile
from measure import run_measured
from mitm import Mitm, answer
from test_registry_answers import NONSENSE

# These wait for as long as a command does, ten seconds: a slow agent is no other case than one that is stopped.
SLOW = ("a head, byte by byte", "a body, byte by byte")

class Commands(Hostile):
    def command(self, mitm, *words, **env):
        status, output, most = run_measured(*words, "--agent", f"127.0.0.1:{mitm.port}", **env)
        self.assertGreaterEqual(status, 0, output[-2000:])
        self.assertNotIn(b"Sanitizer", output)
        self.most = max(self.most, most)
        return status, output

    def test_every_answer_is_nonsense(self):
        mitm, self.most = Mitm(self, self.etcd), 0
        for name, rule in NONSENSE.items():
            if name in SLOW:
                continue
            for words in (("status",), ("services",), ("drain",)):
                with self.subTest(name, words=words):
                    mitm.set(every=rule)
                    status, output = self.command(mitm, *words)
                    self.assertIn(status, (0, 1, 75), output[-2000:])  # 0: an object, as far as it says something
                    self.assertEqual(re.findall(rb"[\x00-\x09\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80[\xa8-\xae]", output), [])
                    self.assertLess(len(output), 4096)
        print(f"\nheld | {3 * (len(NONSENSE) - 2)} answers that are not an agent's | - | {self.most / 1024:.1f} MB | - | -")
        if not self.is_sanitized_binary():
            self.assertLess(self.most, 320 << 10)  # a list of the fleet may have 256 MB

    def test_a_token_is_one_header(self):
        mitm, self.most = Mitm(self, self.etcd), 0
        mitm.set(every=answer({"status": "draining", "hold": None}))
        token = self.dir / "token"
        for text in ("geheim\r\nX-Injected: yes", "geheim\nX-Injected: yes", "geheim\rX-Injected: yes"):
            token.write_text(text)
            self.command(mitm, "drain", "--token-file", str(token))
        for request in mitm.requests:
            self.assertNotIn(b"x-injected", request.head.lower().replace(b"bearer geheim\\n", b""))


if __name__ == "__main__":
    unittest.main()
