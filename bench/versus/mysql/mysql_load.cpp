// The load of the comparison on MariaDB: N users, each selects one row by its key after another.
//
//   mysql_load MODE URL SOCKET USERS SECONDS ROWS
//
// MODE is lido (a pool with a connection for each user), connect (a new connection for each query) or threads (the C
// interface, a thread and a connection for each user). Prints one line, see database_load.hpp.
#include "database_load.hpp"
#include "lido/sql/mysql/pool.hpp"

#include <mariadb/mysql.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

namespace {

constexpr lido::sql::statement by_key = "SELECT c FROM sbtest1 WHERE id = ?";

/// One user on this thread with a connection of its own, which blocks.
void plain_user(const std::string& socket, lido::bench::load_window& window, int number, int rows) {
    const std::unique_ptr<MYSQL, void (*)(MYSQL*)> connection(mysql_init(nullptr), &mysql_close);
    mysql_real_connect(connection.get(), nullptr, "tester", "tester", "bench", 0, socket.c_str(), 0);
    MYSQL_STMT* const statement = mysql_stmt_init(connection.get());
    const std::string_view text = by_key.text();
    mysql_stmt_prepare(statement, text.data(), text.size());
    int key = 0;
    std::array<char, 256> brought{};
    unsigned long length = 0;
    MYSQL_BIND asked{};
    asked.buffer_type = MYSQL_TYPE_LONG;
    asked.buffer = &key;
    MYSQL_BIND answer{};
    answer.buffer_type = MYSQL_TYPE_STRING;
    answer.buffer = brought.data();
    answer.buffer_length = brought.size();
    answer.length = &length;
    mysql_stmt_bind_param(statement, &asked);
    mysql_stmt_bind_result(statement, &answer);
    lido::random_source dice(static_cast<std::uint64_t>(number) + 1);
    lido::time_point begun = lido::clock::now();
    while (begun < window.end) {
        key = 1 + static_cast<int>(dice.unit() * rows);
        bool works = mysql_stmt_execute(statement) == 0;
        works = works && mysql_stmt_fetch(statement) == 0 && mysql_stmt_fetch(statement) == MYSQL_NO_DATA;
        window.count(begun, works);
    }
    mysql_stmt_close(statement);
}

}  // namespace

int main(int count, char** arguments) {
    if (count < 7) {
        std::fprintf(stderr, "usage: mysql_load MODE URL SOCKET USERS SECONDS ROWS\n");
        return 2;
    }
    const std::string mode = arguments[1];
    const std::string socket = arguments[3];
    const int users = std::atoi(arguments[4]);
    const int rows = std::atoi(arguments[6]);

    if (mode == "threads") {
        mysql_library_init(0, nullptr, nullptr);
        lido::bench::load on(users, std::atof(arguments[5]));
        for (int i = 0; i < users; ++i) {
            on.start([&on, socket, i, rows] { plain_user(socket, on.window(), i, rows); });
        }
        return on.report();
    }
    if (mode != "lido" && mode != "connect") return 2;
    lido::runtime io;
    lido::bench::load on(users, std::atof(arguments[5]));
    lido::mysql::pool_settings settings{.url = arguments[2]};
    settings.pool.connections.max_size = static_cast<std::size_t>(users);
    settings.pool.connections.max_concurrent_connects = 8;
    if (mode == "connect") settings.pool.connections.max_uses = 1;
    lido::mysql::pool db(io, settings);
    for (int i = 0; i < users; ++i) on.spawn(io, lido::bench::selects_by_key(db, on.window(), by_key, i, rows));
    return on.report();
}
