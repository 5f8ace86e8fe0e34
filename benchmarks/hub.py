"""What a class takes on one machine: learners who log in to a small JupyterHub, open a lesson and run all of it.

    make hub && make hub-stop                                # installs what it takes
    .venv/bin/python benchmarks/hub.py --learners 20

The hub is that of `make hub`, in a temporary folder. Learners come one after the other, and each stays with the lesson
open and run, as in a class; with --at-once all of them run it at the same time. After each one the memory of all
processes is added up by their proportional set size (PSS): a page that two processes share counts half for each, so the
sum is what the machine gives up. Only Linux tells it.
"""

import argparse
import asyncio
import json
import re
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path
from urllib.parse import quote, urlencode

import psutil
from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest
from tornado.websocket import websocket_connect

ROOT = Path(__file__).parents[1]
PATIENCE = 900  # seconds for anything
WAITS = {"connect_timeout": PATIENCE, "request_timeout": PATIENCE}
MB = 1e6


class Learner:
    """A browser without a screen: it keeps cookies, and does what JupyterLab asks the server for."""

    def __init__(self, base: str, name: str, password: str, lesson: str):
        self.base, self.name, self.password, self.lesson, self.cookies = base, name, password, lesson, {}

    async def ask(self, path: str, method: str = "GET", **more) -> tuple[str, bytes]:
        """Return the address and the content of an answer, after following where it leads."""
        url = path if path.startswith("http") else self.base + path
        for _ in range(20):
            request = HTTPRequest(
                url,
                method,
                headers=self.headers(url, more.get("json")),
                body=more.get("body"),
                follow_redirects=False,
                **WAITS,
            )
            try:
                answer = await AsyncHTTPClient().fetch(request)
            except HTTPClientError as error:
                if error.response is None or error.code not in (301, 302, 303, 307):
                    raise
                answer = error.response
            for line in answer.headers.get_list("Set-Cookie"):
                name, _, value = line.partition(";")[0].partition("=")
                where = re.search(r"Path=([^;]*)", line, re.IGNORECASE)
                self.cookies[name, where[1] if where else "/"] = value
            if answer.code < 300:
                return url, answer.body
            place = answer.headers["Location"]
            url, method, more = (place if place.startswith("http") else self.base + place), "GET", {}
        raise RuntimeError(f"{path} leads nowhere.")

    def headers(self, url: str, as_json: bool | None = False) -> dict[str, str]:
        path = "/" + url.split("/", 3)[3] if url.count("/") > 2 else "/"
        sent = {
            name: value
            for (name, place), value in sorted(self.cookies.items(), key=lambda one: len(one[0][1]))
            if path.startswith(place)
        }
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in sent.items())}
        if "_xsrf" in sent:
            headers["X-XSRFToken"] = sent["_xsrf"]
        if as_json:
            headers["Content-Type"] = "application/json"
        return headers

    async def run_lesson(self) -> dict[str, float]:
        """Log in, open the lesson and run it; return how many seconds each of the three took, and its errors."""
        begun = time.perf_counter()
        await self.ask("/hub/login")
        token = next(value for (name, _), value in self.cookies.items() if name == "_xsrf")
        form = urlencode({"username": self.name, "password": self.password, "_xsrf": token})
        await self.ask("/hub/login?next=%2Fhub%2Fspawn", "POST", body=form)
        here = f"/user/{self.name}"
        until = begun + PATIENCE
        while True:  # as the hub's page does while the server starts
            address, _ = await self.ask(f"{here}/lab/tree/{quote(self.lesson)}")
            if "/hub/" not in address:
                break
            if time.perf_counter() > until:
                raise TimeoutError(f"{self.name}'s server did not start.")
            await asyncio.sleep(0.5)
        inside = time.perf_counter()
        _, content = await self.ask(f"{here}/api/contents/{self.lesson}")
        cells = [cell for cell in json.loads(content)["content"]["cells"] if cell["cell_type"] == "code"]
        session = {"path": self.lesson, "name": self.lesson, "type": "notebook", "kernel": {"name": "python3"}}
        _, made = await self.ask(f"{here}/api/sessions", "POST", body=json.dumps(session), json=True)
        kernel = json.loads(made)["kernel"]["id"]
        failed = await self.execute(f"{here}/api/kernels/{kernel}/channels", [cell["source"] for cell in cells])
        done = time.perf_counter()
        return {"in": inside - begun, "ran": done - inside, "cells": len(cells), "failed": failed}

    async def execute(self, path: str, sources: list[str]) -> int:
        """Run cells one after the other and return how many ended with an error."""
        url = self.base.replace("http", "ws", 1) + path
        asks = HTTPRequest(url, headers=self.headers(self.base + path), **WAITS)
        socket = await websocket_connect(asks, max_message_size=2**28)
        failed = 0
        for number, source in enumerate(sources, 1):
            id = uuid.uuid4().hex
            content = {
                "code": source,
                "silent": False,
                "store_history": True,
                "user_expressions": {},
                "allow_stdin": False,
                "stop_on_error": False,
            }
            header = {
                "msg_id": id,
                "msg_type": "execute_request",
                "username": self.name,
                "session": id,
                "version": "5.3",
                "date": "",
            }
            message = {
                "header": header,
                "parent_header": {},
                "metadata": {},
                "content": content,
                "channel": "shell",
                "buffers": [],
            }
            await socket.write_message(json.dumps(message))
            replied = idle = False
            while not (replied and idle):
                received = await asyncio.wait_for(socket.read_message(), PATIENCE)
                if received is None:
                    raise ConnectionError(f"{self.name}'s kernel went away.")
                answer = read(received)
                if answer["parent_header"].get("msg_id") == id:
                    if answer["msg_type"] == "execute_reply":
                        replied = True
                        if answer["content"]["status"] != "ok":
                            failed += 1
                            said = f"{answer['content'].get('ename')}: {answer['content'].get('evalue')}"
                            print(f"{self.name}, code cell {number}: {said}")
                    idle |= answer["msg_type"] == "status" and answer["content"]["execution_state"] == "idle"
        socket.close()
        return failed


