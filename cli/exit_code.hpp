// Lido: how the command ends.
#pragma once

namespace lido::cli {

/// The exit codes of `lido`. After a signal it is 128 plus the signal's number, as shells have it.
enum exit_code : int {
    exit_good = 0,
    exit_failed = 1,  ///< what was asked for could not be done
    exit_usage = 2,   ///< what was asked for makes no sense
    exit_signal = 128,
};

}  // namespace lido::cli
