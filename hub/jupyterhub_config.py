"""The small hub of `make hub`: for trying out a class on one machine, and for nothing else.

Who has the one password is let in under any name, and all learners' servers run as the one who started the hub: each
can read and change what the others do. So it answers on this machine only. docs/class.md says what a real class takes.
"""

import os
import sys
from pathlib import Path

STATE = Path(os.environ["COURSEKIT_HUB"])  # tools/hub.py sets both
PORT = int(os.environ["COURSEKIT_HUB_PORT"])
PROXY = Path(__file__).parent / "node_modules" / ".bin" / "configurable-http-proxy"

c = get_config()  # noqa: F821, JupyterHub's

c.JupyterHub.bind_url = f"http://127.0.0.1:{PORT}"
c.JupyterHub.hub_bind_url = f"http://127.0.0.1:{PORT + 1}"
c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{PORT + 2}"
c.ConfigurableHTTPProxy.command = [str(PROXY)]
c.ConfigurableHTTPProxy.pid_file = str(STATE / "proxy.pid")
c.JupyterHub.db_url = f"sqlite:///{STATE / 'hub.sqlite'}"
c.JupyterHub.cookie_secret_file = str(STATE / "cookie_secret")

c.JupyterHub.authenticator_class = "dummy"  # any name
c.DummyAuthenticator.password = (STATE / "password").read_text()
c.Authenticator.allow_all = True
c.Authenticator.username_pattern = "[a-z][a-z0-9_-]{0,30}$"  # it becomes a folder's name

c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = str(STATE / "learners" / "{username}")
c.Spawner.cmd = [sys.executable, "-m", "coursekit", "lab"]  # the lessons are copied at each start, as everywhere
c.Spawner.environment = {
    "COURSEKIT_CACHE": str(STATE / "cache"),  # what is computed once is computed once for all
    "COURSEKIT_HUB": str(STATE),  # by it tools/hub.py finds what is left of a hub that was killed
}
c.Spawner.start_timeout = c.Spawner.http_timeout = 180
