"""The processes of a benchmark: started pinned, on ports the kernel chose, ended by pid."""

import ctypes
import json
import os
import shutil
import signal
import socket
import subprocess
import time

HERE = os.path.dirname(os.path.abspath(__file__))
PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


class Failed(Exception):
    """A process did not come up, or ended: the text says which, and its last words."""


class Child:
    """One process; `lines` of its standard output are read by who asks for them, or go to a file.

    `core` is the core that it runs on, or a set of cores."""

    def __init__(self, name, argv, *, core, folder, env=None, fds=(), to_file=False):
        self.name = name
        self.log = os.path.join(folder, f"{name}.log")
        self.out = os.path.join(folder, f"{name}.out")
        stdout = open(self.out, "wb") if to_file else subprocess.PIPE

        def before():
            os.sched_setaffinity(0, {core} if isinstance(core, int) else core)
            _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)

        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                argv, stdin=subprocess.PIPE, stdout=stdout, stderr=log, pass_fds=fds, preexec_fn=before,
                env={**os.environ, **(env or {})})
        if to_file:
            stdout.close()
        self.pid = self.process.pid

    def failed(self, what) -> Failed:
        with open(self.log, encoding="utf-8", errors="replace") as log:
            words = log.read()[-1500:]
        return Failed(f"{self.name} (exit {self.process.poll()}): {what}\n{words}")

    def line(self) -> str:
        line = self.process.stdout.readline().decode()
        if not line:
            raise self.failed("ended")
        return line.strip()

    def ask(self, command) -> dict:
        self.process.stdin.write((command + "\n").encode())
        self.process.stdin.flush()
        return json.loads(self.line())

    def events(self) -> list[dict]:
        """The JSON lines written so far, of a child whose output goes to a file."""
        found = []
        with open(self.out, encoding="utf-8", errors="replace") as file:
            for line in file:
                if line.startswith("{") and line.endswith("\n"):
                    found.append(json.loads(line))
        return found

    def wait_for(self, event, timeout=15.0, pause=0.02) -> dict:
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise self.failed("ended")
            for line in self.events():
                if line.get("event") == event:
                    return line
            time.sleep(pause)
        raise self.failed(f"no {event} in {timeout} s")

    def end(self):
        if self.process.poll() is None:
            self.process.stdin.close()
            self.process.terminate()
            try:
                self.process.wait(2)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        if self.process.stdout:
            self.process.stdout.close()


class Bench:
    """What the variants share: where the binaries are, which core is whose, a Redis."""

    pool = "bench"

    def __init__(self, folder, binaries):
        cores = sorted(os.sched_getaffinity(0))
        if len(cores) < 2:
            raise SystemExit("bench: two cores are needed, one for the proxies and one for the load")
        self.load_core, self.proxy_core = cores[0], cores[1]
        self.folder = folder
        self.binaries = binaries
        self.children: list[Child] = []
        self.secret = os.path.join(folder, "secret")
        with open(self.secret, "w", encoding="ascii") as file:
            file.write(os.urandom(16).hex() + "\n")
        os.chmod(self.secret, 0o600)
        self.redis_url = None
        self.redis_core = self.load_core

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for child in reversed(self.children):
            child.end()

    def binary(self, name) -> str:
        path = os.path.join(self.binaries, name)
        if not os.access(path, os.X_OK):
            raise SystemExit(f"bench: no {path}; run make build")
        return path

    def start(self, name, argv, *, core=None, **more) -> Child:
        core = self.load_core if core is None else core
        child = Child(name, argv, core=core, folder=self.folder, **more)
        self.children.append(child)
        return child

    def loadtest(self, name, *arguments, **more) -> Child:
        return self.start(name, [self.binary("loadtest"), "bench", *arguments], **more)

    def peer(self) -> str:
        """Starts a peer; its host:port."""
        return self.loadtest("peer", "peer").line().removeprefix("ws://").rstrip("/")

    def worker_without_sidecars(self, fleet, *, slots) -> Child:
        arguments = ["--redis", self.redis(), "--fleet", fleet, "--node-secret-file", self.secret]
        arguments += ["--pool", self.pool, "--slots", str(slots)]
        return self.loadtest(f"worker-{fleet}", "worker", *arguments, to_file=True)

    def redis(self) -> str:
        if self.redis_url is None:
            path = os.path.join(self.folder, "redis.sock")
            argv = ["redis-server", "--port", "0", "--unixsocket", path, "--save", "", "--appendonly", "no"]
            child = self.start(
                "redis", [*argv, "--maxmemory-policy", "noeviction"], core=self.redis_core, to_file=True)
            end = time.monotonic() + 10
            while not os.path.exists(path):
                if child.process.poll() is not None or time.monotonic() > end:
                    raise child.failed("no socket")
                time.sleep(0.02)
            self.redis_url = f"unix://{path}"
        return self.redis_url

    def haproxy(self, name, *, peer, slots, bufsize) -> tuple[Child, str, str]:
        """The process, its address, its stats socket."""
        if not shutil.which("haproxy"):
            raise SystemExit("bench: no haproxy; run scripts/setup bench")
        stats = os.path.join(self.folder, f"{name}.sock")
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen(4096)
            listener.set_inheritable(True)
            values = {"BUFSIZE": bufsize, "STATS": stats, "LISTEN_FD": listener.fileno(), "PEER": peer, "SLOTS": slots}
            child = self.start(
                name, ["haproxy", "-db", "-f", os.path.join(HERE, "peers", "haproxy.cfg")], core=self.proxy_core,
                env={key: str(value) for key, value in values.items()}, fds=(listener.fileno(),), to_file=True)
            address = "127.0.0.1:%d" % listener.getsockname()[1]
        return child, address, stats

    def berth(
            self, name, kind, *arguments, fleet, core=None, listen="127.0.0.1:0", under=(),
            timeout=15.0) -> tuple[Child, str]:
        """A gateway or worker that listens and is registered; the process and its address."""
        if kind == "gateway":
            arguments = ("--tenant", "default:maxQueue=20000", *arguments)
        child = self.berth_process(name, kind, *arguments, fleet=fleet, core=core, listen=listen, under=under)
        address = child.wait_for("listening", timeout)["address"]
        child.wait_for("registered", timeout)
        return child, address

    def berth_process(self, name, kind, *arguments, fleet, core=None, listen="127.0.0.1:0", node=None, under=()) -> Child:
        """A gateway or worker that was started a moment ago. `node` is its node id, if not `name`; `under` is the
        program that runs it."""
        argv = [*under, self.binary("berth"), kind, "--listen", listen, "--redis", self.redis(), "--fleet", fleet]
        argv += ["--node-id", node or name, "--node-secret-file", self.secret, *arguments]
        return self.start(name, argv, core=self.proxy_core if core is None else core, to_file=True)
