"""A3: what is tried again, when, and how often, counted at the server."""

import unittest

from command import TestServer, report_of


def failing(first, status, headers=None):
    """Answers the first `first` requests with `status`, the others with 200."""
    return lambda seen, number: (status, headers or {}, b"") if number <= first else (200, {}, b"fine")


class Retries(unittest.TestCase):
    def count(self, answer, *arguments, code=0, factor=0):
        with TestServer(answer) as server:
            report = report_of(server.url, "--cycles", "1", "--backoff-factor", str(factor), *arguments, code=code)
            self.assertEqual(1, report["requests"])
            self.assertEqual(len(server.seen) - 1, report["retries"])
            return report, server.seen

    def test_statuses_of_the_seed_are_tried_again(self):
        for status in (429, 500, 502, 503, 504):
            report, seen = self.count(failing(1, status))
            self.assertEqual(({"200": 1}, 2), (report["statuses"], len(seen)), status)

    def test_other_statuses_are_not(self):
        for status in (400, 404, 501):
            report, seen = self.count(failing(1, status), code=1)
            self.assertEqual(({str(status): 1}, 1), (report["statuses"], len(seen)))

    def test_statuses_can_be_chosen(self):
        self.assertEqual(2, len(self.count(failing(1, 418), "--retry-statuses", "418")[1]))
        self.assertEqual(1, len(self.count(failing(1, 503), "--retry-statuses", "418", code=1)[1]))

    def test_the_number_of_retries(self):
        for retries in (0, 1, 5):
            report, seen = self.count(failing(99, 503), "--max-retries", str(retries), code=1)
            self.assertEqual(({"503": 1}, retries + 1), (report["statuses"], len(seen)))

    def test_waits_grow(self):
        _, seen = self.count(failing(2, 503), factor=0.2)
        first, second = seen[1].at - seen[0].at, seen[2].at - seen[1].at
        # Up to a tenth is taken off as jitter.
        self.assertGreaterEqual(first, 0.17)
        self.assertGreaterEqual(second, 0.35)

    def test_retry_after_is_obeyed(self):
        for status in (429, 503):
            _, seen = self.count(failing(1, status, {"Retry-After": "1"}))
            self.assertGreaterEqual(seen[1].at - seen[0].at, 0.99)

    def test_a_retry_after_beyond_the_timeout_ends_the_retries(self):
        report, seen = self.count(failing(1, 503, {"Retry-After": "30"}), "--timeout", "5s", code=1)
        self.assertEqual(({"503": 1}, 1), (report["statuses"], len(seen)))

    def test_post_is_tried_again_only_when_listed(self):
        post = ["--method", "POST", "--data", "x"]
        self.assertEqual(2, len(self.count(failing(1, 503), *post)[1]))
        self.assertEqual(1, len(self.count(failing(1, 503), *post, "--retry-methods", "GET,PUT", code=1)[1]))

    def test_a_post_that_may_have_been_executed_is_not_sent_again_unless_listed(self):
        post = ["--method", "POST", "--data", "x"]
        report, seen = self.count(lambda seen, number: None, *post, "--retry-methods", "GET", code=1)
        self.assertEqual(1, len(seen))
        self.assertEqual({"maybe_executed": 1}, report["errors"])


if __name__ == "__main__":
    unittest.main()
