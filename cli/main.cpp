#include "subcommand.hpp"

#include <csignal>

int main(int count, char** arguments) {
    // A reader that went away is an error of write(), which says so, not the death of the program.
    std::signal(SIGPIPE, SIG_IGN);
    return lido::cli::run_command({arguments + (count > 0 ? 1 : 0), arguments + count});
}