def read(received: str | bytes) -> dict:
    """Return a message of Jupyter's; one with buffers is bytes, with the text first."""
    if isinstance(received, bytes):
        count = int.from_bytes(received[:4], "big")
        offsets = [int.from_bytes(received[4 * i + 4 : 4 * i + 8], "big") for i in range(count)] + [len(received)]
        received = received[offsets[0] : offsets[1]].decode()
    return json.loads(received)


def memory(hub: psutil.Process) -> dict[str, list[int]]:
    """Return the bytes of all processes, as PSS and as USS: those of the hub with its proxy, and the learners'."""
    sums = {"hub": [0, 0], "learners": [0, 0]}
    own = {process.pid for process in [hub, *hub.children()] if not is_learners(process)}
    for process in [hub, *hub.children(recursive=True)]:
        try:
            taken = process.memory_full_info()
        except psutil.NoSuchProcess:
            continue
        part = sums["hub" if process.pid in own else "learners"]
        part[0] += taken.pss
        part[1] += taken.uss
    return sums


def is_learners(process: psutil.Process) -> bool:
    return any("singleuser" in word for word in process.cmdline())


async def measure(base: str, hub: psutil.Process, learners: int, at_once: bool, *more: str) -> None:
    """Print a line for each learner, or one for all of them."""
    print(f"hub and proxy alone: {memory(hub)['hub'][0] / MB:.0f} MB")
    print("learners | all of them, MB | more than before, MB | at most, MB | in after, s | run in, s | cells, errors")
    before = count = 0
    for group in [range(learners)] if at_once else [[number] for number in range(learners)]:
        run = asyncio.gather(*(Learner(base, f"learner{number}", *more).run_lesson() for number in group))
        most = await watch(hub, run)
        done = await run
        count += len(group)
        pss, own = memory(hub)["learners"]
        most = max(most, pss)
        added, inside = (pss - before) / len(group), max(one["in"] for one in done)
        ran, failed = max(one["ran"] for one in done), sum(one["failed"] for one in done)
        print(
            f"{count:8} | {pss / MB:15.0f} | {added / MB:20.0f} | {most / MB:11.0f} | {inside:11.0f} | {ran:9.0f} | "
            f"{done[0]['cells']}, {failed}",
            flush=True,
        )
        before = pss
    print(f"of that the learners' own pages (USS): {own / count / MB:.0f} MB each")


async def watch(hub: psutil.Process, run: asyncio.Future) -> int:
    """Return the most memory that all learners took while something ran, looked at every three seconds."""
    most = 0
    while not run.done():
        most = max(most, (await asyncio.to_thread(memory, hub))["learners"][0])
        await asyncio.wait([run], timeout=3)
    return most


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--learners", type=int, default=3)
    parser.add_argument("--lesson", default="01")
    parser.add_argument("--at-once", action="store_true", help="all run the lesson at the same time")
    parser.add_argument("--port", type=int, default=8200)
    args = parser.parse_args()
    AsyncHTTPClient.configure(None, max_clients=10 * args.learners + 10)  # nobody waits for another one's request
    [lesson] = (ROOT / "notebooks").glob(f"{args.lesson}_*.ipynb")
    machine = psutil.virtual_memory()
    print(
        f"{psutil.cpu_count()} processors, {machine.total / 1e9:.1f} GB of memory, {machine.available / 1e9:.1f} free"
    )
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, str(ROOT / "tools" / "hub.py")]
        subprocess.run([*command, "start", "--folder", folder, "--port", str(args.port)], check=True)
        try:
            password = Path(folder, "password").read_text()
            hub = psutil.Process(int(Path(folder, "hub.pid").read_text()))
            asyncio.run(
                measure(f"http://127.0.0.1:{args.port}", hub, args.learners, args.at_once, password, lesson.name)
            )
        finally:
            subprocess.run([*command, "stop", "--folder", folder], check=True)


if __name__ == "__main__":
    main()
