// What a client accepts of a TLS server, and what it refuses: one table. The certificates are made by the openssl
// command, the server is OpenSSL itself, told to do what it would refuse to do by default.
#include "matrix.hpp"

#include <gmock/gmock.h>

namespace lido::test {
namespace {

using testing::HasSubstr;

class tls_matrix : public testing::Test {
protected:
    void try_out(const std::vector<row>& rows) {
        for (const row& each : rows) {
            SCOPED_TRACE(each.what);
            scene s;
            each.setting(s);
            const std::optional<error> refused = shake(s, folder_);
            EXPECT_EQ(!refused, each.accepted) << (refused ? refused->message() : "accepted");
            if (refused) {
                EXPECT_THAT(refused->message(), HasSubstr(each.word));
            }
        }
    }
    temporary_directory folder_;
};

TEST_F(tls_matrix, knows_whom_a_certificate_is_for) {
    try_out(names());
}
TEST_F(tls_matrix, knows_who_may_sign_for_whom) {
    try_out(chains());
}
TEST_F(tls_matrix, knows_what_a_certificate_must_be_like) {
    try_out(contents());
}
TEST_F(tls_matrix, knows_what_the_protocol_must_be_like) {
    try_out(protocols());
}
TEST_F(tls_matrix, has_at_least_eighty_rows) {
    EXPECT_GE(names().size() + chains().size() + contents().size() + protocols().size(), 80U);
}

}  // namespace
}  // namespace lido::test
