#!/usr/bin/env python3
"""Opens pages of the report in a headless Chromium: browser.py CHROMIUM OUT PAGE...

Speaks the DevTools protocol over a pipe (chromium --remote-debugging-pipe), so nothing but Python's own library is needed and no port is
opened. Each page is looked at wide and narrow, light and dark; screenshots go to OUT. Ends with how many checks passed and failed.
"""

import base64
import json
import os
import pathlib
import subprocess
import sys
import tempfile

WIDE, NARROW = 1280, 360


class Browser:
    """One browser with one page, and what happened in it."""

    def __init__(self, program, profile):
        commands, self.write = os.pipe()
        self.read, answers = os.pipe()
        flags = ["--headless=new", "--remote-debugging-pipe", "--no-first-run", "--disable-gpu", "--hide-scrollbars",
                 "--disable-dev-shm-usage", "--disable-background-networking", "--disable-component-update",
                 f"--user-data-dir={profile}"]
        if os.geteuid() == 0:
            flags.append("--no-sandbox")  # Chromium's own sandbox refuses root
        # The protocol's two descriptors are 3 and 4.
        shell = 'exec 3<&"$1" 4>&"$2"; shift 2; exec "$@"'
        self.process = subprocess.Popen(
            ["bash", "-c", shell, "bash", str(commands), str(answers), program, *flags, "about:blank"],
            pass_fds=(commands, answers), stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        os.close(commands)
        os.close(answers)
        self.rest, self.number, self.session, self.events = b"", 0, None, []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ["Page", "Network", "Log", "Runtime", "Accessibility"]:
            self.call(f"{domain}.enable")

    def call(self, method, **params):
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.write, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.receive()
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]
            self.events.append(answer)

    def receive(self):
        while b"\0" not in self.rest:
            part = os.read(self.read, 1 << 20)
            if not part:
                raise RuntimeError("the browser ended")
            self.rest += part
        message, self.rest = self.rest.split(b"\0", 1)
        return json.loads(message)

    def open(self, page):
        self.events.clear()
        self.call("Page.navigate", url=page.resolve().as_uri())
        while not any(event.get("method") == "Page.loadEventFired" for event in self.events):
            self.events.append(self.receive())

    def look(self, width, scheme):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=800, deviceScaleFactor=1, mobile=width < 600)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def screenshot(self, file):
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": min(size["height"], 8000), "scale": 1}
        picture = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)["data"]
        file.write_bytes(base64.b64decode(picture))
        return picture

    def value(self, expression):
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        if "exceptionDetails" in result:
            raise RuntimeError(f"{expression}: {result['exceptionDetails']['text']}")
        return result["result"].get("value")

    def press(self, key, code):
        for kind in ["keyDown", "keyUp"]:
            text = {"text": "\r"} if key == "Enter" and kind == "keyDown" else {}
            self.call("Input.dispatchKeyEvent", type=kind, key=key, windowsVirtualKeyCode=code, **text)

    def end(self):
        try:
            self.session = None
            self.call("Browser.close")
        except (RuntimeError, OSError):
            pass
        self.process.wait(30)


# Boxes, and words in them, that stand out of the window to the right.
OUTSIDE = """[...document.querySelectorAll('body *')].filter(e => e.className !== 'skip' && e.checkVisibility()
  && (e.getBoundingClientRect().right > innerWidth + 1 || e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 0)).map(e => e.outerHTML.slice(0, 80))"""


