#!/usr/bin/env python3
"""Holds documentation and packaging against the code: docs.py CHECK [--root DIR] [--outrider BINARY].

  folders    the table of folders in docs/code.md is that of agent/CMakeLists.txt; --rewrite writes it
  links      every link of a page leads to a file and a heading that are there
  names      commands, settings, paths, metrics, words and error codes: the pages name them all, and none that is not there
  examples   every configuration in a page, conf/ and packaging/compose.yaml passes `outrider check`; no alert counts a server twice
  container  conf/container.yaml has every setting with its default; packaging/compose.yaml sets no other variable
  libraries  the packages of packaging/Containerfile are those the binary is linked with
  units      systemd-analyze verify finds nothing to say about the units
  hardening  systemd-analyze security rates each service 1.5 or better; games, operators and agents have groups of their own
  promises   each promise of docs/SECURITY.md names the tests that hold it, and those are there

Each prints what it found as FILE: what is wrong, and exits 1; 0 when it found nothing; 2 when it could not look; `hardening`
77 where there is no systemd-analyze.
"""
import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import house

# soname: Debian 12 package
PACKAGES = {
    "libevent_core-2.1.so.7": "libevent-core-2.1-7",
    "libcares.so.2": "libc-ares2",
    "libcurl.so.4": "libcurl4",
    "libssl.so.3": "libssl3",
    "libyaml-0.so.2": "libyaml-0-2",
    "libjansson.so.4": "libjansson4",
    "libhiredis.so.0.14": "libhiredis0.14",
    "libldns.so.3": "libldns3",
    "libwslay.so.1": "libwslay1",
    "libcrypto.so.3": "libssl3",
    "libz.so.1": "zlib1g",
}
EVERYWHERE = re.compile(r"^(libc|libm|libgcc_s|libasan|libubsan|ld-linux-[a-z0-9-]+)\.so\.\d+$")
SECTIONS = ("server", "registry", "record", "status", "drain", "shutdown", "http", "dns", "view", "log")


class CannotLook(Exception):
    pass


def pages(root):
    found = sorted([*root.glob("*.md"), *root.glob("docs/**/*.md"), *root.glob("packaging/*.md"), *root.glob("tests/**/*.md")])
    return {page: page.read_text(encoding="utf-8") for page in found}


def prose(root):
    """What people wrote: every page but the generated one."""
    return {page: text for page, text in pages(root).items() if page.name != "configuration.md"}


def read(root, name):
    return (root / name).read_text(encoding="utf-8")


def run(*words, **more):
    try:
        return subprocess.run(words, capture_output=True, text=True, check=False, **more)
    except FileNotFoundError as error:
        raise CannotLook(f"{words[0]}: {error.strerror}") from error


# ---- links ----

def anchors(text):
    """The headings of a page as the usual renderers name them."""
    names = set()
    for heading in re.findall(r"^#+ +(.*)$", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S), re.M):
        plain = re.sub(r"[`*]", "", heading).lower()
        names.add(re.sub(r"[^\w\- ]", "", plain).replace(" ", "-"))
    return names


def check_links(args):
    for page, text in pages(args.root).items():
        for target in re.findall(r"\]\(([^)\s]+)\)", text):
            path, _, anchor = target.partition("#")
            if re.match(r"[a-z]+:", path):
                continue
            there = page if path == "" else (page.parent / path)
            if not there.exists():
                yield page, f"{target} leads nowhere"
            elif anchor and anchor not in anchors(there.read_text(encoding="utf-8")):
                yield page, f"{target}: no such heading"


# ---- folders ----

def folder_table(root):
    rows = ["| folder | uses | libraries |", "|---|---|---|"]
    folders = house.Folders(root)
    for name, uses in folders.uses.items():
        libraries = [word.lower() for word in folders.libraries[name]]
        rows.append(f"| `{name}` | {', '.join(uses)} | {', '.join(libraries)} |")
    return "\n".join(rows)


