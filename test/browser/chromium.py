# SPDX-License-Identifier: Apache-2.0
"""Debian's Chromium without a window, driven by the WebDriver protocol (W3C) of its chromedriver."""

import base64
import json
import subprocess
import tempfile
import urllib.error
import urllib.request

from browser.api_server import free_port, stop, wait_for

TAB, ENTER, ESCAPE = "\ue004", "\ue007", "\ue00c"
_OPTIONS = [
    "--headless=new",
    "--no-sandbox",  # the tests run as root
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
    "--force-device-scale-factor=1",
    "--hide-scrollbars",
]


class Chromium:
    """A browser with one page. Ends with its `with`."""

    def __init__(self):
        self._port = free_port()
        self._driver = self._profile = None
        self._session = ""

    def __enter__(self):
        self._profile = tempfile.TemporaryDirectory(prefix="barevip-chromium-", ignore_cleanup_errors=True)
        self._driver = subprocess.Popen(
            ["chromedriver", f"--port={self._port}"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            wait_for("chromedriver answers", self._is_up)
            options = {"args": [*_OPTIONS, f"--user-data-dir={self._profile.name}"], "binary": "/usr/bin/chromium"}
            capabilities = {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
            made = self._ask("POST", "/session", {"capabilities": {"alwaysMatch": capabilities}})
            self._session = f"/session/{made['sessionId']}"
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        try:
            if self._session:
                self._ask("DELETE", self._session)
        finally:
            stop(self._driver)
            self._profile.cleanup()

    def open(self, url):
        self._ask("POST", f"{self._session}/url", {"url": url})

    def run(self, script, *arguments):
        """Runs the body of a function in the page; returns what it returns."""
        return self._ask("POST", f"{self._session}/execute/sync", {"script": script, "args": list(arguments)})

    def press(self, *keys):
        """Presses keys as a person does: whatever has the focus gets them."""
        actions = [
            action for key in keys for action in ({"type": "keyDown", "value": key}, {"type": "keyUp", "value": key})
        ]
        self._ask(
            "POST", f"{self._session}/actions", {"actions": [{"type": "key", "id": "keyboard", "actions": actions}]}
        )

    def click(self, selector):
        """Clicks where the element is, so that one that is covered or out of reach fails."""
        found = self._ask("POST", f"{self._session}/element", {"using": "css selector", "value": selector})
        self._ask("POST", f"{self._session}/element/{next(iter(found.values()))}/click", {})

    def resize(self, width, height):
        """The viewport of the page, which may be narrower than a window can be."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self._devtools("Emulation.setDeviceMetricsOverride", metrics)

    def prefer(self, scheme):
        """light or dark."""
        self._devtools("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]})

    def console(self):
        """What the console said since the last call: warnings, errors, refusals of the Content-Security-Policy."""
        return self._ask("POST", f"{self._session}/se/log", {"type": "browser"})

    def picture(self):
        """The viewport as WebP."""
        taken = self._devtools("Page.captureScreenshot", {"format": "webp", "quality": 82})
        return base64.b64decode(taken["data"])

    def _devtools(self, command, parameters):
        return self._ask("POST", f"{self._session}/goog/cdp/execute", {"cmd": command, "params": parameters})

    def _is_up(self):
        try:
            return self._ask("GET", "/status")["ready"]
        except OSError:
            return False

    def _ask(self, verb, path, body=None):
        request = urllib.request.Request(
            f"http://127.0.0.1:{self._port}{path}",
            method=verb,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{path}: {json.load(error)['value']['message']}") from error
