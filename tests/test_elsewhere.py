"""Where the course runs besides a checkout: its name on PyPI, Binder, Colab, Codespaces, the image and the hub."""

import importlib.metadata
import importlib.util
import json
import os
import re
import socket
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import nbformat
import psutil
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from traitlets.config import Config

from coursekit import cli, distribution
from coursekit.cli import lab

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
SUPPORTED = SpecifierSet(PROJECT["requires-python"])
LESSON = "01_intermediate_activations.ipynb"


def tool(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "tools" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


addresses, colab, hub = tool("addresses"), tool("colab"), tool("hub")


def pins(name: str) -> dict[str, str]:
    found = (
        Requirement(line.rstrip(" \\"))
        for line in re.findall(r"^[a-z].*", (ROOT / name).read_text(encoding="utf-8"), re.M)
    )
    return {f"{one.name}; {one.marker}": str(one.specifier) for one in found}


def python_of(image: str) -> str:
    return re.fullmatch(r"python[:-](3\.\d+)(-slim)?", image)[1]


def test_the_distribution_s_name_is_one_everywhere():
    assert distribution.NAME == PROJECT["name"] == canonicalize_name(PROJECT["name"])
    assert importlib.metadata.version(distribution.NAME) == PROJECT["version"]
    commands = {point.name: point for point in importlib.metadata.distribution(distribution.NAME).entry_points}
    assert set(commands) == {"coursekit", f"{distribution.NAME}-lab"}
    assert commands["coursekit"].load() is cli.main
    for file in ("README.md", "docs/class.md", "docs/homework.md"):
        for name, extras in re.findall(
            r'pip install "([\w-]+)\[([\w,]+)\]"', (ROOT / file).read_text(encoding="utf-8")
        ):
            assert name == distribution.NAME, file
            assert set(extras.split(",")) <= set(PROJECT["optional-dependencies"]), file


def test_the_second_command_opens_the_lessons(monkeypatch, tmp_path):
    opened = []
    monkeypatch.setattr(lab, "open_jupyterlab", lambda *arguments: opened.append(arguments) or 3)
    monkeypatch.setattr(sys, "argv", ["inside-convnet-lab", str(tmp_path / "mine"), "--no-browser"])
    assert cli.open_lab() == 3
    assert opened == [(tmp_path / "mine", LESSON, ["--no-browser"])]


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Return a function that writes a pyproject.toml with such a line for its repository."""
    monkeypatch.delenv("GITHUB_REPOSITORY", raising=False)

    def write(urls: str) -> Path:
        file = tmp_path / "pyproject.toml"
        file.write_text(f'[project]\nname = "any"\n{urls}')
        return file

    return write


def test_addresses_come_from_the_repository(project):
    file = project('[project.urls]\nRepository = "https://github.com/ann/net"\n')
    binder = "https://mybinder.org/v2/gh/ann/net/main?urlpath=lab%2Ftree%2Fmy-lessons%2F"
    assert addresses.binder(project=file) == f"{binder}start.md"
    assert addresses.binder(LESSON, file) == binder + LESSON
    assert addresses.colab(LESSON, file) == f"https://colab.research.google.com/github/ann/net/blob/colab/{LESSON}"
    assert addresses.codespaces(file) == "https://codespaces.new/ann/net"


def test_without_a_repository_there_are_no_addresses(project):
    file = project("")
    assert [addresses.binder(LESSON, file), addresses.colab(LESSON, file), addresses.codespaces(file)] == [None] * 3


def test_in_github_actions_the_repository_is_known(project, monkeypatch):
    monkeypatch.setenv("GITHUB_SERVER_URL", "https://github.com")
    monkeypatch.setenv("GITHUB_REPOSITORY", "bo/fork")
    assert addresses.codespaces(project("")) == "https://codespaces.new/bo/fork"
    own = project('[project.urls]\nRepository = "https://github.com/ann/net"\n')
    assert addresses.repository(own) == "https://github.com/ann/net"


def test_an_address_that_colab_cannot_open_is_refused(project):
    with pytest.raises(ValueError, match=r"must be https://github\.com/OWNER/NAME, not https://example\.org/a/b"):
        addresses.repository(project('[project.urls]\nRepository = "https://example.org/a/b"\n'))


def test_binder_copies_the_lessons_to_where_its_links_lead():
    folder = ROOT / ".binder"
    assert sorted(file.name for file in folder.iterdir()) == ["postBuild", "runtime.txt"]  # what repo2docker reads
    assert python_of((folder / "runtime.txt").read_text(encoding="utf-8").strip()) in SUPPORTED
    script = folder / "postBuild"
    assert os.name != "posix" or os.access(script, os.X_OK)
    text = script.read_text(encoding="utf-8")
    assert "--require-hashes" in text
    assert "-r requirements.txt" in text
    [command] = re.findall(r"python -m coursekit (.*)", text)
    args, further = cli.parse(command.split())
    assert (str(args.folder), args.copy_only, further) == (addresses.FOLDER, True, [])


@pytest.mark.skipif(os.name != "posix", reason="Binder runs it in a container with bash.")
def test_binder_s_settings_are_copied_to_where_jupyter_looks(tmp_path):
    script = (ROOT / ".binder" / "postBuild").read_text(encoding="utf-8")
    [code] = re.findall(r"<<'PYTHON'\n(.*)\nPYTHON\n", script, re.DOTALL)
    subprocess.run(["bash", "-n", ROOT / ".binder" / "postBuild"], check=True)
    command = [sys.executable, "-c", f"import sys; sys.prefix = {str(tmp_path)!r}\n{code}"]
    subprocess.run(command, check=True, cwd=ROOT)
    copied = tmp_path / "etc" / "jupyter" / "labconfig" / "default_setting_overrides.json"
    assert copied.read_bytes() == (Path(lab.__file__).parent / "jupyter/labconfig" / copied.name).read_bytes()


def test_a_codespace_opens_the_lessons_on_the_port_that_it_forwards():
    container = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text(encoding="utf-8"))
    version = python_of(container["image"])
    assert version in SUPPORTED
    make, target, python = container["postCreateCommand"].split()
    assert (make, python) == ("make", f"PYTHON=/usr/local/bin/python{version}")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert target == ".venv/installed"
    assert f"\nSTAMP := {target}\n" in makefile
    program, *arguments = container["postAttachCommand"]
    assert program == ".venv/bin/coursekit"
    args, jupyter = cli.parse(arguments)
    assert (str(args.folder), args.copy_only) == (lab.DEFAULT_FOLDER, False)
    options = dict(word.removeprefix("--").split("=", 1) for word in jupyter if "=" in word)
    [port] = container["forwardPorts"]
    assert options["port"] == str(port)
    assert list(container["portsAttributes"]) == [str(port)]
    origins = options["ServerApp.allow_origin_pat"]
    assert re.match(origins, f"https://fuzzy-space-42-{port}.app.github.dev")
    for other in (f"https://a-{port}.app.github.dev.example.org", "https://a-1.app.github.dev", "https://example.org"):
        assert not re.match(origins, other)


def test_a_copy_for_colab_is_the_learner_s_and_a_cell_that_installs():
    content = (ROOT / "notebooks" / LESSON).read_bytes()
    copied = nbformat.reads(colab.copy_for_colab(content, "01", "https://github.com/ann/net", "0" * 40).decode(), 4)
    nbformat.validate(copied)
    learners = nbformat.reads(lab.for_learners(content, "01").decode(), 4)
    assert copied.cells[2:] == learners.cells
    install, *rest = copied.cells[1].source.splitlines()
    course, tensorflow = (Requirement(text) for text in re.findall('"(.*?)"', install))
    assert (course.name, course.url) == (distribution.NAME, f"git+https://github.com/ann/net@{'0' * 40}")
    [cpu, _] = (Requirement(line) for line in PROJECT["optional-dependencies"]["cpu"])
    assert (tensorflow.name, tensorflow.specifier) == ("tensorflow", cpu.specifier)
    assert not course.extras  # "cpu" would bring a second build of TensorFlow
    compile("\n".join(rest), "the first cell", "exec")


def test_the_workflow_writes_the_copies_to_the_branch_that_links_name(tmp_path, monkeypatch):
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "colab.yml").read_text(encoding="utf-8"))
    steps = [step.get("run", "") for step in workflow["jobs"]["copies"]["steps"]]
    assert f"--initial-branch {addresses.COLAB_BRANCH}" in steps[-1]
    assert steps[-1].endswith(f" {addresses.COLAB_BRANCH}\n")
    [python] = [step["with"] for step in workflow["jobs"]["copies"]["steps"] if "setup-python" in step.get("uses", "")]
    assert python["python-version"] in SUPPORTED
    [command] = [step for step in steps if "tools/colab.py" in step]
    for name, value in {"RUNNER_TEMP": str(tmp_path), "GITHUB_SHA": "a" * 40}.items():
        command = command.replace(f"${name}", value)
    command = command.replace("$GITHUB_SERVER_URL/$GITHUB_REPOSITORY", "https://github.com/ann/net")
    monkeypatch.setattr(sys, "argv", [word.strip('"') for word in command.split()[1:]])
    monkeypatch.setattr(colab, "lessons_folder", lambda: tmp_path)
    (tmp_path / LESSON).write_bytes((ROOT / "notebooks" / LESSON).read_bytes())
    assert colab.main() == 0
    assert b"git+https://github.com/ann/net@aaaa" in (tmp_path / "copies" / LESSON).read_bytes()


def test_a_hub_on_a_port_of_another_one_does_not_start(tmp_path, capsys):
    """Else the other one's answer would be taken for its own, and its password be printed."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert hub.start(tmp_path / "hub", port - 1) == 1
    assert f"Port {port} is taken. Choose others" in capsys.readouterr().err
    assert not (tmp_path / "hub").exists()


def test_the_hub_s_packages_are_locked_on_top_of_the_course_s():
    text, own, added = (
        (ROOT / "requirements-hub.txt").read_text(encoding="utf-8"),
        pins("requirements.txt"),
        pins("requirements-hub.txt"),
    )
    assert "://" not in text
    assert all(re.fullmatch(r"==[\w.]+", version) for version in added.values())
    assert text.count("--hash=sha256:") >= len(added)
    assert {name: added[name] for name in set(own) & set(added)} == {name: own[name] for name in set(own) & set(added)}
    group = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["dependency-groups"]["hub"]
    assert added["jupyterhub; None"].removeprefix("==") in Requirement(group[0]).specifier
    proxy = json.loads((ROOT / "hub" / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    assert all("integrity" in one and "resolved" not in one for name, one in proxy.items() if name)


def test_the_hub_answers_on_this_machine_only(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSEKIT_HUB", str(tmp_path))
    monkeypatch.setenv("COURSEKIT_HUB_PORT", "8400")
    (tmp_path / "password").write_text("abc")
    config = Config()
    exec(hub.CONFIG.read_text(encoding="utf-8"), {"get_config": lambda: config, "__file__": str(hub.CONFIG)})
    places = [config.JupyterHub.bind_url, config.JupyterHub.hub_bind_url, config.ConfigurableHTTPProxy.api_url]
    assert places == ["http://127.0.0.1:8400", "http://127.0.0.1:8401", "http://127.0.0.1:8402"]
    assert cli.parse(config.Spawner.cmd[3:])[0].command == "lab"
    assert config.DummyAuthenticator.password == "abc"
    names = config.Authenticator.username_pattern
    assert all(re.match(names, name) for name in ("a", "ann-2", "x" * 31))  # as JupyterHub asks
    assert not any(re.match(names, name) for name in ("../ann", "Ann", "", "ann bo", "ann/..", "x" * 32))


def test_only_a_hub_is_stopped(tmp_path, capsys):
    assert hub.stop(tmp_path) == 1
    (tmp_path / "hub.pid").write_text(str(os.getpid()))  # the number that a hub had once
    assert hub.running(tmp_path) is None
    assert hub.stop(tmp_path) == 1
    assert capsys.readouterr().err == "No hub is on.\n" * 2


@pytest.mark.parametrize("then", ["stop", "start"])
def test_what_a_killed_hub_left_running_is_ended(tmp_path, then):
    waits = [sys.executable, "-c", "import time; print(flush=True); time.sleep(600)"]
    ours, other = (
        subprocess.Popen(waits, env={**os.environ, "COURSEKIT_HUB": str(folder)}, stdout=subprocess.PIPE)
        for folder in (tmp_path, tmp_path.parent)
    )
    try:
        for process in (ours, other):
            process.stdout.read(1)
        with socket.create_server(("127.0.0.1", 0)) as taken:  # so that no hub is started after it
            port = taken.getsockname()[1]
            assert hub.stop(tmp_path) == 0 if then == "stop" else hub.start(tmp_path, port) == 1
        assert not psutil.pid_exists(ours.pid)
        assert other.poll() is None
        assert hub.stop(tmp_path) == 1
    finally:
        for process in (ours, other):
            process.kill()
            process.communicate()


def test_under_a_hub_the_command_becomes_the_hub_s_server(tmp_path, monkeypatch):
    class Replaced(Exception):
        pass

    def execve(*arguments):
        raise Replaced(arguments)

    monkeypatch.setattr(os, "execve", execve)
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "any")
    with pytest.raises(Replaced) as replaced:
        lab.open_jupyterlab(tmp_path, LESSON, ["--debug"])
    program, command, environment = replaced.value.args[0]
    assert [program, "-m", "jupyterhub.singleuser"] == command[:3]
    assert f"--ServerApp.root_dir={tmp_path}" in command
    assert f"--ServerApp.default_url=/lab/tree/{LESSON}" in command
    assert command[-1] == "--debug"
    assert environment["JUPYTER_CONFIG_PATH"] == lab.settings_path()
    assert environment["JUPYTERHUB_API_TOKEN"] == "any"


def test_the_class_s_values_fit_the_image_and_what_was_measured():
    text = (ROOT / "docs" / "class.md").read_text(encoding="utf-8")
    [values] = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)]
    learner = values["singleuser"]
    stages = re.split(r"^FROM ", (ROOT / "Dockerfile").read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    named = {re.match(r"\S+ AS (\w+)", stage)[1]: stage for stage in stages}
    assert list(named)[-1] == "grading"  # what `docker build` makes without --target
    assert python_of(named["course"].split()[0]) in SUPPORTED
    assert "requirements-hub.txt" in named["learner"]
    assert "!requirements-hub.txt" in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    home = learner["storage"]["homeMountPath"]
    assert f"WORKDIR {home}\n" in named["learner"]
    program, *arguments = learner["cmd"]
    args, _ = cli.parse(arguments)
    assert (program, args.command) == ("coursekit", "lab")
    assert Path(home) in args.folder.parents
    hub_version = pins("requirements-hub.txt")["jupyterhub; None"].removeprefix("==")
    assert f"JupyterHub {hub_version.rpartition('.')[0]}" in text
    [(after, at_most)] = re.findall(r"^\| 1 \| ([\d,]+) MB \|.*\| ([\d,]+) MB \|$", text, re.MULTILINE)
    needs = {name: int(amount[:-1]) * {"M": 1, "G": 1000}[amount[-1]] for name, amount in learner["memory"].items()}
    assert needs["guarantee"] >= int(after.replace(",", ""))
    assert needs["limit"] >= 2 * int(at_most.replace(",", ""))
    *_, (count, all_of_them) = re.findall(r"^\| (\d+) \| ([\d,]+) MB \|", text, re.MULTILINE)
    [(open_, run)] = [map(float, two) for two in re.findall(r"with ([\d.]+) GB for each.* and ([\d.]+) GB while", text)]
    assert abs(open_ - int(all_of_them.replace(",", "")) / int(count) / 1000) < 0.01
    machines = re.findall(r"^\| (\d+) GB \| (\d+) \| (\d+) \|$", text, re.MULTILINE)
    assert len(machines) == 4
    for memory, opened, running in (map(int, row) for row in machines):  # 2 GB are left for the system
        assert open_ * opened <= memory - 2 < open_ * (opened + 1)
        assert run * running <= memory - 2 < run * (running + 1)
