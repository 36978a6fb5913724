// Lido: one of several places where a service is found.
#pragma once

#include "lido/base/result.hpp"
#include "lido/pool/identifiers.hpp"
#include "lido/resilience/load_balancer.hpp"

#include <string>

namespace lido::upstream {

/// What is known of an endpoint beforehand. A plain value.
struct endpoint_settings {
    /// Names it within its service, for settings, messages and reports; an address of the kind ("http://eu.example").
    /// 1 … 500 characters.
    std::string name;
    /// Its part of the calls, relative to the others of its role. 0 … 1,000,000; 0: none.
    double weight = 1.0;
    /// A backup gets calls only while no primary can.
    resilience::endpoint_role role = resilience::endpoint_role::primary;
    /// Gets no calls that write.
    bool read_only = false;

    /// `invalid_argument`, naming the setting, when one is out of range.
    [[nodiscard]] result<void> validate() const;
};

/// Names an endpoint of a service; one that went is recognised.
using endpoint_id = pool::identifier<struct endpoint_tag>;

}  // namespace lido::upstream
