"""A3, A8 and issue 2: what the command refuses, each with exactly one line that names the option, and what its help says."""

import os
import tempfile
import unittest

from command import TestServer, demo_server, make_certificate, ok, run, simulate

URL = "http://127.0.0.1:9"

# Arguments of `lido simulate`, and what the line must have in it.
WRONG = [
    (["--pool-size", "0"], "--pool-size must be 1 … 100000 or auto, got 0"),
    (["--pool-size", "100001"], "--pool-size"),
    (["--pool-size", "-1"], "--pool-size"),
    (["--pool-size", "many"], "--pool-size"),
    (["--pool-size", ""], "--pool-size"),
    (["--num-users", "0"], "--num-users"),
    (["--num-users", "x"], "--num-users"),
    (["--num-users", "1.5"], "--num-users"),
    (["--num-users"], "--num-users needs a value"),
    (["--num-users", "1", "--num-users", "2"], "--num-users was given more than once"),
    (["--num-user", "1"], "did you mean --num-users?"),
    (["--frobnicate"], "there is no option --frobnicate"),
    (["--duration", "10"], "add a unit, such as 10s"),
    (["--duration", "0"], "--duration"),
    (["--duration", "-1s"], "--duration"),
    (["--duration", "soon"], "--duration"),
    (["--cycles", "0"], "--cycles"),
    (["--cycles", "5", "--duration", "5s"], "--duration and --cycles exclude each other"),
    (["--think-time", "5"], "--think-time"),
    (["--warm-up", "11"], "--warm-up must be 0 … 10, the pool's size, got 11"),
    (["--when-full", "explode"], "--when-full must be wait, overflow or fail, got 'explode'"),
    (["--max-retries", "101"], "--max-retries"),
    (["--max-retries", "-1"], "--max-retries"),
    (["--backoff-factor", "nan"], "--backoff-factor"),
    (["--backoff-factor", "-0.1"], "--backoff-factor"),
    (["--retry-statuses", "99"], "--retry-statuses"),
    (["--retry-statuses", "500,,502"], "--retry-statuses"),
    (["--retry-methods", "GET POST"], "--retry-methods"),
    (["--connect-timeout", "0"], "--connect-timeout"),
    (["--connect-timeout", "11m"], "--connect-timeout"),
    (["--read-timeout", "2h"], "--read-timeout"),
    (["--acquire-timeout", "1"], "--acquire-timeout"),
    (["--timeout", "25h"], "--timeout"),
    (["--slow", "0"], "--slow"),
    (["--seed", "x"], "--seed"),
    (["--threads", "0"], "--threads"),
    (["--output", "xml"], "--output must be text or json, got 'xml'"),
    (["--per-user-pools", "--compare"], "--per-user-pools and --compare exclude each other"),
    (["--method", "POST"], "--method needs a URL"),
    (["--header", "A: b"], "--header needs a URL"),
    (["--data", "x"], "--data needs a URL"),
    (["--insecure"], "--insecure needs a URL"),
    (["--http2"], "--http2 needs a URL"),
    (["--proxy", "http://127.0.0.1:1"], "--proxy needs a URL"),
    ([URL, "--http1", "--http2"], "--http1, --http2 and --http2-prior-knowledge exclude each other"),
    ([URL, "--insecure", "--cacert", "/etc/hostname"], "--insecure and --cacert exclude each other"),
    ([URL, "--proxy", "ftp://127.0.0.1:1"], "proxy"),
    ([URL, "--proxy", "http://127.0.0.1:1", "--unix-socket", "/tmp/s"], "--proxy and --unix-socket exclude each other"),
    ([URL, "--no-proxy", "a"], "--no-proxy needs --proxy"),
    ([URL, "--proxy-cacert", "/etc/hostname"], "--proxy-cacert needs --proxy"),
    ([URL, "--proxy-insecure"], "--proxy-insecure needs --proxy"),
    ([URL, "--proxy", "https://127.0.0.1:1", "--proxy-insecure", "--proxy-cacert", "/etc/hostname"],
     "--proxy-insecure and --proxy-cacert exclude each other"),
    ([URL, "--proxy", "https://127.0.0.1:1", "--proxy-cacert", "/nowhere/ca.pem"],
     "--proxy-cacert: cannot read /nowhere/ca.pem"),
    (["--proxy-insecure"], "--proxy-insecure needs a URL"),
    ([URL, "--http3"], "did you mean --http"),
    ([URL, "--unix-sock", "/tmp/s"], "did you mean --unix-socket?"),
    (["--regions", URL, "--unix-socket", "/tmp/s"], "--unix-socket and --regions exclude each other"),
    ([URL, "--method", "G T"], "--method"),
    ([URL, "--header", "no colon"], "--header must be 'Name: value'"),
    ([URL, "--header", "A: b\nC: d"], "--header"),
    ([URL, "--data", "@/nowhere/file"], "--data: cannot read /nowhere/file: No such file or directory"),
    ([URL, "--data", "@/"], "--data: cannot read /: Is a directory"),
    ([URL, "--cacert", "/nowhere/ca.pem"], "--cacert: cannot read /nowhere/ca.pem"),
    ([URL, URL], f"'{URL}' was not expected"),
    (["127.0.0.1:80"], "has no scheme; write http://127.0.0.1:80"),
    (["ftp://host/"], "use http or https"),
    (["http://"], "has no host"),
    (["http://host:99999/"], "port 1 … 65535"),
    (["http://host/a b"], "percent-encode it"),
    (["http://user:secret@host/"], "--header 'Authorization"),
]