def checks(browser, page, out):
    """Yields what is looked at, and whether it is so."""
    name = page.stem
    browser.open(page)
    requests = [event["params"]["request"]["url"] for event in browser.events if event.get("method") == "Network.requestWillBeSent"]
    yield "nothing is loaded but the page", requests == [page.resolve().as_uri()], requests
    said = [event["params"] for event in browser.events if event.get("method") in ("Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown")]
    yield "the browser has nothing to complain of", said == [], said
    source = page.read_text(encoding="utf-8")
    title = source.split("<title>", 1)[1].split("</title>", 1)[0]
    inert = browser.value("document.scripts.length + document.images.length + document.querySelectorAll('iframe, object, embed, form, link, base, svg').length")
    yield "no script, image, frame or form", inert == 0, inert
    handlers = browser.value("[...document.querySelectorAll('*')].flatMap(e => [...e.attributes]).filter(a => /^on|^style$|^src$/.test(a.name)).map(a => a.name)")
    yield "no attribute that acts", handlers == [], handlers
    links = browser.value("[...document.links].map(a => a.getAttribute('href'))")
    yield "no link leaves the page", all(link.startswith("#") for link in links), links
    yield "no script changed the title", "owned" not in title.split("owned=")[0] or browser.value("document.title") != "owned", title
    ran = browser.value("(() => { const s = document.createElement('script'); s.textContent = 'window.ran = 1'; document.body.append(s); const ran = window.ran; s.remove(); return ran === undefined })()")
    yield "a script put into the page does not run", ran is True, ran

    shots = {}
    for scheme in ["light", "dark"]:
        for width in [WIDE, NARROW]:
            browser.look(width, scheme)
            for state in ["", "open"]:
                browser.value(f"document.querySelectorAll('details').forEach(d => d.open = {'true' if state else 'false'})")
                outside = browser.value(OUTSIDE)
                yield f"{scheme}, {width} wide{' unfolded' if state else ''}: nothing stands out", outside == [], outside
            shots[scheme, width] = browser.screenshot(out / f"{name}-{scheme}-{width}.png")
    yield "dark differs from light", shots["dark", WIDE] != shots["light", WIDE], ""
    yield "dark is dark", browser.value("getComputedStyle(document.body).backgroundColor") == "rgb(13, 17, 23)", ""
    yield "the pages are not blank", all(len(shot) > 20_000 for shot in shots.values()), [len(shot) for shot in shots.values()]

    browser.open(page)
    browser.look(WIDE, "light")
    browser.press("Tab", 9)
    first = browser.value("document.activeElement.className + ' ' + (document.activeElement.getBoundingClientRect().left >= 0)")
    yield "Tab comes to a skip link first, and shows it", first == "skip true", first
    if browser.value("document.querySelectorAll('details').length"):
        browser.press("Tab", 9)
        before = browser.value("document.activeElement.tagName + document.activeElement.parentElement?.open")
        browser.press("Enter", 13)
        after = browser.value("document.activeElement.tagName + document.activeElement.parentElement?.open")
        yield "Tab comes to a fold next, and Enter turns it", {before, after} == {"SUMMARYtrue", "SUMMARYfalse"}, [before, after]
        ring = browser.value("getComputedStyle(document.activeElement).outlineStyle")
        yield "what has the focus can be seen", ring == "solid", ring
    tree = browser.call("Accessibility.getFullAXTree")["nodes"]
    roles = {node["role"]["value"] for node in tree if not node.get("ignored")}
    missing = {"banner", "main", "contentinfo", "region", "heading"} - roles
    yield "landmarks and headings are there", not missing, missing
    nameless = [node["role"]["value"] for node in tree if node.get("role", {}).get("value") in ("region", "heading", "link", "DisclosureTriangle")
                and not node.get("ignored") and not node.get("name", {}).get("value")]
    yield "each has a name", nameless == [], nameless


def main():
    program, out, pages = sys.argv[1], pathlib.Path(sys.argv[2]), [pathlib.Path(page) for page in sys.argv[3:]]
    out.mkdir(parents=True, exist_ok=True)
    passed = failed = 0
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        browser = Browser(program, profile)
        try:
            for page in pages:
                for what, holds, seen in checks(browser, page, out):
                    passed, failed = passed + bool(holds), failed + (not holds)
                    if not holds:
                        print(f"{page.name}: not so: {what}: {seen}")
        finally:
            browser.end()
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
