#!/usr/bin/env python3
"""Checks that the house stays as it was built: house.py CHECK [--root DIR] [what CHECK needs].

Each check prints what it found as FILE:LINE: what is wrong, and exits 1; 0 when it found nothing; 2 when it could not look.
"""
import argparse
import fnmatch
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import tokenize

TREES = ("agent", "include", "tests", "packaging", "conf", "docs", ".ci")
LINES_MAX = 500

# how the name of a library's header begins: the library as agent/CMakeLists.txt names it
LIBRARIES = {"event2/": "LIBEVENT", "event.h": "LIBEVENT", "ev.h": "LIBEVENT", "curl/": "LIBCURL", "yaml.h": "LIBYAML",
             "jansson.h": "JANSSON", "hiredis/": "HIREDIS", "wslay/": "WSLAY", "ares.h": "LIBCARES", "openssl/": "LIBCRYPTO",
             "openssl/ssl.h": "LIBSSL", "zlib.h": "ZLIB", "ldns/": "LDNS"}
# The pure floors may use each other in this direction only, and nothing else; core and io never meet.
PURE = {"base": {"base"}, "core": {"base", "core"}, "codec": {"base", "core", "codec"}}
APART = [{"core", "io"}, {"api", "probe"}, {"api", "registry"}, {"probe", "registry"}]

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]')
LEFTOVERS = re.compile(r"\b(?:" + "|".join(("TO" + "DO", "FIX" + "ME", "X" + "XX", "HA" + "CK", "place" + "holder")) + r")\b")


def files(root, *, under=TREES, suffixes=None):
    """Every file of the project below `under`, in order; build folders and hidden ones are not the project's."""
    for tree in under:
        for folder, folders, names in os.walk(root / tree):
            folders[:] = sorted(f for f in folders if not f.startswith((".", "build", "__pycache__")))
            for name in sorted(names):
                if suffixes is None or name.endswith(suffixes):
                    yield pathlib.Path(folder, name)


def text_of(path):
    return path.read_text(encoding="utf-8", errors="replace")


def interpreter(path):
    """The program that a script names in its first line, "" for any other file."""
    with open(path, "rb") as file:
        first = file.readline(200)
    if not first.startswith(b"#!"):
        return ""
    words = first[2:].decode("utf-8", "replace").split()
    name = os.path.basename(words[0]) if words else ""
    return os.path.basename(words[1]) if name == "env" and len(words) > 1 else name


def folder_of(root, path):
    """The folder of the table in which a source or header stands, "" when it stands in none."""
    parts = path.relative_to(root).parts
    return "/".join(parts[1 if parts[0] == "agent" else 2:-1])


class Folders:
    """The table of agent/CMakeLists.txt: for each folder those it uses and the libraries it includes."""

    def __init__(self, root):
        text = re.sub(r"#[^\n]*", "", text_of(root / "agent/CMakeLists.txt"))
        self.uses, self.libraries = {}, {}
        for row in re.findall(r"^outrider_folder\(([^)]*)\)", text, re.M):
            name, *words = row.split()
            lists = {"HEADERS": [], "USES": [], "LIBRARIES": []}
            for word in words:
                at = lists[word] if word in lists else at
                if word not in lists:
                    at.append(word)
            self.uses[name] = lists["USES"]
            self.libraries[name] = [w.removeprefix("PkgConfig::") for w in lists["LIBRARIES"]]

    def wrong(self):
        """What is wrong with the table itself."""
        for name, uses in self.uses.items():
            floor = name.split("/")[0]
            for used in uses:
                below = used.split("/")[0]
                if used not in self.uses:
                    yield f"{name} uses {used}, which is no folder of the table"
                elif below not in PURE.get(floor, {below}) or {floor, below} in APART:
                    yield f"{name} must not use {used}"
                elif name in self.reachable(used):
                    yield f"{name} and {used} use each other"

    def reachable(self, name, found=None):
        found = set() if found is None else found
        for used in self.uses.get(name, ()):
            if used not in found:
                found.add(used)
                self.reachable(used, found)
        return found


def wrong_include(root, folders, path, folder, quote, name):
    """What is wrong with an include, None when it is allowed."""
    if name.startswith("outrider/"):
        used = "/".join(name.split("/")[1:-1])
        if used not in folders.uses:
            return f"{name}: there is no folder {used}"
        if used != folder and used not in folders.uses[folder]:
            return f"{folder} must not include {used} ({name})"
    elif quote == '"':
        beside = [path.parent / name, root / "agent" / name]
        target = next((p for p in beside if p.exists()), None)
        if target is None or folder_of(root, target.resolve()) != folder:
            return f"{name}: a private header of another folder, or none at all"
    else:
        for prefix, library in LIBRARIES.items():
            if name.startswith(prefix) and library not in folders.libraries[folder]:
                return f"{folder} does not use the library of {name}"
    return None


