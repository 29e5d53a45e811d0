"""Proof that every check of docs.py can fail: each is fed a copy of the tree with one fault. $OUTRIDER_BINARY is the agent."""
import argparse
import os
import pathlib
import shutil
import tempfile
import unittest

import docs

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = os.environ.get("OUTRIDER_BINARY", str(ROOT / "build/outrider"))
READ = ("agent/CMakeLists.txt", "README.md", "LICENSE", "docs", "conf", "packaging", "agent/api", "agent/codec/status/notify.c", "agent/core/config/settings_rows.c",
        "include/outrider/codec/status/status_line.h", "tests")


class DocsTest(unittest.TestCase):
    def setUp(self):
        self.root = pathlib.Path(tempfile.mkdtemp()).resolve()
        self.addCleanup(shutil.rmtree, self.root)
        for name in READ:
            source, target = ROOT / name, self.root / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, target, ignore=shutil.ignore_patterns("seeds", "__pycache__") if name == "tests" else None)
            else:
                shutil.copy(source, target)

    def found(self, check):
        return [f"{page.relative_to(self.root)}: {what}"
                for page, what in docs.CHECKS[check](argparse.Namespace(root=self.root, outrider=BINARY, rewrite=False))]

    def assert_fault(self, check, name, old, new, fault):
        path = self.root / name
        text = path.read_text()
        self.assertIn(old, text, name)
        path.write_text(text.replace(old, new))
        found = self.found(check)
        self.assertTrue(any(fault in one for one in found), f"{fault} is not in {found}")
        path.write_text(text)

    def test_the_tree_is_good(self):
        for check in docs.CHECKS:
            with self.subTest(check):
                self.assertEqual(self.found(check), [])

    def test_folders(self):
        self.assert_fault("folders", "agent/CMakeLists.txt", "outrider_folder(os USES base)", "outrider_folder(os)", "not that of")
        self.assert_fault("folders", "docs/code.md", "| `os` | base |", "| `os` | base, core |", "not that of")

    def test_links(self):
        self.assert_fault("links", "README.md", "(docs/code.md)", "(docs/gone.md)", "docs/gone.md leads nowhere")
        self.assert_fault("links", "docs/http-api.md", "operating.md#metrics", "operating.md#meters", "no such heading")

    def test_names(self):
        for name, old, new, fault in (
            ("docs/status-protocol.md", "`too-many`", "`enough`", "error code too-many"),
            ("docs/status-protocol.md", "`ERRNO=28`", "that", "sd_notify key ERRNO"),
            ("docs/http-api.md", "`/readyz`", "`/api/ready`", "the API has no /api/ready"),
            ("docs/http-api.md", "/readyz", "/ready", "the path /readyz"),
            ("docs/http-api.md", "`bad_body`", "`body`", "error code of the API bad_body"),
            ("docs/operating.md", "outrider_loop_lag_seconds", "outrider_lag_seconds", "metric outrider_loop_lag_seconds"),
            ("docs/operating.md", "outrider_loop_lag_seconds", "outrider_lag_seconds", "no metric outrider_lag_seconds"),
            ("docs/operating.md", "`drain.settle`", "`drain.rest`", "no setting drain.rest"),
            ("docs/operating.md", "`outrider undrain`", "`outrider refill`", "no command outrider refill"),
            ("docs/operating.md", "outrider version", "the version", "no page names outrider version"),
            ("docs/configuration.md", "`settle`", "`rest`", "does not name drain.settle"),
        ):
            with self.subTest(fault):
                self.assert_fault("names", name, old, new, fault)

    def test_examples(self):
        self.assert_fault("examples", "docs/operating.md", "max by (type)", "sum by (type)", "counts every server twice")
        self.assert_fault("examples", "README.md", "  ports: [8001]", "  port: 8001", "server.port")
        self.assert_fault("examples", "conf/outrider.yaml", "  type: world", "  type: World", "server.type")
        self.assert_fault("examples", "packaging/compose.yaml", 'PORTS: "8001"', 'PORTS: "80o1"', "server.ports")

    def test_container(self):
        page = "conf/container.yaml"
        self.assert_fault("container", page, "  ttl: ", "  #ttl: ", "registry.ttl is missing")
        self.assert_fault("container", page, "TTL:-10s", "TTL:-15s", "`15s`, in the settings it is `10s`")
        self.assert_fault("container", page, "OUTRIDER_REGISTRY_TTL", "OUTRIDER_TTL", "not OUTRIDER_REGISTRY_TTL")
        self.assert_fault("container", page, "  linger: ", "  lingers: ", "shutdown.lingers is no setting")
        self.assert_fault("container", "packaging/compose.yaml", "OUTRIDER_TYPE", "OUTRIDER_KIND", "OUTRIDER_KIND is no variable")

    def test_libraries(self):
        page = "packaging/Containerfile"
        self.assert_fault("libraries", page, " libjansson4 ", " ", "libjansson4 is not installed")
        self.assert_fault("libraries", page, " libjansson4 ", " libjansson4 libxxhash0 ", "libxxhash0 is installed")

    def test_units(self):
        self.assert_fault("units", "packaging/outrider@.service", "RestartSec=", "RestartSecond=", "RestartSecond")
        self.assert_fault("units", "packaging/outrider@.service", "/usr/bin/outrider", "/usr/bin/outrigger", "outrigger")
        self.assert_fault("units", "packaging/outrider-observer.service", "WatchdogSec=", "#WatchdogSec=", "no WatchdogSec=")

    @unittest.skipUnless(shutil.which("systemd-analyze"), "no systemd-analyze here")
    def test_hardening(self):
        sidecar, observer = "packaging/outrider@.service", "packaging/outrider-observer.service"
        self.assert_fault("hardening", sidecar, "PrivateDevices=yes", "PrivateDevices=no", "want at most 1.5")
        self.assert_fault("hardening", sidecar, "DynamicUser=yes", "DynamicUser=no", "instances share a user")
        self.assert_fault("hardening", sidecar, "SupplementaryGroups=outrider", "SupplementaryGroups=outrider-admin",
                          "could reach other servers")
        self.assert_fault("hardening", observer, "LimitCORE=0", "", "no LimitCORE=0")
        self.assert_fault("hardening", "packaging/outrider@.socket", "SocketGroup=outrider-game", "SocketGroup=outrider", "want SocketGroup=")
        self.assert_fault("hardening", "packaging/outrider-http@.socket", "SocketMode=0660", "SocketMode=0666", "SocketMode=0660")

    def test_promises(self):
        page = "docs/SECURITY.md"
        self.assert_fault("promises", page, "`attack.page test_", "`attack.pages test_", "tests/attack/test_pages.py is not in the tree")
        self.assert_fault("promises", page, "`attack.page test_", "`attack.page test_no_", "has no test_no_")
        self.assert_fault("promises", page, "`attack.", "`", "not a name of a test")
        self.assert_fault("promises", page, "`unit.", "`unit.base.", "is not in the tree")
        self.assert_fault("promises", page, "`attack.surroundings test_a_storm`", "", "no test holds")


if __name__ == "__main__":
    unittest.main()