class Usage(unittest.TestCase):
    def expect_one_line(self, done, code, part):
        self.assertEqual(code, done.returncode, done.stderr)
        self.assertEqual("", done.stdout)
        self.assertEqual(1, done.stderr.count("\n"), done.stderr)
        self.assertTrue(done.stderr.startswith("lido"), done.stderr)
        self.assertIn(part, done.stderr)

    def test_wrong_arguments_are_one_line_and_exit_2(self):
        for arguments, part in WRONG:
            with self.subTest(arguments=arguments):
                done = simulate(*arguments)
                self.expect_one_line(done, 2, part)
                self.assertTrue(done.stderr.startswith("lido simulate: "), done.stderr)

    def test_wrong_subcommands(self):
        self.expect_one_line(run(), 2, "a subcommand is missing")
        self.expect_one_line(run("simulat"), 2, "did you mean simulate?")
        self.expect_one_line(run("help", "simulat"), 2, "did you mean simulate?")
        self.expect_one_line(run("--frobnicate"), 2, "lido help")

    def test_wrong_arguments_of_the_demo_server(self):
        for arguments, part in [
            (["--port", "65536"], "--port"),
            (["--error-rate", "1.1"], "--error-rate"),
            (["--slow-rate", "x"], "--slow-rate"),
            (["--close-rate", "-1"], "--close-rate"),
            (["--latency", "5"], "add a unit, such as 5s or 5ms"),
            (["--tls-cert", "/etc/hostname"], "--tls-cert and --tls-key belong together"),
            (["--tls-cert", "/nowhere", "--tls-key", "/nowhere"], "cannot read /nowhere"),
            (["--prot", "1"], "did you mean --port?"),
            (["extra"], "'extra' was not expected"),
        ]:
            with self.subTest(arguments=arguments):
                self.expect_one_line(run("demo-server", *arguments), 2, part)

    def test_a_failed_run_is_one_line_and_exit_1(self):
        for arguments, part in [
            (["http://127.0.0.1:1"], "refused"),
            (["http://no-such-host.invalid/"], "no-such-host.invalid"),
            (["--report", "/nowhere/report"], "/nowhere/report: No such file or directory"),
            (["--report", "/"], "Is a directory"),
        ]:
            with self.subTest(arguments=arguments):
                self.expect_one_line(simulate(*arguments), 1, part)

    def test_a_bad_certificate_is_one_line_and_exit_1(self):
        with tempfile.TemporaryDirectory() as folder:
            certificate, key = make_certificate(folder)
            with demo_server("--tls-cert", certificate, "--tls-key", key) as (url, _):
                self.expect_one_line(simulate(url), 1, "self-signed certificate")
                self.expect_one_line(simulate(url, "--cacert", "/etc/hostname"), 1, "--cacert")
                for option in (["--cacert", certificate], ["--insecure"]):
                    done = simulate(url + "/outfits", "--cycles", "3", *option)
                    self.assertEqual(0, done.returncode, done.stderr)

    def test_a_port_in_use(self):
        with TestServer(ok) as server:
            port = server.url.rpartition(":")[2]
            self.expect_one_line(run("demo-server", "--port", port), 1, port)

    def test_help(self):
        for arguments in (["help", "simulate"], ["simulate", "--help"], ["simulate", "-h", "--cycles", "0"]):
            done = run(*arguments)
            self.assertEqual((0, ""), (done.returncode, done.stderr))
            for option in """--num-users --pool-size --when-full --duration --cycles --think-time --warm-up --max-retries
                --backoff-factor --retry-statuses --retry-methods --connect-timeout --read-timeout --acquire-timeout
                --timeout --per-user-pools --compare --method --header --data --output --report --log-requests --slow
                --seed --insecure --cacert --http1 --http2 --http2-prior-knowledge --proxy --proxy-cacert --proxy-insecure
                --no-proxy --unix-socket --sql
                --param --write-statement --write-param --write-ratio --setup""".split():
                self.assertRegex(done.stdout, rf"(?m)^  (-[A-Za-z], )?{option}\b")
            self.assertLessEqual(max(map(len, done.stdout.split("\n"))), 80)
        for arguments in (["help"], ["--help"], ["help", "help"]):
            done = run(*arguments)
            self.assertEqual(0, done.returncode)
            self.assertIn("demo-server", done.stdout)
        self.assertIn("--close-rate", run("help", "demo-server").stdout)

    def test_version(self):
        for arguments in (["--version"], ["version"]):
            done = run(*arguments)
            self.assertEqual(0, done.returncode)
            self.assertRegex(done.stdout, r"\Alido \d+\.\d+\.\d+\n\Z")

    def test_standard_output_that_cannot_be_written(self):
        with open("/dev/full", "w", encoding="utf-8") as full:
            done = simulate("--cycles", "1", stdout=full, capture_output=False, stderr=-1)
        self.assertEqual(1, done.returncode)
        self.assertIn("No space left on device", done.stderr)
        reading, writing = os.pipe()
        os.close(reading)
        done = simulate("--cycles", "1", stdout=writing, capture_output=False, stderr=-1)
        os.close(writing)
        self.assertEqual((0, ""), (done.returncode, done.stderr))


if __name__ == "__main__":
    unittest.main()