def check_includes(args):
    """Which folder includes which: as the table of agent/CMakeLists.txt has it, and the table points downwards only."""
    table, folders = args.root / "agent/CMakeLists.txt", Folders(args.root)
    for wrong in folders.wrong():
        yield table, 1, wrong
    for path in files(args.root, under=("agent", "include"), suffixes=(".c", ".h")):
        folder = folder_of(args.root, path)
        if folder not in folders.uses:
            yield path, 1, f"{folder or 'its folder'} is not in the table of agent/CMakeLists.txt"
            continue
        if path.suffix == ".h" and path.is_relative_to(args.root / "agent") and not path.stem.endswith("_internal"):
            yield path, 1, "the name of a private header ends with _internal.h; one for other folders stands in include/"
        for number, line in enumerate(text_of(path).splitlines(), 1):
            match = INCLUDE.match(line)
            wrong = match and wrong_include(args.root, folders, path, folder, *match.groups())
            if wrong:
                yield path, number, wrong


def check_headers(args):
    """Each header compiles alone, and twice."""
    flags = "-std=c11 -D_GNU_SOURCE -Wall -Wextra -Wpedantic -Werror -fsyntax-only -x c".split()
    for path in files(args.root, under=("include", "agent"), suffixes=(".h",)):
        with tempfile.NamedTemporaryFile("w", suffix=".c") as source:
            source.write(f'#include "{path.resolve()}"\n' * 2 + "typedef int unit;\n")
            source.flush()
            done = subprocess.run([args.cc, *flags, f"-I{args.root}/include", source.name], capture_output=True, text=True)
        if done.returncode != 0:
            first = next((line for line in done.stderr.splitlines() if "error" in line), done.stderr.strip())
            yield path, 1, f"does not compile alone: {first}"


def check_options(args):
    """What knows an option of the build compiles without it, too."""
    flags = "-std=c11 -D_GNU_SOURCE -Wall -Wextra -Wpedantic -Werror -fsyntax-only".split()
    for path in files(args.root, under=("agent",), suffixes=(".c",)):
        if re.search(r"^#ifn?def OUTRIDER_(REDIS|CONSUL|DNS)$", text_of(path), re.M):
            done = subprocess.run([args.cc, *flags, f"-I{args.root}/include", path], capture_output=True, text=True)
            if done.returncode != 0:
                first = next((line for line in done.stderr.splitlines() if "error" in line), done.stderr.strip())
                yield path, 1, f"does not compile without its option: {first}"


def check_size(args):
    """No source file passes the wall."""
    for path in files(args.root):
        if path.suffix in (".c", ".h", ".py", ".sh") or interpreter(path):
            lines = len(text_of(path).splitlines())
            if lines > LINES_MAX:
                yield path, LINES_MAX + 1, f"{lines} lines, the wall is {LINES_MAX}"


def check_leftovers(args):
    """Nothing is left for later by a word in the code."""
    for path in files(args.root):
        if path.suffix in (".c", ".h", ".py", ".sh", ".txt", ".cmake", ".yaml", ".scn", ".md") or interpreter(path):
            for number, line in enumerate(text_of(path).splitlines(), 1):
                match = LEFTOVERS.search(line)
                if match:
                    yield path, number, f"leftover {match.group()}"


TOKEN = re.compile(r"""(?P<comment>/\*.*?\*/|//[^\n]*)|(?P<pre>^[ \t]*\#(?:\\\n|[^\n])*)|(?P<text>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')
                       |(?P<open>\{)|(?P<close>\})|(?P<end>;)|(?P<other>\w+|\S)""", re.S | re.M | re.X)


def declarations(text):
    """The declarations at the top of a header: first line, last line, text without bodies and comments, whether a comment
    stands right above. A comment after a declaration on its line belongs to that one."""
    line, depth, statement, first, commented, ended = 1, 0, "", 0, False, 0
    for match in TOKEN.finditer(text):
        kind, token = match.lastgroup, match.group()
        line = 1 + text.count("\n", 0, match.start())
        if depth > 0:
            depth += {"open": 1, "close": -1}.get(kind, 0)
            closes_body = depth == 0 and "(" in statement
        elif kind == "comment" or (kind == "pre" and not statement):
            commented = (commented or line != ended) if kind == "comment" else False
            continue
        else:
            first = first if statement else line
            statement += token if kind in ("text", "other") else ""
            depth += kind == "open"
            closes_body = False
        if kind == "end" and depth == 0 or closes_body:
            yield first, line, statement, commented
            statement, commented, ended = "", False, line