def check_folders(args):
    page = args.root / "docs/code.md"
    text = page.read_text(encoding="utf-8")
    wanted = re.sub(r"(<!-- folders -->\n).*?(<!-- /folders -->)", lambda m: m.group(1) + folder_table(args.root) + "\n" + m.group(2), text,
                    flags=re.S)
    if args.rewrite:
        page.write_text(wanted, encoding="utf-8")
    elif wanted != text:
        yield page, "the table of folders is not that of agent/CMakeLists.txt: tests/tools/docs.py folders --rewrite"


# ---- names ----

def settings(root):
    """path: default ("" for none) of every setting that is no key of a probe or a candidacy."""
    rows = read(root, "agent/core/config/settings_rows.c").split("candidacy_rows[]")[0]
    found = {}
    for path, rest in re.findall(r'\{"([a-z_.]+)", SETTING_(.*?)\.doc', rows, re.S):
        fallback = re.search(r'\.fallback = "([^"]*)"', rest)
        found[path] = fallback.group(1) if fallback else ""
    return found


def between(text, begin, end):
    return text.split(begin, 1)[1].split(end, 1)[0] if begin in text else ""


def named(root):
    """What the code has: kind: (its names, the page that must name each)."""
    line_faults = re.findall(r'X\(STATUS_LINE_\w+, "([a-z0-9-]+)"\)', read(root, "include/outrider/codec/status/status_line.h"))
    keys = re.findall(r'\{"([A-Z_]+)", take_', read(root, "agent/codec/status/notify.c"))
    routes = re.findall(r'\{ROUTE_\w+, "([^"]+)"', read(root, "agent/api/routes.c"))
    metrics = set()
    for source in (root / "agent/api").glob("metrics/*.c"):
        metrics |= set(re.findall(r'"(outrider_[a-z_]+)"', source.read_text(encoding="utf-8")))
    refusals = set()
    for source in (root / "agent/api").rglob("*.c"):
        refusals |= set(re.findall(r'api_refuse\(\w+, \d+, "([a-z_]+)"', source.read_text(encoding="utf-8")))
    return {
        "error code": (line_faults, "docs/status-protocol.md"),
        "sd_notify key": (keys, "docs/status-protocol.md"),
        "path": (routes, "docs/http-api.md"),
        "error code of the API": (refusals, "docs/http-api.md"),
        "metric": (metrics, "docs/operating.md"),
    }


def commands(args):
    answer = run(args.outrider, "help")
    names = re.findall(r"^  ([a-z]+) ", answer.stdout, re.M)
    if answer.returncode != 0 or not names:
        raise CannotLook(f"{args.outrider} help names no command")
    return names


def spans(text):
    return re.findall(r"`([^`\n]+)`", text)


def strangers(root, page, text, known):
    """Names in a page that the code does not have. A line marked [later] speaks of what does not exist yet."""
    text = "\n".join(line for line in text.splitlines() if "[later]" not in line)
    for span in spans(text):
        key = re.fullmatch(r"((?:%s)\.[a-z_.]+)" % "|".join(SECTIONS), span)
        section = any(setting.startswith(span + ".") for setting in known["setting"])
        if key and not section and not span.endswith(".sock") and span not in known["setting"]:
            yield page, f"there is no setting {span}"
    for metric in set(re.findall(r"outrider_[a-z_]+", text)):
        base = re.sub(r"_(bucket|sum|count)$", "", metric)
        if base not in known["metric"] and not metric.endswith("_") and not (root / f"agent/{metric}").exists():
            yield page, f"there is no metric {metric}"
    for path in set(re.findall(r"(?<![\w.])/(?:api/[a-z/-]+|healthz?|readyz|metrics)\b", text)):
        # What stands before a {name} is cut off here.
        if not any(route == path.rstrip("/") or route.startswith(path.rstrip("/") + "/{") for route in known["path"]):
            yield page, f"the API has no {path}"
    for command in set(re.findall(r"(?:^|[`$] ?)outrider ([a-z]+)", text, re.M)):
        if command not in known["command"]:
            yield page, f"there is no command outrider {command}"


