#include "sql/remedy.hpp"

namespace lido::sql {

std::string remedy_of(errc refusal) {
    switch (refusal) {
        case errc::authentication_failed:
            return "check user, password and certificate, and whom the server lets in (pg_hba.conf, CREATE USER)";
        case errc::permission_denied:
            return "grant it to the user at the server";
        case errc::too_many_connections:
            return "lower max_size, or raise max_connections of the server";
        case errc::read_only:
            return "write to the primary: name it, or all hosts of the cluster, in the URL";
        case errc::serialization_failure:
        case errc::deadlock:
            return "run the transaction again from its beginning; transact does that";
        case errc::lock_timeout:
            return "end the transaction that holds the lock, or wait longer for it";
        case errc::disk_full:
            return "make room at the server";
        case errc::shutting_down:
            return "try again once the server is back";
        default:
            return {};
    }
}

}  // namespace lido::sql
