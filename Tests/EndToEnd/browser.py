"""Debian's Chromium without a screen, with a certificate of its own, as one person at a time.

    with Browser(folder, authority, identity, width=390, dark=True) as browser:
        browser.open("https://localhost:1234/")
        browser.complaints(), browser.violations(), browser.overflow()
"""

import base64
import json
import os
import subprocess
from pathlib import Path

import axe_selenium_python
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

CHROMIUM, DRIVER = Path("/usr/bin/chromium"), Path("/usr/bin/chromedriver")
# Which certificate is shown to our servers: the only one that there is in the browser's own store.
POLICY = Path("/etc/chromium/policies/managed/partner-insights-tests.json")
CHOICE = {"AutoSelectCertificateForUrls": [json.dumps({"pattern": "https://localhost", "filter": {}})]}
AXE = Path(axe_selenium_python.__file__).parent / "node_modules/axe-core/axe.min.js"
PAGE_SECONDS = 60


def why_not():
    """Why there can be no browser; empty where there can."""
    if not CHROMIUM.exists() or not DRIVER.exists():
        return "there is no chromium: Tests/install.sh test"
    if not POLICY.exists() or POLICY.read_text() != json.dumps(CHOICE):
        try:
            POLICY.parent.mkdir(parents=True, exist_ok=True)
            POLICY.write_text(json.dumps(CHOICE))
        except PermissionError:
            return f"{POLICY} cannot be written: run Tests/install.sh test as root"
    return ""


def run(*words, **options):
    done = subprocess.run(list(map(str, words)), capture_output=True, text=True, **options)
    assert done.returncode == 0, f"{words[0]}: {done.stderr}"


class Browser:
    def __init__(self, folder, authority, identity, width=1280, height=900, dark=False, script=True):
        self.folder = Path(folder)
        self.width, self.height = width, height
        home = self.folder / "home"
        if not home.exists():
            self._store(home, authority, identity)
        options = webdriver.ChromeOptions()
        options.binary_location = str(CHROMIUM)
        for word in (
            "headless=new", "no-sandbox", "disable-gpu", "disable-dev-shm-usage", "hide-scrollbars",
            "force-color-profile=srgb", f"window-size={width},{height}", f"user-data-dir={self.folder / 'profile'}",
        ):  # fmt: skip
            options.add_argument(f"--{word}")
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        if not script:
            options.add_experimental_option("prefs", {"profile.managed_default_content_settings.javascript": 2})
        self.driver = webdriver.Chrome(options, Service(str(DRIVER), env=os.environ | {"HOME": str(home)}))
        self.driver.set_page_load_timeout(PAGE_SECONDS)
        self.be(width, dark)

    @staticmethod
    def _store(home, authority, identity):
        store = home / ".pki/nssdb"
        store.mkdir(parents=True)
        run("certutil", "-d", f"sql:{store}", "-N", "--empty-password")
        run("certutil", "-d", f"sql:{store}", "-A", "-t", "C,,", "-n", "authority", "-i", authority.certificate)
        if identity:
            bundle = home / "identity.p12"
            run(
                "openssl", "pkcs12", "-export", "-in", identity.certificate, "-inkey", identity.key, "-out", bundle,
                "-passout", "pass:x", "-name", "person",
            )  # fmt: skip
            run("pk12util", "-d", f"sql:{store}", "-i", bundle, "-W", "x", "-K", "")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.driver.quit()

    def be(self, width, dark=False):
        """A screen of another kind."""
        self.width = width
        phone = width < 600
        self.driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            dict(width=width, height=self.height, deviceScaleFactor=2 if phone else 1, mobile=phone),
        )
        scheme = dict(name="prefers-color-scheme", value="dark" if dark else "light")
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", dict(features=[scheme]))

    def open(self, address):
        self.driver.get(address)

    def run(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def complaints(self):
        """What the console says since it was last asked: errors, and reports of the content security policy."""
        return [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")]

    def overflow(self):
        """By how many pixels the page is wider than the screen."""
        return self.run("return document.documentElement.scrollWidth") - self.width

    def violations(self):
        """What axe-core finds serious or critical."""
        self.driver.execute_script(AXE.read_text())
        found = self.driver.execute_async_script(
            "const done = arguments[0]; axe.run(document, {resultTypes: ['violations']}).then(r => done(r.violations))"
        )
        return [
            (rule["id"], rule["impact"], [(node["html"][:200], node["failureSummary"][:300]) for node in rule["nodes"][:3]])
            for rule in found if rule["impact"] in ("serious", "critical")
        ]  # fmt: skip

    def picture(self, path, whole=True):
        self.run("scrollTo(0, 0)")
        height = self.run("return document.documentElement.scrollHeight") if whole else self.height
        clip = dict(x=0, y=0, width=self.width, height=min(height, 9000), scale=1)
        shot = self.driver.execute_cdp_cmd("Page.captureScreenshot", dict(clip=clip, captureBeyondViewport=True))
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_bytes(base64.b64decode(shot["data"]))