def uncommented(text):
    """Line numbers and first lines of the functions that no comment speaks of: neither one of their own, nor one above the
    block of functions in which they stand without an empty line."""
    covered = -1
    for first, last, statement, commented in declarations(text):
        if "(" in statement and not statement.startswith(("typedef", "_Static_assert", "static_assert")):
            if commented or first == covered + 1:
                covered = last
            else:
                yield first, text.splitlines()[first - 1].strip()


def check_comments(args):
    """Every function of a public header has a comment above."""
    for path in files(args.root, under=("include",), suffixes=(".h",)):
        for number, declaration in uncommented(text_of(path)):
            yield path, number, f"no comment above {declaration}"


# what instrumentation adds, and is no choice of ours
INSTRUMENTS = ("__asan_*", "__ubsan_*", "__sanitizer_*", "__lsan_*", "__gcov_*", "__stack_chk_*", "_GLOBAL_OFFSET_TABLE_")


def symbols(library):
    """The names that a static library leaves undefined, and those that it defines."""
    out = subprocess.run(["nm", "--format=posix", library], capture_output=True, text=True, check=True).stdout
    undefined, defined = set(), set()
    for line in out.splitlines():
        words = line.split()
        if len(words) >= 2 and not line.endswith(":"):
            (undefined if words[1] in "Uwv" else defined).add(words[0])
    return undefined, defined


def plain(symbol):
    """The name as it stands in the source: a fortified call is the same call."""
    fortified = re.fullmatch(r"__(\w+)_chk", symbol)
    standard = re.fullmatch(r"__isoc\d\d_(\w+)", symbol)
    return (fortified or standard).group(1) if fortified or standard else symbol


def check_symbols(args):
    """What the pure floors take from outside is on the list: no time, no socket, no file. What a folder takes from another
    one is that one's to define: only folders it may use count."""
    allowed, folders = {}, Folders(args.root)
    for row in text_of(args.allowed).splitlines():
        words = row.split("#")[0].split()
        if len(words) > 1:
            allowed.setdefault(words[0].rstrip(":"), []).extend(words[1:])
    tables = {folder: symbols(library) for folder, _, library in (word.partition("=") for word in args.libraries)}
    for folder, (undefined, defined) in tables.items():
        known = defined.union(*(tables[f][1] for f in folders.reachable(folder) if f in tables))
        for symbol in sorted(undefined - known):
            names = allowed.get(folder.split("/")[0], []) + list(INSTRUMENTS)
            if not any(fnmatch.fnmatchcase(plain(symbol), n) or fnmatch.fnmatchcase(symbol, n) for n in names):
                yield f"agent/{folder}", 0, f"{plain(symbol)} is not on the list of what {folder} may use"


def check_shell(args):
    """Every shell script is clean under shellcheck."""
    scripts = [p for p in files(args.root) if p.suffix == ".sh" or interpreter(p) in ("sh", "bash", "dash")]
    if scripts:
        command = ["shellcheck", "--external-sources", "--source-path=SCRIPTDIR", "--format=gcc", *map(str, scripts)]
        done = subprocess.run(command, capture_output=True, text=True)
        for row in done.stdout.splitlines():
            file, number, _, message = row.split(":", 3)
            yield pathlib.Path(file), int(number), message.strip()


# ---- language ----

ACTORS = re.compile(r"\b(?:" + "|".join(("h" + "e", "h" + "im", "h" + "is", "who" + "ever", "some" + "body", "no" + "body")) + r")\b", re.I)
OUTSIDE = re.compile(r"\b(?:(?:contract|gateway)\s+(?:sections?\s+)?\d|rules?\s+\d+\b|issues?\s+\d+\b(?![\d\s,]*\s+of\s+\w))", re.I)
PAGE = re.compile(r'(?<![\w/.:-])([\w./-]*\w\.md)\b((?:,?\s+(?:and\s+)?"[^"]+")*)')
COMMENT = re.compile(r"(?:^|(?<=\s))#[^\n]*", re.M)
QUOTED = re.compile(r"""(?P<comment>/\*.*?\*/|//[^\n]*)|(?P<text>"(?:\\.|[^"\\\n])*")|'(?:\\.|[^'\\\n])*'""", re.S)


def spoken_c(text):
    for match in QUOTED.finditer(text):
        if match.lastgroup:
            yield match.start(), re.sub(r"(?<=\n)[ \t]*\*", lambda m: " " * len(m.group()), match.group())


