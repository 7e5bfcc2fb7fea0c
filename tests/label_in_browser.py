"""The labelling page in a headless Chromium: labels by keyboard and mouse, reloads in the middle, a server that
is killed and restarted, two people at once. Nothing may be lost, asked twice, or written to the console.

usage: label_in_browser.py TELOS SCRATCH [SCREENSHOTS]
SCRATCH/run is a run whose questions wait; pictures of the page go to SCREENSHOTS if it is given.
"""

import base64
import csv
import io
import itertools
import json
import pathlib
import socket
import subprocess
import sys
import time
import urllib.request

import websocket

TELOS, SCRATCH = sys.argv[1], pathlib.Path(sys.argv[2])
SCREENSHOTS = pathlib.Path(sys.argv[3]) if len(sys.argv) > 3 and sys.argv[3] else None
KEYS = {"ArrowLeft": 37, "ArrowRight": 39, "ArrowDown": 40, "Backspace": 8, "Enter": 13, " ": 32}


def wait_for(what, holds, seconds=30):
    """Returns the first true value of `holds`."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = holds()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"waited {seconds} s for {what}")


class Server:
    """`telos label serve`, always at the same port."""

    def __init__(self):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/"
        self.start()

    def start(self):
        command = [TELOS, "label", "serve", SCRATCH / "run", "--bind", f"127.0.0.1:{self.port}"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.url in self.process.stdout.readline()

    def kill(self):
        self.process.kill()
        self.process.wait()


class Browser:
    """A headless Chromium, spoken to over its debugging protocol."""

    def __init__(self):
        profile = SCRATCH / "profile"
        flags = ["--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0"]
        self.process = subprocess.Popen(
            ["chromium", *flags, f"--user-data-dir={profile}", "--remote-allow-origins=*", "about:blank"],
            stderr=subprocess.DEVNULL,
        )
        port_file = profile / "DevToolsActivePort"
        lines = wait_for("the browser", lambda: port_file.exists() and port_file.read_text().split())
        self.socket = websocket.create_connection(f"ws://127.0.0.1:{lines[0]}{lines[1]}", timeout=60)
        self.ids = itertools.count()
        self.events = []

    def call(self, method, session=None, **params):
        number = next(self.ids)
        message = {"id": number, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        self.socket.send(json.dumps(message))
        while True:
            answer = json.loads(self.socket.recv())
            if answer.get("id") == number:
                assert "error" not in answer, (method, answer)
                return answer["result"]
            self.events.append(answer)

    def page(self, url):
        """A page of its own, which shares no storage with others."""
        context = self.call("Target.createBrowserContext")["browserContextId"]
        target = self.call("Target.createTarget", url="about:blank", browserContextId=context)["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = Page(self, session)
        for domain in ["Page", "Runtime", "Log"]:
            page.call(f"{domain}.enable")
        page.call("Page.navigate", url=url)
        return page

    def complaints(self):
        """What pages wrote to their consoles."""
        words = ("Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded")
        return [event["params"] for event in self.events if event.get("method") in words]

    def close(self):
        self.socket.close()
        self.process.terminate()
        self.process.wait()


class Page:
    def __init__(self, browser, session):
        self.browser, self.session = browser, session

    def call(self, method, **params):
        return self.browser.call(method, self.session, **params)

    def value(self, expression):
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def press(self, key):
        code = KEYS.get(key) or ord(key.upper())
        params = {"key": key, "windowsVirtualKeyCode": code}
        if len(key) == 1:
            params["text"] = key
        if key == "Enter":
            params["text"] = "\r"
        self.call("Input.dispatchKeyEvent", type="keyDown", **params)
        self.call("Input.dispatchKeyEvent", type="keyUp", key=key, windowsVirtualKeyCode=code)

    def click(self, selector):
        box = self.value(f"(({{x, y, width, height}}) => [x + width / 2, y + height / 2])"
                         f"(document.querySelector({selector!r}).getBoundingClientRect())")
        for kind in ["mousePressed", "mouseReleased"]:
            self.call("Input.dispatchMouseEvent", type=kind, x=box[0], y=box[1], button="left", clickCount=1)

    def introduce(self, name):
        wait_for("the question for a name", lambda: self.value("document.querySelector('#name-dialog')?.open === true"))
        self.call("Input.insertText", text=name)
        self.press("Enter")

    def state(self):
        return self.value("document.body?.dataset.state ?? 'loading'")

    def shown(self):
        return self.value("document.body?.dataset.query ?? ''")

    def query(self, other_than=None):
        """The query on show, once the page takes an answer to it."""
        def ready():
            query = self.state() == "asking" and self.shown()
            return query if query != other_than else None
        query = wait_for(f"a question ({self.state()})", ready)
        time.sleep(0.3)  # The page takes no answer in the first moment.
        return query

    def picture(self, name, width, height, dark, phone=False):
        if SCREENSHOTS is None:
            return
        self.screen(width, height, dark, phone)
        time.sleep(0.5)
        data = self.call("Page.captureScreenshot", format="png")["data"]
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        (SCREENSHOTS / f"{name}.png").write_bytes(base64.b64decode(data))

    def screen(self, width, height, dark, phone=False):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height,
                  deviceScaleFactor=2 if phone else 1, mobile=phone)
        self.call("Emulation.setTouchEmulationEnabled", enabled=phone)
        scheme = "dark" if dark else "light"
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])


def export():
    table = subprocess.run([TELOS, "label", "export", SCRATCH / "run"], check=True, capture_output=True, text=True)
    rows = list(csv.DictReader(io.StringIO(table.stdout)))
    answers = {row["query"]: (row["annotator"], row["choice"]) for row in rows}
    assert len(answers) == len(rows), "a query was answered twice"
    return answers


def label_by_keyboard_and_mouse(page, expected):
    previous = None
    for key, choice in [("ArrowLeft", "first"), ("2", "second"), ("ArrowDown", "equal"), ("s", "skip")]:
        previous = page.query(previous)
        page.press(key)
        expected[previous] = ("Ann", choice)
    for selector, choice in [("#left", "first"), ("#right canvas", "second"), ("#equal", "equal"), ("#skip", "skip")]:
        previous = page.query(previous)
        page.click(selector)
        expected[previous] = ("Ann", choice)
    page.query(previous)
    assert export() == expected
    # Undo, by key and by mouse, brings back the latest, then the one before; both are then answered anew.
    undone = list(expected)[:-3:-1]
    for undo, query in zip([lambda: page.press("u"), lambda: page.click("#undo")], undone):
        undo()
        wait_for("the question undone", lambda: page.state() == "asking" and page.shown() == query)
        del expected[query]
    assert export() == expected
    for query in reversed(undone):
        assert page.query() == query
        page.press("ArrowRight")
        expected[query] = ("Ann", "second")
        page.query(query)
    assert export() == expected


def look_at_the_clips(page):
    page.query()
    page.press(" ")
    assert page.value("document.querySelector('#play').getAttribute('aria-label')") == "Play"
    moment = lambda: page.value("Number(document.querySelector('#scrubber').value)")
    shown = lambda side: page.value(f"document.querySelector('#{side} canvas').toDataURL()")
    page.value("document.querySelector('#scrubber').value = 3;"
               "document.querySelector('#scrubber').dispatchEvent(new Event('input'))")
    before = [shown("left"), shown("right")]
    page.press(".")
    assert moment() == 4
    assert all(a != b for a, b in zip(before, [shown("left"), shown("right")])), "both clips move together"
    page.press(",")
    assert before == [shown("left"), shown("right")], "and come back together"
    page.press("]")
    assert page.value("document.querySelector('#speed').textContent") == "2×"
    page.press("[")
    page.press(" ")
    wait_for("the clips to play", lambda: moment() not in (3, 4))


def reload_in_the_middle(page, expected):
    query = page.query()
    page.call("Page.reload")
    # It has the same question, and remembers who is labelling.
    wait_for("the page", lambda: page.state() != "asking" or page.value("performance.now()") < 5000)
    assert page.query() == query
    page.press("1")
    expected[query] = ("Ann", "first")
    page.query(query)
    assert export() == expected


def kill_and_restart(server, page, expected):
    query = page.query()
    server.kill()
    page.press("e")
    wait_for("the page to say so", lambda: page.value("!document.querySelector('#banner').hidden"))
    assert page.state() == "sending"
    assert export() == expected, "what was not acknowledged is not there"
    server.start()
    wait_for("the page to go on", lambda: page.value("document.querySelector('#banner').hidden"))
    expected[query] = ("Ann", "equal")
    page.query(query)
    assert export() == expected


def two_at_once(browser, server, ann, expected):
    bob = browser.page(server.url)
    bob.introduce("Bob")
    people = {"Ann": ann, "Bob": bob}
    while people:
        on_show = {name: page.query() for name, page in people.items()}
        assert len(set(on_show.values())) == len(on_show), f"both see the same question: {on_show}"
        for name, query in on_show.items():
            page = people[name]
            page.press("ArrowLeft")
            expected[query] = (name, "first")
            wait_for("what comes next", lambda: page.state() == "idle" or page.state() == "asking" and page.shown() != query)
            if page.state() == "idle":
                del people[name]
    found = export()
    assert found == expected, (found, expected)
    assert len(found) == 30 and {name for name, _ in found.values()} == {"Ann", "Bob"}


def fits(page):
    for width, height, phone in [(1280, 800, False), (390, 844, True), (844, 390, True)]:
        page.screen(width, height, dark=False, phone=phone)
        time.sleep(0.2)
        assert page.value("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), width
        tall = page.value("document.querySelector('#answers').getBoundingClientRect().bottom")
        assert tall <= height, f"at {width} x {height} the answers end at {tall}"
    page.screen(1280, 800, dark=False)


server, browser = Server(), Browser()
try:
    ann, expected = browser.page(server.url), {}
    ann.introduce("Ann")
    ann.query()
    ann.picture("light", 1280, 800, dark=False)
    ann.picture("dark", 1280, 800, dark=True)
    ann.picture("phone-light", 390, 844, dark=False, phone=True)
    ann.picture("phone-dark", 390, 844, dark=True, phone=True)
    ann.picture("phone-landscape", 844, 390, dark=False, phone=True)
    fits(ann)
    label_by_keyboard_and_mouse(ann, expected)
    look_at_the_clips(ann)
    reload_in_the_middle(ann, expected)
    assert not browser.complaints(), browser.complaints()
    kill_and_restart(server, ann, expected)
    browser.events.clear()  # A browser reports connections that fail.
    two_at_once(browser, server, ann, expected)
    ann.picture("idle", 1280, 800, dark=False)
    assert not browser.complaints(), browser.complaints()
finally:
    browser.close()
    server.kill()
print(f"{len(expected)} labels from two people in a browser, none lost and none doubled")
