// Lido: how the command ends.
#pragma once

namespace lido::cli {

/// The exit codes of `lido`. After a signal it is 128 plus the signal's number, as shells have it.
enum exit_code : int {
    exit_good = 0,
    exit_failed = 1,  ///< what was asked for could not be done
    exit_usage = 2,   ///< what was asked for makes no sense
    // Of `lido fetch`, as curl has them.
    exit_resolve = 6,   ///< the host's name has no address
    exit_connect = 7,   ///< no connection
    exit_status = 22,   ///< a status of 400 or more, with --fail
    exit_write = 23,    ///< what came could not be written
    exit_timeout = 28,  ///< the time was over
    exit_tls = 35,      ///< the TLS handshake, or the certificate
    exit_receive = 56,  ///< the connection broke, or the peer broke the protocol
    exit_signal = 128,
};

}  // namespace lido::cli
