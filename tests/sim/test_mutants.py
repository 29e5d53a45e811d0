"""Proof that a deliberate bug is applied where it belongs, and that one that does not apply is found."""
import importlib.machinery
import importlib.util
import pathlib
import unittest

SCRIPT = pathlib.Path(__file__).with_name("mutants")
LOADER = importlib.machinery.SourceFileLoader("mutants", str(SCRIPT))
mutants = importlib.util.module_from_spec(importlib.util.spec_from_loader("mutants", LOADER))
LOADER.exec_module(mutants)

SOURCES = {
    "agent/a.c": "static int twice(int x)\n{\n    return x +\n           x;\n}\n\nint once(int x)\n{\n    return x;\n}\n",
    "agent/b.c": "static int twice(int x);\n\nstatic int twice(int x)\n{\n    return 2 * x;\n}\n\nstatic const int rows[] = {\n    1,\n};\n",
}


def changed(text):
    (bug,) = mutants.read_bugs(text)
    return bug.apply(SOURCES)


class MutantsTest(unittest.TestCase):
    def test_white_space_does_not_count(self):
        self.assertEqual(changed("n\n  in a.c:twice\n  - return x+x;\n  + return 0;\n"),
                         {"agent/a.c": SOURCES["agent/a.c"].replace("return x +\n           x;", "return 0;")})

    def test_only_the_named_place_changes(self):
        self.assertEqual(changed("n fresh eyes\n  in once\n  - return x;\n")["agent/a.c"].count("return x"), 1)
        self.assertIn("{\n    ,\n}", changed("n\n  in rows\n  - 1\n")["agent/b.c"])
        self.assertIn("return 3 * x", changed("n\n  in b.c\n  - 2 *\n  + 3 *\n")["agent/b.c"])

    def test_what_does_not_apply_is_said(self):
        for text, why in (("n\n  in twice\n  - x\n", "2 definitions"), ("n\n  in thrice\n  - x\n", "0 definitions"),
                          ("n\n  in once\n  - y\n", "does not have: y"), ("n\n  in c.c\n  - y\n", "0 definitions")):
            with self.subTest(text=text), self.assertRaisesRegex(ValueError, why):
                changed(text)

    def test_several_edits_of_one_bug(self):
        text = changed("n\n  in once\n  - return x;\n  + return 1;\n  in a.c:twice\n  - return x + x;\n  + return 4;\n")["agent/a.c"]
        self.assertIn("return 1;", text)
        self.assertIn("return 4;", text)


if __name__ == "__main__":
    unittest.main()