def check_names(args):
    expected = named(args.root)
    known = {kind: set(names) for kind, (names, _) in expected.items()}
    known["setting"] = set(settings(args.root))
    known["command"] = set(commands(args))
    for kind, (names, name) in expected.items():
        page = args.root / name
        text = page.read_text(encoding="utf-8")
        if not names:
            raise CannotLook(f"the code has no {kind}: it is looked for in the wrong place")
        for one in sorted(names):
            if not re.search(rf"(?<![\w-]){re.escape(one)}(?![\w-])", text):
                yield page, f"does not name the {kind} {one}"
    written = "\n".join(text for page, text in prose(args.root).items() if page.parent.name != "design")
    for command in known["command"]:
        if not re.search(rf"\boutrider {command}\b", written):
            yield args.root / "docs", f"no page names outrider {command}"
    for setting in known["setting"]:
        if f"`{setting.partition('.')[2] or setting}`" not in read(args.root, "docs/configuration.md"):
            yield args.root / "docs/configuration.md", f"does not name {setting}"
    for page, text in prose(args.root).items():
        yield from strangers(args.root, page, text, known)


# ---- examples ----

def environment(root):
    """What packaging/compose.yaml gives the agents; which file that is for is no setting."""
    lines = re.findall(r"^ +(OUTRIDER_[A-Z_]+): *(.*)$", read(root, "packaging/compose.yaml"), re.M)
    return {name: value.strip('"') for name, value in lines if name != "OUTRIDER_CONFIG"}


def refused(args, path, **variables):
    result = run(args.outrider, "check", "-c", str(path), env={"PATH": os.environ["PATH"], **variables})
    return (result.stderr or result.stdout).strip() if result.returncode != 0 else None


def check_examples(args):
    for page, text in prose(args.root).items():
        for metric in re.findall(r"\bsum\b[^'\n]*(outrider_services|outrider_cluster_size)", text):
            yield page, f"a sum of {metric} over two observers counts every server twice: max"
        for example in re.findall(r"^```yaml\n(.*?)^```", text, re.M | re.S):
            with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
                file.write(example)
                file.flush()
                problem = refused(args, file.name)
            if problem:
                yield page, f"an example is refused: {problem}"
    files = (("conf/outrider.yaml", {}), ("conf/container.yaml", {"OUTRIDER_TYPE": "world", "OUTRIDER_PORTS": "8001"}),
             ("conf/observer.yaml", {}),
             ("conf/observer.yaml", {"OUTRIDER_HTTP_LISTEN": "[::]:7117", "OUTRIDER_HTTP_TOKEN_FILE": "/run/token"}),
             ("conf/container.yaml", {**environment(args.root), "RUNTIME_DIRECTORY": "/run/outrider"}))
    for name, variables in files:
        problem = refused(args, args.root / name, **variables)
        if problem:
            yield args.root / name, f"refused with {sorted(variables)}: {problem}"


# ---- container ----

def variable(path):
    return "OUTRIDER_" + path.removeprefix("server.").replace(".", "_").upper()


