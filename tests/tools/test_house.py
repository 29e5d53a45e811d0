"""Proof that every check of house.py can fail: each is fed a small tree with one fault, and the same tree without."""
import argparse
import pathlib
import shutil
import subprocess
import tempfile
import unittest

import house

TABLE = """# outrider_folder(attic): a comment is no row
outrider_folder(base)
outrider_folder(os USES base)
outrider_folder(core/record HEADERS USES base)
outrider_folder(core/server USES base core/record)
outrider_folder(codec/status USES base core/record LIBRARIES PkgConfig::JANSSON)
outrider_folder(io/loop USES base os LIBRARIES PkgConfig::LIBEVENT)
outrider_folder(probe USES base io/loop core/record)
outrider_folder(registry/etcd USES base core/record
  io/loop)
outrider_folder(api USES base core/record)
outrider_folder(shell USES api base core/record probe registry/etcd)
"""

GOOD = {
    "agent/CMakeLists.txt": TABLE,
    "include/outrider/base/str.h": '/* Views. */\n#include <stddef.h>\n\n/* Counts. */\nsize_t str_size(const char *text);\n',
    "agent/base/str.c": '#include "outrider/base/str.h"\n\n#include <string.h>\n\n'
                        "size_t str_size(const char *text)\n{\n    return strlen(text);\n}\n",
    "agent/io/loop/loop.c": '#include "io/loop/loop_internal.h"\n#include "loop_internal.h"\n\n#include <event2/event.h>\n',
    "agent/io/loop/loop_internal.h": "struct loop;\n",
    "agent/registry/etcd/kv.c": '#include "outrider/core/record/record.h"\n#include <time.h>\n',
    "include/outrider/core/record/record.h": '#include "outrider/base/str.h"\n',
    "tests/run": "#!/usr/bin/env bash\necho fine\n",
}


