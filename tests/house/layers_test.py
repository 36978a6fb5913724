"""Includes go only downwards: this tree's do, and a tree whose do not is caught."""

import unittest

import layers
from tree import ROOT, MadeUpTree

TABLE = """
lido_add_layer(base PACKAGES "fmt 9" PUBLIC fmt::fmt)
lido_add_layer(pool LAYERS base)
lido_add_layer(net LAYERS base PRIVATE OpenSSL::SSL)
lido_add_layer(http
  LAYERS pool net base)
"""


def findings_of(files):
    with MadeUpTree({"CMakeLists.txt": TABLE, **files}) as root:
        return layers.findings(root)


class ThisTree(unittest.TestCase):
    def test_includes_go_only_downwards(self):
        self.assertEqual([], layers.findings(ROOT))

    def test_table_is_found(self):
        table = layers.allowed_layers(ROOT)
        self.assertEqual(table["base"], [])
        self.assertEqual(table["pool"], ["base"])
        self.assertEqual(table["resilience"], ["base"])
        self.assertEqual(table["net"], ["base"])
        self.assertNotIn("manager", [below for above in table.values() for below in above])


class MadeUpTrees(unittest.TestCase):
    def assert_found(self, files, words):
        found = findings_of(files)
        self.assertEqual(1, len(found), found)
        for word in words:
            self.assertIn(word, found[0])

    def assert_fine(self, files):
        self.assertEqual([], findings_of(files))

    def test_downwards_is_fine(self):
        self.assert_fine(
            {
                "include/lido/base/error.hpp": "#include <string>\n",
                "include/lido/pool/pool.hpp": '#include "lido/base/error.hpp"\n#include <lido/pool/lease.hpp>\n',
                "src/net/tls.cpp": '#include "net/tls.hpp"\n#include <openssl/ssl.h>\n',
                "src/net/tls.hpp": '#include "lido/base/error.hpp"\n',
                "src/http/wire/parser.cpp": '#include "parser.hpp"\n#include "lido/net/stream.hpp"\n',
                "src/http/wire/parser.hpp": "",
                "include/lido/lido.hpp": '#include "lido/http/client.hpp"\n',
                "include/lido/asio.hpp": "#include <boost/asio/post.hpp>\n",
            }
        )

    def test_upwards(self):
        self.assert_found({"include/lido/base/a.hpp": '#include "lido/pool/pool.hpp"\n'}, ["base/a.hpp", "lido/pool"])

    def test_upwards_with_brackets_and_spaces(self):
        self.assert_found({"src/base/a.cpp": "  #  include <lido/http/client.hpp>\n"}, ["src/base/a.cpp"])

    def test_strangers(self):
        self.assert_found({"src/pool/a.cpp": '#include "lido/net/stream.hpp"\n'}, ["pool may use base"])

    def test_private_header_of_a_stranger(self):
        self.assert_found({"src/pool/a.cpp": '#include "net/tls.hpp"\n', "src/net/tls.hpp": ""}, ["net/tls.hpp"])

    def test_relative_path_to_a_stranger(self):
        self.assert_found({"src/pool/a.cpp": '#include "../net/tls.hpp"\n', "src/net/tls.hpp": ""}, ["../net/tls.hpp"])

    def test_public_header_includes_private_one(self):
        self.assert_found(
            {"include/lido/net/a.hpp": '#include "net/tls.hpp"\n', "src/net/tls.hpp": ""}, ["not public"]
        )

    def test_library_in_public_header(self):
        for name in ("boost/asio.hpp", "openssl/ssl.h", "nghttp2/nghttp2.h", "libpq-fe.h", "zlib.h"):
            self.assert_found({"include/lido/http/a.hpp": f"#include <{name}>\n"}, [name])

    def test_io_in_a_pure_layer(self):
        for name in ("sys/socket.h", "boost/asio/post.hpp", "openssl/ssl.h"):
            self.assert_found({"src/pool/a.cpp": f"#include <{name}>\n"}, [name, "no I/O"])

    def test_umbrella_from_a_layer(self):
        self.assert_found({"src/http/a.cpp": '#include "lido/lido.hpp"\n'}, ["above all layers"])

    def test_unknown_layer(self):
        self.assert_found({"src/utilities/a.cpp": ""}, ["utilities is no layer"])

    def test_source_outside_the_layers(self):
        self.assert_found({"src/a.cpp": ""}, ["no layer"])

    def test_table_with_a_cycle(self):
        with MadeUpTree({"CMakeLists.txt": "lido_add_layer(a LAYERS b)\nlido_add_layer(b LAYERS a)\n"}) as root:
            self.assertEqual(1, len(layers.findings(root)))


if __name__ == "__main__":
    unittest.main()
