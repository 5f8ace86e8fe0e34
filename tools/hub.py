"""Start and stop the small hub of `make hub`: JupyterHub on this machine, reached from this machine only.

    .venv/bin/python tools/hub.py start [--folder .hub] [--port 8000]
    .venv/bin/python tools/hub.py stop [--folder .hub]

The folder keeps the learners' work, the hub's records and its log. It needs the ports PORT to PORT + 2.
"""

import argparse
import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[1]
CONFIG = ROOT / "hub" / "jupyterhub_config.py"
PATIENCE = 120  # seconds to start, and to stop
PORTS = 3  # of the proxy, of its own interface, and of the hub
SAID = """\
The hub is on: http://127.0.0.1:{port}
Log in with any name in small letters and the password {password}. It answers on this machine only, and its learners
can read each other's files: it is for trying out. The work is in {folder}. To stop it: make hub-stop"""


def start(folder: Path, port: int) -> int:
    """Start the hub and wait until it answers; return 0, or 1 if it does not."""
    if process := running(folder):
        print(f"The hub is on already (process {process.pid}). To stop it: make hub-stop", file=sys.stderr)
        return 1
    left = processes_of(folder)  # by a hub that was killed: they keep its ports
    end(left, left)
    if taken := [one for one in range(port, port + PORTS) if is_taken(one)]:
        print(f"Port {taken[0]} is taken. Choose others: make hub HUB_ARGS='--port 8100'", file=sys.stderr)
        return 1
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    (folder / "cookie_secret").unlink(missing_ok=True)  # who logged in by an earlier password is out
    password = secrets.token_hex(4)  # others who work on this machine reach the hub too
    (folder / "password").write_text(password)
    environment = {**os.environ, "COURSEKIT_HUB": str(folder), "COURSEKIT_HUB_PORT": str(port)}
    environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), environment.get("PATH", os.defpath)])
    log = folder / "hub.log"
    with log.open("wb") as written:
        process = subprocess.Popen(
            [sys.executable, "-m", "jupyterhub", "--config", str(CONFIG)],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=written,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    (folder / "hub.pid").write_text(str(process.pid))
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and process.poll() is None:
        if answers(f"http://127.0.0.1:{port}/hub/health"):
            print(SAID.format(port=port, folder=folder, password=password))
            return 0
        time.sleep(0.2)
    last = "".join(log.read_text(errors="replace").splitlines(keepends=True)[-5:])
    stop(folder)
    print(f"{last}The hub did not start. {log} has all it said.", file=sys.stderr)
    return 1


def stop(folder: Path) -> int:
    """Stop the hub with its proxy and its learners' servers, and wait for that; return 0, or 1 if none was on."""
    hub = running(folder)
    everything = list({*processes_of(folder), *([hub, *hub.children(recursive=True)] if hub else [])})
    (folder / "hub.pid").unlink(missing_ok=True)
    if not everything:
        print("No hub is on.", file=sys.stderr)
        return 1
    killed = end(everything, [hub] if hub else everything)  # a hub ends its proxy and the servers, these their kernels
    print("The hub is off." if not killed else f"The hub is off; {killed} of its processes had to be killed.")
    return 0


def end(processes: list[psutil.Process], asked: list[psutil.Process]) -> int:
    """Ask some processes to end, wait until all have, and kill those that have not; return how many these were."""
    for process in asked:
        with suppress(psutil.NoSuchProcess):
            process.terminate()
    _, left = psutil.wait_procs(processes, PATIENCE)
    for process in left:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(left, PATIENCE)
    return len(left)


def processes_of(folder: Path) -> list[psutil.Process]:
    """Return the hub of a folder, its proxy, its learners' servers and their kernels: all inherit its variable."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("COURSEKIT_HUB") == str(folder) and process.pid != os.getpid():
                found.append(process)
        except (psutil.Error, OSError):  # it has ended, or is another user's
            continue
    return found


def running(folder: Path) -> psutil.Process | None:
    """Return the hub's process if it runs: another one may have got its number since."""
    try:
        process = psutil.Process(int((folder / "hub.pid").read_text()))
        return process if str(CONFIG) in process.cmdline() else None
    except (OSError, ValueError, psutil.Error):
        return None


def answers(url: str) -> bool:
    """Return whether there is an answer."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status == 200
    except (OSError, HTTPException):
        return False


def is_taken(port: int) -> bool:
    """Return whether another program listens at a port of this machine."""
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) == 0


def main() -> int:
    """Do what the command line says; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["start", "stop"])
    parser.add_argument("--folder", type=Path, default=ROOT / ".hub")
    parser.add_argument("--port", type=int, default=8000)
    args = parser.parse_args()
    return start(args.folder.resolve(), args.port) if args.what == "start" else stop(args.folder.resolve())


if __name__ == "__main__":
    sys.exit(main())