class HouseTest(unittest.TestCase):
    def setUp(self):
        self.root = pathlib.Path(tempfile.mkdtemp()).resolve()
        self.addCleanup(shutil.rmtree, self.root)
        for name, text in GOOD.items():
            self.write(name, text)

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def found(self, check, **more):
        args = argparse.Namespace(root=self.root, **{"cc": "cc", "clang_format": "clang-format-14", **more})
        return [f"{pathlib.Path(p).name}:{n}: {w}" for p, n, w in house.CHECKS[check](args)]

    def assert_fault(self, check, name, text, fault):
        self.assertEqual(self.found(check), [], "the tree is good before")
        self.write(name, text)
        found = self.found(check)
        self.assertEqual(len(found), 1, found)
        self.assertIn(fault, found[0])
        (self.root / name).unlink()
        if name in GOOD:
            self.write(name, GOOD[name])

    def test_includes(self):
        for name, line, fault in (
            ("agent/core/server/life.c", '#include "outrider/io/loop/loop.h"', "core/server must not include io/loop"),
            ("agent/io/loop/loop.c", ' # include "outrider/core/record/record.h"', "io/loop must not include core/record"),
            ("agent/core/server/life.c", '#include "outrider/os/log.h"', "core/server must not include os"),
            ("agent/codec/status/line.c", '#include "outrider/core/server/x.h"', "codec/status must not include core/server"),
            ("agent/probe/tcp.c", '#include "outrider/registry/etcd/etcd.h"', "probe must not include registry/etcd"),
            ("agent/registry/etcd/kv.c", '#include "outrider/api/api.h"', "registry/etcd must not include api"),
            ("include/outrider/base/up.h", "#include <outrider/core/record/record.h>", "base must not include core/record"),
            ("agent/shell/agent.c", "#include <event2/event.h>", "shell does not use the library of event2/event.h"),
            ("agent/registry/etcd/kv.c", "#include <curl/curl.h>", "registry/etcd does not use the library of curl/curl.h"),
            ("agent/core/server/life.c", "#include <jansson.h>", "core/server does not use the library of jansson.h"),
            ("agent/probe/tcp.c", '#include "../io/loop/loop_internal.h"', "a private header of another folder"),
            ("agent/probe/tcp.c", '#include "io/loop/loop_internal.h"', "a private header of another folder"),
            ("agent/probe/tcp.c", '#include "gone.h"', "a private header of another folder, or none"),
            ("agent/core/server/life.c", '#include "outrider/attic/x.h"', "there is no folder attic"),
            ("agent/attic/x.c", "", "attic is not in the table"),
            ("agent/core/x.c", "", "core is not in the table"),
            ("agent/probe/tcp_private.h", "", "ends with _internal.h"),
            ("agent/CMakeLists.txt", TABLE.replace("(api USES", "(api USES probe"), "api must not use probe"),
            ("agent/CMakeLists.txt", TABLE.replace("(core/server USES", "(core/server USES os"), "core/server must not use os"),
            ("agent/CMakeLists.txt", TABLE.replace("(io/loop USES", "(io/loop USES core/record"), "io/loop must not use core/record"),
            ("agent/CMakeLists.txt", TABLE.replace("(api USES", "(api USES attic"), "attic, which is no folder of the table"),
            ("agent/CMakeLists.txt", TABLE + "outrider_folder(api/x USES api/x)", "api/x and api/x use each other"),
        ):
            with self.subTest(line=line):
                self.assert_fault("includes", name, line + "\n", fault)

    def test_options(self):
        self.assert_fault("options", "agent/base/store.c", """int store(int kind);
int store(int kind)
{
#ifdef OUTRIDER_REDIS
    return kind;
#endif
    return 0;
}
""", "does not compile without its option")

    def test_headers(self):
        self.assert_fault("headers", "include/outrider/core/record/record.h", "size_t record_size(void);\n", "does not compile alone")
        self.assert_fault("headers", "include/outrider/core/record/record.h", "struct record { int a; };\n", "redefinition")
        self.assert_fault("headers", "agent/io/loop/loop_internal.h", "void loop_run(struct unknown *);\n", "does not compile alone")

    def test_size(self):
        self.write("agent/base/str.c", "\n" * 500)
        self.write("docs/long.md", "\n" * 600)
        for name in ("agent/base/str.c", "include/outrider/base/str.h", "tests/tools/x.py", "packaging/x.sh"):
            self.assert_fault("size", name, "\n" * 501, "501 lines")
        self.assert_fault("size", "packaging/quickstart", "#!/bin/sh" + "\n" * 501, "501 lines")

    def test_leftovers(self):
        for word in ("TO" + "DO", "FIX" + "ME", "X" + "XX", "HA" + "CK", "place" + "holder"):
            self.assert_fault("leftovers", "agent/base/str.c", f"int a;\n/* {word}: later */\n", f"str.c:2: leftover {word}")
        self.write("agent/base/str.c", 'char name[] = "/tmp/outrider.XX' + 'XXXX";\n')
        self.assertEqual(self.found("leftovers"), [])

    def test_comments(self):
        header = "include/outrider/base/str.h"
        for text, line in (
            ("int str_one(void);\n", 1),
            ("/* About the file. */\n#define A 1\n\nint str_one(void);\n", 4),
            ("/* One. */\nint str_one(void);\n\nint str_two(int a,\n            int b);\n", 4),
            ("struct str {\n    int (*call)(void); /* called */\n};\n\nint str_one(void);\n", 5),
            ("enum { A, B }; /* letters */\nint str_one(void);\n", 2),
            ("static inline int str_one(void)\n{\n    return (1);\n}\n", 1),
            ("/* One. */\nstatic inline int str_one(void)\n{\n    return 1;\n}\n\nint str_two(void);\n", 7),
            ("/* Says. */\nextern int level;\nint str_one(void);\n", 3),
        ):
            with self.subTest(text=text):
                self.assert_fault("comments", header, text, f"str.h:{line}: no comment above")
        self.write(header, "/* Both ends. */\nint str_first(void);\nint str_last(void);\n\ntypedef int (*str_fn)(void);\n"
                           "struct str {\n    int (*call)(void);\n};\n#define STR(a) str_of(a)\n\n/* One. */\nstatic inline int "
                           'str_one(void)\n{\n    return "}("[0];\n}\n')
        self.assertEqual(self.found("comments"), [])

    def test_symbols(self):
        allowed = self.write("allowed", "base: str* free # words\ncore: memcpy\n")

        def library(folder, source):
            path = self.root / f"{folder.replace('/', '_')}.c"
            path.write_text(source)
            subprocess.run(["cc", "-c", "-w", "-o", path.with_suffix(".o"), path], check=True)
            archive = path.with_suffix(".a")
            archive.unlink(missing_ok=True)
            subprocess.run(["ar", "rc", archive, path.with_suffix(".o")], check=True)
            return f"{folder}={archive}"

        base = library("base", "int strlen(); int base_a(char *x) { return strlen(x); }")
        core = library("core/server", "int base_a(); int core_a() { return base_a() + core_b(); } int core_b() { return memcpy(0, 0, 9); }")
        self.assertEqual(self.found("symbols", allowed=allowed, libraries=[base, core]), [])
        for call in ("time", "socket", "fopen", "malloc", "getenv", "io_loop", "strlen"):
            core = library("core/server", f"int core_a() {{ return {call}(0); }}")
            found = self.found("symbols", allowed=allowed, libraries=[base, core])
            self.assertEqual(found, [f"server:0: {call} is not on the list of what core/server may use"])
        self.assertEqual(house.plain("__snprintf_chk"), "snprintf")
        self.assertEqual(house.plain("__stack_chk_fail"), "__stack_chk_fail")

    def test_shell(self):
        self.assert_fault("shell", "tests/run", "#!/usr/bin/env bash\nrm $1\n", "run:2: ")
        self.assert_fault("shell", "packaging/start.sh", "#!/bin/sh\nrm $1\n", "start.sh:2: ")

    def test_language(self):
        self.write("docs/design/protocol.md", "# Protocol\n\n## Effective status\n")
        his, nobody = "h" + "is", "No" + "body"
        for name, text, fault in (
            ("agent/base/str.c", f"int a;\n/* The peer\n * and {his} words. */\n", f"str.c:3: `{his}`"),
            ("agent/base/str.c", f'char *text = "{nobody} reads";\n', f"str.c:1: `{nobody}`"),
            ("agent/base/str.c", '/* See docs/gone.md. */\n', "str.c:1: docs/gone.md is not in the tree"),
            ("agent/base/str.c", '/* Row 2 (docs/design/protocol.md, "Effective\n * state"). */\n', "has no heading Effective state"),
            ("agent/base/str.c", '/* protocol.md, "Protocol" and "Life". */\n', "has no heading Life"),
            ("agent/base/str.c", "/* By contract\n * section 4. */\n", "`contract"),
            ("include/outrider/base/str.h", "#define A 1 /* rule 34 */\n", "str.h:1: `rule 34`"),
            ("docs/x.md", f"# X\n\nAsk {his} peer.\n", f"x.md:3: `{his}`"),
            ("tests/scenario/a.scn", f"# First.\n# Then {his} life.\nstart\n", f"a.scn:2: `{his}`"),
            ("tests/scenario/a.scn", "# Issue 3: it ends.\nstart\n", "a.scn:1: `Issue 3`"),
            ("tests/e2e/test_a.py", f'"""Of {his} words."""\n', f"test_a.py:1: `{his}`"),
            ("tests/e2e/test_a.py", f"a = 1  # {his}\n", f"test_a.py:1: `{his}`"),
            ("packaging/start", f"#!/bin/sh\necho a # {his}\n", f"start:2: `{his}`"),
        ):
            with self.subTest(text=text):
                self.assert_fault("language", name, text, fault)
        self.write("agent/base/str.c", f"int {his};\n/* docs/design/protocol.md, \"Effective\n * status\"; issue 19509 of etcd */\n")
        self.write("tests/e2e/test_a.py", f'a = ["{nobody.lower()}"]\n')
        self.write("packaging/start", f"#!/bin/sh\necho {his}\n")
        self.assertEqual(self.found("language"), [])

    def test_format(self):
        self.write(".clang-format", "BasedOnStyle: LLVM\nIndentWidth: 4\nBreakBeforeBraces: Linux\n")
        self.write("agent/base/str.c", "int a;\n")
        self.assert_fault("format", "agent/base/str.c", "int a;\nint  b;\n", "str.c:2: not as clang-format writes it")

    def test_exit_status_tells_found_from_could_not_look(self):
        self.assertEqual(house.main(["size", "--root", str(self.root)]), 0)
        self.write("agent/base/str.c", "\n" * 501)
        self.assertEqual(house.main(["size", "--root", str(self.root)]), 1)
        self.assertEqual(house.main(["symbols", "--root", str(self.root), f"base={self.root / 'none.a'}"]), 2)

    def test_every_check_is_proven_here(self):
        self.assertEqual({name[5:] for name in dir(self) if name[5:] in house.CHECKS}, set(house.CHECKS))


if __name__ == "__main__":
    unittest.main()
