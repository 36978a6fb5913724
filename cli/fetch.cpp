#include "fetch/run.hpp"
#include "subcommand.hpp"
#include "watch.hpp"

namespace lido::cli {

int run_fetch(const std::vector<std::string>& arguments) {
    const auto asked = fetch::read_options(arguments);
    if (!asked) return 0;
    raise_descriptor_limit();
    return fetch::run(*asked);
}

}  // namespace lido::cli
