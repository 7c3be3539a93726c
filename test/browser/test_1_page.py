# SPDX-License-Identifier: Apache-2.0
"""What a person sees of the status page, and does with it."""

import http.client
import json
import os
import re
import socket
import subprocess
import tempfile
import unittest
import urllib.parse

from browser import world
from browser.api_server import ApiServer, free_port, stop, wait_for
from browser.chromium import ENTER, ESCAPE, TAB, Chromium
from manifests import rendering
from tools.lab import binaries, settings

OPERATOR = os.environ.get("BAREVIP_OPERATOR") or os.path.join(settings.REPO, "build/release/bin/barevip-operator")
# BAREVIP_PICTURES=docs/images renews the pictures of the documentation.
PICTURES = os.path.join(settings.REPO, os.environ.get("BAREVIP_PICTURES") or "build/browser")
GRAFANA = "https://grafana.example/team"
HOSTILE = '<img src=x onerror="document.title=\'owned\'"><script>document.title="owned"</script>'


class Page(unittest.TestCase):
    """One cluster for all tests; each leaves it as it was, but for what it adds under names of its own."""

    api: ApiServer
    daemons: world.Daemons
    browser: Chromium
    operator: subprocess.Popen
    port: int

    @classmethod
    def setUpClass(cls):
        folder = cls.enterClassContext(tempfile.TemporaryDirectory(prefix="barevip-browser-"))
        cls.api = cls.enterClassContext(ApiServer(folder))
        cls.daemons = cls.enterClassContext(world.Daemons(cls.api))
        cls.port = free_port()
        cls.operator = cls.start_operator()
        cls._populate()
        cls.browser = cls.enterClassContext(Chromium())

    @classmethod
    def start_operator(cls, port=None, identity="barevip-operator-7c9f"):
        port = port or cls.port
        process, _ = cls.api.start(
            identity,
            OPERATOR,
            f"--kubeconfig={cls.api.kubeconfig}",
            "--leader-elect",
            "--metrics-address=127.0.0.1:0",
            f"--status-address=127.0.0.1:{port}",
            f"--dashboard-url={GRAFANA}",
            f"--identity={identity}",
        )
        wait_for("the page is served", lambda: cls.status(port) == 200)
        return process

    @staticmethod
    def ask(port, method="GET", path="/", headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            connection.request(method, path, headers=headers or {})
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read().decode()
        finally:
            connection.close()

    @classmethod
    def status(cls, port):
        try:
            return cls.ask(port)[0]
        except OSError:
            return 0

    @classmethod
    def _populate(cls):
        for number in (1, 2, 3):
            cls.daemons.add(f"node{number}")
        cls.daemons.add("node4", blocked="*")
        world.add_pool(cls.api, "office", "10.20.0.0/27", "fd20::/112")
        world.add_pool(cls.api, "dmz", "10.21.0.0/29")
        for namespace, name, node in (
            ("default", "web", "node1"),
            ("default", "git", "node2"),
            ("default", "mail", "node1"),
            ("kube-system", "dns", "node3"),
        ):
            world.add_service(cls.api, namespace, name, "office", (80, 443) if name == "web" else (80,))
            wait_for(f"{name} has an address", lambda n=namespace, s=name: world.record_of(cls.api, n, s))
            world.announce(cls.api, namespace, name, node)
        world.add_endpoints(
            cls.api, "default", "web", {"10.244.1.7": "node1", "10.244.2.9": "node2", "10.244.3.4": "node3"}, (80, 443)
        )
        world.add_endpoints(cls.api, "default", "git", {"10.244.2.11": "node2"})
        world.add_endpoints(cls.api, "kube-system", "dns", {"10.244.1.2": "node1", "10.244.3.2": "node3"})
        for name in ("one", "two", "three", "four", "five", "six"):
            world.add_service(cls.api, "default", f"shop-{name}", "dmz")
        for name, node in (
            ("one", "node3"),
            ("two", "node1"),
            ("three", "node2"),
            ("four", "node3"),
            ("five", "node1"),
        ):
            wait_for(f"{name} has an address", lambda n=name: world.record_of(cls.api, "default", f"shop-{n}"))
            world.announce(cls.api, "default", f"shop-{name}", node)
            world.add_endpoints(cls.api, "default", f"shop-{name}", {f"10.244.4.{len(name)}{node[-1]}": node})
        world.add_service(cls.api, "default", "printer", "attic")

    def setUp(self):
        self.browser.console()
        self.browser.resize(1200, 900)
        self.browser.prefer("light")
        self.load()

    def tearDown(self):
        self.assertEqual([entry["message"] for entry in self.browser.console()], [])

    def load(self, port=None):
        self.browser.open(f"http://127.0.0.1:{port or self.port}/")
        self.wait_for_text("#connection", "live")
        wait_for("the first state is shown", lambda: self.rows("#nodes-rows"))

    def text(self, selector):
        return self.browser.run("return document.querySelector(arguments[0]).innerText", selector)

    def rows(self, selector):
        script = "return [...document.querySelector(arguments[0]).children].map(e => e.innerText.replace(/\\s+/g, ' '))"
        return self.browser.run(script, selector)

    def wait_for_text(self, selector, text, timeout=30):
        wait_for(f"{selector} says {text}", lambda: text in self.text(selector), timeout)

    def focused(self):
        return self.browser.run("const e = document.activeElement; return e.id || e.dataset.focus || e.className")

    def fill(self, text):
        self.browser.run("document.getElementById('filter').focus()")
        self.browser.press(*text)

    def test_problems_come_first_and_name_cause_and_remedy(self):
        self.assertEqual(
            self.browser.run("return [...document.querySelectorAll('section')].map(e => e.id)"),
            ["problems", "pools", "vips", "nodes", "moves"],
        )
        wait_for("the Service that waits is named", lambda: any("default/printer" in r for r in self.problems()))
        self.assertTrue(any("node4" in row and "NotEligible" in row for row in self.problems()), self.problems())
        self.assertIn("problem", self.text("#summary"))

    def problems(self):
        return self.rows("#problems-rows")

    def test_pools_show_their_use(self):
        wait_for("dmz is counted", lambda: any("6 of 6 allocated" in row for row in self.rows("#pools-rows")))
        widths = self.browser.run("return [...document.querySelectorAll('.bar span')].map(e => e.style.width)")
        self.assertIn("100%", widths)

    def test_a_vip_shows_owner_backends_and_moves_when_it_is_opened(self):
        world.announce(self.api, "default", "mail", "node3")
        self.addCleanup(world.announce, self.api, "default", "mail", "node1")
        self.wait_for_text("#moves-rows", "node1 → node3")
        row = next(row for row in self.rows("#vips-rows") if "default/web" in row)
        self.assertRegex(row, r"^10\.20\.0\.\d+ default/web office node1")
        self.assertIn(" 3 ", row)
        self.browser.click("[data-focus^='open default/web-']")
        self.wait_for_text("#vips-rows .detail", "10.244.2.9:8080 on node2")
        self.assertIn("default/web 443/TCP", self.text("#vips-rows .detail"))
        self.browser.click("[data-focus^='open default/web-']")
        self.browser.click("[data-focus^='open default/mail-']")
        self.wait_for_text("#vips-rows .detail", "node1 → node3")

    def test_a_vip_that_kube_proxy_forwards_says_so_and_has_no_rates(self):
        world.add_service(self.api, "default", "proxied", "office", forward="kube-proxy")
        self.addCleanup(self.api.delete, world.SERVICES.format("default") + "/proxied")
        wait_for("it has an address", lambda: world.record_of(self.api, "default", "proxied"))
        wait_for("its row", lambda: any("proxied" in r and "by kube-proxy" in r for r in self.rows("#vips-rows")))
        self.browser.click("[data-focus^='open default/proxied-']")
        self.wait_for_text("#vips-rows .detail", "kube-proxy forwards this address")
        self.assertNotIn("No port of a Service", self.text("#vips-rows .detail"))
        self.assertNotIn("Rates", self.text("#vips-rows .detail"))

    def test_a_vip_leads_to_its_rates_in_grafana_and_prometheus(self):
        self.browser.click("[data-focus^='open default/web-']")
        self.wait_for_text("#vips-rows .detail", "Rates")
        found = "return [...document.querySelectorAll('#vips-rows .detail a')].map(e => [e.href, e.target, e.rel])"
        ((href, target, rel),) = self.browser.run(found)
        self.assertEqual((target, rel), ("_blank", "noopener noreferrer"))
        url, _, variables = href.partition("?")
        dashboard = json.loads(rendering.read(rendering.CHART, "files", "dashboards", "vip.json"))
        self.assertEqual(url, f"{GRAFANA}/d/{dashboard['uid']}")
        given = dict(urllib.parse.parse_qsl(variables))
        self.assertEqual(given, {"var-namespace": "default", "var-service": "web"})
        known = {f"var-{variable['name']}" for variable in dashboard["templating"]["list"]}
        self.assertEqual(given.keys() - known, set())
        query = self.text("#vips-rows .detail code")
        address = world.record_of(self.api, "default", "web")["status"]["address"]
        self.assertIn(f'{{address="{address}"}}', query)
        metric = re.search(r"barevip_\w+", query)[0]
        self.assertIn(f"`{metric}`", rendering.read("docs", "reference.md"))
        promtool = [binaries.ensure_promtool(), "promql", "format", "--experimental", query]
        subprocess.run(promtool, check=True, capture_output=True)
        self.browser.run("state.dashboardUrl = ''; render()")
        self.assertEqual(self.browser.run(found), [], "without a Grafana, there is nothing to open")

    def test_a_click_on_a_name_filters_and_escape_clears(self):
        self.browser.click("[data-focus='node node2']")
        wait_for("only what names node2 is left", lambda: len(self.rows("#nodes-rows")) == 1)
        vips = " ".join(self.rows("#vips-rows"))
        self.assertIn("default/git", vips, "it is announced by the node")
        self.assertIn("default/web", vips, "it has a backend on the node")
        self.assertNotIn("default/mail", vips)
        self.browser.press(ESCAPE)
        wait_for("all are back", lambda: len(self.rows("#nodes-rows")) == 4)

    def test_a_filter_that_matches_nothing_says_so(self):
        self.fill("zzz")
        self.wait_for_text("#pools-empty", "Nothing here matches the filter")
        self.browser.click("#pools-empty button")
        wait_for("all are back", lambda: len(self.rows("#pools-rows")) >= 2)

    def by_keyboard(self):
        """What the tabulator reaches in one round, in its order."""
        reached = []
        for _ in range(80):
            self.browser.press(TAB)
            reached.append(self.focused())
            if len(reached) > 1 and reached[-1] == reached[0]:
                break
        return reached

    def not_reached(self, reached):
        wanted = self.browser.run(
            "return [...document.querySelectorAll('a, button, input')].filter(e => e.checkVisibility())"
            ".map(e => e.id || e.dataset.focus || e.className)"
        )
        return set(wanted) - set(reached)

    def test_all_is_reached_by_keyboard(self):
        first = self.by_keyboard()
        self.assertEqual(first[0], "skip")
        # The page is live: what appears in a round is reached in the next one.
        wait_for("all is reached", lambda: not self.not_reached(self.by_keyboard()))
        self.browser.run("document.querySelector(\"[data-focus^='open default/web-']\").focus()")
        self.browser.press(ENTER)
        self.wait_for_text("#vips-rows .detail", "10.244.1.7:8080")
        self.assertTrue(self.focused().startswith("open default/web-"), self.focused())
        self.browser.press("/")
        self.assertEqual(self.focused(), "filter")

    def test_a_change_keeps_the_focus(self):
        self.browser.run("document.querySelector(\"[data-focus^='open kube-system/dns-']\").focus()")
        world.announce(self.api, "kube-system", "dns", "node2")
        self.addCleanup(world.announce, self.api, "kube-system", "dns", "node3")
        wait_for("it moved", lambda: any("dns" in row and "node2" in row for row in self.rows("#vips-rows")))
        self.assertTrue(self.focused().startswith("open kube-system/dns-"), self.focused())

    def test_a_narrow_screen_needs_no_horizontal_scroll(self):
        self.browser.resize(360, 740)
        self.browser.click("[data-focus^='open default/web-']")
        self.wait_for_text("#vips-rows .detail", "10.244.1.7:8080")
        for width in (360, 412, 768, 1200):
            self.browser.resize(width, 740)
            with self.subTest(width=width):
                wide = self.browser.run(
                    "const w = document.documentElement.clientWidth;"
                    "return [w, document.documentElement.scrollWidth, [...document.querySelectorAll('main *')]"
                    ".filter(e => e.getBoundingClientRect().right > w + 0.5).map(e => e.outerHTML.slice(0, 80))]"
                )
                self.assertEqual(wide, [width, width, []])

    def test_contrast_is_that_of_wcag_aa_in_light_and_dark(self):
        with open(os.path.join(os.path.dirname(__file__), "measure.js"), encoding="utf-8") as script:
            measure = script.read()
        self.browser.click("[data-focus^='open default/web-']")
        for scheme in ("light", "dark"):
            self.browser.prefer(scheme)
            with self.subTest(scheme=scheme):
                measured = self.browser.run(measure)
                self.assertGreater(measured["texts"], 60)
                self.assertEqual(measured["poor"], [])

    def test_a_pool_appears_and_goes_without_loading_the_page_again(self):
        self.browser.run("window.sameDocument = true")
        world.add_pool(self.api, "garden", "10.30.0.0/28")
        self.wait_for_text("#pools-rows", "garden", 10)
        self.api.delete(f"{world.POOLS}/garden")
        wait_for("it is gone", lambda: not any("garden" in row for row in self.rows("#pools-rows")), 10)
        self.assertTrue(self.browser.run("return window.sameDocument"))

    def test_text_of_tenants_stays_text(self):
        world.add_service(self.api, "default", "hostile", HOSTILE)
        self.addCleanup(self.api.delete, world.SERVICES.format("default") + "/hostile")
        self.wait_for_text("#problems-rows", "<img src=x")
        # Names that an API server would refuse, too.
        self.browser.run(
            "const evil = arguments[0]; const all = (list, keys) => list.forEach((each) => keys.forEach((key) => {"
            "each[key] = Array.isArray(each[key]) ? [evil] : evil; }));"
            "all(state.vips, ['namespace', 'services', 'pool', 'node', 'ipObject']);"
            "all(state.nodes, ['name', 'daemon']);"
            "all(state.pools, ['name']); all(state.moves, ['from', 'to', 'address', 'time']); state.notes = [evil];"
            "all(state.problems, ['kind', 'object', 'reason', 'message']);"
            "state.traffic.forEach((each) => all(each.ports, ['service', 'port'])); state.leader = evil;"
            "render();",
            HOSTILE,
        )
        self.assertEqual(self.browser.run("return document.querySelectorAll('main img, main script').length"), 0)
        self.assertIn(HOSTILE, self.text("#nodes-rows"))
        self.assertNotIn("owned", self.browser.run("return document.title"))

    def test_the_policy_forbids_to_make_elements_from_text(self):
        refused = self.browser.run(
            "try { document.getElementById('notes').innerHTML = arguments[0]; return ''; }catch (e) { return e.name; }",
            HOSTILE,
        )
        self.assertEqual(refused, "TypeError")
        self.browser.console()

    def test_a_lost_connection_is_shown_and_recovers(self):
        stop(self.operator)
        self.wait_for_text("#connection", "connection lost", 10)
        self.assertIn("The page shows the state of", self.text("#banner"))
        self.assertTrue(self.rows("#pools-rows"), "the last state stays")
        type(self).operator = self.start_operator()
        self.wait_for_text("#connection", "live")
        wait_for("the banner is gone", lambda: not self.text("#banner").strip() or self._is_hidden("#banner"))
        wait_for("it leads again", lambda: self.text("#role") == "leader")
        self.browser.console()  # the browser names each refused connection

    def _is_hidden(self, selector):
        return self.browser.run("return document.querySelector(arguments[0]).hidden", selector)

    def test_a_standby_says_so_and_shows_the_same(self):
        port = free_port()
        standby = self.start_operator(port, "barevip-operator-x2kq")
        self.addCleanup(stop, standby)
        self.addCleanup(self.browser.open, "about:blank")  # first: or the console names what it cannot reach
        self.load(port)
        self.wait_for_text("#role", "standby; barevip-operator-7c9f leads")
        self.assertTrue(any("default/web" in row for row in self.rows("#vips-rows")))

    def test_only_get_and_head_of_its_own_paths_are_served(self):
        for method in ("POST", "PUT", "DELETE", "OPTIONS", "PATCH", "CONNECT"):
            self.assertEqual(self.ask(self.port, method)[0], 405, method)
        for path in ("/metrics", "/healthz", "/../etc/passwd", "/events/"):
            self.assertEqual(self.ask(self.port, path=path)[0], 404, path)
        self.assertEqual(self.ask(self.port, "HEAD")[::2], (200, ""))

    def test_a_site_whose_name_leads_here_is_refused(self):
        status, _, text = self.ask(self.port, headers={"Host": "attacker.example"})
        self.assertEqual(status, 421)
        self.assertIn("localhost", text)

    def test_it_loads_nothing_from_another_host(self):
        _, headers, text = self.ask(self.port)
        self.assertRegex(
            headers["Content-Security-Policy"], r"^default-src 'none'; script-src 'self'; style-src 'self'"
        )
        self.assertNotRegex(headers["Content-Security-Policy"], r"unsafe|\*|http|data:")
        for path in re.findall(r'(?:src|href)="(?!#)([^"]+)"', text):
            self.assertRegex(path, r"^/[a-z.]+$")
        loaded = self.browser.run("return performance.getEntriesByType('resource').map(e => new URL(e.name).host)")
        self.assertEqual(set(loaded), {f"127.0.0.1:{self.port}"})

    def test_too_many_pages_are_refused_with_a_sentence(self):
        self.browser.open("about:blank")
        wait_for("its connection has ended", lambda: self.ask(self.port, "HEAD", "/events")[0] == 200)
        held = [self._hold() for _ in range(16)]
        self.addCleanup(lambda: [stream.close() for stream in held])
        answer = wait_for("all are counted", self._refusal)
        self.assertIn("there are 16 readers of these events already: close one of them\n", answer)

    def _hold(self):
        stream = socket.create_connection(("127.0.0.1", self.port), timeout=10)
        stream.sendall(b"GET /events HTTP/1.1\r\n\r\n")
        self.assertIn(b" 200 ", stream.recv(64))
        return stream

    def _refusal(self):
        status, _, _ = self.ask(self.port, "HEAD", "/events")
        return status == 503 and self.ask(self.port, path="/events")[2]

    def test_pictures(self):
        """Those of the documentation: light, dark, narrow, and a VIP that is open."""
        os.makedirs(PICTURES, exist_ok=True)
        self.browser.click("[data-focus^='open default/web-']")
        self.wait_for_text("#vips-rows .detail", "Rates")
        vip = "document.querySelector('#vips-rows .detail').previousElementSibling.scrollIntoView()"
        for name, scheme, width, height, scroll in (
            ("light", "light", 1200, 900, "window.scrollTo(0, 0)"),
            ("dark", "dark", 1200, 900, "window.scrollTo(0, 0)"),
            ("narrow", "dark", 360, 700, "window.scrollTo(0, 0)"),
            ("vip", "light", 1200, 340, vip),
        ):
            self.browser.prefer(scheme)
            self.browser.resize(width, height)
            self.browser.run(f"document.activeElement.blur(); {scroll}")
            picture = self.browser.picture()
            self.assertEqual(picture[8:12], b"WEBP")
            self.assertLess(len(picture), 120_000)
            with open(os.path.join(PICTURES, f"status-page-{name}.webp"), "wb") as out:
                out.write(picture)


class EmptyCluster(unittest.TestCase):
    def test_an_empty_page_says_what_to_do_next(self):
        with (
            tempfile.TemporaryDirectory(prefix="barevip-browser-") as folder,
            ApiServer(folder) as api,
            Chromium() as browser,
        ):
            port = free_port()
            api.start(
                "barevip-operator",
                OPERATOR,
                f"--kubeconfig={api.kubeconfig}",
                "--metrics-address=127.0.0.1:0",
                f"--status-address=127.0.0.1:{port}",
            )
            wait_for("the page is served", lambda: Page.status(port) == 200)
            browser.open(f"http://127.0.0.1:{port}/")
            text = "return document.querySelector('main').innerText"
            said = wait_for("the page is filled", lambda: (t := browser.run(text)) and "There is no Pool" in t and t)
            self.assertIn("kind: Pool", said)
            self.assertIn("No problems.", said)
            manifest = browser.run("return document.querySelector('#pools-empty pre').innerText")
            pool = os.path.join(folder, "pool.yaml")
            with open(pool, "w", encoding="utf-8") as out:
                out.write("\n".join(manifest.splitlines()[1:-1]))
            api.kubectl("apply", "-f", pool)
            wait_for(
                "the Pool is shown",
                lambda: "default" in browser.run("return document.querySelector('#pools-rows').innerText"),
            )
            self.assertIn("kubectl expose deployment", browser.run(text))


if __name__ == "__main__":
    unittest.main()
