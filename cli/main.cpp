#include "subcommand.hpp"

#include <csignal>

#include <fcntl.h>

namespace {

/// Started with a closed standard descriptor, the next file opened would get its number, and our output. What is put in
/// its place can be neither read nor written, so whoever tries gets the error that is due.
void occupy_closed_descriptors() {
    for (int descriptor = 0; descriptor <= 2; ++descriptor) {
        if (fcntl(descriptor, F_GETFD) < 0) static_cast<void>(open("/dev/null", O_PATH));
    }
}

}  // namespace

int main(int count, char** arguments) {
    occupy_closed_descriptors();
    // A reader that went away is an error of write(), which says so, not the death of the program.
    std::signal(SIGPIPE, SIG_IGN);
    return lido::cli::run_command({arguments + (count > 0 ? 1 : 0), arguments + count});
}