def offered(root):
    """path: (variable, default or None) of conf/container.yaml."""
    sections, found = [], {}
    for line in read(root, "conf/container.yaml").splitlines():
        match = re.match(r"^( *)([a-z_]+): *(?:\$\{(\w+)(?::-(.*))?\})?$", line)
        if match:
            del sections[len(match.group(1)) // 2:]
            path = ".".join([*sections, match.group(2)])
            if match.group(3):
                found[path] = (match.group(3), match.group(4))
            else:
                sections.append(match.group(2))
    return found


def check_container(args):
    page = args.root / "conf/container.yaml"
    has, wanted = offered(args.root), settings(args.root)
    for path, fallback in wanted.items():
        if path not in has:
            yield page, f"{path} is missing"
            continue
        name, default = has[path]
        empty = fallback in ("[]", "{}")
        if name != variable(path):
            yield page, f"{path}: the variable is {name}, not {variable(path)}"
        if default is not None and default != ("" if empty else fallback):
            yield page, f"{path}: the default is `{default}`, in the settings it is `{fallback}`"
    for path in has.keys() - wanted.keys():
        yield page, f"{path} is no setting"
    for name in environment(args.root).keys() - {name for name, _ in has.values()}:
        yield args.root / "packaging/compose.yaml", f"{name} is no variable of conf/container.yaml"


# ---- libraries ----

def check_libraries(args):
    page = args.root / "packaging/Containerfile"
    stages = re.split(r"^FROM ", page.read_text(encoding="utf-8"), flags=re.M)
    installed = set(re.findall(r"\bz?lib[a-z0-9.-]+", between(stages[-1], "apt-get install", "&&")))
    dynamic = run("readelf", "-d", args.outrider).stdout
    needed = re.findall(r"\(NEEDED\).*\[(.*)\]", dynamic)
    if not needed:
        raise CannotLook(f"{args.outrider} is linked with nothing")
    wanted = set()
    for soname in needed:
        if EVERYWHERE.match(soname):
            continue
        if soname not in PACKAGES:
            yield page, f"the binary needs {soname}: name its package in tests/tools/docs.py"
            continue
        wanted.add(PACKAGES[soname])
    for package in sorted(wanted - installed):
        yield page, f"{package} is not installed, but the binary needs it"
    for package in sorted(installed - wanted):
        yield page, f"{package} is installed, but the binary does not need it"


# ---- units ----

def check_units(args):
    with tempfile.TemporaryDirectory() as folder:
        text = read(args.root, "packaging/outrider-observer.service")
        for name in ("outrider-observer.service", "outrider@.service"):
            if not re.search(r"^WatchdogSec=[1-9]", read(args.root, f"packaging/{name}"), re.M):
                yield args.root / "packaging" / name, "no WatchdogSec=: an agent that hangs would not be started again"
        unit = pathlib.Path(folder, "outrider-observer.service")
        unit.write_text(text.replace("/usr/bin/outrider", os.path.abspath(args.outrider)), encoding="utf-8")
        units = [str(unit)]
        for name, kind in (("outrider", "service"), ("outrider", "socket"), ("outrider-http", "socket")):
            text = read(args.root, f"packaging/{name}@.{kind}").replace("/usr/bin/outrider", os.path.abspath(args.outrider))
            # The template is what the instance is made from; both must be there under their own names.
            pathlib.Path(folder, f"{name}@.{kind}").write_text(text, encoding="utf-8")
            unit = pathlib.Path(folder, f"{name}@world-1.{kind}")
            unit.write_text(text, encoding="utf-8")
            units.append(str(unit))
        result = run("systemd-analyze", "verify", "--man=no", *units)
        said = (result.stdout + result.stderr).strip()
        if result.returncode != 0 or said:
            yield args.root / "packaging", f"systemd-analyze verify: {said or result.returncode}"


# ---- hardening ----

EXPOSURE_MAX = 1.5
SERVICES = ("outrider@.service", "outrider-observer.service")


def values(text, key):
    """Those of KEY= in a unit; an empty one begins again, as in systemd.unit(5)."""
    found = []
    for value in re.findall(rf"^{key}=(.*)$", text, re.M):
        found = [*found, *value.split()] if value else []
    return found


def check_hardening(args):
    files = [path for path in (args.root / "packaging").iterdir() if path.suffix in (".service", ".socket")]
    units = {path.name: path.read_text(encoding="utf-8") for path in sorted(files)}
    group = {name: values(text, "SocketGroup") for name, text in units.items() if name.endswith(".socket")}
    made = re.findall(r"^[ug] +(\S+)", read(args.root, "packaging/outrider.sysusers"), re.M)
    for name, groups in group.items():
        wanted = ["outrider-admin" if "http" in name else "outrider-game"]
        if groups != wanted or wanted[0] not in made or values(units[name], "SocketMode") != ["0660"]:
            yield args.root / "packaging" / name, f"want SocketGroup={wanted[0]}, which outrider.sysusers makes, and SocketMode=0660"
    sidecar = units["outrider@.service"]
    if {"outrider-admin", "outrider-game"} & {*values(sidecar, "Group"), *values(sidecar, "SupplementaryGroups")}:
        yield args.root / "packaging/outrider@.service", "an agent in a group of its sockets could reach other servers"
    if values(sidecar, "DynamicUser") != ["yes"] or "%i" not in "".join(values(sidecar, "User")):
        yield args.root / "packaging/outrider@.service", "instances share a user, so that one can touch the other"
    for name in SERVICES:
        page = args.root / "packaging" / name
        for key, pattern in (("LimitCORE", "0"), ("MemoryMax", r"\d+[MG]"), ("TasksMax", r"\d+"), ("StateDirectoryMode", "0700")):
            if not re.fullmatch(pattern, " ".join(values(units[name], key))):
                yield page, f"no {key}={pattern}"
        result = run("systemd-analyze", "security", "--no-pager", "--offline=true", str(page))
        exposure = re.search(r"Overall exposure level for \S+: ([0-9.]+)", result.stdout)
        if exposure is None:
            yield page, f"systemd-analyze security: {(result.stdout + result.stderr).strip()[-500:]}"
        elif float(exposure.group(1)) > EXPOSURE_MAX:
            yield page, f"exposure {exposure.group(1)}, want at most {EXPOSURE_MAX}: systemd-analyze security --offline=true {page}"
        else:
            print(f"packaging/{name}: exposure {exposure.group(1)}, at most {EXPOSURE_MAX} wanted")


# ---- promises ----

# Where the test of a name is, by the kind that its name begins with; {} is the rest of the name.
PLACES = {"attack": "tests/attack/test_{}.py", "e2e": "tests/e2e/test_{}.py", "scenario": "tests/scenario/{}.scn",
          "fuzz": "tests/fuzz/fuzz_{}.c", "browser": "tests/browser/test_{}.mjs", "unit": "tests/unit/{}/test_{}.c", "house": "tests/tools/house.py"}
TEST = re.compile(r"(%s)\.([a-z0-9_.]+)(?: (\w+))?" % "|".join(PLACES))


def missing_test(root, kind, name, case):
    """Why there is no test of this name, None where there is one."""
    if kind == "house":
        program = "docs" if name.startswith("docs.") else "house"
        path, case = root / f"tests/tools/{program}.py", f"check_{name.removeprefix('docs.')}"
    elif kind == "unit":
        folder, _, module = name.replace(".", "/").rpartition("/")
        path = root / PLACES[kind].format(folder, module)
    else:
        path = root / PLACES[kind].format(name)
    if not path.is_file():
        return f"{path.relative_to(root)} is not in the tree"
    if case and not re.search(rf"\b{case}\(", path.read_text(encoding="utf-8")):
        return f"{path.relative_to(root)} has no {case}"
    return None


def check_promises(args):
    """The last column of every table that ends with `held by` or `test` has `KIND.NAME` or `KIND.NAME CASE`, once or more."""
    page, promises, table, begun = args.root / "docs/SECURITY.md", 0, False, False
    for line in page.read_text(encoding="utf-8").splitlines():
        begins, begun = line.startswith("|") and not begun, line.startswith("|")
        promise, _, last = line.strip()[1:-1].rpartition("|")
        table = begun and (last.strip() in ("held by", "test") if begins else table)
        if not table or begins or line.startswith("|--"):
            continue
        promises += 1
        if not spans(last):
            yield page, f"no test holds: {promise.strip()}"
        for name in spans(last):
            match = TEST.fullmatch(name)
            wrong = missing_test(args.root, *match.groups()) if match else "not a name of a test"
            if wrong:
                yield page, f"{name}: {wrong}"
    if promises == 0:
        raise CannotLook(f"{page} promises nothing: its tables end with another word")


CHECKS = {name.removeprefix("check_"): function for name, function in list(globals().items()) if name.startswith("check_")}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("check", choices=CHECKS)
    parser.add_argument("--root", type=pathlib.Path, default=pathlib.Path(__file__).resolve().parents[2])
    parser.add_argument("--outrider", default="build/outrider")
    parser.add_argument("--rewrite", action="store_true", help="folders: write the table")
    args = parser.parse_args()
    args.root = args.root.resolve()
    found = False
    if args.check == "hardening" and shutil.which("systemd-analyze") is None:
        print("SKIPPED: no systemd-analyze here, so nobody looks at how open the units are", file=sys.stderr)
        return 77
    try:
        for page, what in CHECKS[args.check](args):
            found = True
            print(f"{page.relative_to(args.root)}: {what}")
    except CannotLook as error:
        print(f"docs.py: {error}", file=sys.stderr)
        return 2
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
