"""What the comparisons share: a server beside them, the CPU time of a child, and what they ran on."""

import os
import platform
import re
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import time


def fail_as(name):
    """A function that ends the program of that name with a text."""
    def fail(text):
        print(f"{name}: {text}", file=sys.stderr)
        sys.exit(1)
    return fail


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def make_certificate(folder):
    """A certificate for 127.0.0.1 that is its own CA."""
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
         "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", f"{folder}/key.pem",
         "-out", f"{folder}/certificate.pem"], check=True, capture_output=True)
    return f"{folder}/certificate.pem"


def start_nginx(fail, folder, port, tls, core, options="", body="hello, world"):
    """One worker of nginx on `core` that answers every GET: the process, and the CA file with TLS."""
    listen = f"listen 127.0.0.1:{port}{' ssl' if tls else ''} {options} backlog=4096;"
    ca_file = make_certificate(folder) if tls else None
    if tls:
        listen += f" ssl_certificate {ca_file}; ssl_certificate_key {folder}/key.pem;"
    paths = " ".join(f"{name}_temp_path {folder}/{name};" for name in
                     ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    with open(f"{folder}/nginx.conf", "w") as file:
        file.write(f"""
daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 4096; }}
http {{ access_log off; keepalive_requests 1000000000; keepalive_timeout 600s; {paths}
  server {{ {listen} location / {{ default_type text/plain; return 200 "{body}\\n"; }} }} }}
""")
    server = subprocess.Popen(["taskset", "-c", str(core), "nginx", "-c", f"{folder}/nginx.conf", "-p", folder],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return server, ca_file
        if server.poll() is not None:
            break
        time.sleep(0.02)  # until it listens
    server.kill()
    return fail(f"nginx does not start; see {folder}/error.log")


def run_measured(fail, command):
    """Output and CPU seconds of a child."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        fail(f"{' '.join(command)} ended with {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout, after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


LOAD = re.compile(r"([\d.]+) queries/s, cpu ([\d.]+) us/query .*?p50 ([\d.]+) us, p95 ([\d.]+) us, p99 ([\d.]+) us, "
                  r"memory (-?[\d.]+) MB")


def run_load(fail, core, command):
    """What one of the programs that load a database says: queries/s, CPU and times in microseconds, memory in MB."""
    output, _ = run_measured(fail, ["taskset", "-c", str(core), *map(str, command)])
    return dict(zip(("rate", "cpu", "p50", "p95", "p99", "memory"), map(float, LOAD.search(output).groups())))


def ratio_of(rounds, one, other, key):
    """Taken within each round, because all of a round saw the same machine."""
    return statistics.median(each[one][key] / each[other][key] for each in rounds)


def as_ordinary_user(command):
    """Servers of databases refuse root."""
    if os.geteuid() != 0:
        return command
    return ["setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups"] + command


def give_away(folder):
    """To the user of `as_ordinary_user`."""
    if os.geteuid() == 0:
        shutil.chown(folder, "nobody", "nogroup")


def version_of(command):
    done = subprocess.run(command, capture_output=True, text=True)
    return (done.stdout + done.stderr).strip().splitlines()[0]


def describe_machine():
    with open("/proc/cpuinfo") as file:
        model = re.search(r"model name\s*:\s*(.*)", file.read())
    print(f"machine: {model.group(1) if model else platform.machine()}, {os.cpu_count()} cores, "
          f"Linux {platform.release()}, load {os.getloadavg()[0]:.2f}")