def spoken_python(text):
    """The comments, and the strings that are statements of their own."""
    starts, before = [0], None
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    for token in tokenize.generate_tokens(iter(text.splitlines(keepends=True)).__next__):
        first = before in (None, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.NL, tokenize.COMMENT)
        if token.type == tokenize.COMMENT or token.type == tokenize.STRING and first:
            yield starts[token.start[0] - 1] + token.start[1], token.string
        before = token.type


def spoken_hash(text):
    """Comments that begin with #; those on consecutive lines are one text."""
    start, end, run = 0, -2, ""
    for match in COMMENT.finditer(text):
        if text[end:match.start()].strip() or end < 0 or text.count("\n", end, match.start()) > 1:
            if run:
                yield start, run
            start, run = match.start(), ""
        run += (text[end:match.start()] if run else "") + " " + match.group()[1:]
        end = match.end()
    if run:
        yield start, run


def spoken(path, text):
    """What a file says to people: where in it, and the words, line breaks kept."""
    if path.suffix == ".md":
        yield 0, text
    elif path.suffix in (".c", ".h"):
        yield from spoken_c(text)
    elif path.suffix == ".py" or interpreter(path) == "python3":
        yield from spoken_python(text)
    elif path.suffix in (".scn", ".sh", ".yaml", ".cmake", ".txt", ".service", ".socket") or interpreter(path):
        yield from spoken_hash(text)


def headings(path):
    return set(re.findall(r"^#+ +(.*)$", text_of(path), re.M))


def page_of(root, path, name):
    """The page that is named in a file: by its path from the top, from the file's folder or from docs, or by its name alone."""
    for folder in (root, path.parent, root / "docs", root / "docs/design"):
        if (folder / name).is_file():
            return folder / name
    return None


def wrong_pages(root, path, words):
    for match in PAGE.finditer(words):
        page = page_of(root, path, match.group(1))
        if page is None:
            yield match.start(), f"{match.group(1)} is not in the tree"
            continue
        for heading in re.findall(r'"([^"]+)"', match.group(2)):
            heading = re.sub(r"\s+", " ", heading)
            if heading not in headings(page):
                yield match.start(), f"{match.group(1)} has no heading {heading}"


def check_language(args):
    """Programs are things; documents that are cited are in the tree, and so are their headings."""
    for path in [*files(args.root), *sorted(args.root.glob("*.md"))]:
        if path.is_relative_to(args.root / "tests/fuzz/seeds"):
            continue
        text = text_of(path)
        for start, words in spoken(path, text):
            found = [(m.start(), f"`{m.group()}`: name the component") for m in ACTORS.finditer(words)]
            found += [(m.start(), f"`{m.group()}` is not in the tree: cite a heading of docs/") for m in OUTSIDE.finditer(words)]
            for at, wrong in sorted(found + list(wrong_pages(args.root, path, words))):
                yield path, 1 + text.count("\n", 0, start) + words.count("\n", 0, at), wrong


def check_format(args):
    """Every C file is as clang-format writes it."""
    paths = [str(p) for p in files(args.root, suffixes=(".c", ".h")) if not p.is_relative_to(args.root / "tests/fuzz/seeds")]
    if paths:
        command = [args.clang_format, "--dry-run", "--style=file", *paths]
        done = subprocess.run(command, capture_output=True, text=True, cwd=args.root)
        if done.returncode != 0 or "error:" in done.stderr:
            raise OSError(done.stderr.strip())
        seen = set()
        for file, number in re.findall(r"^(.+?):(\d+):\d+: warning: .*clang-format", done.stderr, re.M):
            if (file, number) not in seen:
                seen.add((file, number))
                yield pathlib.Path(file), int(number), "not as clang-format writes it"


CHECKS = {name[6:]: function for name, function in list(globals().items()) if name.startswith("check_")}


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("check", choices=sorted(CHECKS))
    parser.add_argument("--root", type=pathlib.Path, default=pathlib.Path(__file__).parents[2])
    parser.add_argument("--cc", default="cc", help="headers, options: the compiler")
    parser.add_argument("--allowed", type=pathlib.Path, default=pathlib.Path(__file__).with_name("symbols"), help="symbols: the list")
    parser.add_argument("--clang-format", default="clang-format-14", help="format: the program")
    parser.add_argument("libraries", nargs="*", help="symbols: FOLDER=LIBRARY.a ...")
    args = parser.parse_intermixed_args(argv)
    args.root = args.root.resolve()
    try:
        found = list(CHECKS[args.check](args))
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"house {args.check}: {error}", file=sys.stderr)
        return 2
    for path, number, what in found:
        name = path.relative_to(args.root) if isinstance(path, pathlib.Path) and path.is_relative_to(args.root) else path
        print(f"{name}:{number}: {what}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
